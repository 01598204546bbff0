/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/action.h"

#include <stdarg.h>

#include <talloc.h>

#include "common/app/log.h"

int action_say(const void *ctx, const char **text, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*text = talloc_vasprintf(ctx, fmt, ap);
	va_end(ap);
	return rc;
}

void action_end(const void *ctx, const char *by, int rc, const char **text)
{
	if (!*text)
		*text = rc < 0 ? talloc_asprintf(ctx, "internal error %d", -rc) : "done";
	LOGP(DMAIN, rc < 0 ? LOGL_INFO : LOGL_NOTICE, "%s: %s%s\n", by, rc < 0 ? "refused: " : "", *text);
}
