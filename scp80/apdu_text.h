/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* APDUs of SGP.02 in words, for timelines and tools.  Values of keys, and data that nobody here understands, are never
 * shown: only their length. */

/*! E.g. "STORE DATA 3A03 EnableProfile A0..8900001000".  Never fails: what is malformed is called so.
 * \returns talloc child of ctx */
char *capdu_text(const void *ctx, struct bytes raw);

/*! E.g. "9000 done" or "16 octets, 9000 done".  \returns talloc child of ctx */
char *rapdu_text(const void *ctx, struct bytes raw);

/*! Meaning of a status word; "unknown status word" when it is in no table.  Without the number. */
const char *sw_text(uint16_t sw);

/*! A whole command or response script, one APDU after the other, joined with "; ".  \returns talloc child of ctx */
char *script_cmd_text(const void *ctx, struct bytes script);
char *script_rsp_text(const void *ctx, struct bytes script);
