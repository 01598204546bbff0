/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Words and names in the headers of remote administration. */
#include "scp81/admin.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define RID_LEN 5
#define FROM_EID "//se-id/eid/"
#define FROM_AGENT "//aa-id/aid/"
#define TARGET "//aid/"

static const struct value_string status_words[] = {
	{ADMIN_STATUS_OK, "ok"},
	{ADMIN_STATUS_UNKNOWN_APPLICATION, "unknown-application"},
	{ADMIN_STATUS_NOT_A_SECURITY_DOMAIN, "not-a-security-domain"},
	{ADMIN_STATUS_SECURITY_ERROR, "security-error"},
	{ADMIN_STATUS_TEMPORARILY_UNAVAILABLE, "temporarily-unavailable-application"},
	{ADMIN_STATUS_SCRIPT_FORMAT_ERROR, "script-format-error"},
	{ADMIN_STATUS_UNAVAILABLE_SE, "unavailable-se"},
	{0, NULL},
};

const char *admin_status_text(enum admin_status status)
{
	for (const struct value_string *v = status_words; v->str; v++) {
		if (v->value == status)
			return v->str;
	}
	return NULL;
}

enum admin_status admin_status_of(const char *text)
{
	if (!text)
		return ADMIN_STATUS_NONE;
	for (const struct value_string *v = status_words; v->str; v++) {
		if (strcasecmp(v->str, text) == 0)
			return (enum admin_status)v->value;
	}
	return ADMIN_STATUS_OTHER;
}

/* <RID>/<PIX> */
static char *aid_text(const void *ctx, struct bytes aid)
{
	char rid[2 * RID_LEN + 1], pix[2 * (ADMIN_AID_MAX - RID_LEN) + 1];

	if (aid.len < ADMIN_AID_MIN || aid.len > ADMIN_AID_MAX ||
	    hex_enc_buf(rid, sizeof(rid), bytes_sub(aid, 0, RID_LEN)) < 0 ||
	    hex_enc_buf(pix, sizeof(pix), bytes_sub(aid, RID_LEN, aid.len - RID_LEN)) < 0)
		return NULL;
	return talloc_asprintf(ctx, "%s/%s", rid, pix);
}

char *admin_from_enc(const void *ctx, const uint8_t eid[ADMIN_EID_LEN], struct bytes aid)
{
	char digits[2 * ADMIN_EID_LEN + 1];
	char *text, *agent;

	OSMO_ASSERT(hex_enc_buf(digits, sizeof(digits), bytes_of(eid, ADMIN_EID_LEN)) == 0);
	text = talloc_asprintf(ctx, FROM_EID "%s", digits);
	if (aid.len == 0)
		return text;
	agent = aid_text(text, aid);
	if (!agent) {
		talloc_free(text);
		return NULL;
	}
	return talloc_asprintf_append(text, ";" FROM_AGENT "%s", agent);
}

int admin_from_dec(const char *from, uint8_t eid[ADMIN_EID_LEN])
{
	const char *at = strcasestr(from, FROM_EID);
	char digits[2 * ADMIN_EID_LEN + 1];
	size_t len;

	/* a part begins the value or follows the end of another */
	if (!at || (at != from && at[-1] != ';' && at[-1] != ' '))
		return -EINVAL;
	at += strlen(FROM_EID);
	len = strcspn(at, "; ");
	if (len != sizeof(digits) - 1)
		return -EINVAL;
	memcpy(digits, at, len);
	digits[len] = '\0';
	return hex_dec_buf(eid, ADMIN_EID_LEN, digits);
}

char *admin_target_enc(const void *ctx, struct bytes aid)
{
	char *name = aid_text(ctx, aid);
	char *text = name ? talloc_asprintf(ctx, TARGET "%s", name) : NULL;

	talloc_free(name);
	return text;
}

int admin_target_dec(const char *target, uint8_t aid[ADMIN_AID_MAX], size_t *len)
{
	char hex[2 * ADMIN_AID_MAX + 1];
	uint8_t octets[ADMIN_AID_MAX];
	const char *slash;
	size_t n;

	if (strncasecmp(target, TARGET, strlen(TARGET)) != 0)
		return -EINVAL;
	target += strlen(TARGET);
	slash = strchr(target, '/');
	n = slash ? strlen(target) - 1 : 0;
	if (n < 2 * ADMIN_AID_MIN || n >= sizeof(hex) || slash - target != 2 * RID_LEN)
		return -EINVAL;
	memcpy(hex, target, 2 * RID_LEN);
	memcpy(hex + 2 * RID_LEN, slash + 1, n - 2 * RID_LEN);
	hex[n] = '\0';
	if (n % 2 != 0 || hex_dec_buf(octets, n / 2, hex) < 0)
		return -EINVAL;
	memcpy(aid, octets, n / 2);
	*len = n / 2;
	return 0;
}

/* Length of a media type without parameters and blanks. */
static size_t type_len(const char *type)
{
	size_t n = strcspn(type, ";");

	while (n > 0 && isblank((unsigned char)type[n - 1]))
		n--;
	return n;
}

bool admin_type_is(const char *content_type, const char *wanted)
{
	size_t n;

	if (!content_type)
		return false;
	n = type_len(content_type);
	return n == type_len(wanted) && strncasecmp(content_type, wanted, n) == 0;
}
