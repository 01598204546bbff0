/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

#define EID_LEN 16

/*! EID of 32 digits: length, "89", check digits (ISO 7064 MOD 97-10).  \returns 0; -EINVAL */
int eid_dec(const char *digits, uint8_t eid[EID_LEN]) MUST_CHECK;
