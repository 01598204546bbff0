/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A schema violation in words for the sender.  libxml2's own text is not used: it repeats values, and a value may be a
 * key; names of elements that are not in our tables are not repeated either. */
#include <libxml/xmlerror.h>
#include <talloc.h>

#include "common/es/es_tables.h"

/* Type of an element below the root; NULL where our tables have none (simple fields, signature). */
static const struct es_type *type_of(const struct es_type *root_type, const xmlNode *root, const xmlNode *node)
{
	const struct es_type *up;
	const struct es_field *f;

	if (node == root)
		return root_type;
	if (!node || !node->parent)
		return NULL;
	up = type_of(root_type, root, node->parent);
	f = up ? es_field_find(up, (const char *)node->name) : NULL;
	return f ? f->type : NULL;
}

static bool has_field(const xmlNode *elem, const struct es_field *f)
{
	const struct es_type one = {.fields = f, .n_fields = 1};

	for (const xmlAttr *a = elem->properties; a; a = a->next)
		if (es_field_find(&one, (const char *)a->name))
			return true;
	for (const xmlNode *n = xml_first(elem); n; n = xml_next(n))
		if (es_field_find(&one, (const char *)n->name))
			return true;
	return false;
}

/* First mandatory field that the element lacks; else, if it has none of its alternatives, the first of those. */
static const struct es_field *missing_field(const struct es_type *t, const xmlNode *elem)
{
	const struct es_field *cond = NULL;
	bool any = false;

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct es_field *f = &t->fields[i];
		bool has = has_field(elem, f);

		if (!has && !(f->flags & (ES_F_OPT | ES_F_VIEW)))
			return f;
		if (f->flags & ES_F_COND) {
			cond = cond ? cond : f;
			any = any || has;
		}
	}
	return any ? NULL : cond;
}

static const char *name_of(const struct es_type *up, const xmlNode *node)
{
	const struct es_field *f = up ? es_field_find(up, (const char *)node->name) : NULL;

	return f ? f->name : "an unknown element";
}

static struct es_status missing(const void *ctx, const struct es_field *f, const xmlNode *root)
{
	enum es_sc sc = f->flags & ES_F_COND ? ES_SC_CONDITIONAL_MISSING : ES_SC_MANDATORY_MISSING;

	return es_status_bad(ctx, ES_FAILED, sc, NULL, "%s: %s is missing", (const char *)root->name, f->name);
}

struct es_status es_violation_status(const void *ctx, const struct es_type *root_type, const xmlNode *root,
				     const struct xml_violation *v)
{
	const char *what = (const char *)root->name;
	const xmlNode *node = v->node ? v->node : root;
	const struct es_type *t = type_of(root_type, root, node);
	const struct es_type *up = node == root ? NULL : type_of(root_type, root, node->parent);
	const struct es_field *f = NULL;

	if (v->code == XML_SCHEMAV_ELEMENT_CONTENT || v->code == XML_SCHEMAV_CVC_COMPLEX_TYPE_4) {
		f = t ? missing_field(t, node) : NULL;
		if (!f && up)
			f = missing_field(up, node->parent);
		if (f)
			return missing(ctx, f, root);
		return es_status_bad(ctx, ES_FAILED, ES_SC_DATA_INVALID, NULL, "%s: %s is out of place", what,
				     node == root ? "an element" : name_of(up, node));
	}
	return es_status_bad(ctx, ES_FAILED, ES_SC_DATA_INVALID, NULL, "%s: %s has a value that is not allowed", what,
			     node == root ? "the element" : name_of(up, node));
}
