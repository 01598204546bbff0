/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Envelopes: the 22 messages of tests/vectors/es with the values that stand in them, and everything that must be
 * refused. Digest of a body: exclusive canonical form of the body element alone, then sha256sum. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <talloc.h>

#include "common/es/soap.h"
#include "tests/support/es_sample.h"

#define V "tests/vectors/es/"

static const struct {
	const char *path;
	enum es_fn fn;
	enum es_dir dir;
} vectors[] = {
	{V "01-es1-registereis-request.xml", ES1_REGISTER_EIS, ES_DIR_REQUEST},
	{V "02-es1-registereis-response.xml", ES1_REGISTER_EIS, ES_DIR_RESPONSE},
	{V "03-es2-downloadprofile-request.xml", ES2_DOWNLOAD_PROFILE, ES_DIR_REQUEST},
	{V "04-es2-downloadprofile-callback.xml", ES2_DOWNLOAD_PROFILE, ES_DIR_RESPONSE},
	{V "05-es3-createisdp-request.xml", ES3_CREATE_ISDP, ES_DIR_REQUEST},
	{V "06-es3-createisdp-callback.xml", ES3_CREATE_ISDP, ES_DIR_RESPONSE},
	{V "07-es3-createisdp-callback-failed.xml", ES3_CREATE_ISDP, ES_DIR_RESPONSE},
	{V "08-es3-senddata-request.xml", ES3_SEND_DATA, ES_DIR_REQUEST},
	{V "09-es3-senddata-callback.xml", ES3_SEND_DATA, ES_DIR_RESPONSE},
	{V "10-es3-profiledownloadcompleted-request.xml", ES3_PROFILE_DOWNLOAD_COMPLETED, ES_DIR_REQUEST},
	{V "11-es4-enableprofile-request.xml", ES4_ENABLE_PROFILE, ES_DIR_REQUEST},
	{V "12-es4-enableprofile-callback-expired.xml", ES4_ENABLE_PROFILE, ES_DIR_RESPONSE},
	{V "13-es4-handleprofiledisabled-notification.xml", ES4_HANDLE_PROFILE_DISABLED, ES_DIR_NOTIFICATION},
	{V "14-es4-smsrchange-request.xml", ES4_SMSR_CHANGE, ES_DIR_REQUEST},
	{V "15-es7-handovereuicc-request.xml", ES7_HANDOVER_EUICC, ES_DIR_REQUEST},
	{V "16-es7-authenticatesmsr-request.xml", ES7_AUTHENTICATE_SMSR, ES_DIR_REQUEST},
	{V "17-es7-createadditionalkeyset-request.xml", ES7_CREATE_ADDITIONAL_KEY_SET, ES_DIR_REQUEST},
	{V "18-es7-handovereuicc-callback.xml", ES7_HANDOVER_EUICC, ES_DIR_RESPONSE},
	{V "19-wsmc-makeconnection-request.xml", WSMC_MAKE_CONNECTION, ES_DIR_REQUEST},
	{V "20-wsmc-makeconnection-answer.xml", ES4_ENABLE_PROFILE, ES_DIR_RESPONSE},
	{V "21-soap-fault.xml", ES_FN_NONE, ES_DIR_FAULT},
};
#define ENABLE V "11-es4-enableprofile-request.xml"
#define WITH_TOKEN V "22-es4-geteis-usernametoken-request.xml"
#define TOKEN_INSISTS "<wsse:Security soap:mustUnderstand=\"true\">"
/* xmllint --exc-c14n and Python's own canonicalize() agree on it. */
#define ENABLE_DIGEST "4D94762FB01AD41DEB4D8239A80F1B57C4D446403421A611398312667187DFB5"
#define REGISTER V "01-es1-registereis-request.xml"

static struct es_ctx *es;

static int setup(void **state)
{
	es = es_ctx_alloc(NULL, NULL);
	*state = talloc_new(NULL);
	return es ? 0 : -1;
}

static int teardown(void **state)
{
	talloc_free(es);
	talloc_free(*state);
	return 0;
}

static struct soap_msg *must_read(void *ctx, struct bytes in)
{
	struct soap_fault *fault;
	struct soap_msg *msg;

	if (soap_rx(es, ctx, in, SOAP_CONTENT_TYPE, &msg, &fault) < 0)
		fail_msg("%s\n%.*s", fault->reason, (int)in.len, in.data);
	if (!msg->body)
		fail_msg("%s\n%.*s", msg->bad.message, (int)in.len, in.data);
	return msg;
}

static struct soap_msg *must_load(void *ctx, const char *path)
{
	return must_read(ctx, es_sample_file(ctx, path));
}

/* The message with the first occurrence of a text replaced. */
static struct bytes edited(void *ctx, const char *path, const char *from, const char *to)
{
	const char *text = (const char *)es_sample_file(ctx, path).data, *at = strstr(text, from);

	assert_non_null(at);
	return bytes_str(talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
}

static void all_vectors_are_read(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct soap_msg *msg = must_load(*state, vectors[i].path);

		assert_int_equal(msg->fn, vectors[i].fn);
		assert_int_equal(msg->dir, vectors[i].dir);
	}
}

static void decode_encode_decode_gives_the_same(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct soap_msg *msg = must_load(*state, vectors[i].path);
		struct soap_out out = es_sample_out(*state, msg->dir);
		struct bytes first, second;

		if (msg->fn == ES_FN_NONE || msg->fn == WSMC_MAKE_CONNECTION)
			continue;
		assert_int_equal(soap_tx(*state, &out, msg->fn, msg->dir, msg->body, &first), 0);
		msg = must_read(*state, first);
		assert_int_equal(soap_tx(*state, &out, msg->fn, msg->dir, msg->body, &second), 0);
		assert_true(bytes_eq(first, second));
	}
}

static void headers_are_taken_apart(void **state)
{
	struct soap_msg *msg = must_load(*state, ENABLE);
	const struct soap_headers *h = &msg->hdr;

	assert_string_equal(h->from.base, "https://mno1.example.net/esim/ES4");
	assert_string_equal(h->from.entity_id, "1.3.6.1.4.1.32473.40");
	assert_string_equal(h->from.entity_name, "ExampleMNO1");
	assert_string_equal(h->to.entity_id, "1.3.6.1.4.1.32473.30");
	assert_string_equal(h->reply_to.uri,
			    "https://mno1.example.net/esim/ES4/ES4MnoService?EntityId=1.3.6.1.4.1.32473.40");
	assert_string_equal(h->action, "http://gsma.com/ES4/ProfileManagement/ES4-EnableProfile");
	assert_string_equal(h->id.base, "//1.3.6.1.4.1.32473.40/urn:uuid:aa000006-0000-4000-8000-000000000001");
	assert_string_equal(h->id.transaction_id, "urn:uuid:bb000006-0000-4000-8000-000000000001");
	assert_string_equal(h->id.date, "2026-03-05T12:00:00Z");
	assert_null(h->id.context_id);
	assert_null(h->relates_to.raw);
	assert_string_equal(msg->call_id, ((struct es_profile_req *)msg->body)->base.call_id);
}

static void a_request_has_its_values_and_digest(void **state)
{
	struct soap_msg *msg = must_load(*state, ENABLE);
	const struct es_profile_req *req = msg->body;
	uint8_t want[32];

	assert_int_equal(req->base.validity_s, 7200);
	assert_string_equal(req->eid, "89044045211812345678901234567853");
	assert_string_equal(req->iccid, "8988211123456789018");
	assert_true(msg->has_digest);
	assert_int_equal(hex_dec_buf(want, 32, ENABLE_DIGEST), 0);
	assert_memory_equal(msg->digest, want, 32);
	/* Other headers and another comment: same call.  Another value: another call. */
	msg = must_read(*state, edited(*state, ENABLE, "<rps:Eid>", "<!-- again --><rps:Eid>"));
	assert_memory_equal(msg->digest, want, 32);
	msg = must_read(*state, edited(*state, ENABLE, "7200", "7201"));
	assert_memory_not_equal(msg->digest, want, 32);
	msg = must_read(*state, edited(*state, WITH_TOKEN, TOKEN_INSISTS, "<wsse:Security>"));
	assert_false(msg->has_digest); /* it only reads */
}

static void an_eis_is_read_whole(void **state)
{
	struct soap_msg *msg = must_load(*state, REGISTER);
	const struct es_eis *eis = &((struct es_eis_req *)msg->body)->eis;
	const struct es_keyset *ks;

	assert_string_equal(eis->info.eid, "89044045211812345678901234567853");
	assert_string_equal(eis->info.eum_id, "1.3.6.1.4.1.32473.10");
	assert_int_equal(eis->info.production_ms, 1714979289000);
	assert_int_equal(eis->info.ecasd->role, ES_ROLE_ECASD);
	assert_int_equal(eis->info.ecasd->keysets[0].certificates[0].value.len, 4 + 0xd3);
	assert_string_equal(eis->info.capabilities->http_version, "1.1.3");
	assert_false(eis->info.capabilities->cattp_support);
	assert_int_equal(eis->remaining_memory, 412000);
	assert_int_equal(eis->n_profiles, 1);
	assert_true(eis->profiles[0].fallback);
	assert_int_equal(eis->profiles[0].state, ES_STATE_ENABLED);
	assert_string_equal(eis->profiles[0].address.msisdn, "882360000000007");
	assert_int_equal(eis->profiles[0].pol2.n_rules, 1);
	assert_int_equal(eis->profiles[0].pol2.rules[0].action, ES_POL2_DELETE);
	assert_false(eis->profiles[0].free_memory.has);
	assert_int_equal(eis->isdr->n_keysets, 2);
	ks = &eis->isdr->keysets[0];
	assert_int_equal(ks->type, ES_KEYSET_SCP80);
	assert_true(ks->cntr.has && ks->cntr.v == 1);
	assert_int_equal(ks->n_keys, 2);
	assert_int_equal(ks->keys[1].index, 2);
	assert_true(bytes_eq(ks->keys[1].kcv, BYTES_LIT("\x3d\x73\xab")));
	assert_true(bytes_eq(ks->keys[1].components[0].type, BYTES_LIT("\x88")));
	assert_int_equal(ks->keys[1].components[0].value.len, 16);
	assert_string_equal(eis->properties->v[0].key, "example.batch");
	assert_string_equal(eis->properties->v[0].value, "77");
	assert_null(eis->audit_trail);
}

/* Inside a talloc pool freed memory can still be looked at. */
static void a_key_is_wiped_when_its_message_goes(void **state)
{
	static const uint8_t zero[16];
	void *pool = talloc_pool(NULL, 1 << 20);
	struct soap_msg *msg = must_load(pool, REGISTER);
	struct bytes key = ((struct es_eis_req *)msg->body)->eis.isdr->keysets[0].keys[0].components[0].value;
	uint8_t want[16];

	assert_int_equal(hex_dec_buf(want, 16, "00112233445566778899AABBCCDDEE01"), 0);
	assert_int_equal(key.len, 16);
	assert_memory_equal(key.data, want, 16);
	talloc_free(msg);
	assert_memory_equal(key.data, zero, 16);
	talloc_free(pool);
}

/* What is stored and relayed is what `xmllint --exc-c14n` makes of the element: the EUM's signature depends on it. */
static void signed_parts_are_kept_canonical(void **state)
{
	struct soap_msg *msg = must_load(*state, REGISTER);
	struct es_eis *eis = &((struct es_eis_req *)msg->body)->eis;
	struct bytes xml;

	assert_int_equal(strncmp(eis->signed_info_xml, "<rps:EumSignedInfo xmlns:rps=\"", 30), 0);
	assert_non_null(strstr(eis->signature_xml, "<ds:SignatureValue xmlns:ds=")
				? eis->signature_xml
				: strstr(eis->signature_xml, "<ds:SignedInfo xmlns:ds="));
	assert_int_equal(es_eis_enc(*state, eis, &xml), 0);
	assert_non_null(memmem(xml.data, xml.len, eis->signed_info_xml, strlen(eis->signed_info_xml)));
	assert_non_null(memmem(xml.data, xml.len, eis->signature_xml, strlen(eis->signature_xml)));
}

static void an_eis_in_a_file_is_read(void **state)
{
	struct soap_msg *msg = must_load(*state, REGISTER);
	struct es_status bad = {};
	struct es_eis *eis;
	struct bytes xml;

	assert_int_equal(es_eis_enc(*state, &((struct es_eis_req *)msg->body)->eis, &xml), 0);
	assert_int_equal(es_eis_dec(es, *state, xml, &eis, &bad), 0);
	assert_int_equal(eis->isdr->keysets[0].n_keys, 2);
	assert_int_equal(es_body_enc(*state, ES1_REGISTER_EIS, ES_DIR_REQUEST, msg->body, &xml), 0);
	assert_int_equal(es_eis_dec(es, *state, xml, &eis, &bad), 0);
	assert_int_equal(es_eis_dec(es, *state, BYTES_LIT("<a/>"), &eis, &bad), -EINVAL);
	assert_string_equal(bad.reason, "2.2");
	assert_int_equal(es_eis_dec(es, *state, BYTES_LIT("<a>"), &eis, &bad), -EINVAL);
}

/* Spellings in use that are not ours: file, what to replace, by what. */
static void tolerated_forms_mean_the_same(void **state)
{
	static const struct {
		const char *path, *from, *to;
	} rows[] = {
		{REGISTER, "<rps:Property key=\"example.batch\" value=\"77\"/>",
		 "<rps:Property><rps:Key>example.batch</rps:Key><rps:Value>77</rps:Value></rps:Property>"},
		{REGISTER, "<rps:Property key=\"example.batch\" value=\"77\"/>",
		 "<rps:Property><rps:key>example.batch</rps:key><rps:value>77</rps:value></rps:Property>"},
		{REGISTER, "<rps:Iccid>8988222987654321098</rps:Iccid>",
		 "<rps:Iccid> 8988222987654321098F </rps:Iccid>"},
		{REGISTER, "<rps:Msisdn>", "<rps:Msisdn>+"},
		{REGISTER, "<rps:FallbackAttribute>true<", "<rps:FallbackAttribute>1<"},
		{REGISTER, "<rps:Smsr-id>1.3.6.1.4.1.32473.30</rps:Smsr-id>",
		 "<rps:Sm-sr-id>1.3.6.1.4.1.32473.30</rps:Sm-sr-id>"},
		{REGISTER, "</rps:pol2>\n        </rps:ProfileInfo>",
		 "</rps:pol2><rps:EmergencyProfileAttribute>false</rps:EmergencyProfileAttribute></rps:ProfileInfo>"},
		{REGISTER, "<rps:Role>ISD-R</rps:Role>", "<rps:Role>\n  ISD-R\n</rps:Role>"},
		{REGISTER, "kcv=\"E78BDC\"", "kcv=\"e78bdc\""},
	};
	struct soap_msg *msg = must_load(*state, REGISTER);
	struct bytes want, got;

	assert_int_equal(es_body_enc(*state, msg->fn, msg->dir, msg->body, &want), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		msg = must_read(*state, edited(*state, rows[i].path, rows[i].from, rows[i].to));
		assert_int_equal(es_body_enc(*state, msg->fn, msg->dir, msg->body, &got), 0);
		if (!bytes_eq(want, got))
			fail_msg("%s: %.*s", rows[i].to, (int)got.len, got.data);
	}
	msg = must_read(*state, edited(*state, V "03-es2-downloadprofile-request.xml",
				       "<rps:Sm-sr-id>1.3.6.1.4.1.32473.30</rps:Sm-sr-id>",
				       "<rps:Smsr-id>1.3.6.1.4.1.32473.30</rps:Smsr-id>"));
	assert_string_equal(((struct es_download_profile_req *)msg->body)->smsr_id, "1.3.6.1.4.1.32473.30");
	msg = must_read(*state, edited(*state, V "14-es4-smsrchange-request.xml",
				       "<rps:Target-Smsr-id>1.3.6.1.4.1.32473.31</rps:Target-Smsr-id>",
				       "<rps:TargetSmsrId>1.3.6.1.4.1.32473.31</rps:TargetSmsrId>"));
	assert_string_equal(((struct es_smsr_change_req *)msg->body)->smsr_id, "1.3.6.1.4.1.32473.31");
}

static void a_filtered_eis_may_lack_nearly_everything(void **state)
{
	struct es_eis eis = {.info.eid = "89044045211812345678901234567853"};
	struct es_eis_rsp rsp = {.eis = &eis};
	struct soap_out out = es_sample_out(*state, ES_DIR_RESPONSE);
	struct bytes xml;
	struct soap_msg *msg;
	const struct es_eis *got;

	rsp.base.status = es_status_ok();
	assert_int_equal(soap_tx(*state, &out, ES4_GET_EIS, ES_DIR_RESPONSE, &rsp, &xml), 0);
	msg = must_read(*state, xml);
	got = ((struct es_eis_rsp *)msg->body)->eis;
	assert_string_equal(got->info.eid, eis.info.eid);
	assert_null(got->isdr);
	assert_null(got->signature_xml);
	assert_int_equal(got->n_profiles, 0);
}

static void separators_and_case_in_a_message_id_are_forgiven(void **state)
{
	struct soap_msg_id id;
	struct soap_addr a;

	assert_int_equal(
		soap_msg_id_dec(*state, "//1.2/urn:uuid:7?TransactionId=t%2D1?MessageDate=2026-03-05T12:00:00Z", &id),
		0);
	assert_string_equal(id.base, "//1.2/urn:uuid:7");
	assert_string_equal(id.transaction_id, "t-1");
	assert_string_equal(id.date, "2026-03-05T12:00:00Z");
	assert_int_equal(soap_msg_id_dec(*state, "m?CONTEXTID=c&&x&y=&transactionid=", &id), 0);
	assert_string_equal(id.context_id, "c");
	assert_string_equal(id.transaction_id, "");
	assert_int_equal(soap_msg_id_dec(*state, "m?ContextID=%0a", &id), -EINVAL);
	assert_int_equal(soap_msg_id_dec(*state, "m?ContextID=%00", &id), -EINVAL);
	assert_int_equal(soap_msg_id_dec(*state, "m?ContextID=%4", &id), -EINVAL);
	assert_int_equal(soap_msg_id_dec(*state, "m\n", &id), -EINVAL);
	assert_int_equal(soap_msg_id_dec(*state, "", &id), -EINVAL);
	assert_int_equal(soap_addr_dec(*state, "https://h/?EntityId=1.2.&x=1", &a), -EINVAL);
	assert_int_equal(soap_addr_dec(*state, "https://h/?entityid=1.2&EntityName=a%20b%c3%a4", &a), 0);
	assert_string_equal(a.entity_name, "a b\xc3\xa4");
	assert_string_equal(a.base, "https://h/");
}

static void answers_point_back(void **state)
{
	const struct soap_self self = {"https://smsr1.example.net/esim/ES4/ES4SmSrService", "1.3.6.1.4.1.32473.30",
				       "SM-SR 1"};
	struct soap_msg *req = must_load(*state, ENABLE), *msg;
	struct soap_out out = soap_answer(*state, &self, &req->hdr, 1772442605000);
	struct es_euicc_rsp rsp = {.base.end_ms = 1772442605000, .euicc_data = BYTES_LIT("\x69\xe1")};
	struct bytes xml;

	rsp.base.status = es_status_bad(*state, ES_FAILED, ES_SC_POL1_REFUSED, "8988211123456789018", "no");
	assert_int_equal(soap_tx(*state, &out, req->fn, ES_DIR_RESPONSE, &rsp, &xml), 0);
	msg = must_read(*state, xml);
	assert_string_equal(msg->hdr.to.uri, req->hdr.reply_to.uri);
	assert_string_equal(msg->hdr.relates_to.raw, req->hdr.id.raw);
	assert_string_equal(msg->hdr.id.transaction_id, req->hdr.id.transaction_id);
	assert_string_equal(msg->hdr.from.entity_name, "SM-SR 1");
	assert_string_equal(msg->hdr.action, "http://gsma.com/ES4/ProfileManagementCallBack/ES4-EnableProfile");
	assert_true(es_status_is(&((struct es_euicc_rsp *)msg->body)->base.status, ES_SC_POL1_REFUSED));
	assert_int_equal(((struct es_euicc_rsp *)msg->body)->euicc_data.len, 2);
	/* Without ReplyTo the answer goes back where the request came from. */
	req->hdr.reply_to = (struct soap_addr){};
	out = soap_answer(*state, &self, &req->hdr, 1772442605000);
	assert_string_equal(out.to, req->hdr.from.uri);
}

static void a_deployed_answer_may_lack_from_and_relates_to(void **state)
{
	struct bytes in = edited(*state, V "12-es4-enableprofile-callback-expired.xml", "<wsa:RelatesTo>",
				 "<wsa:RelatesTo RelationshipType=\"http://www.w3.org/2005/08/addressing/reply\">");
	const char *text = (const char *)in.data, *from = strstr(text, "<wsa:From>"),
		   *end = strstr(text, "</wsa:From>");
	struct soap_msg *msg = must_read(*state, in);

	assert_non_null(msg->hdr.relates_to.base);
	msg = must_read(*state, bytes_str(talloc_asprintf(*state, "%.*s%s", (int)(from - text), text, end + 11)));
	assert_null(msg->hdr.from.uri);
	from = strstr(text, "<wsa:RelatesTo");
	end = strstr(text, "</wsa:RelatesTo>");
	msg = must_read(*state, bytes_str(talloc_asprintf(*state, "%.*s%s", (int)(from - text), text, end + 16)));
	assert_null(msg->hdr.relates_to.base);
	assert_non_null(msg->hdr.id.transaction_id);
}

static void an_anonymous_reply_address_is_none(void **state)
{
	struct soap_msg *msg = must_read(
		*state,
		edited(*state, ENABLE, "https://mno1.example.net/esim/ES4/ES4MnoService?EntityId=1.3.6.1.4.1.32473.40",
		       "http://www.w3.org/2005/08/addressing/anonymous"));

	assert_null(msg->hdr.reply_to.uri);
}

static void a_received_fault_is_read(void **state)
{
	struct soap_msg *msg = must_load(*state, V "21-soap-fault.xml");
	const struct soap_fault *f = msg->body;
	struct bytes xml;

	assert_int_equal(f->code, SOAP_FAULT_SENDER);
	assert_int_equal(f->subcode, SOAP_SUB_HEADER_REQUIRED);
	assert_string_equal(f->reason, "wsa:From is missing");
	assert_int_equal(soap_tx_fault(*state, f, &xml), 0);
	msg = must_read(*state, xml);
	assert_int_equal(((struct soap_fault *)msg->body)->subcode, SOAP_SUB_HEADER_REQUIRED);
}

/* ------------------------------------------------------------------------------------- what must be refused --- */

static struct soap_fault *must_fault(void *ctx, struct bytes in, const char *content_type)
{
	struct soap_fault *fault = NULL;
	struct soap_msg *msg = NULL;

	if (soap_rx(es, ctx, in, content_type, &msg, &fault) == 0)
		fail_msg("accepted: %.*s", (int)in.len, in.data);
	assert_null(msg);
	return fault;
}

static void bad_envelopes_get_the_right_fault(void **state)
{
	static const struct {
		const char *from, *to;
		enum soap_fault_code code;
		enum soap_fault_subcode sub;
		const char *header;
	} rows[] = {
		{"http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/",
		 SOAP_FAULT_VERSION_MISMATCH, SOAP_SUB_NONE, NULL},
		{"<wsa:From>", "<x:y xmlns:x='urn:x' soap:mustUnderstand='1'/><wsa:From>", SOAP_FAULT_MUST_UNDERSTAND,
		 SOAP_SUB_NONE, NULL},
		{"<wsa:From>", "<x:y xmlns:x='urn:x' soap:mustUnderstand=' true '/><wsa:From>",
		 SOAP_FAULT_MUST_UNDERSTAND, SOAP_SUB_NONE, NULL},
		{"<wsa:From>", "<wsa:FaultTo>", SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL},
		{"<wsa:MessageID>", "<wsa:RelatesTo>", SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL},
		{"<wsa:From>", "<wsa:To>a</wsa:To><wsa:From>", SOAP_FAULT_SENDER, SOAP_SUB_INVALID_HEADER, "wsa:To"},
		{"<wsa:From>", "<wsa:MessageID>a</wsa:MessageID><wsa:From>", SOAP_FAULT_SENDER, SOAP_SUB_INVALID_HEADER,
		 "wsa:MessageID"},
		{"EntityId=1.3.6.1.4.1.32473.40&amp;", "EntityId=mno&amp;", SOAP_FAULT_SENDER, SOAP_SUB_INVALID_HEADER,
		 "wsa:From"},
		{"ES4-EnableProfile</wsa:Action>", "ES4-DisableProfile</wsa:Action>", SOAP_FAULT_SENDER,
		 SOAP_SUB_ACTION_NOT_SUPPORTED, NULL},
		{"<rps:FunctionCallIdentifier>", "<rps:FunctionCallIdentifier>&nbsp;", SOAP_FAULT_SENDER, SOAP_SUB_NONE,
		 NULL},
		{"esim-messaging/3\"", "esim-messaging/9\"", SOAP_FAULT_SENDER, SOAP_SUB_ACTION_NOT_SUPPORTED, NULL},
		{"</soap:Body>", "<rps:More/></soap:Body>", SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL},
		{"</soap:Body>", "</soap:Body><soap:Body/>", SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL},
		{"<soap:Envelope", "<!DOCTYPE a><soap:Envelope", SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL},
		{"<soap:Envelope", "<?php?><soap:Envelope", SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL},
		{"<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<?xml-stylesheet href='a'?>", SOAP_FAULT_SENDER,
		 SOAP_SUB_NONE, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct soap_fault *f =
			must_fault(*state, edited(*state, ENABLE, rows[i].from, rows[i].to), SOAP_CONTENT_TYPE);

		if (f->code != rows[i].code || f->subcode != rows[i].sub)
			fail_msg("%s: %d/%d %s", rows[i].to, f->code, f->subcode, f->reason);
		assert_int_equal(f->http_status, f->code == SOAP_FAULT_SENDER ? 400 : 500);
		if (rows[i].header)
			assert_string_equal(f->problem_header, rows[i].header);
		if (f->code == SOAP_FAULT_MUST_UNDERSTAND)
			assert_non_null(strstr(f->relates_to, "aa000006-0000-4000-8000-000000000001"));
	}
}

/* A header block taken out altogether. */
static void a_missing_header_is_named(void **state)
{
	static const char *const names[] = {"From", "To", "Action", "MessageID"};
	const char *text = (const char *)es_sample_file(*state, ENABLE).data;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *tail = talloc_asprintf(*state, "</wsa:%s>", names[i]);
		const char *open = strstr(text, talloc_asprintf(*state, "<wsa:%s", names[i])),
			   *end = strstr(text, tail);
		struct soap_fault *f = must_fault(
			*state,
			bytes_str(talloc_asprintf(*state, "%.*s%s", (int)(open - text), text, end + strlen(tail))),
			SOAP_CONTENT_TYPE);

		assert_int_equal(f->subcode, SOAP_SUB_HEADER_REQUIRED);
		assert_string_equal(f->problem_header, talloc_asprintf(*state, "wsa:%s", names[i]));
		if (i != 3)
			assert_non_null(strstr(f->relates_to, "aa000006-0000-4000-8000-000000000001"));
		else
			assert_null(f->relates_to);
	}
}

static void a_header_for_another_role_is_not_ours(void **state)
{
	must_read(*state, edited(*state, ENABLE, "<wsa:From>",
				 "<x:y xmlns:x='urn:x' soap:mustUnderstand='1' "
				 "soap:role='http://www.w3.org/2003/05/soap-envelope/role/none'/><wsa:From>"));
	must_fault(*state,
		   edited(*state, ENABLE, "<wsa:From>",
			  "<x:y xmlns:x='urn:x' soap:mustUnderstand='1' "
			  "soap:role='http://www.w3.org/2003/05/soap-envelope/role/next'/><wsa:From>"),
		   SOAP_CONTENT_TYPE);
}

/* Its sender would think that a password was looked at. */
static void a_security_header_that_must_be_understood_is_refused(void **state)
{
	struct bytes in = es_sample_file(*state, WITH_TOKEN);

	assert_int_equal(must_fault(*state, in, SOAP_CONTENT_TYPE)->code, SOAP_FAULT_MUST_UNDERSTAND);
	in = edited(*state, WITH_TOKEN, TOKEN_INSISTS, "<wsse:Security>");
	assert_int_equal(must_read(*state, in)->fn, ES4_GET_EIS);
}

static void only_soap_in_utf8_is_taken(void **state)
{
	static const char *const bad[] = {
		NULL,
		"",
		"text/xml; charset=utf-8",
		"application/soap+xmlx",
		"application/soap+xml; charset=iso-8859-1",
		"multipart/related; type=\"application/soap+xml\"",
		"application/soap+xml junk",
	};
	static const char *const good[] = {
		"application/soap+xml",
		"Application/SOAP+xml;charset=\"UTF-8\"",
		" application/soap+xml; action=\"http://gsma.com/ES4/;x\"; charset=utf-8",
		"application/soap+xml ; charset=utf-8;",
	};
	struct bytes in = es_sample_file(*state, ENABLE);
	struct soap_fault *fault;
	struct soap_msg *msg;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(must_fault(*state, in, bad[i])->http_status, 415);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(soap_rx(es, *state, in, good[i], &msg, &fault), 0);
}

/* In both places where the schema tolerates it. */
static struct bytes emergency_twice(void *ctx)
{
	static const char elem[] = "<rps:EmergencyProfileAttribute>0</rps:EmergencyProfileAttribute>";
	const char *text = (const char *)es_sample_file(ctx, REGISTER).data;
	const char *first = strstr(text, "<rps:SubscriptionAddress>"), *last = strstr(text, "</rps:ProfileInfo>");

	return bytes_str(talloc_asprintf(ctx, "%.*s%s%.*s%s%s", (int)(first - text), text, elem, (int)(last - first),
					 first, elem, last));
}

static void a_bad_body_names_the_element(void **state)
{
	static const struct {
		const char *path, *from, *to, *reason, *words;
	} rows[] = {
		{ENABLE, "<rps:Iccid>8988211123456789018</rps:Iccid>", "", "2.2", "Iccid is missing"},
		{ENABLE, "<rps:Eid>89044045211812345678901234567853</rps:Eid>", "", "2.2", "Eid is missing"},
		{ENABLE, "<rps:FunctionCallIdentifier>", "<rps:Nonsense/><rps:FunctionCallIdentifier>", "2.1",
		 "an unknown element"},
		{ENABLE, "89044045211812345678901234567853", "8904", "2.1", "Eid has a value"},
		{ENABLE, "8988211123456789018", "89x", "2.1", "Iccid has a value"},
		{ENABLE, "7200", "0", "2.1", "ValidityPeriod has a value"},
		{ENABLE, "7200", "99999999999", "2.1", "ValidityPeriod has a value"},
		{ENABLE, "</rps:ES4-EnableProfileRequest>",
		 "<rps:Iccid>8988211123456789018</rps:Iccid></rps:ES4-EnableProfileRequest>", "2.1",
		 "Iccid is out of place"},
		{V "03-es2-downloadprofile-request.xml", "<rps:Iccid>8988211123456789018</rps:Iccid>", "", "2.3",
		 "Iccid is missing"},
		{REGISTER, "<rps:Role>ISD-R</rps:Role>", "", "2.2", "Role is missing"},
		{REGISTER, "<rps:Role>ISD-R</rps:Role>", "<rps:Role>BOSS</rps:Role>", "2.1", "Role has a value"},
		{REGISTER, " kcv=\"E78BDC\"", "", "2.2", "kcv is missing"},
		{REGISTER, "00112233445566778899AABBCCDDEE01", "0011223344556677SECRET", "2.1",
		 "KeyComponents has a value"},
		{REGISTER, "key=\"example.batch\"", "", "2.2", "key is missing"},
		{REGISTER, "2024-05-06T07:08:09Z", "0001-05-06T07:08:09Z", "2.1", "ProductionDate has a value"},
		{REGISTER, "</rps:pol2>\n        </rps:ProfileInfo>",
		 "</rps:pol2><rps:EmergencyProfileAttribute>1</rps:EmergencyProfileAttribute></rps:ProfileInfo>", "ok",
		 NULL},
		{REGISTER, "<rps:FallbackAttribute>true</rps:FallbackAttribute>",
		 "<rps:FallbackAttribute>true</rps:FallbackAttribute><rps:EmergencyProfileAttribute>0"
		 "</rps:EmergencyProfileAttribute>",
		 "ok", NULL},
		{REGISTER, NULL, NULL, "2.1", "EmergencyProfileAttribute stands twice"},
		{REGISTER, "<ds:SignatureValue>+", "<ds:SignatureValue>!", "2.1", "an unknown element"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes in =
			rows[i].from ? edited(*state, rows[i].path, rows[i].from, rows[i].to) : emergency_twice(*state);
		struct soap_fault *fault;
		struct soap_msg *msg;

		assert_int_equal(soap_rx(es, *state, in, SOAP_CONTENT_TYPE, &msg, &fault), 0);
		if (!rows[i].words) {
			assert_non_null(msg->body);
			continue;
		}
		assert_null(msg->body);
		if (strcmp(msg->bad.reason, rows[i].reason) || !strstr(msg->bad.message, rows[i].words))
			fail_msg("%s: %s %s", rows[i].to, msg->bad.reason, msg->bad.message);
		assert_string_equal(msg->bad.subject, "1.6");
		assert_null(strstr(msg->bad.message, "SECRET"));
	}
}

static void a_bad_notification_or_answer_is_a_fault(void **state)
{
	must_fault(*state,
		   edited(*state, V "13-es4-handleprofiledisabled-notification.xml", "8988222987654321098", "x"),
		   SOAP_CONTENT_TYPE);
	must_fault(*state, edited(*state, V "12-es4-enableprofile-callback-expired.xml", "EXPIRED", "GONE"),
		   SOAP_CONTENT_TYPE);
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	struct bytes in = es_sample_file(*state, ENABLE);
	size_t end = (size_t)(strstr((const char *)in.data, "</soap:Envelope>") - (const char *)in.data) + 15;

	for (size_t n = 0; n <= end; n++) {
		void *tmp = talloc_new(*state);
		uint8_t *copy = talloc_memdup(tmp, in.data, n ? n : 1);

		must_fault(tmp, bytes_of(copy, n), SOAP_CONTENT_TYPE);
		talloc_free(tmp);
	}
}

static char *repeated(void *ctx, const char *text, size_t n)
{
	size_t len = strlen(text);
	char *out = talloc_size(ctx, n * len + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(out + i * len, text, len);
	out[n * len] = 0;
	return out;
}

static void floods_are_refused_fast(void **state)
{
	static const char bomb[] =
		"<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><a>&c;</a>";
	const struct {
		char *text;
		const char *reason;
	} rows[] = {
		{repeated(*state, "<a>", 65), "elements nested too deeply"},
		{talloc_asprintf(*state, "<a>%s</a>", repeated(*state, "<b/>", 100000)),
		 "too many elements or attributes"},
		{talloc_asprintf(*state, "<a%s/>", repeated(*state, " b=''", 65)), "too many elements or attributes"},
		{talloc_asprintf(*state, "<a>%s</a>",
				 repeated(*state, "<b xmlns='urn:c'\n\txmlns:d = \"urn:d\"/>", 251)),
		 "too many namespace declarations"},
		{talloc_asprintf(*state, "<a b=\"%s\"/>", repeated(*state, "x", 8 << 20)), "message too long"},
		{talloc_strdup(*state, bomb), "document type declaration not allowed"},
		{talloc_strdup(*state, "<!ENTITY b SYSTEM \"file:///etc/passwd\"><a/>"),
		 "document type declaration not allowed"},
		/* Hidden from a scanner that takes "<!-->" for a whole comment. */
		{talloc_asprintf(*state, "<a><!--><![CDATA[--><b%s/><!--]]>--></a>", repeated(*state, " b=''", 65)),
		 "too many elements or attributes"},
		{talloc_strdup(*state, "<a>&#0;</a>"), "not well-formed XML"},
		{talloc_strdup(*state, "<a>\xff</a>"), "not well-formed XML"},
		{talloc_strdup(*state, "no tag"), "not well-formed XML"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(must_fault(*state, bytes_str(rows[i].text), SOAP_CONTENT_TYPE)->reason,
				    rows[i].reason);
}

/* Some stacks declare anew what each element needs; what only looks like a declaration is none. */
static void many_namespaces_are_read(void **state)
{
	char *head = talloc_asprintf(*state, "<soap:Header>%s%s", repeated(*state, "<b xmlns='urn:c'/>", 480),
				     repeated(*state, "<b c=' xmlns='> xmlns=</b><xmlns/><c nxmlns=''/>", 1000));

	must_read(*state, edited(*state, V "11-es4-enableprofile-request.xml", "<soap:Header>", head));
}

/* One SendData may carry a whole profile. */
static void a_whole_profile_fits(void **state)
{
	struct soap_msg *msg =
		must_read(*state, edited(*state, V "08-es3-senddata-request.xml", "221C80",
					 talloc_asprintf(*state, "%s221C80", repeated(*state, "A5", 4 << 20) + 8192)));

	assert_true(((struct es_send_data_req *)msg->body)->data.len > (4 << 20) - 8192);
}

/* A peer that invents names must not fill the memory of a thread: the parser is renewed, messages still pass. */
static void many_foreign_names_leave_no_trace(void **state)
{
	for (unsigned i = 0; i < 100; i++) {
		void *tmp = talloc_new(*state);
		char *names = talloc_strdup(tmp, "<a>");

		for (unsigned k = 0; k < 200; k++)
			names = talloc_asprintf_append_buffer(names, "<n%u-%u/>", i, k);
		must_fault(tmp, bytes_str(talloc_asprintf(tmp, "%s</a>", names)), SOAP_CONTENT_TYPE);
		must_load(tmp, ENABLE);
		talloc_free(tmp);
	}
}

static void *read_in_thread(void *arg)
{
	struct bytes in = es_sample_file(NULL, REGISTER);
	struct es_ctx *own = es_ctx_alloc(NULL, NULL);
	size_t good = 0;

	for (unsigned i = 0; own && i < 50; i++) {
		struct soap_fault *fault;
		struct soap_msg *msg;

		if (soap_rx(own, NULL, in, SOAP_CONTENT_TYPE, &msg, &fault) == 0) {
			good += msg->body != NULL;
			talloc_free(msg);
		}
	}
	talloc_free(own);
	talloc_free((void *)(uintptr_t)in.data);
	return (void *)good;
}

static void threads_do_not_meet(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_in_thread, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		void *good;

		pthread_join(threads[i], &good);
		assert_int_equal((size_t)good, 50);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_vectors_are_read),
		cmocka_unit_test(decode_encode_decode_gives_the_same),
		cmocka_unit_test(headers_are_taken_apart),
		cmocka_unit_test(a_request_has_its_values_and_digest),
		cmocka_unit_test(an_eis_is_read_whole),
		cmocka_unit_test(a_key_is_wiped_when_its_message_goes),
		cmocka_unit_test(signed_parts_are_kept_canonical),
		cmocka_unit_test(an_eis_in_a_file_is_read),
		cmocka_unit_test(tolerated_forms_mean_the_same),
		cmocka_unit_test(a_filtered_eis_may_lack_nearly_everything),
		cmocka_unit_test(separators_and_case_in_a_message_id_are_forgiven),
		cmocka_unit_test(answers_point_back),
		cmocka_unit_test(a_deployed_answer_may_lack_from_and_relates_to),
		cmocka_unit_test(an_anonymous_reply_address_is_none),
		cmocka_unit_test(a_received_fault_is_read),
		cmocka_unit_test(bad_envelopes_get_the_right_fault),
		cmocka_unit_test(a_missing_header_is_named),
		cmocka_unit_test(a_header_for_another_role_is_not_ours),
		cmocka_unit_test(a_security_header_that_must_be_understood_is_refused),
		cmocka_unit_test(only_soap_in_utf8_is_taken),
		cmocka_unit_test(a_bad_body_names_the_element),
		cmocka_unit_test(a_bad_notification_or_answer_is_a_fault),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(floods_are_refused_fast),
		cmocka_unit_test(many_namespaces_are_read),
		cmocka_unit_test(a_whole_profile_fits),
		cmocka_unit_test(many_foreign_names_leave_no_trace),
		cmocka_unit_test(threads_do_not_meet),
	};

	if (argc > 1)
		return es_sample_main(argc, argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
