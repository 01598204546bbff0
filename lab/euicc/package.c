/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A profile package as a card reads it (eUICC Profile Package, the part a phone needs): DER elements back to back,
 * first the header, last the end.  It comes in pieces that do not respect elements.
 *
 * Nothing of it takes effect before its end; a refusal therefore undoes everything by itself. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

#define PE_HEADER 0xa0
#define PE_AKA 0xa4
#define PE_USIM 0xb3
#define PE_END 0xaa
#define PE_RFU_FIRST 0xab
#define PE_RFU_LAST 0xaf
#define PE_LAST 0xbe
#define NOT_YET 1 /* the rest of an element is to come */

struct package {
	struct euicc *card;
	int slot;
	struct wr octets;
	size_t done; /* octets of elements that were read */
	uint32_t n_pe;
	bool ended;
	uint8_t iccid[10];
	char imsi[16];
	uint8_t pol1;
	bool has_aka;
	uint8_t aka[32];
	struct bytes params; /* view of octets while reading; they move, so offset and length */
	size_t params_at;
	struct euicc_response rsp; /* warnings so far */
};

struct package *package_alloc(const void *ctx, struct euicc *card, int slot)
{
	struct package *p = talloc_zero(ctx, struct package);

	OSMO_ASSERT(p);
	p->card = card;
	p->slot = slot;
	wr_init(&p->octets, p);
	return p;
}

/* ---- elements ---- */

/* EF.ICCID holds the low nibble first.  Headers of published packages hold the digits in reading order, others as in
 * the file: a telecommunication ICCID begins with 89. */
static void iccid_take(uint8_t to[10], struct bytes value)
{
	struct rd r;

	rd_init(&r, value);
	for (size_t i = 0; i < 10; i++) {
		uint8_t b = rd_u8(&r);

		to[i] = *value.data == UNC_ICCID_FILE_FORM ? b : (uint8_t)(b << 4 | b >> 4);
	}
}

static int octet(struct bytes level, uint32_t tag, uint8_t *value)
{
	struct bytes v;
	struct rd r;
	int rc = ber_find(level, tag, &v);

	if (rc)
		return rc;
	rd_init(&r, v);
	*value = rd_u8(&r);
	return rd_end(&r);
}

static bool iccid_known(const struct package *p)
{
	const struct card_nv *nv = &p->card->nv;

	for (int i = 0; i < nv->n_slots; i++) {
		if (i != p->slot && nv->profiles[i].state != ISDP_NONE &&
		    memcmp(nv->profiles[i].iccid, p->iccid, sizeof(p->iccid)) == 0)
			return true;
	}
	return false;
}

static int32_t header(struct package *p, struct bytes value)
{
	uint8_t major = 0;
	struct bytes iccid;

	if (octet(value, 0x80, &major))
		return PE_INVALID_REQUEST_FORMAT;
	if (major < UNC_PACKAGE_MAJOR_MIN)
		return PE_UNSUPPORTED_PROFILE_VERSION;
	if (ber_find(value, 0x83, &iccid) || iccid.len != sizeof(p->iccid))
		return PE_BAD_VALUES;
	iccid_take(p->iccid, iccid);
	if (iccid_known(p))
		return UNC_PE_ICCID_KNOWN;
	if (octet(value, 0x84, &p->pol1) == -EINVAL)
		return PE_BAD_VALUES;
	if (ber_find(value, 0x87, &p->params) == 0) {
		if (p->params.len > UNC_ISDP_PARAMS_MAX)
			return PE_BAD_VALUES;
		p->params_at = (size_t)(p->params.data - p->octets.buf);
	}
	return PE_OK;
}

/* EF.IMSI: length, then digits low nibble first, the first nibble says odd or even. */
static bool imsi_take(char imsi[16], struct bytes file)
{
	size_t n = 0, len;
	struct rd r;

	rd_init(&r, file);
	len = rd_u8(&r);
	if (len == 0 || len > 8 || len > rd_left(&r))
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t b = rd_u8(&r);
		uint8_t nibbles[2] = {b & 0x0f, b >> 4};

		for (size_t k = i == 0 ? 1 : 0; k < 2; k++) {
			if (nibbles[k] > 9)
				continue;
			imsi[n++] = (char)('0' + nibbles[k]);
		}
	}
	imsi[n] = '\0';
	return n >= 6;
}

/* ef-imsi is member 3 of the element, its content member 3 of the file. */
static int32_t usim(struct package *p, struct bytes value)
{
	struct bytes file, content;

	if (ber_find(value, 0xa3, &file) || ber_find(file, 0x83, &content))
		return PE_OK; /* a template may bring the file */
	return imsi_take(p->imsi, content) ? PE_OK : PE_BAD_VALUES;
}

/* A1 algorithm configuration { A1 parameters { 82 K, 83 OPc } }: only a digest stays. */
static int32_t aka(struct package *p, struct bytes value)
{
	struct bytes config, params, k, opc;
	uint8_t both[64];
	struct wr w;

	if (p->has_aka || ber_find(value, 0xa1, &config) || ber_find(config, 0xa1, &params) ||
	    ber_find(params, 0x82, &k) || ber_find(params, 0x83, &opc))
		return PE_OK; /* a second application, or keys that another element names */
	wr_init_buf(&w, both, sizeof(both));
	wr_bytes(&w, k);
	wr_bytes(&w, opc);
	if (w.failed || crypto_sha256(bytes_of(both, w.len), p->aka))
		return PE_BAD_VALUES;
	bytes_wipe(both, sizeof(both));
	p->has_aka = true;
	return PE_OK;
}

/* Identification and "mandated" of an element that has them: A0 { [80] 81 }. */
static int32_t identification(struct bytes value, bool *mandated)
{
	struct bytes head, v;
	struct rd r;

	*mandated = true;
	if (ber_find(value, 0xa0, &head))
		return -1;
	*mandated = ber_find(head, 0x80, &v) == 0;
	if (ber_find(head, 0x81, &v) || v.len == 0 || v.len > 3)
		return -1;
	rd_init(&r, v);
	return (int32_t)rd_uint(&r, v.len);
}

static bool known(uint32_t tag)
{
	return (tag >= PE_HEADER && tag < PE_RFU_FIRST) || (tag > PE_RFU_LAST && tag <= PE_LAST) ||
	       (tag >= 0xbf1f && tag <= 0xbf21);
}

static int32_t element(struct package *p, const struct ber *pe)
{
	if (p->ended || (p->n_pe == 1) != (pe->tag == PE_HEADER))
		return PE_INVALID_REQUEST_FORMAT;
	if (fault_on(p->card, EUICC_FAULT_BAD_PE) && p->n_pe == p->card->nv.bad_pe)
		return PE_BAD_VALUES;
	if (!known(pe->tag))
		return PE_NOT_SUPPORTED;
	if (pe->tag == PE_HEADER)
		return header(p, pe->value);
	if (ber_check(pe->value, 16))
		return PE_INVALID_REQUEST_FORMAT;
	if (pe->tag == PE_AKA)
		return aka(p, pe->value);
	if (pe->tag == PE_USIM)
		return usim(p, pe->value);
	p->ended = pe->tag == PE_END;
	return PE_OK;
}

/* ---- the whole ---- */

static void note(struct package *p, int32_t status, int32_t id)
{
	if (p->rsp.n == EUICC_RESPONSE_RESULTS_MAX)
		p->rsp.n--;
	p->rsp.results[p->rsp.n++] =
		(struct pe_result){.status = status, .identification = id, .info = -1, .offset = -1};
}

static int refuse(struct package *p, int32_t status, int32_t id, struct euicc_response *rsp)
{
	note(p, status, id);
	p->rsp.aborted = true;
	*rsp = p->rsp;
	out_event(p->card, "package refused at element %u: %s", p->n_pe, pe_status_name(status));
	return -ECANCELED;
}

static void keep_octets(struct package *p)
{
	struct session *s = card_session(p->card);

	talloc_free((void *)s->received.data);
	s->received = bytes_of(talloc_steal(s, p->octets.buf), p->octets.len);
	s->received_slot = p->slot;
}

static int install(struct package *p, struct euicc_response *rsp)
{
	struct euicc_profile *profile = &p->card->nv.profiles[p->slot];
	struct bytes all = bytes_of(p->octets.buf, p->octets.len);
	struct isdp_nv *nv;
	uint8_t sha[32];

	if (p->done != all.len)
		return refuse(p, PE_INVALID_REQUEST_FORMAT, -1, rsp);
	if (p->imsi[0] == '\0')
		return refuse(p, PE_BAD_VALUES, -1, rsp);
	if (fault_on(p->card, EUICC_FAULT_MEMORY) || crypto_sha256(all, sha))
		return refuse(p, PE_MEMORY_FAILURE, -1, rsp);
	nv = isdp_nv_of(p->card, p->slot);
	memcpy(nv->package_sha, sha, sizeof(sha));
	nv->package_len = (uint32_t)all.len;
	nv->has_aka = p->has_aka;
	memcpy(nv->aka, p->aka, sizeof(nv->aka));
	talloc_free((void *)nv->params.data);
	nv->params = p->params.len ? bytes_dup(nv, bytes_sub(all, p->params_at, p->params.len)) : bytes_of(NULL, 0);
	memcpy(profile->iccid, p->iccid, sizeof(profile->iccid));
	memcpy(profile->imsi, p->imsi, sizeof(profile->imsi));
	profile->pol1 = p->pol1;
	profile->mem_left = profile->mem_granted - (uint32_t)all.len;
	profile->state = ISDP_DISABLED;
	p->card->dirty = true;
	out_event(p->card, "profile %s installed, %u elements, %zu octets", profile->imsi, p->n_pe, all.len);
	keep_octets(p);
	if (p->rsp.n == 0)
		note(p, PE_OK, -1);
	*rsp = p->rsp;
	return 1;
}

/* Tag and length of the next element, as far as they are there.
 * \returns 0 with the octets of the whole element; NOT_YET; -EINVAL */
static int element_len(struct bytes rest, size_t *len)
{
	uint8_t first, n = 0;
	struct rd r;

	rd_init(&r, rest);
	first = rd_u8(&r);
	if ((first & 0x1f) == 0x1f && rd_u8(&r) & 0x80)
		return -EINVAL;
	first = rd_u8(&r);
	if (first > 0x83 || first == 0x80)
		return -EINVAL;
	if (first & 0x80)
		n = first & 0x7f;
	*len = n ? (size_t)rd_uint(&r, n) : first;
	*len += rest.len - rd_left(&r);
	return r.failed ? NOT_YET : 0;
}

static uint32_t quota(const struct package *p)
{
	uint32_t granted = p->card->nv.profiles[p->slot].mem_granted;

	return fault_on(p->card, EUICC_FAULT_PACKAGE_MEMORY) ? OSMO_MIN(granted, p->card->nv.package_memory) : granted;
}

/* \returns 0; NOT_YET; -ECANCELED refused */
static int next_element(struct package *p, struct euicc_response *rsp)
{
	struct bytes rest = bytes_of(p->octets.buf + p->done, p->octets.len - p->done);
	bool mandated;
	int32_t status, id;
	struct ber pe;
	size_t len;
	struct rd r;
	int rc;

	rc = element_len(rest, &len);
	if (rc < 0)
		return refuse(p, PE_INVALID_REQUEST_FORMAT, -1, rsp);
	if (rc == 0 && len > quota(p) - p->done)
		return refuse(p, PE_NOT_ENOUGH_MEMORY, -1, rsp);
	if (rc || len > rest.len)
		return NOT_YET;
	rd_init(&r, bytes_sub(rest, 0, len));
	if (!ber_next(&r, &pe) || rd_end(&r))
		return refuse(p, PE_INVALID_REQUEST_FORMAT, -1, rsp);
	p->n_pe++;
	id = identification(pe.value, &mandated);
	status = element(p, &pe);
	if (status != PE_OK && (mandated || status != PE_NOT_SUPPORTED))
		return refuse(p, status, id, rsp);
	if (status != PE_OK)
		note(p, status, id);
	p->done += len;
	return 0;
}

int package_put(struct package *p, struct bytes piece, struct euicc_response *rsp)
{
	int rc = 0;

	if (p->octets.len + piece.len > quota(p))
		return refuse(p, PE_NOT_ENOUGH_MEMORY, -1, rsp);
	wr_bytes(&p->octets, piece);
	while (rc == 0 && p->done < p->octets.len && !p->ended)
		rc = next_element(p, rsp);
	if (rc == -ECANCELED)
		return rc;
	return p->ended ? install(p, rsp) : 0;
}
