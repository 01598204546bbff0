/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*! The only source of chance (over RAND_bytes).  A process that cannot have randomness ends here.  Thread-safe. */
void rnd_bytes(void *out, size_t len);
/*! Uniform in 0 .. below-1; below > 0. */
uint32_t rnd_below(uint32_t below);
/*! Random UUID (RFC 4122 §4.4) as text of 36 characters.  \returns talloc child of ctx */
char *rnd_uuid(const void *ctx);
