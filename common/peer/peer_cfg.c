/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/peer_cfg.h"

#include "common/net/http_client.h"

const char *peer_cfg_wrong(const struct tls_who *tls, const char *callback_prefix, const char *notification_url)
{
	if (!tls_who_is_set(tls))
		return "nothing says which TLS certificate it has (tls ...)";
	if (callback_prefix && http_url_check(callback_prefix) < 0)
		return "callback-prefix is no https URL";
	if (notification_url && http_url_check(notification_url) < 0)
		return "notification-url is no https URL";
	return NULL;
}
