/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Guard of SendData: SGP.02 ES8.EstablishISDPKeySet, and nothing else, goes to the ISD-R.
 *
 *   call 1: INSTALL [for personalization] naming one ISD-P, then STORE DATA whose blocks hold DGI 3A01 alone
 *   call 2: STORE DATA whose blocks hold DGI 3A02, 7F49 and 5F37
 *
 * Call 2 names no ISD-P.  A card that has forgotten call 1, by a reset between them, would take it for the ISD-R's own
 * key establishment; so it has to make a key set of SCP03, which no ISD-R has.
 *
 * What begins otherwise is for an ISD-P.  A SELECT there would lead the rest of the script to another application. */
#include "smsr/sd_guard.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#include "common/codec/ber.h"
#include "scp80/apdu.h"
#include "scp80/script.h"

#define TAG_DEFINITE 0xaa
#define CLA_GP 0x80
#define INS_SELECT 0xa4
#define INS_STORE_DATA 0xe2
#define INS_INSTALL 0xe6
#define P1_FOR_PERSONALIZATION 0x20
/* STORE DATA, P1: b7 to b4 are 0001, not encrypted, in DGI form. */
#define P1_FORM_MASK 0x78
#define P1_FORM_DGI 0x08
#define P1_LAST 0x80
#define DGI_CERT 0x3a01
#define DGI_CRT 0x3a02
#define DGI_EPK 0x7f49
#define DGI_SIGNATURE 0x5f37
#define TAG_CRT 0xa6
#define TAG_KVN 0x83
#define KVN_SCP03_MIN 0x30
#define KVN_SCP03_MAX 0x3f

/* ---- template ---- */

static bool tag_ok(uint32_t tag, bool first)
{
	return tag == SCRIPT_CAPDU || (tag >= SCRIPT_SCP03T_INIT && tag <= SCRIPT_SCP03T_KEYS) ||
	       (first && tag == SCRIPT_CHAINING);
}

static int check_cmds(struct bytes cmds)
{
	bool first = true;
	struct capdu c;
	struct ber t;
	struct rd r;

	rd_init(&r, cmds);
	while (ber_next(&r, &t)) {
		if (!tag_ok(t.tag, first) || (t.tag == SCRIPT_CAPDU && capdu_dec(t.value, &c) < 0))
			return -EINVAL;
		first = false;
	}
	return cmds.len ? rd_end(&r) : -EINVAL;
}

/* AE 80 ... 00 00 */
static bool open_indefinite(struct bytes data, struct bytes *cmds)
{
	const size_t around = 2;

	if (data.len < 2 * around || !bytes_eq(bytes_sub(data, 0, around), BYTES_LIT("\xae\x80")) ||
	    !bytes_eq(bytes_sub(data, data.len - around, around), BYTES_LIT("\x00\x00")))
		return false;
	*cmds = bytes_sub(data, around, data.len - 2 * around);
	return true;
}

int sd_guard_open(struct bytes data, struct bytes *cmds)
{
	struct bytes in = data;
	struct ber t;
	struct rd r;
	int rc;

	rd_init(&r, data);
	if (!open_indefinite(data, &in) && ber_next(&r, &t) && t.tag == TAG_DEFINITE && rd_left(&r) == 0)
		in = t.value;
	rc = check_cmds(in);
	if (rc == 0)
		*cmds = in;
	return rc;
}

/* ---- content ---- */

static bool next_capdu(struct rd *r, struct capdu *c)
{
	struct ber t;

	while (ber_next(r, &t)) {
		if (t.tag == SCRIPT_CHAINING)
			continue;
		return t.tag == SCRIPT_CAPDU && capdu_dec(t.value, c) == 0;
	}
	return false;
}

static bool is_install(const struct capdu *c)
{
	return c->ins == INS_INSTALL && (c->p1 & P1_FOR_PERSONALIZATION);
}

static uint16_t first_dgi(struct bytes data)
{
	struct rd r;

	rd_init(&r, data);
	return rd_u16(&r); /* 0 when it is too short */
}

/* Begins like a key establishment: the ISD-R is meant, whatever Sd-aid says. */
static bool is_for_isdr(const struct capdu *c)
{
	uint16_t dgi = c->ins == INS_STORE_DATA ? first_dgi(c->data) : 0;

	return is_install(c) || dgi == DGI_CERT || dgi == DGI_CRT;
}

/* 00 00 L AID 00 00 00 */
static bool install_dec(const struct capdu *c, struct bytes *aid)
{
	struct bytes head, tail;
	struct rd r;

	rd_init(&r, c->data);
	head = rd_bytes(&r, 2);
	*aid = rd_bytes(&r, rd_u8(&r));
	tail = rd_bytes(&r, 3);
	return rd_end(&r) == 0 && c->cla == CLA_GP && c->p1 == P1_FOR_PERSONALIZATION && c->p2 == 0 &&
	       bytes_eq(head, BYTES_LIT("\0\0")) && bytes_eq(tail, BYTES_LIT("\0\0\0"));
}

/* Blocks of one STORE DATA: numbers that follow upon each other, none behind the last.  A card that is told otherwise
 * would begin anew in the middle, with a DGI that was not looked at as one. */
static bool is_next_block(const struct capdu *c, const struct capdu *before)
{
	if (c->cla != CLA_GP || c->ins != INS_STORE_DATA || (c->p1 & P1_FORM_MASK) != P1_FORM_DGI)
		return false;
	return !before || (!(before->p1 & P1_LAST) && c->p2 == before->p2 + 1);
}

/* Data of all blocks that are left; false when something else is among them. */
static bool join_blocks(const void *ctx, struct rd *r, struct bytes *all)
{
	struct capdu c, before = {0};
	bool first = true;
	struct wr w;

	wr_init(&w, ctx);
	while (rd_left(r) > 0) {
		if (!next_capdu(r, &c) || !is_next_block(&c, first ? NULL : &before))
			return false;
		wr_bytes(&w, c.data);
		before = c;
		first = false;
	}
	return wr_end(&w, all) == 0;
}

static bool dgis_are(struct bytes data, const uint16_t *ids, size_t n)
{
	struct dgi d;
	struct rd r;
	size_t i = 0;

	rd_init(&r, data);
	while (dgi_next(&r, &d)) {
		if (i == n || d.id != ids[i++])
			return false;
	}
	return i == n && rd_end(&r) == 0;
}

static bool is_begin(const void *ctx, struct bytes cmds, struct bytes *isdp)
{
	static const uint16_t ids[] = {DGI_CERT};
	struct bytes all;
	struct capdu c;
	struct rd r;

	rd_init(&r, cmds);
	return next_capdu(&r, &c) && is_install(&c) && install_dec(&c, isdp) && join_blocks(ctx, &r, &all) &&
	       dgis_are(all, ids, ARRAY_SIZE(ids));
}

static bool is_scp03_version(struct bytes kvn)
{
	uint8_t version;
	struct rd r;

	rd_init(&r, kvn);
	version = rd_u8(&r);
	return rd_end(&r) == 0 && version >= KVN_SCP03_MIN && version <= KVN_SCP03_MAX;
}

/* DGI 3A02 is the first of them.  The version stands there once: which of two a card would take is not known. */
static bool makes_scp03_keys(struct bytes dgis)
{
	unsigned int n = 0;
	struct bytes crt;
	struct dgi d;
	struct ber t;
	struct rd r;

	rd_init(&r, dgis);
	if (!dgi_next(&r, &d))
		return false;
	rd_init(&r, d.value);
	crt = ber_expect(&r, TAG_CRT);
	if (rd_end(&r) < 0)
		return false;
	rd_init(&r, crt);
	while (ber_next(&r, &t)) {
		if (t.tag == TAG_KVN && (n++ > 0 || !is_scp03_version(t.value)))
			return false;
	}
	return n == 1 && rd_end(&r) == 0;
}

static bool is_finish(const void *ctx, struct bytes cmds)
{
	static const uint16_t ids[] = {DGI_CRT, DGI_EPK, DGI_SIGNATURE};
	struct bytes all;
	struct rd r;

	rd_init(&r, cmds);
	return join_blocks(ctx, &r, &all) && dgis_are(all, ids, ARRAY_SIZE(ids)) && makes_scp03_keys(all);
}

static bool selects(struct bytes cmds)
{
	struct capdu c;
	struct ber t;
	struct rd r;

	rd_init(&r, cmds);
	while (ber_next(&r, &t)) {
		if (t.tag == SCRIPT_CAPDU && capdu_dec(t.value, &c) == 0 && c.ins == INS_SELECT)
			return true;
	}
	return false;
}

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EPERM;
}

int sd_guard_look(const void *ctx, struct bytes cmds, struct sd_look *look, const char **why)
{
	struct sd_look l = {.kind = SD_TO_ISDP};
	struct capdu first;
	struct rd r;

	rd_init(&r, cmds);
	if (!next_capdu(&r, &first) || !is_for_isdr(&first)) {
		if (selects(cmds))
			return refuse(why, "a SELECT would lead away from the ISD-P");
	} else if (is_begin(ctx, cmds, &l.isdp)) {
		l.kind = SD_KEYS_BEGIN;
	} else if (is_finish(ctx, cmds)) {
		l.kind = SD_KEYS_FINISH;
	} else {
		return refuse(why, "only the blocks of a key establishment may go to the ISD-R");
	}
	*look = l;
	return 0;
}
