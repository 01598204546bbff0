/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Texts of a configuration: set by commands, written back. */
#include "common/app/text_vty.h"

#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/es/soap.h"

int text_vty_set(const void *ctx, char **where, const char *value)
{
	talloc_free(*where);
	*where = talloc_strdup(ctx, value);
	return CMD_SUCCESS;
}

int text_vty_set_oid(struct vty *vty, const void *ctx, char **where, const char *oid)
{
	if (!soap_oid_ok(oid)) {
		vty_out(vty, "%% %s is no dotted object identifier%s", oid, VTY_NEWLINE);
		return CMD_WARNING;
	}
	return text_vty_set(ctx, where, oid);
}

void text_vty_out(struct vty *vty, const char *indent, const char *key, const char *value)
{
	if (value && *value)
		vty_out(vty, "%s%s %s%s", indent, key, value, VTY_NEWLINE);
}
