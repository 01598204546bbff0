/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/codec/eid.h"

#include <errno.h>
#include <string.h>

int eid_dec(const char *digits, uint8_t eid[EID_LEN])
{
	uint8_t out[EID_LEN];
	unsigned int mod = 0;

	if (strlen(digits) != 2 * EID_LEN || strspn(digits, "0123456789") != 2 * EID_LEN ||
	    strncmp(digits, "89", 2) != 0)
		return -EINVAL;
	for (const char *d = digits; *d; d++)
		mod = (mod * 10 + (unsigned int)(*d - '0')) % 97;
	if (mod != 1 || hex_dec_buf(out, sizeof(out), digits) < 0)
		return -EINVAL;
	memcpy(eid, out, sizeof(out));
	return 0;
}
