/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Into the stock: packages that somebody else made, and rows of a batch through a template.  Every package is checked
 * (pkg_check()) before it is wrapped, wherever it came from. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "smdp/pkg_priv.h"
#include "smdp/prep.h"
#include "smdp/stock_priv.h"

#define POL2_MAX 8
#define USIM_EF_IMSI 0xa3
#define FILE_CONTENT 0x83

/* ---- POL2 ---- */

static int pol2_rule(const char *word, size_t len, struct es_pol2_rule *rule)
{
	static const enum es_pol2_action actions[] = {ES_POL2_ENABLE, ES_POL2_DISABLE, ES_POL2_DELETE};
	static const enum es_pol2_qualification quals[] = {ES_POL2_NOT_ALLOWED, ES_POL2_AUTO_DELETE};
	char text[48];

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, word, len);
	text[len] = 0;
	for (size_t a = 0; a < ARRAY_SIZE(actions); a++) {
		const char *action = es_pol2_action_name(actions[a]);
		size_t n = strlen(action);

		if (strncasecmp(text, action, n) != 0 || text[n] != ':')
			continue;
		for (size_t q = 0; q < ARRAY_SIZE(quals); q++) {
			if (strcasecmp(text + n + 1, es_pol2_qualification_name(quals[q])) != 0)
				continue;
			if (quals[q] == ES_POL2_AUTO_DELETE && actions[a] != ES_POL2_DISABLE)
				return -EINVAL;
			*rule = (struct es_pol2_rule){ES_POL2_PROFILE, actions[a], quals[q]};
			return 0;
		}
	}
	return -EINVAL;
}

int stock_pol2_parse(const void *ctx, const char *text, struct es_pol2 *pol2)
{
	struct es_pol2_rule rules[POL2_MAX];
	size_t n = 0;

	for (;;) {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (!len)
			break;
		if (n == POL2_MAX || pol2_rule(text, len, &rules[n]) < 0)
			return -EINVAL;
		n++;
		text += len;
	}
	*pol2 = (struct es_pol2){.n_rules = n};
	if (n) {
		pol2->rules = talloc_memdup(ctx, rules, n * sizeof(rules[0]));
		OSMO_ASSERT(pol2->rules);
	}
	return 0;
}

/* ---- one package ---- */

static bool digits_only(const char *text, size_t min, size_t max)
{
	size_t n = strspn(text, "0123456789");

	return !text[n] && n >= min && n <= max;
}

/* The first EF.IMSI; NULL when a package hides it. */
static const char *imsi_of(const void *ctx, struct bytes package)
{
	struct bytes usim, file, content;
	char text[2 * 9 + 1], digits[16];
	size_t n = 0;

	if (ber_find(package, PE_USIM, &usim) < 0 || ber_find(usim, USIM_EF_IMSI, &file) < 0 ||
	    ber_find(file, FILE_CONTENT, &content) < 0 || content.len != 9 ||
	    hex_enc_buf(text, sizeof(text), content) < 0)
		return NULL;
	/* Length, then the nibbles of each octet swapped; the first of them is no digit. */
	for (size_t i = 2; i < 18 && n < 15; i++) {
		char c = text[i ^ 1];

		if (i > 2 && isdigit((unsigned char)c))
			digits[n++] = c;
	}
	digits[n] = 0;
	return n >= 6 ? talloc_strdup(ctx, digits) : NULL;
}

/* What is known about a package beside its octets. */
struct facts {
	const char *imsi, *msisdn, *pol2;
};

static const char *wrong_with(const struct facts *f)
{
	struct es_pol2 pol2;

	if (f->imsi && !digits_only(f->imsi, 6, 15))
		return "imsi: 6 to 15 digits wanted";
	if (f->msisdn && !digits_only(f->msisdn, 1, 20))
		return "msisdn: up to 20 digits wanted, + in front when international";
	if (stock_pol2_parse(NULL, f->pol2, &pol2) < 0)
		return "pol2: rules like disable:not-allowed or disable:auto-delete wanted";
	talloc_free(pol2.rules);
	return NULL;
}

/* \param[in] wanted_iccid  what the row says; NULL: any */
static int check(const void *ctx, struct bytes package, const char *wanted_iccid, const struct facts *f,
		 const char **iccid, const char **why)
{
	struct pkg_report *report = pkg_check(ctx, package);
	const char *bad = pkg_report_error(report);

	if (!bad)
		bad = wrong_with(f);
	if (!bad && wanted_iccid && strcmp(report->header->iccid, wanted_iccid) != 0)
		bad = "the header of the package has another ICCID than the row";
	if (bad)
		*why = talloc_strdup(ctx, bad);
	else
		*iccid = report->header->iccid;
	return bad ? -EINVAL : 0;
}

static int store(struct stock *s, const void *ctx, const struct stock_type *t, const char *iccid, const struct facts *f,
		 struct bytes package, int64_t *id, const char **why)
{
	struct stock_item item = {
		.iccid = iccid,
		.imsi = f->imsi,
		.msisdn = f->msisdn,
		.package_len = package.len,
	};
	struct bytes wrapped;
	int64_t old;
	int rc = stock_db_by_iccid(s->db, iccid, &old);

	if (rc == 0) {
		*why = talloc_asprintf(ctx, "ICCID %s is, or was, in stock", iccid);
		return -EEXIST;
	}
	if (rc == -ENOENT)
		rc = keystore_wrap_data(s->ks, s->c, ctx, package, bytes_str(iccid), &wrapped);
	if (rc == 0)
		rc = stock_db_insert(s->db, t, &item, f->pol2, wrapped);
	if (rc == 0)
		*id = item.id;
	else
		*why = "the database cannot be written";
	return rc;
}

static int find_type(struct stock *s, const void *ctx, const char *mno, const char *name, struct stock_type *t,
		     const char **why)
{
	int rc = mno && name ? stock_db_type(ctx, s->db, mno, name, t) : -ENOENT;

	if (rc == -ENOENT)
		*why = talloc_asprintf(ctx, "operator %s has no profile type \"%s\"", mno ? mno : "?",
				       name ? name : "?");
	else if (rc < 0)
		*why = "the database cannot be read";
	return rc;
}

static const char *without_plus(const char *number)
{
	return number && *number == '+' ? number + 1 : number;
}

int stock_import_package(struct stock *s, const void *ctx, const struct stock_ready *ready, struct stock_item *item,
			 const char **why)
{
	void *tmp = talloc_new(ctx);
	struct facts f = {
		.imsi = ready->imsi ? ready->imsi : imsi_of(tmp, ready->package),
		.msisdn = without_plus(ready->msisdn),
		.pol2 = ready->pol2 ? ready->pol2 : "",
	};
	const char *iccid, *text = NULL;
	struct stock_type t;
	int64_t id;
	int rc = find_type(s, tmp, ready->mno, ready->type, &t, &text);

	if (rc == 0)
		rc = check(tmp, ready->package, NULL, &f, &iccid, &text);
	if (rc == 0)
		rc = store(s, tmp, &t, iccid, &f, ready->package, &id, &text);
	if (rc == 0)
		rc = stock_db_get(ctx, s->db, id, item);
	if (rc < 0)
		*why = talloc_strdup(ctx, text ? text : "the database cannot be read");
	talloc_free(tmp);
	return rc;
}

/* ---- a batch ---- */

struct batch {
	struct stock *s;
	const struct stock_batch *in;
	struct stock_type type;
	struct prep_template *tpl;
	const char *columns[CSV_FIELDS_MAX];
	size_t n_columns;
	struct stock_row *rows;
	size_t n_rows;
};

static bool is_attribute(const char *column)
{
	static const char *const names[] = {"iccid", "imsi", "msisdn", "pol2"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], column) == 0)
			return true;
	}
	return false;
}

/* A name that nothing uses is a mistake, and a key would be missing. */
static int check_columns(const struct batch *b, const void *ctx, const char **why)
{
	bool have_iccid = false;

	for (size_t i = 0; i < b->n_columns; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(b->columns[i], b->columns[k]) == 0) {
				*why = talloc_asprintf(ctx, "column %s is there twice", b->columns[i]);
				return -EINVAL;
			}
		}
		if (!is_attribute(b->columns[i]) && !prep_uses(b->tpl, b->columns[i])) {
			*why = talloc_asprintf(ctx, "the template uses no column \"%s\"", b->columns[i]);
			return -EINVAL;
		}
		have_iccid |= strcmp(b->columns[i], "iccid") == 0;
	}
	if (!have_iccid)
		*why = talloc_strdup(ctx, "the first line names the columns; iccid has to be one of them");
	return have_iccid ? 0 : -EINVAL;
}

static const char *some(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

static const char *field(const struct prep_field *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return some(fields[i].value, NULL);
	}
	return NULL;
}

static int pass_through(struct batch *b, const void *ctx, const struct prep_field *fields, size_t n, const char *iccid,
			const char **why)
{
	struct facts f = {
		.imsi = field(fields, n, "imsi"),
		.msisdn = without_plus(field(fields, n, "msisdn")),
		.pol2 = some(field(fields, n, "pol2"), some(b->in->pol2, "")),
	};
	struct bytes package;
	const char *coded;
	int64_t id;
	int rc = prep_build(ctx, b->tpl, fields, n, &package, why);

	if (rc == 0)
		rc = check(ctx, package, iccid, &f, &coded, why);
	if (rc == 0 && !b->in->check_only)
		rc = store(b->s, ctx, &b->type, iccid, &f, package, &id, why);
	else if (rc == 0 && stock_db_by_iccid(b->s->db, iccid, &id) == 0) {
		*why = talloc_asprintf(ctx, "ICCID %s is, or was, in stock", iccid);
		rc = -EEXIST;
	}
	return rc;
}

/* \returns 0, also for a bad row, which why tells about; an error of the store */
static int do_row(struct batch *b, const void *ctx, const char **values, size_t n, struct stock_row *row,
		  const char **why)
{
	struct prep_field fields[CSV_FIELDS_MAX];
	const char *iccid;
	char digits[21];
	int rc;

	if (n != b->n_columns) {
		*why = talloc_asprintf(ctx, "%zu fields; the first line names %zu columns", n, b->n_columns);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		fields[i] = (struct prep_field){b->columns[i], values[i]};
	iccid = field(fields, n, "iccid");
	if (stock_iccid(iccid, digits) < 0) {
		*why = iccid ? "iccid: 18 to 20 digits wanted" : "iccid is missing";
		return 0;
	}
	row->iccid = talloc_strdup(b->rows, digits);
	rc = pass_through(b, ctx, fields, n, digits, why);
	return rc == -EINVAL || rc == -EEXIST ? 0 : rc;
}

static int do_rows(struct batch *b, struct csv *csv, const char **why)
{
	int rc = 1;

	while (rc > 0 || rc == -EINVAL) {
		void *ctx = talloc_new(b->rows);
		const char *values[CSV_FIELDS_MAX], *text = NULL;
		struct stock_row row = {};
		size_t n;

		rc = csv_row(csv, ctx, values, &n);
		if (rc == 0) {
			talloc_free(ctx);
			return 0;
		}
		if (b->n_rows == STOCK_BATCH_MAX) {
			*why = "too many rows at once";
			return -EINVAL;
		}
		row.line = csv->line;
		if (rc < 0)
			text = "a quotation mark does not end, or there are too many fields";
		else
			rc = do_row(b, ctx, values, n, &row, &text);
		row.why = text ? talloc_strdup(b->rows, text) : NULL;
		talloc_free(ctx);
		b->rows[b->n_rows++] = row;
		if (rc < 0 && rc != -EINVAL)
			return rc;
		rc = 1;
	}
	return 0;
}

static int open_batch(struct batch *b, const void *ctx, struct csv *csv, const char **why)
{
	int rc = find_type(b->s, ctx, b->in->mno, b->in->type, &b->type, why);

	if (rc == 0 && !b->type.template) {
		*why = talloc_asprintf(ctx, "profile type \"%s\" has no template: ready packages only", b->in->type);
		rc = -ENOENT;
	}
	if (rc == 0)
		rc = prep_template_parse(ctx, bytes_str(b->type.template), &b->tpl, why);
	if (rc < 0)
		return rc;
	csv_init(csv, b->in->csv, 1);
	if (csv_row(csv, ctx, b->columns, &b->n_columns) != 1) {
		*why = "the first line has to name the columns";
		return -EINVAL;
	}
	if (b->in->first_line)
		csv->line = b->in->first_line - 1;
	return check_columns(b, ctx, why);
}

int stock_import_batch(struct stock *s, const void *ctx, const struct stock_batch *batch, struct stock_row **rows,
		       size_t *n, const char **why)
{
	void *tmp = talloc_new(ctx);
	struct batch b = {.s = s, .in = batch, .rows = talloc_zero_array(ctx, struct stock_row, STOCK_BATCH_MAX)};
	const char *text = "the database cannot be written";
	struct csv csv;
	int rc;

	OSMO_ASSERT(b.rows);
	rc = open_batch(&b, tmp, &csv, &text);
	if (rc == 0)
		rc = do_rows(&b, &csv, &text);
	if (rc == 0) {
		*rows = b.rows;
		*n = b.n_rows;
	} else {
		*why = talloc_strdup(ctx, text);
		talloc_free(b.rows);
	}
	talloc_free(tmp);
	return rc;
}
