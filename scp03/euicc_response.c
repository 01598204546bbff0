/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* EUICCResponse of the eUICC Profile Package: what a card says about each profile element and about the whole.
 *
 *   30 { A0 { 30 { 80 status [81 identification] [82 additional information] [83 offset] } ... }
 *        [81 00 installation aborted] [82 message] } */
#include <errno.h>

#include <osmocom/core/utils.h>

#include "common/codec/ber.h"
#include "scp03/scp03t.h"

#define TAG_SEQUENCE 0x30
#define TAG_RESULTS 0xa0
#define TAG_STATUS 0x80
#define TAG_IDENTIFICATION 0x81
#define TAG_INFO 0x82
#define TAG_OFFSET 0x83
#define TAG_ABORTED 0x81
#define TAG_MESSAGE 0x82

static const struct {
	int32_t status;
	const char *name;
} names[] = {
	{PE_OK, "ok"},
	{PE_NOT_SUPPORTED, "profile element not supported"},
	{PE_MEMORY_FAILURE, "memory failure"},
	{PE_BAD_VALUES, "bad values"},
	{PE_NOT_ENOUGH_MEMORY, "not enough memory"},
	{PE_INVALID_REQUEST_FORMAT, "invalid request format"},
	{PE_INVALID_PARAMETER, "invalid parameter"},
	{PE_RUNTIME_NOT_SUPPORTED, "runtime not supported"},
	{PE_LIB_NOT_SUPPORTED, "library not supported"},
	{PE_TEMPLATE_NOT_SUPPORTED, "template not supported"},
	{PE_FEATURE_NOT_SUPPORTED, "feature not supported"},
	{PE_PIN_CODE_MISSING, "PIN code missing"},
	{PE_UNSUPPORTED_PROFILE_VERSION, "unsupported profile version"},
};

const char *pe_status_name(int32_t status)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].status == status)
			return names[i].name;
	}
	return "status";
}

/* ---- reading ---- */

/* INTEGER of 1 to 4 octets that is not negative. */
static int32_t integer(struct rd *r, struct bytes v)
{
	struct rd s;
	uint64_t n;

	rd_init(&s, v);
	n = rd_uint(&s, v.len <= 4 ? v.len : 0);
	if (rd_end(&s) < 0 || v.len == 0 || n > INT32_MAX) {
		rd_fail(r);
		return -1;
	}
	return (int32_t)n;
}

static void result_dec(struct rd *outer, struct bytes body, struct pe_result *res)
{
	struct ber t;
	struct rd r;

	*res = (struct pe_result){.status = -1, .identification = -1, .info = -1, .offset = -1};
	rd_init(&r, body);
	while (ber_next(&r, &t)) {
		int32_t *to = t.tag == TAG_STATUS	    ? &res->status
			      : t.tag == TAG_IDENTIFICATION ? &res->identification
			      : t.tag == TAG_INFO	    ? &res->info
			      : t.tag == TAG_OFFSET	    ? &res->offset
							    : NULL;

		if (to)
			*to = integer(&r, t.value);
	}
	if (rd_end(&r) < 0 || res->status < 0)
		rd_fail(outer);
}

static int results_dec(struct bytes list, struct euicc_response *rsp)
{
	struct pe_result res;
	struct rd r;

	rd_init(&r, list);
	while (rd_left(&r) > 0) {
		struct bytes body = ber_expect(&r, TAG_SEQUENCE);

		if (!r.failed)
			result_dec(&r, body, &res);
		if (r.failed)
			return -EINVAL;
		if (rsp->n < ARRAY_SIZE(rsp->results))
			rsp->results[rsp->n++] = res;
		if (res.status != PE_OK && !rsp->failed) {
			rsp->failure = res;
			rsp->failed = true;
		}
		rsp->n_all++;
	}
	return rd_end(&r);
}

int euicc_response_dec(struct bytes b, struct euicc_response *out)
{
	struct euicc_response rsp = {};
	struct bytes body, list;
	struct ber t;
	struct rd r;

	rd_init(&r, b);
	body = ber_expect(&r, TAG_SEQUENCE);
	if (rd_end(&r) < 0)
		return -EINVAL;
	rd_init(&r, body);
	list = ber_expect(&r, TAG_RESULTS);
	if (r.failed || results_dec(list, &rsp) < 0)
		return -EINVAL;
	while (ber_next(&r, &t)) {
		if (t.tag == TAG_ABORTED)
			rsp.aborted = true;
		if (t.tag == TAG_MESSAGE)
			rsp.message = t.value;
	}
	if (rd_end(&r) < 0)
		return -EINVAL;
	*out = rsp;
	return 0;
}

const struct pe_result *euicc_response_failure(const struct euicc_response *rsp)
{
	return rsp->failed ? &rsp->failure : NULL;
}

/* ---- writing ---- */

/* Shortest INTEGER; nothing for a negative value, which says "not given". */
static void put_integer(struct wr *w, uint32_t tag, int32_t value)
{
	size_t n = 1;

	if (value < 0)
		return;
	while (n < 4 && value >> (8 * n - 1))
		n++;
	ber_put_head(w, tag, n);
	wr_uint(w, (uint64_t)value, n);
}

static void put_result(struct wr *w, const struct pe_result *res)
{
	uint8_t buf[4 * 6];
	struct wr body;

	wr_init_buf(&body, buf, sizeof(buf));
	put_integer(&body, TAG_STATUS, res->status);
	put_integer(&body, TAG_IDENTIFICATION, res->identification);
	put_integer(&body, TAG_INFO, res->info);
	put_integer(&body, TAG_OFFSET, res->offset);
	ber_put(w, TAG_SEQUENCE, bytes_of(buf, body.len));
}

static size_t ber_len(size_t len)
{
	return (len < 0x80 ? 2 : len < 0x100 ? 3 : 4) + len;
}

int euicc_response_enc(const struct euicc_response *rsp, struct wr *w)
{
	uint8_t buf[EUICC_RESPONSE_RESULTS_MAX * 26];
	struct wr list;

	if (rsp->n > EUICC_RESPONSE_RESULTS_MAX || rsp->message.len > 0x7f)
		return -EINVAL;
	wr_init_buf(&list, buf, sizeof(buf));
	for (size_t i = 0; i < rsp->n; i++)
		put_result(&list, &rsp->results[i]);
	if (list.failed)
		return -EINVAL;
	ber_put_head(w, TAG_SEQUENCE,
		     ber_len(list.len) + (rsp->aborted ? 2 : 0) + (rsp->message.len ? ber_len(rsp->message.len) : 0));
	ber_put(w, TAG_RESULTS, bytes_of(buf, list.len));
	if (rsp->aborted)
		ber_put(w, TAG_ABORTED, bytes_of(NULL, 0));
	if (rsp->message.len)
		ber_put(w, TAG_MESSAGE, rsp->message);
	return 0;
}
