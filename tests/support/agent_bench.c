/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/agent_bench.h"

#include <ctype.h>
#include <string.h>

#include <talloc.h>

int agent_setup(void **state)
{
	struct bench *b;

	assert_int_equal(bench_setup(state), 0);
	b = *state;
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_expect_nothing(b);
	return 0;
}

const struct euicc_channel *agent_connect(struct bench *b)
{
	struct euicc_out *out = bench_expect(b, EUICC_OUT_CONNECT);

	euicc_rx_https_open(b->card);
	return out->https;
}

struct bytes agent_sent_octets(struct bench *b)
{
	return bench_expect(b, EUICC_OUT_SEND)->pdu;
}

const char *agent_sent(struct bench *b)
{
	struct bytes octets = agent_sent_octets(b);
	char *text = talloc_strndup(b->ctx, "", 0);

	for (size_t i = 0; i < octets.len; i++) {
		char c = (char)octets.data[i];

		text = talloc_asprintf_append(text, "%c",
					      isprint((unsigned char)c) || isspace((unsigned char)c) ? c : '.');
	}
	return text;
}

void agent_say(struct bench *b, const char *text)
{
	euicc_rx_https_data(b->card, bytes_str(text));
}

void agent_script(struct bench *b, const char *next, const char *target, const char *script)
{
	struct bytes body = bench_hex(b, script), octets;
	char *head = talloc_asprintf(b->ctx, AGENT_OK AGENT_TYPE "Transfer-Encoding: chunked\r\n");
	struct wr w;

	if (next)
		head = talloc_asprintf_append(head, "X-Admin-Next-URI: %s\r\n", next);
	if (target)
		head = talloc_asprintf_append(head, "X-Admin-Targeted-Application: //aid/%.10s/%s\r\n", target,
					      target + 10);
	head = talloc_asprintf_append(head, "\r\n%zX\r\n", body.len);
	wr_init(&w, b->ctx);
	wr_str(&w, head);
	wr_bytes(&w, body);
	wr_str(&w, "\r\n0\r\n\r\n");
	assert_int_equal(wr_end(&w, &octets), 0);
	euicc_rx_https_data(b->card, octets);
}

void agent_closed(struct bench *b, bool cut)
{
	assert_int_equal(bench_expect(b, EUICC_OUT_CLOSE)->cause, cut);
}

void agent_start(struct bench *b)
{
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	agent_connect(b);
	assert_string_equal(agent_sent(b), AGENT_FIRST);
	bench_expect_nothing(b);
}
