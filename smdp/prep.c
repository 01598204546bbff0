/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Data preparation: runs a template for one row.
 *
 * Everything is written into one buffer that is wiped afterwards, so that no half-grown copy of a key stays behind: the
 * content of a constructed element first, then it is moved back to make room for tag and length. */
#include "smdp/prep.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/rnd.h"
#include "smdp/pkg.h"
#include "smdp/prep_priv.h"

#define HEAD_MAX 8
#define KEY_LEN 16
#define PIN_MIN 4
#define CODE_LEN 8
#define MSISDN_RECORD 24
#define SMSP_RECORD 38
#define CONNECTIVITY_SMS 0xa0
#define CONNECTIVITY_HTTPS 0xa2
#define BEARER_DESCRIPTION 0x35 /* TS 102 223 */
#define BEARER_DEFAULT 0x03
#define NETWORK_ACCESS_NAME 0x47

/* A value that was drawn, the same for the whole package. */
struct drawn {
	const struct prep_def *def;
	const char *text;
	struct drawn *next;
};

struct build {
	const struct prep_template *tpl;
	const struct prep_field *fields;
	size_t n_fields;
	void *secrets; /* context of what was drawn */
	struct drawn *drawn;
	struct wr w;
	unsigned int pe;
	const void *why_ctx;
	const char *why;
};

static int wrong(struct build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct build *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	b->why = talloc_vasprintf(b->why_ctx, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- values of columns ---- */

/* The value of a row, else the default of the template; NULL.  Random ones have none here. */
static const char *row_value(const struct prep_template *tpl, const struct prep_field *fields, size_t n,
			     const char *name)
{
	const struct prep_def *def = prep_def_of(tpl->defs, name, false);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(fields[i].name, name) == 0 && *fields[i].value)
			return fields[i].value;
	}
	return def ? def->value : NULL;
}

static const char *draw_text(struct build *b, const struct prep_def *def)
{
	size_t n = def->random ? 2 * def->random : def->digits;
	char *text = (char *)bytes_secret_alloc(b->secrets, n + 1);
	uint8_t octets[64];

	if (def->random) {
		rnd_bytes(octets, def->random);
		OSMO_ASSERT(hex_enc_buf(text, n + 1, bytes_of(octets, def->random)) == 0);
		bytes_wipe(octets, sizeof(octets));
		return text;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t v;

		do
			rnd_bytes(&v, 1);
		while (v >= 250); /* so that each digit is as likely as another */
		text[i] = (char)('0' + v % 10);
	}
	return text;
}

static const char *draw(struct build *b, const struct prep_def *def)
{
	struct drawn *d;

	for (d = b->drawn; d; d = d->next) {
		if (d->def == def)
			return d->text;
	}
	d = talloc_zero(b->secrets, struct drawn);
	OSMO_ASSERT(d);
	d->def = def;
	d->text = draw_text(b, def);
	d->next = b->drawn;
	b->drawn = d;
	return d->text;
}

static const char *value_of(struct build *b, const char *column)
{
	const char *value = row_value(b->tpl, b->fields, b->n_fields, column);
	const struct prep_def *def = prep_def_of(b->tpl->defs, column, false);

	if (!value && def && (def->random || def->digits))
		value = draw(b, def);
	return value;
}

/* ---- values made from columns ---- */

static int put_iccid(struct wr *w, const char *text, bool swapped)
{
	uint8_t coded[PKG_ICCID_LEN];

	if (pkg_iccid_enc(text, coded) < 0)
		return -EINVAL;
	if (swapped)
		pkg_iccid_swap(coded);
	wr_bytes(w, BYTES_ARR(coded));
	return 0;
}

static int put_plain_iccid(struct wr *w, const char *text)
{
	return put_iccid(w, text, false);
}

static int put_ef_iccid(struct wr *w, const char *text)
{
	return put_iccid(w, text, true);
}

static int put_ef_msisdn(struct wr *w, const char *text)
{
	return prep_put_msisdn(w, text, MSISDN_RECORD);
}

static int put_ef_smsp(struct wr *w, const char *text)
{
	return prep_put_smsp(w, text, SMSP_RECORD);
}

/* A0 { 06 number }: SGP.02 connectivity parameters for SMS, without the outer 3A07. */
static int put_connectivity(struct wr *w, const char *text)
{
	uint8_t buf[16];
	struct bytes coded;
	struct wr number;

	if (!*text)
		return 0;
	wr_init_buf(&number, buf, sizeof(buf));
	if (prep_put_number(&number, text, 0) < 0 || wr_end(&number, &coded) < 0)
		return -EINVAL;
	ber_put_head(w, CONNECTIVITY_SMS, 1 + coded.len);
	wr_u8(w, 0x06);
	wr_bytes(w, coded); /* begins with its length */
	return 0;
}

/* A2 { 35 default bearer, 47 access name }: the same for HTTPS. [uncertain: that cards want no more than these two] */
static int put_connectivity_https(struct wr *w, const char *text)
{
	uint8_t name_buf[128], all_buf[160];
	struct bytes name, all;
	struct wr n, a;

	if (!*text)
		return 0;
	wr_init_buf(&n, name_buf, sizeof(name_buf));
	wr_init_buf(&a, all_buf, sizeof(all_buf));
	if (prep_put_apn(&n, text) < 0 || wr_end(&n, &name) < 0)
		return -EINVAL;
	ber_put_u8(&a, BEARER_DESCRIPTION, BEARER_DEFAULT);
	ber_put(&a, NETWORK_ACCESS_NAME, name);
	if (wr_end(&a, &all) < 0)
		return -EINVAL;
	ber_put(w, CONNECTIVITY_HTTPS, all);
	return 0;
}

static int put_pin(struct wr *w, const char *text)
{
	return prep_put_code(w, text, PIN_MIN);
}

static int put_puk(struct wr *w, const char *text)
{
	return prep_put_code(w, text, CODE_LEN);
}

static int put_key(struct wr *w, const char *text)
{
	uint8_t *room = strlen(text) == 2 * KEY_LEN ? wr_room(w, KEY_LEN) : NULL;

	return room ? hex_dec_buf(room, KEY_LEN, text) : -EINVAL;
}

static int put_text(struct wr *w, const char *text)
{
	wr_str(w, text);
	return 0;
}

static int put_hex(struct wr *w, const char *text)
{
	size_t n = strlen(text) / 2;
	uint8_t *room = wr_room(w, n);

	return room ? hex_dec_buf(room, n, text) : -EINVAL;
}

static const struct coding {
	const char *name, *column;
	int (*put)(struct wr *w, const char *text);
	const char *form; /* what a right one looks like */
} codings[] = {
	{"iccid", "iccid", put_plain_iccid, "18 to 20 digits"},
	{"ef_iccid", "iccid", put_ef_iccid, "18 to 20 digits"},
	{"ef_imsi", "imsi", prep_put_imsi, "6 to 15 digits"},
	{"acc", "imsi", prep_put_acc, "6 to 15 digits"},
	{"ef_msisdn", "msisdn", put_ef_msisdn, "up to 20 digits, + in front when international"},
	{"ef_smsp", "smsc", put_ef_smsp, "up to 20 digits, + in front when international"},
	{"connectivity", "smsc", put_connectivity, "up to 20 digits, + in front when international"},
	{"connectivity_https", "apn", put_connectivity_https,
	 "labels of letters, digits and dashes with points between"},
	{"ef_spn", "spn", prep_put_spn, "1 to 16 plain characters"},
	{"pin1", "pin1", put_pin, "4 to 8 digits"},
	{"pin2", "pin2", put_pin, "4 to 8 digits"},
	{"puk1", "puk1", put_puk, "8 digits"},
	{"puk2", "puk2", put_puk, "8 digits"},
	{"adm1", "adm1", put_puk, "8 digits"},
	{"ki", "ki", put_key, "32 hexadecimal digits"},
	{"opc", "opc", put_key, "32 hexadecimal digits"},
	{"type", "type", put_text, "text"},
};

static const struct coding *coding_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		if (strcmp(codings[i].name, name) == 0)
			return &codings[i];
	}
	return NULL;
}

static int put_value(struct build *b, const char *name)
{
	const struct coding *coding = coding_of(name);
	const char *column = coding ? coding->column : name;
	const char *text = value_of(b, column);

	if (!text)
		return wrong(b, "%s is missing", column);
	if ((coding ? coding->put : put_hex)(&b->w, text) < 0)
		return wrong(b, "%s: %s wanted", column, coding ? coding->form : "hexadecimal digits");
	return 0;
}

/* ---- items and elements ---- */

static int put_items(struct build *b, const struct prep_item *items, const struct prep_def *defs);

static int put_name(struct build *b, const char *name, const struct prep_def *defs)
{
	const struct prep_def *let;

	if (strcmp(name, "pe") == 0) {
		b->pe++;
		wr_uint(&b->w, b->pe, b->pe > 0x7f ? 2 : 1);
		return 0;
	}
	let = prep_def_of(defs, name, true);
	return let ? put_items(b, let->items, let->next) : put_value(b, name);
}

static int put_items(struct build *b, const struct prep_item *items, const struct prep_def *defs)
{
	size_t start = b->w.len;
	int rc = 0;

	for (const struct prep_item *i = items; rc == 0 && i; i = i->next) {
		switch (i->kind) {
		case PREP_OCTETS:
			wr_bytes(&b->w, i->octets);
			break;
		case PREP_NAME:
			rc = put_name(b, i->name, defs);
			break;
		case PREP_PAD:
			if (b->w.len - start > i->pad)
				rc = wrong(b, "longer than pad:%zu", i->pad);
			else
				wr_fill(&b->w, 0xff, i->pad - (b->w.len - start));
			break;
		}
	}
	return rc;
}

static int put_nodes(struct build *b, const struct prep_node *nodes);

/* Tag and length in front of what was written since start. */
static void enclose(struct wr *w, uint32_t tag, size_t start)
{
	size_t len = w->len - start;
	uint8_t buf[HEAD_MAX];
	struct bytes head;
	struct wr h;

	wr_init_buf(&h, buf, sizeof(buf));
	ber_put_head(&h, tag, len);
	if (wr_end(&h, &head) < 0 || !wr_room(w, head.len))
		return; /* w has failed */
	memmove(w->buf + start + head.len, w->buf + start, len);
	memcpy(w->buf + start, head.data, head.len);
}

static int put_node(struct build *b, const struct prep_node *node)
{
	size_t start = b->w.len;
	int rc = node->constructed ? put_nodes(b, node->children) : put_items(b, node->items, b->tpl->defs);

	if (rc < 0 || b->w.failed)
		return rc;
	if (!node->optional || b->w.len > start)
		enclose(&b->w, node->tag, start);
	return 0;
}

static int put_nodes(struct build *b, const struct prep_node *nodes)
{
	int rc = 0;

	for (const struct prep_node *n = nodes; rc == 0 && n; n = n->next)
		rc = put_node(b, n);
	return rc;
}

int prep_build(const void *ctx, const struct prep_template *tpl, const struct prep_field *fields, size_t n,
	       struct bytes *package, const char **why)
{
	struct build b = {.tpl = tpl, .fields = fields, .n_fields = n, .why_ctx = ctx};
	struct bytes all;
	int rc;

	b.secrets = talloc_new(ctx);
	wr_init_buf(&b.w, bytes_secret_alloc(b.secrets, PKG_MAX_LEN), PKG_MAX_LEN);
	rc = put_nodes(&b, tpl->nodes);
	if (rc == 0 && wr_end(&b.w, &all) < 0)
		rc = wrong(&b, "the package is longer than %d octets", PKG_MAX_LEN);
	if (rc == 0) {
		uint8_t *copy = bytes_secret_alloc(ctx, all.len);

		memcpy(copy, all.data, all.len);
		*package = bytes_of(copy, all.len);
	} else {
		*why = b.why;
	}
	talloc_free(b.secrets);
	return rc;
}

/* ---- what a template uses ---- */

static bool items_use(const struct prep_item *items, const struct prep_def *defs, const char *column)
{
	for (const struct prep_item *i = items; i; i = i->next) {
		const struct coding *coding = i->name ? coding_of(i->name) : NULL;
		const struct prep_def *let = i->name ? prep_def_of(defs, i->name, true) : NULL;

		if (let ? items_use(let->items, let->next, column)
			: i->name && strcmp(coding ? coding->column : i->name, column) == 0)
			return true;
	}
	return false;
}

static bool nodes_use(const struct prep_template *tpl, const struct prep_node *nodes, const char *column)
{
	for (const struct prep_node *n = nodes; n; n = n->next) {
		if (items_use(n->items, tpl->defs, column) || nodes_use(tpl, n->children, column))
			return true;
	}
	return false;
}

bool prep_uses(const struct prep_template *tpl, const char *column)
{
	return nodes_use(tpl, tpl->nodes, column);
}
