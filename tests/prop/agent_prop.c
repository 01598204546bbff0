/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers of a server that are cut anywhere, damaged in any bit, or come in pieces: the card never does half a script,
 * closes or goes on, and comes back on a new connection. */
#include "tests/support/agent_bench.h"

#include <string.h>

#include <talloc.h>

#define NEXT "/gsma/adminagent?tid=17&s=1"
#define HEAD                                      \
	AGENT_OK "X-Admin-Next-URI: " NEXT "\r\n" \
		 "X-Admin-Targeted-Application: //aid/A000000559/1010FFFFFFFF8900000100\r\n" AGENT_TYPE
/* SetFallbackAttribute of the other profile: the card shows whether it was executed. */
#define SCRIPT                                                     \
	"\xae\x80\x22\x1a\x80\xe2\x88\x00\x15\x3a\x05\x12\x4f\x10" \
	"\xa0\x00\x00\x05\x59\x10\x10\xff\xff\xff\xff\x89\x00\x00\x10\x00\x00\x00"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n20\r\n" SCRIPT "\r\n0\r\n\r\n"
#define LENGTH HEAD "Content-Length: 32\r\n\r\n" SCRIPT

static const struct bytes answers[] = {
	{(const uint8_t *)CHUNKED, sizeof(CHUNKED) - 1},
	{(const uint8_t *)LENGTH, sizeof(LENGTH) - 1},
	{(const uint8_t *)AGENT_204, sizeof(AGENT_204) - 1},
};
#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

static bool executed(const struct bench *b)
{
	return !euicc_enabled(b->card)->fallback;
}

/* What the card did last about its session. */
static enum euicc_out_type last_out(struct bench *b)
{
	enum euicc_out_type type = EUICC_OUT_EVENT;
	struct euicc_out *out;

	while ((out = bench_next(b)))
		type = out->type;
	return type;
}

/* Every connection breaks: the session has to end after so many attempts as there are. */
static void wear_out(struct bench *b)
{
	for (unsigned int i = 0; i <= b->fleet->set.https_retries; i++) {
		euicc_rx_https_closed(b->card, "broken");
		bench_advance(b, b->fleet->set.https_retry_ms);
		euicc_rx_https_open(b->card);
	}
	assert_false(euicc_in_session(b->card));
	last_out(b);
}

static void cut_anywhere(void **state)
{
	for (size_t k = 0; k < N_ANSWERS; k++) {
		struct bench *b;

		assert_int_equal(agent_setup(state), 0);
		b = *state;
		for (size_t len = 0; len < answers[k].len; len++) {
			agent_start(b);
			euicc_rx_https_data(b->card, bytes_dup(b->ctx, bytes_sub(answers[k], 0, len)));
			bench_expect_nothing(b);
			assert_false(executed(b));
			euicc_rx_https_closed(b->card, "cut");
			agent_closed(b, true);
			bench_advance(b, b->fleet->set.https_retry_ms);
			agent_connect(b);
			assert_non_null(strstr(agent_sent(b), "X-Admin-Resume: true"));
			wear_out(b);
		}
		bench_teardown(state);
	}
}

static void damaged_anywhere(void **state)
{
	for (size_t k = 0; k < N_ANSWERS; k++) {
		struct bench *b;

		assert_int_equal(agent_setup(state), 0);
		b = *state;
		for (size_t bit = 0; bit < answers[k].len * 8; bit++) {
			struct bytes copy = bytes_dup(b->ctx, answers[k]);
			enum euicc_out_type type;

			((uint8_t *)copy.data)[bit / 8] ^= (uint8_t)(1u << bit % 8);
			agent_start(b);
			euicc_rx_https_data(b->card, copy);
			type = last_out(b);
			/* it asks again, has closed, or waits for more */
			assert_true(type == EUICC_OUT_SEND || type == EUICC_OUT_CLOSE || type == EUICC_OUT_EVENT);
			wear_out(b);
		}
		bench_teardown(state);
	}
}

static void in_pieces(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct bench *b;

		assert_int_equal(agent_setup(state), 0);
		b = *state;
		agent_start(b);
		for (size_t at = 0; at < answers[0].len; at += pieces[i]) {
			size_t left = answers[0].len - at;

			assert_false(executed(b));
			euicc_rx_https_data(b->card, bytes_sub(answers[0], at, left < pieces[i] ? left : pieces[i]));
		}
		assert_non_null(strstr(agent_sent(b), "X-Admin-Script-Status: ok"));
		assert_true(executed(b));
		bench_teardown(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(damaged_anywhere),
		cmocka_unit_test(in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
