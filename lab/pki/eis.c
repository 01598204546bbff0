/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* EIS of a lab card as XML (SGP.02, ES1-RegisterEIS), written element by element: a second opinion beside the tables of
 * common/es, which read it in the SM-SR. */
#include <errno.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/crypto.h"
#include "common/es/es_codec.h"
#include "common/es/xml_write.h"
#include "common/es/xmlsig.h"
#include "lab/pki/pki_int.h"

#define NS "http://namespaces.gsma.org/esim-messaging/3"
#define P "rps:"

#define AID_ISDR "A0000005591010FFFFFFFF8900000100"
#define AID_ECASD "A0000005591010FFFFFFFF8900000200"
#define AID_LOAD_FILE "A0000005591010FFFFFFFF8900000D00"
#define AID_MODULE "A0000005591010FFFFFFFF8900000E00"

#define KVN_ECASD "116"
#define KEY_AES_TYPE "88"
#define KEY_PSK_TYPE "85"
#define MEM_TOTAL 1048576u
#define MEM_PROFILE 65536u

/* Where text goes and what must be freed with it. */
struct out {
	struct wr w;
	void *tmp;
	struct crypto *crypto;
	int rc;
};

static void elem(struct out *o, const char *name, const char *text)
{
	xw_elem(&o->w, P, name, text);
	wr_str(&o->w, "\n");
}

static void elem_hex(struct out *o, const char *name, struct bytes value)
{
	elem(o, name, hex_enc(o->tmp, value));
}

static void elem_num(struct out *o, const char *name, unsigned int value)
{
	elem(o, name, talloc_asprintf(o->tmp, "%u", value));
}

static void begin(struct out *o, const char *name)
{
	xw_open(&o->w, P, name);
	xw_body(&o->w);
	wr_str(&o->w, "\n");
}

static void end(struct out *o, const char *name)
{
	xw_close(&o->w, P, name);
	wr_str(&o->w, "\n");
}

/* ---- signed part ---- */

static void put_domain_head(struct out *o, const char *aid, const char *tar, const char *role)
{
	elem(o, "Aid", aid);
	elem(o, "Tar", tar);
	elem(o, "Sin", "4C4142");
	elem(o, "Sdin", "0000000000000001");
	elem(o, "Role", role);
}

static void put_ecasd(struct out *o, const struct pki_eum *eum, struct bytes cert)
{
	begin(o, "Ecasd");
	put_domain_head(o, AID_ECASD, "000002", "ECASD");
	begin(o, "Keyset");
	elem(o, "Version", KVN_ECASD);
	elem(o, "Type", "CA");
	begin(o, "Certificate");
	elem(o, "Index", "1");
	elem(o, "CaId", eum->oid);
	elem_hex(o, "Value", cert);
	end(o, "Certificate");
	end(o, "Keyset");
	end(o, "Ecasd");
}

static void put_signed_info(struct out *o, const struct pki_eum *eum, const struct seed_card *card, struct bytes cert,
			    const char *id)
{
	xw_open(&o->w, P, "EumSignedInfo");
	xw_attr(&o->w, "xmlns:rps", NS);
	if (id)
		xw_attr(&o->w, "Id", id);
	xw_body(&o->w);
	wr_str(&o->w, "\n");
	elem(o, "Eid", card->eid);
	elem(o, "Eum-id", eum->oid);
	elem(o, "ProductionDate", es_time_enc(o->tmp, (int64_t)time(NULL) * 1000));
	elem(o, "PlatformType", "software eUICC");
	elem(o, "PlatformVersion", "1.0.0");
	elem(o, "Isd-p-loadfile-aid", AID_LOAD_FILE);
	elem(o, "Isd-p-module-aid", AID_MODULE);
	put_ecasd(o, eum, cert);
	begin(o, "EuiccCapabilities");
	elem(o, "CattpSupport", "false");
	elem(o, "HttpSupport", "true");
	elem(o, "HttpVersion", "1.1.3");
	elem(o, "SecurePacketVersion", "12.1.0");
	elem(o, "RemoteProvisioningVersion", "4.2.0");
	end(o, "EuiccCapabilities");
	xw_close(&o->w, P, "EumSignedInfo");
}

static int signed_pair(const void *ctx, const struct pki_eum *eum, const struct seed_card *card, struct bytes cert,
		       const char *id, const char **info, const char **signature)
{
	struct xmlsig_signer signer = {
		.key = eum->key, .digest = DIGEST_SHA256, .ski = eum->ski, .subject = eum->subject, .id = id};
	struct out o = {.tmp = talloc_new(ctx)};
	struct bytes text;
	int rc;

	wr_init(&o.w, ctx);
	put_signed_info(&o, eum, card, cert, id);
	wr_u8(&o.w, 0);
	rc = wr_end(&o.w, &text);
	if (rc < 0)
		return rc;
	*info = (const char *)text.data;
	return xmlsig_sign(eum->es, ctx, *info, &signer, signature);
}

/* ---- the rest ---- */

static void put_pol2(struct out *o, bool keep)
{
	begin(o, "pol2");
	if (keep) {
		begin(o, "Rule");
		elem(o, "Subject", "PROFILE");
		elem(o, "Action", "DELETE");
		elem(o, "Qualification", "Not-Allowed");
		end(o, "Rule");
	}
	end(o, "pol2");
}

static void put_profile(struct out *o, const struct seed_profile *p)
{
	begin(o, "ProfileInfo");
	elem(o, "Iccid", p->iccid);
	elem_hex(o, "Isd-p-aid", BYTES_ARR(p->aid));
	elem(o, "Mno-id", p->mno_oid);
	elem(o, "FallbackAttribute", p->fallback ? "true" : "false");
	begin(o, "SubscriptionAddress");
	elem(o, "Imsi", p->imsi);
	elem(o, "Msisdn", p->msisdn);
	end(o, "SubscriptionAddress");
	elem(o, "State", p->enabled ? "Enabled" : "Disabled");
	elem(o, "ProfileType", p->type);
	elem_num(o, "AllocatedMemory", MEM_PROFILE);
	put_pol2(o, p->fallback);
	end(o, "ProfileInfo");
}

static void put_key(struct out *o, unsigned int index, const char *type, struct bytes value)
{
	struct key *key = NULL;
	uint8_t kcv[3];

	if (o->rc == 0)
		o->rc = key_import(o->tmp, KEY_AES, value, &key);
	if (o->rc == 0)
		o->rc = key_kcv(o->crypto, key, kcv);
	if (o->rc < 0)
		return;
	xw_open(&o->w, P, "Key");
	xw_attr(&o->w, "kcv", hex_enc(o->tmp, BYTES_ARR(kcv)));
	xw_body(&o->w);
	elem_num(o, "Index", index);
	xw_open(&o->w, P, "KeyComponents");
	xw_attr(&o->w, "type", type);
	xw_attr(&o->w, "value", hex_enc(o->tmp, value));
	xw_body(&o->w);
	end(o, "KeyComponents");
	end(o, "Key");
}

static void put_isdr(struct out *o, const struct seed_card *card)
{
	begin(o, "Isd-r");
	put_domain_head(o, AID_ISDR, "000001", "ISD-R");
	begin(o, "Keyset");
	elem_num(o, "Version", SEED_SCP80_KVN);
	elem(o, "Type", "SCP80");
	elem_num(o, "Cntr", SEED_SCP80_COUNTER + 1);
	put_key(o, 1, KEY_AES_TYPE, BYTES_ARR(card->kic));
	put_key(o, 2, KEY_AES_TYPE, BYTES_ARR(card->kid));
	put_key(o, 3, KEY_AES_TYPE, BYTES_ARR(card->kik));
	end(o, "Keyset");
	begin(o, "Keyset");
	elem_num(o, "Version", SEED_SCP81_KVN);
	elem(o, "Type", "SCP81");
	put_key(o, 1, KEY_PSK_TYPE, BYTES_ARR(card->psk));
	put_key(o, 2, KEY_AES_TYPE, BYTES_ARR(card->psk_dek));
	end(o, "Keyset");
	end(o, "Isd-r");
}

static void put_eis(struct out *o, const struct pki_cards *cards, const struct seed_card *card, const char *info,
		    const char *signature)
{
	unsigned int n = 0;

	for (size_t i = 0; i < SEED_N_PROFILES; i++)
		n += cards->profiles >> i & 1;
	xw_open(&o->w, P, "Eis");
	xw_attr(&o->w, "xmlns:rps", NS);
	xw_body(&o->w);
	wr_str(&o->w, "\n");
	wr_str(&o->w, info);
	wr_str(&o->w, "\n");
	wr_str(&o->w, signature);
	wr_str(&o->w, "\n");
	elem_num(o, "RemainingMemory", MEM_TOTAL - n * MEM_PROFILE);
	elem_num(o, "AvailableMemoryForProfiles", MEM_TOTAL);
	elem(o, "Smsr-id", cards->smsr_oid);
	for (size_t i = 0; i < SEED_N_PROFILES; i++) {
		if (cards->profiles >> i & 1)
			put_profile(o, &card->profiles[i]);
	}
	put_isdr(o, card);
	end(o, "Eis");
}

int pki_eis(const void *ctx, const struct pki_eum *eum, const struct pki_cards *cards, const struct seed_card *card,
	    struct bytes ecasd_cert, const char *id, struct bytes *xml)
{
	struct out o = {.tmp = talloc_new(NULL)};
	const char *info, *signature;
	struct bytes text;
	int rc;

	o.crypto = crypto_alloc(o.tmp);
	rc = o.crypto ? signed_pair(o.tmp, eum, card, ecasd_cert, id, &info, &signature) : -EIO;
	if (rc == 0) {
		wr_init(&o.w, o.tmp);
		put_eis(&o, cards, card, info, signature);
		rc = o.rc ? o.rc : wr_end(&o.w, &text);
	}
	if (rc == 0)
		*xml = bytes_dup(ctx, text);
	talloc_free(o.tmp);
	return rc;
}
