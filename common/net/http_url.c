/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* URLs of peers: https only, no user information (it would end in a log), no fragment. */
#include "common/net/http_url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/http_client.h"

#define HTTPS_PORT 443
#define URL_MAX 2048

static bool acceptable(const struct evhttp_uri *uri)
{
	const char *scheme = evhttp_uri_get_scheme(uri);
	const char *host = evhttp_uri_get_host(uri);
	int port = evhttp_uri_get_port(uri);

	return scheme && !strcasecmp(scheme, "https") && host && *host && port != 0 && port <= UINT16_MAX &&
	       !evhttp_uri_get_userinfo(uri) && !evhttp_uri_get_fragment(uri);
}

static const char *bare_host(const void *ctx, const char *host)
{
	size_t len = strlen(host);

	if (host[0] == '[' && host[len - 1] == ']')
		return talloc_strndup(ctx, host + 1, len - 2);
	return talloc_strdup(ctx, host);
}

static void take_apart(const void *ctx, const struct evhttp_uri *uri, struct http_url *out)
{
	const char *host = evhttp_uri_get_host(uri);
	const char *path = evhttp_uri_get_path(uri);
	const char *query = evhttp_uri_get_query(uri);
	int port = evhttp_uri_get_port(uri);

	out->host = bare_host(ctx, host);
	out->port = port < 0 ? HTTPS_PORT : (uint16_t)port;
	out->host_port = port < 0 ? talloc_strdup(ctx, host) : talloc_asprintf(ctx, "%s:%d", host, port);
	out->target = talloc_asprintf(ctx, "%s%s%s", path && *path ? path : "/", query ? "?" : "", query ? query : "");
}

int http_url_parse(const void *ctx, const char *url, struct http_url *out)
{
	struct evhttp_uri *uri;
	int rc = -EINVAL;

	if (!url || strlen(url) > URL_MAX)
		return -EINVAL;
	uri = evhttp_uri_parse(url);
	if (!uri)
		return -EINVAL;
	if (acceptable(uri)) {
		take_apart(ctx, uri, out);
		rc = 0;
	}
	evhttp_uri_free(uri);
	return rc;
}

int http_url_check(const char *url)
{
	void *tmp = talloc_new(NULL);
	struct http_url parts;
	int rc = http_url_parse(tmp, url, &parts);

	talloc_free(tmp);
	return rc;
}

/* A path that climbs would leave the prefix at the peer's server. */
static bool climbs(const char *url)
{
	static const char *const steps[] = {"..", "%2e", "%2E"};
	const char *query = url + strcspn(url, "?");

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const char *step = strstr(url, steps[i]);

		if (step && step < query)
			return true;
	}
	return false;
}

bool http_url_is_below(const char *prefix, const char *url)
{
	size_t n = prefix ? strlen(prefix) : 0;

	if (n == 0 || strncmp(url, prefix, n) != 0 || climbs(url))
		return false;
	return prefix[n - 1] == '/' || strchr("/?", url[n]); /* strchr finds the NUL as well */
}
