/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp03/ecka.h"
#include "scp03/scp03.h"
#include "smdp/order.h"

/*! What a download holds in memory only, and loses with the process: the ephemeral key of its key agreement, and the
 * SCP03t session.  Neither is ever written down or used again after a restart; order_keys.c and order_data.c say what
 * happens instead. */
struct order_mem {
	struct llist_head entry;
	int64_t op_id;
	struct ecka *ecka;
	struct pubkey *ecasd; /* of ecka */
	struct ecka_keys keys;
	struct scp03 *session; /* with keys */
	struct key *token;     /* on its way to the card */
};

/*! \returns NULL when there is none */
struct order_mem *order_mem_find(struct smdp *s, int64_t op_id);
/*! What there is, or a new empty one. */
struct order_mem *order_mem_get(struct smdp *s, int64_t op_id);
void order_mem_drop(struct smdp *s, int64_t op_id);
