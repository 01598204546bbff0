/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/prep.h"

/* A template as prep_template.c reads it and prep.c runs it. */

enum prep_item_kind {
	PREP_OCTETS, /* hex, text, object identifier: all the same by now */
	PREP_NAME,   /* $NAME */
	PREP_PAD,
};

struct prep_item {
	enum prep_item_kind kind;
	struct bytes octets;
	const char *name;
	size_t pad;
	struct prep_item *next;
};

struct prep_node {
	uint32_t tag;
	unsigned int line;
	bool optional;
	bool constructed;
	struct prep_item *items;
	struct prep_node *children;
	struct prep_node *next;
};

/*! A name that the template defines: a constant (items), or where a value comes from when a row lacks it. */
struct prep_def {
	const char *name;
	struct prep_item *items; /* let */
	const char *value;	 /* default */
	size_t random;		 /* octets; hex */
	size_t digits;
	bool is_let;
	struct prep_def *next; /* one that was defined before: a constant refers to those only */
};

struct prep_template {
	struct prep_node *nodes;
	struct prep_def *defs; /* the last one first */
};

/*! The definition of a name among those before from; NULL. */
const struct prep_def *prep_def_of(const struct prep_def *from, const char *name, bool is_let);
