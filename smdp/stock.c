/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stock of profiles: reservations, levels and what operators do by hand.  Import is in stock_import.c.
 *
 * An item goes FREE - RESERVED - USED, and back from RESERVED only, at the hands of its order; by hand a free one
 * becomes BROKEN and a broken one free again.  Rows are never deleted, so an ICCID serves once. */
#include "smdp/stock.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/pkg.h"
#include "smdp/prep.h"
#include "smdp/stock_priv.h"

#define TYPE_NAME_MAX 100 /* SGP.02 String100 */
#define MEMORY_MAX INT32_MAX

struct stock *stock_alloc(const void *ctx, struct db *db, const struct keystore *ks, struct crypto *c)
{
	struct stock *s = talloc_zero(ctx, struct stock);

	OSMO_ASSERT(s);
	*s = (struct stock){.db = db, .ks = ks, .c = c};
	return s;
}

void stock_set_low(struct stock *s, unsigned int low)
{
	s->low = low;
}

const char *stock_state_name(enum stock_state state)
{
	switch (state) {
	case STOCK_FREE:
		return "free";
	case STOCK_RESERVED:
		return "reserved";
	case STOCK_USED:
		return "used";
	case STOCK_BROKEN:
		return "broken";
	case STOCK_HELD:
		return "held";
	}
	return "?";
}

const char *stock_refusal_text(enum stock_refusal refusal)
{
	switch (refusal) {
	case STOCK_OK:
		return "reserved";
	case STOCK_ICCID_UNKNOWN:
		return "no profile with this ICCID is in stock";
	case STOCK_ICCID_OTHER_MNO:
		return "the profile belongs to another operator";
	case STOCK_ICCID_IN_USE:
		return "the profile was delivered, or another order has it";
	case STOCK_ICCID_BROKEN:
		return "the profile was taken out of stock";
	case STOCK_ICCID_HELD:
		return "the profile is on hold since the database was restored: it may be on a card";
	case STOCK_ICCID_OTHER_TYPE:
		return "the profile with this ICCID is of another type";
	case STOCK_TYPE_UNKNOWN:
		return "no such profile type";
	case STOCK_TYPE_EMPTY:
		return "no free profile of this type is left";
	}
	return "?";
}

int stock_iccid(const char *text, char digits[21])
{
	uint8_t coded[PKG_ICCID_LEN];

	if (!text || pkg_iccid_enc(text, coded) < 0)
		return -EINVAL;
	return pkg_iccid_dec(BYTES_ARR(coded), digits);
}

/* ---- reservation ---- */

static enum stock_refusal fits(const struct stock_item *item, const char *mno, const char *type)
{
	if (strcmp(item->mno, mno) != 0)
		return STOCK_ICCID_OTHER_MNO;
	if (type && strcmp(item->type, type) != 0)
		return STOCK_ICCID_OTHER_TYPE;
	switch (item->state) {
	case STOCK_FREE:
		return STOCK_OK;
	case STOCK_BROKEN:
		return STOCK_ICCID_BROKEN;
	case STOCK_HELD:
		return STOCK_ICCID_HELD;
	case STOCK_RESERVED:
	case STOCK_USED:
		return STOCK_ICCID_IN_USE;
	}
	return STOCK_ICCID_BROKEN;
}

static int pick_by_iccid(struct stock *s, const void *ctx, const char *mno, const char *iccid, const char *type,
			 struct stock_item *item, enum stock_refusal *refusal)
{
	int rc = stock_get(s, ctx, iccid, item);

	if (rc == -ENOENT)
		*refusal = STOCK_ICCID_UNKNOWN;
	else if (rc == 0)
		*refusal = fits(item, mno, type);
	return rc == 0 && *refusal ? -ENOENT : rc;
}

static int pick_by_type(struct stock *s, const void *ctx, const char *mno, const char *type, struct stock_item *item,
			enum stock_refusal *refusal)
{
	struct stock_type t;
	int64_t id;
	int rc = type ? stock_db_type(ctx, s->db, mno, type, &t) : -ENOENT;

	if (rc < 0) {
		*refusal = STOCK_TYPE_UNKNOWN;
		return rc;
	}
	rc = stock_db_free(s->db, t.id, &id);
	if (rc < 0) {
		*refusal = STOCK_TYPE_EMPTY;
		return rc;
	}
	return stock_db_get(ctx, s->db, id, item);
}

static int warn_if_low(struct stock *s, const void *ctx, const struct stock_item *item)
{
	struct stock_type t;
	int64_t left;
	int rc;

	if (!s->low)
		return 0;
	rc = stock_db_type(ctx, s->db, item->mno, item->type, &t);
	if (rc == 0)
		rc = stock_db_count_free(s->db, t.id, &left);
	if (rc == 0 && left < s->low)
		LOGP(DMAIN, LOGL_NOTICE, "stock: %" PRId64 " free profiles of type %s are left for %s\n", left,
		     item->type, item->mno);
	return rc;
}

static int take(struct stock *s, const void *ctx, int64_t order_id, struct stock_item *item)
{
	int rc = stock_db_set(s->db, item->id, STOCK_RESERVED, order_id, clock_stamp_ms());

	if (rc == 0)
		rc = stock_db_get(ctx, s->db, item->id, item);
	return rc == 0 ? warn_if_low(s, ctx, item) : rc;
}

int stock_reserve(struct stock *s, const void *ctx, const char *mno, const char *iccid, const char *type,
		  int64_t order_id, struct stock_item *item, enum stock_refusal *refusal)
{
	struct stock_item found;
	int64_t id;
	int rc = stock_db_by_order(s->db, order_id, &id);

	*refusal = STOCK_OK;
	if (rc == 0)
		return stock_db_get(ctx, s->db, id, item);
	if (rc != -ENOENT)
		return rc;
	rc = iccid ? pick_by_iccid(s, ctx, mno, iccid, type, &found, refusal)
		   : pick_by_type(s, ctx, mno, type, &found, refusal);
	if (rc == 0)
		rc = take(s, ctx, order_id, &found);
	if (rc == 0)
		*item = found;
	return rc;
}

static int of_order(struct stock *s, const void *ctx, int64_t order_id, struct stock_item *item)
{
	int64_t id;
	int rc = stock_db_by_order(s->db, order_id, &id);

	return rc < 0 ? rc : stock_db_get(ctx, s->db, id, item);
}

int stock_release(struct stock *s, int64_t order_id)
{
	void *ctx = talloc_new(s);
	struct stock_item item;
	int rc = of_order(s, ctx, order_id, &item);

	if (rc == 0 && (item.state == STOCK_RESERVED || item.state == STOCK_HELD))
		rc = stock_db_set(s->db, item.id, item.state == STOCK_HELD ? STOCK_HELD : STOCK_FREE, 0,
				  clock_stamp_ms());
	talloc_free(ctx);
	return rc == -ENOENT ? 0 : rc;
}

int stock_use(struct stock *s, int64_t order_id)
{
	void *ctx = talloc_new(s);
	struct stock_item item;
	int rc = of_order(s, ctx, order_id, &item);

	if (rc == 0 && item.state == STOCK_RESERVED)
		rc = stock_db_set(s->db, item.id, STOCK_USED, order_id, clock_stamp_ms());
	talloc_free(ctx);
	return rc;
}

/* ---- after a restore ---- */

int stock_hold_all(struct stock *s, int64_t *n)
{
	int rc = stock_db_hold_all(s->db, clock_stamp_ms());

	if (rc == 0)
		*n = db_changes(s->db);
	return rc;
}

int stock_unhold(struct stock *s, int64_t order_id)
{
	void *ctx = talloc_new(s);
	struct stock_item item;
	int rc = of_order(s, ctx, order_id, &item);

	if (rc == 0 && item.state == STOCK_HELD)
		rc = stock_db_set(s->db, item.id, STOCK_RESERVED, order_id, clock_stamp_ms());
	talloc_free(ctx);
	return rc == -ENOENT ? 0 : rc;
}

int stock_seen(struct stock *s, const char *iccid, bool *changed)
{
	void *ctx = talloc_new(s);
	struct stock_item item;
	int rc = stock_get(s, ctx, iccid, &item);

	*changed = rc == 0 && (item.state == STOCK_FREE || item.state == STOCK_HELD);
	if (*changed)
		rc = stock_db_set(s->db, item.id, STOCK_USED, item.order_id, clock_stamp_ms());
	talloc_free(ctx);
	return rc == -ENOENT ? 0 : rc;
}

int stock_release_held(struct stock *s, const char *mno, const char *type, int64_t *n)
{
	int rc = stock_db_release_held(s->db, mno, type, clock_stamp_ms());

	if (rc == 0)
		*n = db_changes(s->db);
	return rc;
}

/* ---- looking ---- */

int stock_get(struct stock *s, const void *ctx, const char *iccid, struct stock_item *item)
{
	char digits[21];
	int64_t id;
	int rc = stock_iccid(iccid, digits) < 0 ? -ENOENT : stock_db_by_iccid(s->db, digits, &id);

	return rc < 0 ? rc : stock_db_get(ctx, s->db, id, item);
}

int stock_get_id(struct stock *s, const void *ctx, int64_t id, struct stock_item *item)
{
	return stock_db_get(ctx, s->db, id, item);
}

int stock_open_package(struct stock *s, const void *ctx, int64_t id, struct bytes *package)
{
	void *tmp = talloc_new(s);
	struct bytes wrapped;
	char *iccid;
	int rc = stock_db_package(tmp, s->db, id, &iccid, &wrapped);

	if (rc == 0)
		rc = keystore_unwrap_data(s->ks, s->c, ctx, bytes_str(iccid), wrapped, package);
	if (rc == -EINVAL)
		rc = -EBADMSG;
	talloc_free(tmp);
	return rc;
}

int stock_count(struct stock *s, int64_t n[STOCK_STATES])
{
	return stock_db_count(s->db, n);
}

int stock_levels(struct stock *s, const void *ctx, const char *mno, struct stock_level **levels, size_t *n)
{
	int rc = stock_db_levels(ctx, s->db, mno, levels, n);

	for (size_t i = 0; rc == 0 && i < *n; i++)
		(*levels)[i].low = (*levels)[i].n[STOCK_FREE] < s->low;
	return rc;
}

int stock_list(struct stock *s, const struct stock_filter *filter, int64_t *ids, size_t max, size_t *n)
{
	return stock_db_list(s->db, filter, ids, max, n);
}

/* ---- by hand ---- */

static bool is_oid(const char *text)
{
	uint8_t buf[64];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	return prep_put_oid(&w, text) == 0 && !w.failed;
}

static int check_template(const void *ctx, const char *text, const char **why)
{
	struct prep_template *tpl;
	int rc = prep_template_parse(ctx, bytes_str(text), &tpl, why);

	if (rc == 0) {
		if (!prep_uses(tpl, "iccid")) {
			*why = "the template has no place for $iccid";
			rc = -EINVAL;
		}
		talloc_free(tpl);
	}
	return rc;
}

static const char *wrong_with_type(const void *ctx, const char *mno, const char *name, int64_t required_memory)
{
	if (!mno || !is_oid(mno))
		return talloc_asprintf(ctx, "%s is no object identifier of an operator", mno ? mno : "nothing");
	if (!name || !*name || strlen(name) > TYPE_NAME_MAX)
		return "the name of a type has 1 to 100 octets";
	return required_memory > MEMORY_MAX ? "no card has so much memory" : NULL;
}

int stock_type_set(struct stock *s, const void *ctx, const char *mno, const char *name, int64_t required_memory,
		   const char *template, const char **why)
{
	struct stock_type t = {};
	void *tmp;
	int rc;

	*why = wrong_with_type(ctx, mno, name, required_memory);
	if (*why)
		return -EINVAL;
	*why = "the database cannot be written";
	tmp = talloc_new(s);
	rc = stock_db_type(tmp, s->db, mno, name, &t);
	if (rc == -ENOENT) {
		t = (struct stock_type){.mno = talloc_strdup(tmp, mno), .name = talloc_strdup(tmp, name)};
		rc = 0;
	}
	if (rc == 0 && required_memory >= 0)
		t.required_memory = required_memory;
	if (rc == 0 && template && *template)
		rc = check_template(ctx, template, why);
	if (rc == 0 && template)
		t.template = *template ? talloc_strdup(tmp, template) : NULL;
	if (rc == 0)
		rc = stock_db_type_put(s->db, &t);
	talloc_free(tmp);
	return rc;
}

int stock_set_state(struct stock *s, const void *ctx, const char *iccid, bool broken, const char **why)
{
	struct stock_item item;
	int rc = stock_get(s, ctx, iccid, &item);

	*why = "the database cannot be written";
	if (rc == -ENOENT)
		*why = talloc_asprintf(ctx, "no profile with ICCID %s in stock", iccid ? iccid : "");
	if (rc < 0)
		return rc;
	if (item.state == STOCK_USED) {
		*why = talloc_asprintf(ctx, "%s was delivered to a card", item.iccid);
		return -EBUSY;
	}
	/* It may be on its way to a card. */
	if (item.state == STOCK_RESERVED || (item.state == STOCK_HELD && item.order_id)) {
		*why = talloc_asprintf(ctx, "order %" PRId64 " has %s: cancel that first", item.order_id, item.iccid);
		return -EBUSY;
	}
	return stock_db_set(s->db, item.id, broken ? STOCK_BROKEN : STOCK_FREE, 0, clock_stamp_ms());
}
