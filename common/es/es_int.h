/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "common/codec/bytes.h"
#include "common/es/es_types.h"
#include "common/es/xml_int.h"

/* Field tables: one row for each element or attribute of a type, in the order of the schema.  The same row reads and
 * writes the field. */

enum es_kind {
	ES_K_TEXT,    /* const char *, as it stands */
	ES_K_TOKEN,   /* const char *, without white space at the ends */
	ES_K_ICCID,   /* token, trailing F dropped */
	ES_K_MSISDN,  /* token, leading + dropped */
	ES_K_HEX,     /* struct bytes */
	ES_K_SECRET,  /* struct bytes, wiped when freed */
	ES_K_BOOL,    /* bool */
	ES_K_U8,      /* uint8_t */
	ES_K_I8,      /* int8_t */
	ES_K_U32,     /* uint32_t, positive */
	ES_K_U64,     /* uint64_t */
	ES_K_OPT_U64, /* struct es_opt_u64 */
	ES_K_I64,     /* int64_t */
	ES_K_TIME,    /* int64_t, UTC milliseconds */
	ES_K_ENUM,    /* an enum, names in the row */
	ES_K_SUB,     /* struct in place; an optional one is written when its first field is set */
	ES_K_PTR,     /* pointer to a struct */
	ES_K_XML,     /* const char *, canonical text of the element */
};

enum es_field_flag {
	ES_F_OPT = 1,	 /* may be absent */
	ES_F_LIST = 2,	 /* array and count; the kind tells the member type (TOKEN, HEX, SUB...) */
	ES_F_ATTR = 4,	 /* attribute; as a child element it is tolerated when the schema says so */
	ES_F_COND = 8,	 /* one of the fields so marked must be present */
	ES_F_VIEW = 32,	 /* may be absent when read; numbers and flags are always written */
	ES_F_EMPTY = 16, /* mandatory for the schema, but may be empty: written as an empty element when absent */
};

struct es_enum {
	const char *const *names; /* by value; NULL: absent or void */
	unsigned n;
};

struct es_field {
	const char *name; /* what we write */
	const char *alt;  /* other spellings that we read, separated by '|' */
	enum es_kind kind;
	unsigned flags;
	size_t off;
	size_t off_n;	/* of the count of a list */
	size_t off_xml; /* SUB: also keep the canonical text in this const char *; SIZE_MAX: no */
	const struct es_type *type;
	const struct es_enum *values;
};

struct es_type {
	const char *name;
	size_t size;
	const struct es_field *fields;
	size_t n_fields; /* at most 32 */
	bool open;	 /* elements that we do not know are skipped, where the schema lets them in */
};

/*! The field of that name; NULL. */
const struct es_field *es_field_find(const struct es_type *t, const char *name);

/*! Size of one member of a list. */
size_t es_member_size(const struct es_field *f);

/*! Fill a zeroed struct from a validated element.
 * \param[in]  root  talloc parent of all parts
 * \param[out] bad   on -EINVAL what is wrong, texts on root
 * \returns 0; -EINVAL */
int es_struct_read(const void *root, const struct es_type *t, const xmlNode *elem, void *out,
		   struct es_status *bad) MUST_CHECK;

/*! Validate and read.  \param[out] out  talloc child of parent, untouched on error */
int es_elem_read(struct es_ctx *es, const void *parent, const struct es_type *t, xmlNode *elem, void **out,
		 struct es_status *bad) MUST_CHECK;

/*! Write an element with what is in a struct.
 * \param[in] ns_decl  also declare the prefix of the messaging namespace
 * \returns 0; -EINVAL when a mandatory field is absent or a text is not legal */
int es_elem_write(struct wr *w, const struct es_type *t, const char *name, const void *in, bool ns_decl) MUST_CHECK;

/*! What a schema violation means to the sender.  SGP.02 §5.1. */
struct es_status es_violation_status(const void *ctx, const struct es_type *root_type, const xmlNode *root,
				     const struct xml_violation *v);
