/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>

struct vty;

/* What configuration commands of every node need.  Files that use the macros include osmocom/vty/command.h first. */

/*! Put a copy in place of a text.
 * \param[in]     ctx    talloc parent of the copy
 * \param[in,out] where  the old text is freed
 * \returns CMD_SUCCESS */
int text_vty_set(const void *ctx, char **where, const char *value);
/*! As text_vty_set() if it is an object identifier; else says so.  \returns CMD_SUCCESS; CMD_WARNING */
int text_vty_set_oid(struct vty *vty, const void *ctx, char **where, const char *oid);
/*! Write "KEY VALUE", unless there is no value. */
void text_vty_out(struct vty *vty, const char *indent, const char *key, const char *value);

/* A command that stores a text; ctx and where are expressions, evaluated when the command runs. */
#define TEXT_VTY_CMD(name, cmdstr, help, ctx, where)      \
	DEFUN(name, name##_cmd, cmdstr, help)             \
	{                                                 \
		return text_vty_set(ctx, where, argv[0]); \
	}
/* A command that stores an unsigned number, whose range is in cmdstr. */
#define NUMBER_CMD(name, cmdstr, help, where)           \
	DEFUN(name, name##_cmd, cmdstr, help)           \
	{                                               \
		*(where) = (unsigned int)atoi(argv[0]); \
		return CMD_SUCCESS;                     \
	}
