/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who a peer is on TLS, in the configuration of both daemons. */
#include "common/app/who_vty.h"

#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/text_vty.h"

int who_vty_set_subject(const void *ctx, struct tls_who *who, const char **words, int n)
{
	char *name = argv_concat(words, n, 0);
	int rc = text_vty_set(ctx, &who->subject, name);

	talloc_free(name);
	return rc;
}

void who_vty_write(struct vty *vty, const char *indent, const struct tls_who *who)
{
	text_vty_out(vty, indent, "tls serial-number", who->serial);
	text_vty_out(vty, indent, "tls subject", who->subject);
	text_vty_out(vty, indent, "tls fingerprint", who->fingerprint);
}
