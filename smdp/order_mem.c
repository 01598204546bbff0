/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/order_mem.h"

#include <osmocom/core/utils.h>
#include <talloc.h>

struct order_mem *order_mem_find(struct smdp *s, int64_t op_id)
{
	struct order_mem *m;

	llist_for_each_entry (m, &s->running, entry) {
		if (m->op_id == op_id)
			return m;
	}
	return NULL;
}

struct order_mem *order_mem_get(struct smdp *s, int64_t op_id)
{
	struct order_mem *m = order_mem_find(s, op_id);

	if (m)
		return m;
	m = talloc_zero(s, struct order_mem);
	OSMO_ASSERT(m);
	m->op_id = op_id;
	llist_add_tail(&m->entry, &s->running);
	return m;
}

void order_mem_drop(struct smdp *s, int64_t op_id)
{
	struct order_mem *m = order_mem_find(s, op_id);

	if (!m)
		return;
	llist_del(&m->entry);
	talloc_free(m);
}
