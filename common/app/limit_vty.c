/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The command "limit" of both daemons. */
#include "common/app/limit_vty.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>

static bool same_name(const char *member, const char *word)
{
	for (; *member && *word; member++, word++) {
		if (*member != *word && !(*member == '_' && *word == '-'))
			return false;
	}
	return *member == *word;
}

static void out_name(struct vty *vty, const char *member)
{
	for (; *member; member++)
		vty_out(vty, "%c", *member == '_' ? '-' : *member);
}

static unsigned int value_of(const struct limit_vty *l, const void *limits)
{
	return *(const unsigned int *)((const uint8_t *)limits + l->offset);
}

static int set_one(struct vty *vty, const struct limit_vty *l, void *limits, unsigned int value)
{
	if (value < l->min || value > l->max) {
		vty_out(vty, "%% ");
		out_name(vty, l->name);
		vty_out(vty, " is a number from %u to %u%s", l->min, l->max, VTY_NEWLINE);
		return CMD_WARNING;
	}
	*(unsigned int *)((uint8_t *)limits + l->offset) = value;
	return CMD_SUCCESS;
}

int limit_vty_set(struct vty *vty, const struct limits_vty *set, void *limits, const char *name, const char *value)
{
	for (size_t i = 0; i < set->n; i++) {
		if (same_name(set->list[i].name, name))
			return set_one(vty, &set->list[i], limits, (unsigned int)atoi(value));
	}
	vty_out(vty, "%% no limit %s; there are:%s", name, VTY_NEWLINE);
	for (size_t i = 0; i < set->n; i++) {
		vty_out(vty, "  ");
		out_name(vty, set->list[i].name);
		vty_out(vty, " <%u-%u>%s", set->list[i].min, set->list[i].max, VTY_NEWLINE);
	}
	return CMD_WARNING;
}

void limit_vty_write(struct vty *vty, const struct limits_vty *set, const void *limits, const void *defaults)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct limit_vty *l = &set->list[i];

		if (value_of(l, limits) == value_of(l, defaults))
			continue;
		vty_out(vty, " limit ");
		out_name(vty, l->name);
		vty_out(vty, " %u%s", value_of(l, limits), VTY_NEWLINE);
	}
}
