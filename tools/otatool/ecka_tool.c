/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A key establishment from its messages, checked and computed once more as the card did: certificate, signature over
 * the challenge, key agreement, receipt.  Field names as in tests/vectors/es8.json.  Keys are told by their check
 * values only. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"
#include "scp03/ecka.h"
#include "tools/otatool/tool.h"

#define DGI_CERT 0x3a01

/* Data field of a STORE DATA in one block. */
static struct bytes store_data(struct job *job, const char *key)
{
	struct bytes raw = in_hex_needed(job, key), data;
	struct rd r;

	rd_init(&r, raw);
	(void)rd_bytes(&r, 4);
	data = rd_bytes(&r, rd_u8(&r));
	if (rd_left(&r))
		(void)rd_u8(&r);
	if (rd_end(&r) < 0)
		job_fail(job, TOOL_REFUSED, "%s: no STORE DATA", key);
	return data;
}

/* Data of an R-APDU that ends with 9000. */
static struct bytes response(struct job *job, const char *key, bool needed)
{
	struct bytes b = needed ? in_hex_needed(job, key) : in_hex(job, key);
	struct rd r;

	if (b.len == 0)
		return b;
	rd_init(&r, bytes_sub(b, b.len < 2 ? 0 : b.len - 2, b.len < 2 ? b.len : 2));
	if (rd_u16(&r) != 0x9000 || rd_end(&r) < 0) {
		job_fail(job, TOOL_REFUSED, "%s: does not end with 9000", key);
		return bytes_of(NULL, 0);
	}
	return bytes_sub(b, 0, b.len - 2);
}

static void cert_read(struct job *job, struct ecka_card *card)
{
	struct bytes dgis = store_data(job, "store_data_1"), ci = in_hex(job, "ci_public");
	struct pubkey *key = NULL, *issuer;
	struct gpcert cert;
	struct dgi dgi;
	struct rd r;

	rd_init(&r, dgis);
	if (!job_ok(job))
		return;
	if (!dgi_next(&r, &dgi) || dgi.id != DGI_CERT || rd_end(&r) < 0 || gpcert_parse(dgi.value, &cert) < 0 ||
	    pubkey_ec_import(job->ctx, cert.curve, cert.point, &key) < 0) {
		job_fail(job, TOOL_REFUSED, "store_data_1: no certificate");
		return;
	}
	card->signer = key;
	out_int(job, "role", cert.role < 0 ? 0 : (unsigned int)cert.role);
	if (ci.len == 0)
		return;
	if (pubkey_ec_import(job->ctx, EC_P256, ci, &issuer) < 0)
		job_fail(job, TOOL_USAGE, "ci_public: must be a point of P-256");
	else if (gpcert_verify(&cert, issuer) < 0)
		job_fail(job, TOOL_REFUSED, "certificate: the signature is not the CI's");
}

static void ecasd_read(struct job *job, struct ecka_card *card)
{
	struct bytes scalar = in_hex_needed(job, "ecasd_private");
	const char *curve = in_str(job, "curve");
	struct privkey *key;

	card->curve = curve && strcmp(curve, "brainpoolP256r1") == 0 ? EC_BRAINPOOL_P256R1 : EC_P256;
	if (!job_ok(job))
		return;
	if (privkey_ec_import(job->ctx, card->curve, scalar, &key) < 0)
		job_fail(job, TOOL_USAGE, "ecasd_private: no key of this curve");
	else
		card->ecasd_key = key;
}

static void challenges_read(struct job *job, struct bytes answer, const struct ecka_request *req,
			    struct ecka_card *card)
{
	if (ecka_rc_dec(response(job, "store_data_1_response", true), &card->rc) < 0)
		job_fail(job, TOOL_REFUSED, "store_data_1_response: no random challenge");
	card->dr = in_hex(job, "DR");
	if ((req->params.options & ECKA_DR) && card->dr.len == 0 && ecka_rc_dec(answer, &card->dr) < 0)
		job_fail(job, TOOL_USAGE, "DR: neither given nor in store_data_2_response");
	card->sin = in_hex(job, "sin");
}

static void out_kcv(struct job *job, const char *name, const struct key *key)
{
	uint8_t kcv[3];

	if (!job_failed(job, key_kcv(job->crypto, key, kcv), "check value"))
		out_hex(job, name, BYTES_ARR(kcv));
}

static void out_result(struct job *job, const struct ecka_keys *keys, struct bytes made)
{
	struct bytes receipt;

	out_num(job, "kvn", keys->kvn, 1);
	out_kcv(job, "kcv_ENC", keys->enc);
	out_kcv(job, "kcv_MAC", keys->mac);
	out_kcv(job, "kcv_DEK", keys->dek);
	if (ber_find(made, 0x86, &receipt) == 0)
		out_hex(job, "receipt", receipt);
}

/* \returns the reading that gives the receipt of answer; ECKA_RECEIPT_EITHER when none does */
static enum ecka_receipt agree(struct job *job, struct ecka_card *card, const struct ecka_request *req,
			       struct bytes answer)
{
	static const enum ecka_receipt forms[] = {ECKA_RECEIPT_85, ECKA_RECEIPT_0085};
	struct bytes given, made;
	struct ecka_keys keys;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct wr w;

		wr_init(&w, job->ctx);
		card->receipt = forms[i];
		if (job_failed(job, ecka_card_agree(card, job->crypto, job->ctx, req, &keys, &w), "agreement"))
			return ECKA_RECEIPT_EITHER;
		made = bytes_of(w.buf, w.len);
		if (i == 0)
			out_result(job, &keys, made);
		if (answer.len == 0 ||
		    (ber_find(answer, 0x86, &given) == 0 && ber_find(made, 0x86, &made) == 0 && bytes_eq(given, made)))
			return forms[i];
	}
	job_fail(job, TOOL_REFUSED, "receipt: another value");
	return ECKA_RECEIPT_EITHER;
}

void tool_ecka(struct job *job)
{
	struct bytes dgis = store_data(job, "store_data_2"), answer = response(job, "store_data_2_response", false);
	struct ecka_card card = {0};
	struct ecka_request req;
	enum ecka_receipt form;

	if (!job_ok(job) || job_failed(job, ecka_request_dec(dgis, &req), "store_data_2"))
		return;
	out_hex(job, "a6_crt", req.crt);
	cert_read(job, &card);
	ecasd_read(job, &card);
	challenges_read(job, answer, &req, &card);
	if (!job_ok(job))
		return;
	form = agree(job, &card, &req, answer);
	if (!job_ok(job))
		return;
	out_str(job, "receipt_input", form == ECKA_RECEIPT_0085 ? "0085" : "85");
	out_str(job, "verified", answer.len ? "receipt" : "signature");
}
