/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PSK identity of SCP81: four BER-TLVs behind a version, as hex text.
 *
 * The decoder takes what comes in the handshake, so it is strict about structure (each object once, right lengths) and
 * tolerant only where cards are known to differ. */
#include "scp81/psk_id.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"

enum psk_id_tag {
	TAG_FORMAT = 0x80,
	TAG_EID = 0x81,
	TAG_KID = 0x82,
	TAG_KVN = 0x83,
	TAG_AID = 0x4f,
};

#define FORMAT_SGP02 0x02
#define AID_MIN 5

char *psk_id_enc(const void *ctx, const struct psk_id *id)
{
	uint8_t buf[PSK_ID_TEXT_MAX / 2];
	struct bytes out;
	struct wr w;

	if (id->aid_len < AID_MIN || id->aid_len > PSK_ID_AID_MAX)
		return NULL;
	wr_init_buf(&w, buf, sizeof(buf));
	ber_put_u8(&w, TAG_FORMAT, FORMAT_SGP02);
	ber_put(&w, TAG_EID, BYTES_ARR(id->eid));
	ber_put(&w, TAG_AID, bytes_of(id->aid, id->aid_len));
	ber_put_u8(&w, TAG_KID, id->kid);
	ber_put_u8(&w, TAG_KVN, id->kvn);
	OSMO_ASSERT(wr_end(&w, &out) == 0);
	return hex_enc(ctx, out);
}

struct psk_id_field {
	uint8_t tag;
	uint8_t min, max;
};

static const struct psk_id_field fields[] = {
	{TAG_EID, PSK_ID_EID_LEN, PSK_ID_EID_LEN},
	{TAG_AID, AID_MIN, PSK_ID_AID_MAX},
	{TAG_KID, 1, 1},
	{TAG_KVN, 1, 1},
};

#define FIELDS_ALL ((1u << ARRAY_SIZE(fields)) - 1)

/* Walk the objects into val[], one place for each row of the table. */
static int read_fields(struct rd *r, struct bytes val[ARRAY_SIZE(fields)])
{
	unsigned int seen = 0;
	struct ber t;

	while (ber_next(r, &t)) {
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			if (t.tag != fields[i].tag)
				continue;
			if (seen & 1u << i || t.value.len < fields[i].min || t.value.len > fields[i].max)
				return -EINVAL;
			seen |= 1u << i;
			val[i] = t.value;
		}
	}
	return seen == FIELDS_ALL ? rd_end(r) : -EINVAL;
}

static uint8_t only_octet(struct bytes b)
{
	struct rd r;

	rd_init(&r, b);
	return rd_u8(&r);
}

int psk_id_dec(const char *text, struct psk_id *id)
{
	uint8_t buf[PSK_ID_TEXT_MAX / 2];
	struct bytes val[ARRAY_SIZE(fields)];
	size_t len = strlen(text);
	struct bytes format;
	struct rd r;
	int rc;

	if (len > PSK_ID_TEXT_MAX)
		return -ENOSPC;
	rc = hex_dec_buf(buf, len / 2, text);
	if (rc < 0)
		return rc;
	rd_init(&r, bytes_of(buf, len / 2));
	format = ber_expect(&r, TAG_FORMAT);
	if (format.len != 1 || only_octet(format) != FORMAT_SGP02)
		return -EINVAL;
	rc = read_fields(&r, val);
	if (rc < 0)
		return rc;
	*id = (struct psk_id){.aid_len = (uint8_t)val[1].len, .kid = only_octet(val[2]), .kvn = only_octet(val[3])};
	memcpy(id->eid, val[0].data, PSK_ID_EID_LEN);
	memcpy(id->aid, val[1].data, val[1].len);
	return 0;
}
