/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/crypto/ec.h"
#include "common/es/es_types.h"
#include "tests/sim/sim.h"

struct sim_pki;

/* Certificates of the run: issuer, card maker, SM-DP, and what the maker signed about each card (lab/pki).  They are
 * the same in each run of a seed, because chance and time are. */

/*! Make what is needed, in the folder of the run.  \returns talloc child of ctx */
struct sim_pki *sim_pki_make(struct sim *s, const void *ctx);
/*! Path of a file of it, talloc child of ctx. */
char *sim_pki_path(const struct sim_pki *p, const void *ctx, const char *name);
/*! The EIS as the card maker signed it, talloc child of ctx. */
struct es_eis *sim_pki_eis(const struct sim_pki *p, const void *ctx, const char *eid);
/*! CERT.ECASD.ECKA, talloc child of ctx. */
struct bytes sim_pki_ecasd(const struct sim_pki *p, const void *ctx, const char *eid);
/*! PK.CI.ECDSA. */
struct pubkey *sim_pki_ci(const struct sim_pki *p);
