/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/es_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <talloc.h>

#include "common/es/es_tables.h"

static const char *const signed_info =
	"<rps:EumSignedInfo xmlns:rps=\"" XML_NS_RPS "\"><rps:Eid>89044045211812345678901234567853</rps:Eid>"
	"<rps:Eum-id>1.3.6.1.4.1.32473.10</rps:Eum-id><rps:ProductionDate>2024-05-06T07:08:09Z</rps:ProductionDate>"
	"<rps:PlatformType>x</rps:PlatformType><rps:PlatformVersion>4.2.0</rps:PlatformVersion>"
	"<rps:Isd-p-loadfile-aid>A0000005591010FFFFFFFF8900000D00</rps:Isd-p-loadfile-aid>"
	"<rps:Isd-p-module-aid>A0000005591010FFFFFFFF8900000E00</rps:Isd-p-module-aid><rps:Ecasd>"
	"<rps:Aid>A0000005591010FFFFFFFF8900000200</rps:Aid><rps:Sin>01</rps:Sin><rps:Sdin>02</rps:Sdin>"
	"<rps:Role>ECASD</rps:Role><rps:Keyset><rps:Version>116</rps:Version></rps:Keyset></rps:Ecasd>"
	"<rps:EuiccCapabilities><rps:CattpSupport>false</rps:CattpSupport><rps:HttpSupport>true</rps:HttpSupport>"
	"<rps:SecurePacketVersion>12.1.0</rps:SecurePacketVersion><rps:RemoteProvisioningVersion>4.2.0"
	"</rps:RemoteProvisioningVersion></rps:EuiccCapabilities></rps:EumSignedInfo>";
static const char *const signature =
	"<rps:EumSignature xmlns:rps=\"" XML_NS_RPS "\"><ds:SignedInfo xmlns:ds=\"" XML_NS_DSIG "\">"
	"<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>"
	"<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"></ds:SignatureMethod>"
	"<ds:Reference><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>"
	"<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo>"
	"<ds:SignatureValue xmlns:ds=\"" XML_NS_DSIG "\">AAAA</ds:SignatureValue></rps:EumSignature>";

struct bytes es_sample_file(const void *ctx, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *buf;

	if (!f || fstat(fileno(f), &st) < 0) {
		perror(path);
		exit(1);
	}
	buf = talloc_zero_size(ctx, (size_t)st.st_size + 1);
	if (fread(buf, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return bytes_of(buf, (size_t)st.st_size);
}

static const char *sample_text(const struct es_field *f)
{
	if (!strcmp(f->name, "Eid"))
		return "89044045211812345678901234567853";
	if (!strcmp(f->name, "Imsi"))
		return "001010000000042";
	if (strstr(f->name, "Version"))
		return "4.2.0";
	if (f->kind == ES_K_ICCID)
		return "8988211123456789018";
	if (f->kind == ES_K_MSISDN)
		return "882350000000042";
	if (f->kind == ES_K_TEXT)
		return "a <text> & \"more\"";
	return "1.3.6.1.4.1.32473.30";
}

static struct bytes sample_hex(const struct es_field *f)
{
	static const uint8_t octets[16] = {0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xff, 0xff, 0xff, 0xff, 0x89, 0, 0, 1, 0};
	size_t len = strstr(f->name, "id") || strstr(f->name, "Aid") ? 16 : 3;

	if (!strcmp(f->name, "OperationType"))
		len = 2;
	return bytes_of(octets, strcmp(f->name, "type") ? len : 1);
}

static void fill_struct(const void *ctx, const struct es_type *t, void *out, bool full);

static void fill_value(const void *ctx, const struct es_field *f, void *p, bool full)
{
	switch (f->kind) {
	case ES_K_TEXT:
	case ES_K_TOKEN:
	case ES_K_ICCID:
	case ES_K_MSISDN:
		*(const char **)p = sample_text(f);
		break;
	case ES_K_XML:
		*(const char **)p = signature;
		break;
	case ES_K_HEX:
	case ES_K_SECRET:
		*(struct bytes *)p = sample_hex(f);
		break;
	case ES_K_BOOL:
		*(bool *)p = full;
		break;
	case ES_K_U8:
	case ES_K_I8:
		*(uint8_t *)p = 7;
		break;
	case ES_K_U32:
		*(uint32_t *)p = 7200;
		break;
	case ES_K_U64:
		*(uint64_t *)p = 524288;
		break;
	case ES_K_OPT_U64:
		*(struct es_opt_u64 *)p = (struct es_opt_u64){true, 0};
		break;
	case ES_K_I64:
		*(int64_t *)p = 98304;
		break;
	case ES_K_TIME:
		*(int64_t *)p = 1772442605000 + full;
		break;
	case ES_K_ENUM:
		*(unsigned *)p = f->values->n - 1;
		break;
	case ES_K_SUB:
		fill_struct(ctx, f->type, p, full);
		break;
	case ES_K_PTR:
		*(void **)p = es_sample_fill(ctx, f->type, full);
		break;
	}
}

static void fill_list(const void *ctx, const struct es_field *f, void *out, bool full)
{
	size_t size = es_member_size(f);
	uint8_t *v = talloc_zero_size(ctx, 2 * size);

	*(void **)((uint8_t *)out + f->off) = v;
	*(size_t *)((uint8_t *)out + f->off_n) = full ? 2 : 1;
	fill_value(ctx, f, v, full);
	if (full)
		fill_value(ctx, f, v + size, full);
}

static void fill_struct(const void *ctx, const struct es_type *t, void *out, bool full)
{
	bool have_cond = false;

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct es_field *f = &t->fields[i];

		if (f->flags & ES_F_COND) {
			/* The first of the alternatives in a full struct, the last in a small one. */
			bool last = i + 1 == t->n_fields || !(t->fields[i + 1].flags & ES_F_COND);

			if (have_cond || (!full && !last))
				continue;
			have_cond = true;
		} else if (!full && (f->flags & (ES_F_OPT | ES_F_VIEW | ES_F_EMPTY))) {
			continue;
		}
		if (f->flags & ES_F_LIST)
			fill_list(ctx, f, out, full);
		else
			fill_value(ctx, f, (uint8_t *)out + f->off, full);
		if (f->off_xml != SIZE_MAX && full)
			*(const char **)((uint8_t *)out + f->off_xml) = signed_info;
	}
}

void *es_sample_fill(const void *ctx, const struct es_type *t, bool full)
{
	void *out = talloc_zero_size(ctx, t->size);

	fill_struct(out, t, out, full);
	return out;
}

struct soap_out es_sample_out(const void *ctx, enum es_dir dir)
{
	static const struct soap_self self = {"https://mno1.example.net/esim/ES4", "1.3.6.1.4.1.32473.40",
					      "MNO \"1\" & co"};

	return (struct soap_out){
		.from = soap_from(ctx, &self),
		.to = "https://smsr1.example.net/esim/ES4/ES4SmSrService?EntityId=1.3.6.1.4.1.32473.30",
		.message_id = soap_message_id(ctx, self.oid, "urn:uuid:t-1", NULL, 1772442605000),
		.relates_to = dir == ES_DIR_RESPONSE ? "//1.3.6.1.4.1.32473.40/urn:uuid:1?TransactionID=t-1" : NULL,
	};
}

static int drive_decode(void *ctx, bool again)
{
	static char buf[9 << 20];
	size_t len = fread(buf, 1, sizeof(buf), stdin);
	struct es_ctx *es = es_ctx_alloc(ctx, NULL);
	struct soap_fault *fault;
	struct soap_msg *msg;

	if (soap_rx(es, ctx, bytes_of(buf, len), SOAP_CONTENT_TYPE, &msg, &fault) < 0) {
		printf("fault: %s\n", fault->reason);
		return 1;
	}
	if (!msg->body) {
		printf("refused: %s/%s %s\n", msg->bad.subject, msg->bad.reason, msg->bad.message);
		return 1;
	}
	if (again) {
		struct bytes xml;

		return es_body_enc(ctx, msg->fn, msg->dir, msg->body, &xml) < 0 ||
		       fwrite(xml.data, 1, xml.len, stdout) != xml.len;
	}
	printf("%s from %s call %s\n", es_fn_name(msg->fn), msg->hdr.from.entity_id ? msg->hdr.from.entity_id : "-",
	       msg->call_id ? msg->call_id : "-");
	return 0;
}

static int emit_one(void *ctx, const char *folder, enum es_fn fn, enum es_dir dir, bool full)
{
	const struct es_type *t = dir == ES_DIR_RESPONSE ? es_fn_info(fn)->rsp : es_fn_info(fn)->req;
	struct bytes xml;
	char *path;
	FILE *f;
	int rc = -1;

	if (!t || es_fn_info(fn)->itf == ES_ITF_WSMC)
		return 0;
	if (es_body_enc(ctx, fn, dir, es_sample_fill(ctx, t, full), &xml) < 0)
		return -1;
	path = talloc_asprintf(ctx, "%s/%s-%d-%d.xml", folder, es_fn_name(fn), dir, full);
	f = fopen(path, "wb");
	if (f) {
		rc = fwrite(xml.data, 1, xml.len, f) == xml.len ? 0 : -1;
		fclose(f);
	}
	return rc;
}

static int drive_emit(void *ctx, const char *folder)
{
	for (int fn = ES_FN_NONE + 1; fn < ES_FN_COUNT; fn++) {
		enum es_dir first =
			es_fn_info((enum es_fn)fn)->mep == ES_NOTIFICATION ? ES_DIR_NOTIFICATION : ES_DIR_REQUEST;

		for (int full = 0; full < 2; full++) {
			if (emit_one(ctx, folder, (enum es_fn)fn, first, full) < 0 ||
			    (first == ES_DIR_REQUEST &&
			     emit_one(ctx, folder, (enum es_fn)fn, ES_DIR_RESPONSE, full) < 0)) {
				fprintf(stderr, "%s: not written\n", es_fn_name((enum es_fn)fn));
				return 1;
			}
		}
	}
	return 0;
}

int es_sample_main(int argc, char **argv)
{
	void *ctx = talloc_named_const(NULL, 0, "es_sample");
	int rc = 2;

	if (argc == 2 && !strcmp(argv[1], "decode"))
		rc = drive_decode(ctx, false);
	else if (argc == 2 && !strcmp(argv[1], "recode"))
		rc = drive_decode(ctx, true);
	else if (argc == 3 && !strcmp(argv[1], "emit"))
		rc = drive_emit(ctx, argv[2]);
	talloc_free(ctx);
	return rc;
}
