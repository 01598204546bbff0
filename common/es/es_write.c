/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Structs to XML by field table.  Output is what the schema wants, in its order and in the spelling of the first name
 * of each row.  Canonical texts of signed parts are pasted as they are: they carry their own namespace declarations. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_tables.h"
#include "common/es/xml_write.h"

#define PFX "rps:"

static int write_fields(struct wr *w, const struct es_type *t, const void *in);

static const char *str_at(const void *p)
{
	return *(const char *const *)p;
}

static bool is_absent(const struct es_field *f, const void *p)
{
	switch (f->kind) {
	case ES_K_TEXT:
	case ES_K_TOKEN:
	case ES_K_ICCID:
	case ES_K_MSISDN:
	case ES_K_XML:
		return !str_at(p);
	case ES_K_HEX:
	case ES_K_SECRET:
		return !((const struct bytes *)p)->data;
	case ES_K_BOOL:
		return (f->flags & ES_F_OPT) && !*(const bool *)p;
	case ES_K_U32:
		return *(const uint32_t *)p == 0;
	case ES_K_OPT_U64:
		return !((const struct es_opt_u64 *)p)->has;
	case ES_K_TIME:
		return *(const int64_t *)p == 0;
	case ES_K_ENUM:
		return *(const unsigned *)p >= f->values->n || !f->values->names[*(const unsigned *)p];
	case ES_K_SUB:
		return (f->flags & ES_F_OPT) &&
		       is_absent(&f->type->fields[0], (const uint8_t *)p + f->type->fields[0].off);
	case ES_K_PTR:
		return !*(const void *const *)p;
	case ES_K_U8:
	case ES_K_I8:
	case ES_K_U64:
	case ES_K_I64:
		return false;
	}
	return false;
}

static void write_hex(struct wr *w, struct bytes b)
{
	static const char digit[] = "0123456789ABCDEF";
	struct rd r;

	rd_init(&r, b);
	while (rd_left(&r)) {
		uint8_t v = rd_u8(&r);

		wr_u8(w, (uint8_t)digit[v >> 4]);
		wr_u8(w, (uint8_t)digit[v & 15]);
	}
}

static void write_number(struct wr *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void write_number(struct wr *w, const char *fmt, ...)
{
	char buf[24];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	OSMO_ASSERT(n > 0 && (size_t)n < sizeof(buf));
	wr_str(w, buf);
}

static void write_time(struct wr *w, int64_t utc_ms)
{
	char *text = es_time_enc(NULL, utc_ms);

	wr_str(w, text);
	talloc_free(text);
}

/* Content of a simple field. */
static void write_value(struct wr *w, const struct es_field *f, const void *p)
{
	switch (f->kind) {
	case ES_K_TEXT:
	case ES_K_TOKEN:
	case ES_K_ICCID:
	case ES_K_MSISDN:
		xw_text(w, str_at(p));
		break;
	case ES_K_HEX:
	case ES_K_SECRET:
		write_hex(w, *(const struct bytes *)p);
		break;
	case ES_K_BOOL:
		wr_str(w, *(const bool *)p ? "true" : "false");
		break;
	case ES_K_U8:
		write_number(w, "%u", *(const uint8_t *)p);
		break;
	case ES_K_I8:
		write_number(w, "%d", *(const int8_t *)p);
		break;
	case ES_K_U32:
		write_number(w, "%" PRIu32, *(const uint32_t *)p);
		break;
	case ES_K_U64:
		write_number(w, "%" PRIu64, *(const uint64_t *)p);
		break;
	case ES_K_OPT_U64:
		write_number(w, "%" PRIu64, ((const struct es_opt_u64 *)p)->v);
		break;
	case ES_K_I64:
		write_number(w, "%" PRId64, *(const int64_t *)p);
		break;
	case ES_K_TIME:
		write_time(w, *(const int64_t *)p);
		break;
	case ES_K_ENUM:
		wr_str(w, f->values->names[*(const unsigned *)p]);
		break;
	case ES_K_SUB:
	case ES_K_PTR:
	case ES_K_XML:
		OSMO_ASSERT(false);
	}
}

static int write_one(struct wr *w, const struct es_field *f, const void *in, const void *p)
{
	const char *xml = f->off_xml == SIZE_MAX ? NULL : str_at((const uint8_t *)in + f->off_xml);

	if (f->kind == ES_K_XML)
		xml = str_at(p);
	if (xml) {
		wr_str(w, xml);
		return 0;
	}
	if (f->kind == ES_K_SUB)
		return es_elem_write(w, f->type, f->name, p, false);
	if (f->kind == ES_K_PTR)
		return es_elem_write(w, f->type, f->name, *(const void *const *)p, false);
	xw_open(w, PFX, f->name);
	xw_body(w);
	write_value(w, f, p);
	xw_close(w, PFX, f->name);
	return 0;
}

static int write_list(struct wr *w, const struct es_field *f, const void *in)
{
	const uint8_t *v = *(const uint8_t *const *)((const uint8_t *)in + f->off);
	size_t n = *(const size_t *)((const uint8_t *)in + f->off_n);
	int rc = 0;

	if (n == 0)
		return f->flags & (ES_F_OPT | ES_F_VIEW) ? 0 : -EINVAL;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const void *p = v + i * es_member_size(f);

		rc = is_absent(f, p) ? -EINVAL : write_one(w, f, in, p);
	}
	return rc;
}

static int write_field(struct wr *w, const struct es_field *f, const void *in)
{
	const void *p = (const uint8_t *)in + f->off;

	if (f->flags & ES_F_LIST)
		return write_list(w, f, in);
	if (!is_absent(f, p))
		return write_one(w, f, in, p);
	if (f->flags & ES_F_EMPTY) {
		xw_elem(w, PFX, f->name, "");
		return 0;
	}
	return f->flags & (ES_F_OPT | ES_F_VIEW) ? 0 : -EINVAL;
}

static int write_attr(struct wr *w, const struct es_field *f, const void *in)
{
	const void *p = (const uint8_t *)in + f->off;

	if (is_absent(f, p) && !(f->flags & ES_F_EMPTY))
		return -EINVAL;
	wr_str(w, " ");
	wr_str(w, f->name);
	wr_str(w, "=\"");
	if (!is_absent(f, p))
		write_value(w, f, p);
	wr_str(w, "\"");
	return 0;
}

static int write_fields(struct wr *w, const struct es_type *t, const void *in)
{
	unsigned n_cond = 0, n_set = 0;
	int rc = 0;

	for (size_t i = 0; i < t->n_fields && rc == 0; i++) {
		const struct es_field *f = &t->fields[i];

		if (f->flags & ES_F_ATTR)
			continue;
		if (f->flags & ES_F_COND) {
			n_cond++;
			n_set += !is_absent(f, (const uint8_t *)in + f->off);
		}
		rc = write_field(w, f, in);
	}
	return rc == 0 && n_cond && n_set != 1 ? -EINVAL : rc;
}

int es_elem_write(struct wr *w, const struct es_type *t, const char *name, const void *in, bool ns_decl)
{
	int rc = 0;

	xw_open(w, PFX, name);
	if (ns_decl)
		xw_attr(w, "xmlns:rps", XML_NS_RPS);
	for (size_t i = 0; i < t->n_fields && rc == 0; i++)
		if (t->fields[i].flags & ES_F_ATTR)
			rc = write_attr(w, &t->fields[i], in);
	xw_body(w);
	if (rc == 0)
		rc = write_fields(w, t, in);
	xw_close(w, PFX, name);
	return rc;
}

int es_body_enc(const void *ctx, enum es_fn fn, enum es_dir dir, const void *body, struct bytes *xml)
{
	const struct es_fn_info *f = es_fn_info(fn);
	const struct es_type *t = dir == ES_DIR_RESPONSE ? f->rsp : f->req;
	char *name;
	struct wr w;
	int rc;

	if (!t || f->itf == ES_ITF_WSMC)
		return -EINVAL;
	name = es_fn_element(ctx, fn, dir);
	wr_init(&w, ctx);
	rc = es_elem_write(&w, t, name, body, true);
	talloc_free(name);
	if (rc < 0 || wr_end(&w, xml) < 0) {
		talloc_free(w.buf);
		return -EINVAL;
	}
	return 0;
}

int es_eis_enc(const void *ctx, const struct es_eis *eis, struct bytes *xml)
{
	struct wr w;

	wr_init(&w, ctx);
	if (es_elem_write(&w, &es_type_eis_view, "Eis", eis, true) < 0 || wr_end(&w, xml) < 0) {
		talloc_free(w.buf);
		return -EINVAL;
	}
	return 0;
}
