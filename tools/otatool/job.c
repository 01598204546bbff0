/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fields in and out of a job.  Errors are sticky, so that a subcommand reads all its fields and asks once. */
#include "tools/otatool/tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

void job_fail(struct job *job, enum tool_exit code, const char *fmt, ...)
{
	va_list ap;

	if (job->error)
		return;
	va_start(ap, fmt);
	job->error = talloc_vasprintf(job->ctx, fmt, ap);
	va_end(ap);
	OSMO_ASSERT(job->error);
	job->exit = code;
}

bool job_ok(const struct job *job)
{
	return !job->error;
}

static const struct {
	int rc;
	const char *text;
} errors[] = {
	{-EPERM,
	 "against the rules for sending (AES without a checked counter, or single DES); --any does it all the same"},
	{-EINVAL, "malformed, or the keys do not suit the header"},
	{-EBADMSG, "checksum mismatch"},
	{-EACCES, "no security where a checksum was demanded: proves nothing"},
	{-EOPNOTSUPP, "algorithm or address form not served"},
	{-ENOSPC, "too long"},
	{-ENOENT, "no secured packet in it"},
	{-EAGAIN, "parts are missing"},
	{-EPROTO, "parts contradict each other"},
};

bool job_failed(struct job *job, int rc, const char *doing)
{
	size_t i = 0;

	if (rc >= 0)
		return false;
	while (i < ARRAY_SIZE(errors) && errors[i].rc != rc)
		i++;
	job_fail(job, TOOL_REFUSED, "%s: %s", doing, i < ARRAY_SIZE(errors) ? errors[i].text : strerror(-rc));
	return true;
}

/* ---- in ---- */

static const json_t *field(const struct job *job, const char *key)
{
	const json_t *v = json_object_get(job->in, key);

	if ((!v || json_is_null(v)) && job->opt->keys)
		v = json_object_get(job->opt->keys, key);
	return v && !json_is_null(v) ? v : NULL;
}

const json_t *in_json(const struct job *job, const char *key)
{
	return field(job, key);
}

bool in_has(const struct job *job, const char *key)
{
	return field(job, key);
}

const char *in_str(struct job *job, const char *key)
{
	const json_t *v = field(job, key);

	if (v && !json_is_string(v))
		job_fail(job, TOOL_USAGE, "%s: must be a string", key);
	return json_string_value(v);
}

bool in_is(const struct job *job, const char *key, const char *value)
{
	const char *s = json_string_value(field(job, key));

	return s && strcmp(s, value) == 0;
}

static struct bytes hex_of(struct job *job, const char *key, const json_t *v)
{
	struct bytes b = {0};

	if (!json_is_string(v) || hex_dec(job->ctx, json_string_value(v), &b) < 0)
		job_fail(job, TOOL_USAGE, "%s: must be hex", key);
	return b;
}

struct bytes in_hex(struct job *job, const char *key)
{
	const json_t *v = field(job, key);

	return v ? hex_of(job, key, v) : bytes_of(NULL, 0);
}

struct bytes in_hex_needed(struct job *job, const char *key)
{
	if (!in_has(job, key))
		job_fail(job, TOOL_USAGE, "%s: missing", key);
	return in_hex(job, key);
}

uint64_t in_num(struct job *job, const char *key, size_t octets)
{
	struct bytes b = in_hex_needed(job, key);
	uint64_t n;
	struct rd r;

	rd_init(&r, b);
	n = rd_uint(&r, octets);
	if (rd_end(&r) < 0)
		job_fail(job, TOOL_USAGE, "%s: must be %zu octets", key, octets);
	return n;
}

unsigned int in_int(struct job *job, const char *key, unsigned int missing, unsigned int max)
{
	const json_t *v = field(job, key);

	if (!v)
		return missing;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max) {
		job_fail(job, TOOL_USAGE, "%s: must be a number up to %u", key, max);
		return 0;
	}
	return (unsigned int)json_integer_value(v);
}

size_t in_hex_list(struct job *job, const char *key, struct bytes **list)
{
	const json_t *v = field(job, key);
	size_t n = json_is_array(v) ? json_array_size(v) : v ? 1 : 0;

	*list = talloc_zero_size(job->ctx, (n ? n : 1) * sizeof(struct bytes));
	OSMO_ASSERT(*list);
	for (size_t i = 0; i < n; i++)
		(*list)[i] = hex_of(job, key, json_is_array(v) ? json_array_get(v, i) : v);
	return n;
}

/* ---- out ---- */

static void put(struct job *job, const char *key, json_t *value)
{
	OSMO_ASSERT(value && json_object_set_new(job->out, key, value) == 0);
}

json_t *hex_value(struct job *job, struct bytes value)
{
	char *hex = hex_enc(job->ctx, value);

	for (char *c = hex; *c; c++)
		*c = (char)tolower(*c);
	return json_string(hex);
}

void out_hex(struct job *job, const char *key, struct bytes value)
{
	put(job, key, hex_value(job, value));
}

void out_num(struct job *job, const char *key, uint64_t value, size_t octets)
{
	struct bytes b;
	struct wr w;

	wr_init(&w, job->ctx);
	wr_uint(&w, value, octets);
	OSMO_ASSERT(wr_end(&w, &b) == 0);
	out_hex(job, key, b);
}

void out_int(struct job *job, const char *key, unsigned int value)
{
	put(job, key, json_integer(value));
}

void out_str(struct job *job, const char *key, const char *value)
{
	put(job, key, json_string(value));
}

void out_hex_list(struct job *job, const char *key, const struct bytes *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		OSMO_ASSERT(json_array_append_new(array, hex_value(job, list[i])) == 0);
	put(job, key, array);
}
