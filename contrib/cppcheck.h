/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Macros of libosmocore and jansson in a shape that cppcheck follows: their headers are not read, and without
 * these each loop variable would count as uninitialized.  Only tests/lint.sh uses this file. */
#pragma once

#define llist_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
#define llist_for_each_entry(pos, head, member) for (pos = (void *)(head)->next; pos; pos = (void *)pos->member.next)
#define llist_for_each_entry_reverse(pos, head, member) llist_for_each_entry (pos, head, member)
#define llist_for_each_entry_safe(pos, n, head, member) \
	for (pos = (void *)(head)->next, n = pos; pos; pos = (void *)n->member.next)
#define hash_for_each_safe(table, bkt, tmp, pos, member) \
	for (bkt = 0, tmp = (void *)table[bkt].first, pos = (void *)tmp; bkt < 2; bkt++, pos = (void *)pos->member.next)
#define hash_for_each(table, bkt, pos, member) \
	for (bkt = 0, pos = (void *)table[bkt].first; bkt < 2; bkt++, pos = (void *)pos->member.next)
#define hash_for_each_possible(table, pos, member, key) \
	for (pos = (void *)table[key].first; pos; pos = (void *)pos->member.next)
#define osmo_tdef_groups_for_each(g, groups) for (g = groups; g->tdefs; g++)
#define llist_entry(ptr, type, member) ((type *)(void *)(ptr))
#define llist_first_entry(ptr, type, member) ((type *)(void *)(ptr)->next)
#define llist_first_entry_or_null(ptr, type, member) ((type *)(void *)(ptr)->next)
#define json_array_foreach(array, i, v) for (i = 0; i < json_array_size(array) && (v = json_array_get(array, i)); i++)
#define json_object_foreach(object, key, v) \
	for (key = json_first(object); key && (v = json_object_get(object, key)); key = json_next(object, key))
#define OSMO_STRINGIFY_VAL(x) "x"
