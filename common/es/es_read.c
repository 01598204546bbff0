/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XML to structs by field table, after the schema has accepted the element.  What the schema cannot say is checked
 * here: a field that stands twice because the schema tolerates it in two places, numbers and times too large for their
 * type, a property without key, a mandatory field that a tolerated alternative let slip. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/tree.h>
#include <libxml/dict.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_tables.h"

static bool spelling_matches(const char *alts, const char *name)
{
	size_t n = strlen(name);

	while (alts) {
		const char *bar = strchr(alts, '|');
		size_t len = bar ? (size_t)(bar - alts) : strlen(alts);

		if (len == n && !memcmp(alts, name, n))
			return true;
		alts = bar ? bar + 1 : NULL;
	}
	return false;
}

static bool field_is(const struct es_field *f, const char *name)
{
	return !strcmp(f->name, name) || spelling_matches(f->alt, name);
}

const struct es_field *es_field_find(const struct es_type *t, const char *name)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (field_is(&t->fields[i], name))
			return &t->fields[i];
	return NULL;
}

size_t es_member_size(const struct es_field *f)
{
	if (f->kind == ES_K_SUB)
		return f->type->size;
	return f->kind == ES_K_HEX ? sizeof(struct bytes) : sizeof(const char *);
}

static int wipe_secret(uint8_t *secret)
{
	bytes_wipe(secret, talloc_get_size(secret));
	return 0;
}

/* The tree holds the same secret in hex: overwrite it there too, unless the text is shared by the dictionary. */
static void wipe_text(const xmlNode *node)
{
	for (xmlNode *c = node->children; c; c = c->next)
		if (c->content && !(node->doc->dict && xmlDictOwns(node->doc->dict, c->content)))
			bytes_wipe(c->content, strlen((char *)c->content));
}

static int read_hex(const void *root, const struct es_field *f, const xmlNode *node, struct bytes *out)
{
	char *hex = xml_token(root, node);
	struct bytes b;
	int rc = hex_dec(root, hex, &b);

	if (f->kind == ES_K_SECRET) {
		bytes_wipe(hex, strlen(hex));
		wipe_text(node);
		if (rc == 0)
			talloc_set_destructor((uint8_t *)(uintptr_t)b.data, wipe_secret);
	}
	talloc_free(hex);
	if (rc == 0)
		*out = b;
	return rc;
}

static int read_signed(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text || *end || v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

static int read_unsigned(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	/* "-0" is a legal nonNegativeInteger; strtoull would take "-1" as well. */
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || *end || v > max || (strchr(text, '-') && v != 0))
		return -EINVAL;
	*out = v;
	return 0;
}

static int read_enum(const struct es_enum *values, const char *text, unsigned *out)
{
	for (unsigned i = 0; i < values->n; i++) {
		if (values->names[i] && !strcmp(values->names[i], text)) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_bool(const char *text, bool *out)
{
	*out = !strcmp(text, "true") || !strcmp(text, "1");
	return *out || !strcmp(text, "false") || !strcmp(text, "0") ? 0 : -EINVAL;
}

static char *cut_last(char *text, char c)
{
	size_t len = strlen(text);

	if (len && (text[len - 1] | 0x20) == c)
		text[len - 1] = 0;
	return text;
}

static int read_number(const struct es_field *f, const char *text, void *p)
{
	uint64_t u;
	int64_t i;

	if (f->kind == ES_K_U64)
		return read_unsigned(text, INT64_MAX, p);
	if (f->kind == ES_K_I64)
		return read_signed(text, INT64_MIN, INT64_MAX, p);
	if (f->kind == ES_K_OPT_U64) {
		((struct es_opt_u64 *)p)->has = true;
		return read_unsigned(text, INT64_MAX, &((struct es_opt_u64 *)p)->v);
	}
	if (f->kind == ES_K_I8) {
		if (read_signed(text, INT8_MIN, INT8_MAX, &i) < 0)
			return -EINVAL;
		*(int8_t *)p = (int8_t)i;
		return 0;
	}
	if (read_unsigned(text, f->kind == ES_K_U8 ? UINT8_MAX : UINT32_MAX, &u) < 0)
		return -EINVAL;
	if (f->kind == ES_K_U8)
		*(uint8_t *)p = (uint8_t)u;
	else
		*(uint32_t *)p = (uint32_t)u;
	return 0;
}

static int read_time(const char *text, int64_t *out)
{
	int rc = es_time_dec(text, out);

	return rc == 0 && *out == 0 ? -EINVAL : rc;
}

/* Simple kinds other than hex and free text. */
static int read_token(const void *root, const struct es_field *f, const xmlNode *node, void *p)
{
	char *text = xml_token(root, node);
	int rc = 0;

	if (f->kind == ES_K_TOKEN || f->kind == ES_K_ICCID) {
		*(char **)p = f->kind == ES_K_ICCID ? cut_last(text, 'f') : text;
		return 0;
	}
	if (f->kind == ES_K_MSISDN) {
		*(char **)p = talloc_strdup(root, text + (*text == '+'));
	} else if (f->kind == ES_K_BOOL) {
		rc = read_bool(text, p);
	} else if (f->kind == ES_K_TIME) {
		rc = read_time(text, p);
	} else if (f->kind == ES_K_ENUM) {
		rc = read_enum(f->values, text, p);
	} else {
		rc = read_number(f, text, p);
	}
	talloc_free(text);
	return rc;
}

static int read_canonical(const void *root, const xmlNode *node, void *p)
{
	struct bytes xml;
	int rc = xml_c14n(root, node, &xml);

	if (rc == 0)
		*(const char **)p = (const char *)xml.data;
	return rc;
}

static struct es_status bad_value(const void *root, const struct es_field *f)
{
	return es_status_bad(root, ES_FAILED, ES_SC_DATA_INVALID, NULL, "%s has a value that is not allowed", f->name);
}

static int read_struct(const void *root, const struct es_field *f, const xmlNode *node, void *out, void *p,
		       struct es_status *bad)
{
	void *sub = p;

	if (f->off_xml != SIZE_MAX && read_canonical(root, node, (uint8_t *)out + f->off_xml) < 0) {
		*bad = bad_value(root, f);
		return -EINVAL;
	}
	if (f->kind == ES_K_PTR) {
		sub = talloc_zero_size(root, f->type->size);
		*(void **)p = sub;
	}
	return es_struct_read(root, f->type, node, sub, bad);
}

/* One occurrence of a field. */
static int read_value(const void *root, const struct es_field *f, const xmlNode *node, void *out, void *p,
		      struct es_status *bad)
{
	int rc = 0;

	if (f->kind == ES_K_SUB || f->kind == ES_K_PTR)
		return read_struct(root, f, node, out, p, bad);
	if (f->kind == ES_K_XML)
		rc = read_canonical(root, node, p);
	else if (f->kind == ES_K_TEXT)
		*(char **)p = talloc_strdup(root, xml_text(root, node));
	else if (f->kind == ES_K_HEX || f->kind == ES_K_SECRET)
		rc = read_hex(root, f, node, p);
	else
		rc = read_token(root, f, node, p);
	if (rc < 0)
		*bad = bad_value(root, f);
	return rc;
}

/* Place for the next member of a list; the array is made at the first, for all that are to come. */
static void *list_next(const void *root, const struct es_field *f, const xmlNode *node, void *out)
{
	uint8_t **v = (uint8_t **)((uint8_t *)out + f->off);
	size_t *n = (size_t *)((uint8_t *)out + f->off_n);

	if (!*v) {
		size_t count = 0;

		for (const xmlNode *m = node; m; m = xml_next(m))
			count += field_is(f, (const char *)m->name);
		*v = talloc_zero_size(root, count * es_member_size(f));
	}
	return *v + (*n)++ * es_member_size(f);
}

struct reading {
	const void *root;
	const struct es_type *t;
	void *out;
	uint32_t seen; /* bit for each row */
	struct es_status *bad;
};

static int read_node(struct reading *rd, const xmlNode *node)
{
	const struct es_field *f = es_field_find(rd->t, (const char *)node->name);
	uint32_t bit;

	if (!f && rd->t->open)
		return 0;
	if (!f) {
		*rd->bad = es_status_bad(rd->root, ES_FAILED, ES_SC_DATA_INVALID, NULL, "unknown element or attribute");
		return -EINVAL;
	}
	bit = 1u << (f - rd->t->fields);
	if (f->flags & ES_F_LIST) {
		rd->seen |= bit;
		return read_value(rd->root, f, node, rd->out, list_next(rd->root, f, node, rd->out), rd->bad);
	}
	if (rd->seen & bit) {
		*rd->bad = es_status_bad(rd->root, ES_FAILED, ES_SC_DATA_INVALID, NULL, "%s stands twice", f->name);
		return -EINVAL;
	}
	rd->seen |= bit;
	return read_value(rd->root, f, node, rd->out, (uint8_t *)rd->out + f->off, rd->bad);
}

static int check_complete(struct reading *rd)
{
	for (size_t i = 0; i < rd->t->n_fields; i++) {
		const struct es_field *f = &rd->t->fields[i];

		if (!(f->flags & (ES_F_OPT | ES_F_VIEW)) && !(rd->seen & (1u << i))) {
			*rd->bad = es_status_bad(rd->root, ES_FAILED, ES_SC_MANDATORY_MISSING, NULL, "%s is missing",
						 f->name);
			return -EINVAL;
		}
	}
	return 0;
}

int es_struct_read(const void *root, const struct es_type *t, const xmlNode *elem, void *out, struct es_status *bad)
{
	struct reading rd = {.root = root, .t = t, .out = out, .bad = bad};
	int rc = 0;

	OSMO_ASSERT(t->n_fields <= 32);
	for (const xmlAttr *a = elem->properties; a && rc == 0; a = a->next)
		if (!a->ns)
			rc = read_node(&rd, (const xmlNode *)a);
	for (const xmlNode *n = xml_first(elem); n && rc == 0; n = xml_next(n))
		rc = read_node(&rd, n);
	return rc == 0 ? check_complete(&rd) : rc;
}

int es_elem_read(struct es_ctx *es, const void *parent, const struct es_type *t, xmlNode *elem, void **out,
		 struct es_status *bad)
{
	struct xml_violation v;
	void *s;

	if (xml_validate(es, elem, &v) < 0) {
		*bad = es_violation_status(parent, t, elem, &v);
		return -EINVAL;
	}
	s = talloc_zero_size(parent, t->size);
	if (es_struct_read(s, t, elem, s, bad) < 0) {
		*bad = es_status_dup(parent, bad);
		talloc_free(s);
		return -EINVAL;
	}
	*out = s;
	return 0;
}
