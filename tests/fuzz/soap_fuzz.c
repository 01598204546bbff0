/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SOAP: octets to message; what is read must be written, read again and written to the same octets. */
#include <stdlib.h>

#include <talloc.h>

#include "common/es/soap.h"
#include "tests/fuzz/fuzz.h"

static struct bytes write_body(void *ctx, const struct soap_msg *msg)
{
	static const struct soap_out out = {
		.from = "https://a.example.net/?EntityId=1.2", .to = "https://b.example.net/", .message_id = "//1.2/m"};
	struct bytes xml;

	if (soap_tx(ctx, &out, msg->fn, msg->dir, msg->body, &xml) < 0)
		abort();
	return xml;
}

static void round_trip(struct es_ctx *es, void *ctx, const struct soap_msg *msg)
{
	struct bytes first = write_body(ctx, msg);
	struct soap_fault *fault;
	struct soap_msg *again;

	if (soap_rx(es, ctx, first, SOAP_CONTENT_TYPE, &again, &fault) < 0 || !again->body)
		abort();
	if (again->fn != msg->fn || again->dir != msg->dir || !bytes_eq(first, write_body(ctx, again)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct es_ctx *es;
	void *ctx = talloc_new(NULL);
	struct soap_fault *fault;
	struct soap_msg *msg;
	struct bytes xml;

	if (!es)
		es = es_ctx_alloc(NULL, NULL);
	if (!es)
		abort();
	if (soap_rx(es, ctx, bytes_of(data, size), SOAP_CONTENT_TYPE, &msg, &fault) < 0) {
		if (!fault->reason || soap_tx_fault(ctx, fault, &xml) < 0)
			abort();
	} else if (msg->dir != ES_DIR_FAULT && msg->fn != WSMC_MAKE_CONNECTION) {
		if (msg->body)
			round_trip(es, ctx, msg);
		else if (!msg->bad.message)
			abort();
	}
	talloc_free(ctx);
	return 0;
}
