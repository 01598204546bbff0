/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>

struct vty;

/* Timers and limits of a configuration: unsigned members of one struct, set by "limit NAME VALUE", where NAME is the
 * member's with dashes for underscores.  Files that use LIMIT_VTY_CMD include osmocom/vty/command.h first. */

struct limit_vty {
	const char *name;
	size_t offset;
	unsigned int min, max;
};
#define LIMIT_VTY(type, member, min_, max_)                 \
	{                                                   \
#member, offsetof(type, member), min_, max_ \
	}
/* Upper ends: of a time that is waited for, of the wait for one answer, of what is kept. */
#define LIMIT_WAIT_S 315360000
#define LIMIT_ANSWER_S 3600
#define LIMIT_KEEP_DAYS 36500

/*! The members of one struct. */
struct limits_vty {
	const struct limit_vty *list;
	size_t n;
};

/*! Set a member; an unknown name is told, with all that there are, and a value outside its range.
 * \param[in,out] limits  the struct
 * \param[in]     value   decimal, checked by the command's range, which is that of all limits
 * \returns CMD_SUCCESS; CMD_WARNING */
int limit_vty_set(struct vty *vty, const struct limits_vty *set, void *limits, const char *name, const char *value);
/*! Write " limit NAME VALUE" for each member that differs from the defaults. */
void limit_vty_write(struct vty *vty, const struct limits_vty *set, const void *limits, const void *defaults);

/* The command; limits is an expression, evaluated when it runs. */
#define LIMIT_VTY_CMD(cmdname, set, limits)                                                             \
	DEFUN(cmdname, cmdname##_cmd, "limit NAME <0-2147483647>",                                      \
	      "Timers and limits; an unknown name lists all\nName, the unit is its last part\nValue\n") \
	{                                                                                               \
		return limit_vty_set(vty, set, limits, argv[0], argv[1]);                               \
	}
