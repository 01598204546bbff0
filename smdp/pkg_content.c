/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Check of what stands inside single profile elements: identification, sizes of files, EF.ICCID against the header,
 * PIN and PUK, parameters of the authentication algorithm.  Fields that are not named here pass unread.
 *
 *   every element  A0 { [80 NULL mandated] 81 identification } first (the header has none)
 *   files          A2... BF.. { (80 NULL doNotCreate | A1 descriptor { 80 size ... } | 82 offset | 83 content)* }
 *   pinCodes       A1 { A0 { 30 { 80 reference 81 value(8) 82 PUK reference ... }* } | 81 path }
 *   pukCodes       A1 { 30 { 80 reference 81 value(8) ... }* }
 *   akaParameter   A1 { A0 mapping | A1 { 80 algorithm 81 options 82 key 83 OPc ... } } */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/pkg_priv.h"

#define IDENTIFICATION_MAX 32767
#define CODE_LEN 8
#define EF_ICCID 0xa4 /* in mf */

enum aka_algorithm {
	AKA_MILENAGE = 1,
	AKA_TUAK = 2,
	AKA_TEST = 3,
};

/* INTEGER that is not negative; -1 when it is none or has more than 4 octets. */
static int64_t integer(struct bytes value)
{
	struct rd r;
	int64_t v;

	rd_init(&r, value);
	if (!value.len || value.len > 4 || rd_peek(&r) > 0x7f)
		return -1;
	v = (int64_t)rd_uint(&r, value.len);
	return rd_end(&r) < 0 ? -1 : v;
}

static int64_t integer_in(struct bytes level, uint32_t tag)
{
	struct bytes value;

	return ber_find(level, tag, &value) == 0 ? integer(value) : -1;
}

static int identification(const struct pkg_pe *pe)
{
	struct ber head;
	struct rd r;
	int64_t id;

	rd_init(&r, pe->value);
	if (!ber_next(&r, &head) || head.tag != 0xa0)
		return -1;
	id = integer_in(head.value, 0x81);
	return id > IDENTIFICATION_MAX ? -1 : (int)id;
}

/* ---- files ---- */

static bool has_files(uint32_t tag)
{
	return tag >= PE_MF && tag != PE_EAP;
}

/* \param[out] size  as the descriptor names it, else untouched */
static int file_size(struct bytes descriptor, int64_t *size)
{
	struct bytes value;
	struct rd r;
	int rc = ber_find(descriptor, 0x80, &value);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (value.len == 0 || value.len > 4)
		return -EINVAL;
	rd_init(&r, value);
	*size = (int64_t)rd_uint(&r, value.len);
	return rd_end(&r);
}

/* Where the content of a file ends, and the size its descriptor names (-1: none, the template's). */
static int file_extent(struct bytes file, int64_t *size, int64_t *end)
{
	struct ber t;
	struct rd r;

	*size = -1;
	*end = 0;
	rd_init(&r, file);
	while (ber_next(&r, &t)) {
		int64_t skip;

		switch (t.tag) {
		case 0xa1:
			if (file_size(t.value, size) < 0)
				return -EINVAL;
			break;
		case 0x82:
			skip = integer(t.value);
			if (skip < 0)
				return -EINVAL;
			*end += skip;
			break;
		case 0x83:
			*end += (int64_t)t.value.len;
			break;
		case 0x80:
			break;
		default:
			return -EINVAL;
		}
	}
	return rd_end(&r);
}

static void check_files(struct pkg_checker *k, const struct pkg_pe *pe)
{
	unsigned int field = 0;
	int64_t size, end;
	struct ber t;
	struct rd r;

	rd_init(&r, pe->value);
	for (; ber_next(&r, &t); field++) {
		if (field == 1 && t.tag != 0x81)
			pkg_find_pe(k, PKG_ERROR, pe, "names no template");
		if (field < 2)
			continue;
		if (file_extent(t.value, &size, &end) < 0)
			pkg_find_pe(k, PKG_ERROR, pe, "has a malformed file in field %X", (unsigned int)t.tag);
		else if (size >= 0 && end > size)
			pkg_find_pe(k, PKG_ERROR, pe,
				    "fills %" PRId64 " octets into the file in field %X, which has %" PRId64, end,
				    (unsigned int)t.tag, size);
	}
}

static void check_ef_iccid(struct pkg_checker *k, const struct pkg_pe *pe)
{
	struct bytes file, content;
	uint8_t want[PKG_ICCID_LEN];

	if (!k->report->header)
		return;
	if (ber_find(pe->value, EF_ICCID, &file) < 0) {
		pkg_find_pe(k, PKG_ERROR, pe, "has no EF.ICCID");
		return;
	}
	if (ber_find(file, 0x83, &content) < 0 || pkg_iccid_enc(k->report->header->iccid, want) < 0)
		content = bytes_of(NULL, 0);
	else
		pkg_iccid_swap(want);
	if (!content.len)
		pkg_find_pe(k, PKG_ERROR, pe, "has nothing in EF.ICCID");
	else if (!bytes_eq(content, BYTES_ARR(want)))
		pkg_find_pe(k, PKG_ERROR, pe, "has another ICCID in EF.ICCID than the header");
}

/* ---- codes ---- */

static bool puk_exists(const struct pkg_checker *k, int64_t reference)
{
	const struct pkg_pe *pe = pkg_pe_of(k, PE_PUK);
	struct bytes list;
	struct ber t;
	struct rd r;

	if (!pe || ber_find(pe->value, 0xa1, &list) < 0)
		return false;
	rd_init(&r, list);
	while (ber_next(&r, &t)) {
		if (integer_in(t.value, 0x80) == reference)
			return true;
	}
	return false;
}

static void check_code(struct pkg_checker *k, const struct pkg_pe *pe, struct bytes code)
{
	int64_t reference = integer_in(code, 0x80), puk;
	struct bytes value;

	if (reference < 0)
		pkg_find_pe(k, PKG_ERROR, pe, "has a code without a reference");
	else if (ber_find(code, 0x81, &value) < 0 || value.len != CODE_LEN)
		pkg_find_pe(k, PKG_ERROR, pe, "has code %d, whose value has not 8 octets", (int)reference);
	if (pe->tag != PE_PIN || ber_find(code, 0x82, &value) < 0)
		return;
	puk = integer(value);
	if (puk < 0 || !puk_exists(k, puk))
		pkg_find_pe(k, PKG_ERROR, pe, "has PIN %d, unblocked by PUK %d, which pukCodes does not have",
			    (int)reference, (int)puk);
}

static void check_codes(struct pkg_checker *k, const struct pkg_pe *pe)
{
	struct bytes body, list;
	unsigned int n = 0;
	struct ber t;
	struct rd r;

	if (ber_find(pe->value, 0xa1, &body) < 0) {
		pkg_find_pe(k, PKG_ERROR, pe, "has no codes");
		return;
	}
	list = body;
	if (pe->tag == PE_PIN && ber_find(body, 0xa0, &list) < 0)
		return; /* shares those of another directory */
	rd_init(&r, list);
	for (; ber_next(&r, &t); n++)
		check_code(k, pe, t.value);
	if (!n)
		pkg_find_pe(k, PKG_ERROR, pe, "has no codes");
}

/* ---- authentication ---- */

static void check_aka_lengths(struct pkg_checker *k, const struct pkg_pe *pe, int64_t algorithm, size_t key, size_t opc)
{
	switch ((enum aka_algorithm)algorithm) {
	case AKA_MILENAGE:
		if (key != 16 || opc != 16)
			pkg_find_pe(k, PKG_ERROR, pe, "has a key of %zu and an OPc of %zu octets; milenage wants 16",
				    key, opc);
		break;
	case AKA_TUAK:
		if ((key != 16 && key != 32) || opc != 32)
			pkg_find_pe(k, PKG_ERROR, pe,
				    "has a key of %zu and a TOPc of %zu octets; tuak wants 16 or 32, and 32", key, opc);
		break;
	case AKA_TEST:
		pkg_find_pe(k, PKG_WARNING, pe, "uses the test algorithm, which keeps no secret");
		break;
	}
}

static void check_aka(struct pkg_checker *k, const struct pkg_pe *pe)
{
	struct bytes body, param, key = {0}, opc = {0};
	int64_t algorithm;

	if (ber_find(pe->value, 0xa1, &body) < 0) {
		pkg_find_pe(k, PKG_ERROR, pe, "has no configuration of an algorithm");
		return;
	}
	if (ber_find(body, 0xa1, &param) < 0)
		return; /* mapped to that of another application */
	algorithm = integer_in(param, 0x80);
	if (algorithm < AKA_MILENAGE || algorithm > AKA_TEST) {
		pkg_find_pe(k, PKG_ERROR, pe, "names no known algorithm");
		return;
	}
	if (ber_find(param, 0x82, &key) < 0 || ber_find(param, 0x83, &opc) < 0)
		pkg_find_pe(k, PKG_ERROR, pe, "lacks a key or an OPc");
	else
		check_aka_lengths(k, pe, algorithm, key.len, opc.len);
}

void pkg_check_content(struct pkg_checker *k)
{
	for (size_t i = 0; i < k->n_pes; i++) {
		struct pkg_pe *pe = &k->pes[i];

		if (pe->tag != PE_HEADER)
			pe->identification = identification(pe);
		if (pe->name && has_files(pe->tag))
			check_files(k, pe);
		if (pe->tag == PE_MF)
			check_ef_iccid(k, pe);
		if (pe->tag == PE_PIN || pe->tag == PE_PUK)
			check_codes(k, pe);
		if (pe->tag == PE_AKA)
			check_aka(k, pe);
	}
}
