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

static const char *str_at(const void *p)
{
	return *(const char *const *)p;
}

/* Is a field absent?  One function for each form of storage; kinds without one are never absent. */

static bool is_absent(const struct es_field *f, const void *p);

static bool no_text(const struct es_field *f, const void *p)
{
	return !str_at(p);
}

static bool no_octets(const struct es_field *f, const void *p)
{
	return !((const struct bytes *)p)->data;
}

static bool no_flag(const struct es_field *f, const void *p)
{
	return (f->flags & ES_F_OPT) && !*(const bool *)p;
}

static bool no_positive(const struct es_field *f, const void *p)
{
	return *(const uint32_t *)p == 0;
}

static bool no_opt_u64(const struct es_field *f, const void *p)
{
	return !((const struct es_opt_u64 *)p)->has;
}

static bool no_time(const struct es_field *f, const void *p)
{
	return *(const int64_t *)p == 0;
}

static bool no_word(const struct es_field *f, const void *p)
{
	unsigned v = *(const unsigned *)p;

	return v >= f->values->n || !f->values->names[v];
}

static bool no_sub(const struct es_field *f, const void *p)
{
	const struct es_field *first = &f->type->fields[0];

	return (f->flags & ES_F_OPT) && is_absent(first, (const uint8_t *)p + first->off);
}

static bool no_ptr(const struct es_field *f, const void *p)
{
	return !*(const void *const *)p;
}

/* Content of simple fields */

static void write_text(struct wr *w, const struct es_field *f, const void *p)
{
	xw_text(w, str_at(p));
}

static void write_hex(struct wr *w, const struct es_field *f, const void *p)
{
	char *hex = hex_enc(NULL, *(const struct bytes *)p);

	wr_str(w, hex);
	if (f->kind == ES_K_SECRET)
		bytes_wipe(hex, strlen(hex));
	talloc_free(hex);
}

static void write_bool(struct wr *w, const struct es_field *f, const void *p)
{
	wr_str(w, *(const bool *)p ? "true" : "false");
}

static void write_signed(struct wr *w, int64_t v)
{
	char buf[24];
	int n = snprintf(buf, sizeof(buf), "%" PRId64, v);

	OSMO_ASSERT(n > 0 && (size_t)n < sizeof(buf));
	wr_str(w, buf);
}

static void write_unsigned(struct wr *w, uint64_t v)
{
	char buf[24];
	int n = snprintf(buf, sizeof(buf), "%" PRIu64, v);

	OSMO_ASSERT(n > 0 && (size_t)n < sizeof(buf));
	wr_str(w, buf);
}

static void write_u8(struct wr *w, const struct es_field *f, const void *p)
{
	write_unsigned(w, *(const uint8_t *)p);
}

static void write_i8(struct wr *w, const struct es_field *f, const void *p)
{
	write_signed(w, *(const int8_t *)p);
}

static void write_u32(struct wr *w, const struct es_field *f, const void *p)
{
	write_unsigned(w, *(const uint32_t *)p);
}

static void write_u64(struct wr *w, const struct es_field *f, const void *p)
{
	write_unsigned(w, *(const uint64_t *)p);
}

static void write_opt_u64(struct wr *w, const struct es_field *f, const void *p)
{
	write_unsigned(w, ((const struct es_opt_u64 *)p)->v);
}

static void write_i64(struct wr *w, const struct es_field *f, const void *p)
{
	write_signed(w, *(const int64_t *)p);
}

static void write_time(struct wr *w, const struct es_field *f, const void *p)
{
	char *text = es_time_enc(NULL, *(const int64_t *)p);

	wr_str(w, text);
	talloc_free(text);
}

static void write_word(struct wr *w, const struct es_field *f, const void *p)
{
	wr_str(w, f->values->names[*(const unsigned *)p]);
}

static const struct {
	bool (*absent)(const struct es_field *f, const void *p);
	void (*write)(struct wr *w, const struct es_field *f, const void *p);
} kinds[] = {
	[ES_K_TEXT] = {no_text, write_text},  [ES_K_TOKEN] = {no_text, write_text},
	[ES_K_ICCID] = {no_text, write_text}, [ES_K_MSISDN] = {no_text, write_text},
	[ES_K_HEX] = {no_octets, write_hex},  [ES_K_SECRET] = {no_octets, write_hex},
	[ES_K_BOOL] = {no_flag, write_bool},  [ES_K_U8] = {NULL, write_u8},
	[ES_K_I8] = {NULL, write_i8},	      [ES_K_U32] = {no_positive, write_u32},
	[ES_K_U64] = {NULL, write_u64},	      [ES_K_OPT_U64] = {no_opt_u64, write_opt_u64},
	[ES_K_I64] = {NULL, write_i64},	      [ES_K_TIME] = {no_time, write_time},
	[ES_K_ENUM] = {no_word, write_word},  [ES_K_SUB] = {no_sub, NULL},
	[ES_K_PTR] = {no_ptr, NULL},	      [ES_K_XML] = {no_text, NULL},
};

static bool is_absent(const struct es_field *f, const void *p)
{
	return kinds[f->kind].absent && kinds[f->kind].absent(f, p);
}

static void write_value(struct wr *w, const struct es_field *f, const void *p)
{
	kinds[f->kind].write(w, f, p);
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
