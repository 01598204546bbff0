/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Check of a profile package before it is sent: which elements there are, how often, in which order, and whether the
 * header promises what follows.  Inside of single elements: pkg_content.c.
 *
 * Errors are what a card refuses or what makes a profile useless; warnings are what the format permits and nobody
 * means.  Findings come in the order of the package, those about the whole at the end. */
#include <stdarg.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/pkg_priv.h"

#define DEPTH_MAX 16
#define MAJOR_MIN 2
#define MAJOR_MAX 3 /* that was read here; a later one may change meanings */

/* What the format knows.  after: an element that must have come before; 0: none. */
static const struct pe_rule {
	uint32_t tag;
	const char *name;
	bool once;
	uint32_t after;
} pe_rules[] = {
	{PE_HEADER, "header", true, 0},
	{PE_FILES, "genericFileManagement", false, 0},
	{PE_PIN, "pinCodes", false, 0},
	{PE_PUK, "pukCodes", true, 0},
	{PE_AKA, "akaParameter", false, 0},
	{PE_CDMA, "cdmaParameter", false, 0},
	{PE_SD, "securityDomain", false, 0},
	{PE_RFM, "rfm", false, PE_SD},
	{PE_APPLICATION, "application", false, PE_SD},
	{PE_NON_STANDARD, "nonStandard", false, 0},
	{PE_END, "end", true, 0},
	{PE_MF, "mf", true, 0},
	{PE_CD, "cd", true, PE_MF},
	{PE_TELECOM, "telecom", true, PE_MF},
	{PE_USIM, "usim", false, PE_MF},
	{PE_OPT_USIM, "opt-usim", false, PE_USIM},
	{PE_ISIM, "isim", false, PE_MF},
	{PE_OPT_ISIM, "opt-isim", false, PE_ISIM},
	{PE_PHONEBOOK, "phonebook", false, PE_USIM},
	{PE_GSM, "gsm-access", false, PE_USIM},
	{PE_CSIM, "csim", false, PE_MF},
	{PE_OPT_CSIM, "opt-csim", false, PE_CSIM},
	{PE_EAP, "eap", false, 0},
	{PE_5GS, "df-5gs", false, PE_USIM},
	{PE_SAIP, "df-saip", false, PE_USIM},
	{PE_SNPN, "df-snpn", false, PE_USIM},
	{PE_5GPROSE, "df-5gprose", false, PE_USIM},
	{PE_IOT, "iot", true, 0},
	{PE_OPT_IOT, "opt-iot", true, PE_IOT},
};

static const struct pe_rule *rule_of(uint32_t tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(pe_rules); i++) {
		if (pe_rules[i].tag == tag)
			return &pe_rules[i];
	}
	return NULL;
}

const char *pkg_pe_name(uint32_t tag)
{
	const struct pe_rule *rule = rule_of(tag);

	return rule ? rule->name : NULL;
}

static void add(struct pkg_checker *k, enum pkg_severity severity, char *steal_text)
{
	struct pkg_report *r = k->report;

	r->findings = talloc_realloc(r, r->findings, struct pkg_finding, (unsigned int)r->n_findings + 1);
	OSMO_ASSERT(r->findings);
	r->findings[r->n_findings++] = (struct pkg_finding){severity, talloc_steal(r, steal_text)};
	r->n_errors += severity == PKG_ERROR;
}

__attribute__((format(printf, 3, 4))) static void find(struct pkg_checker *k, enum pkg_severity severity,
						       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(k, severity, talloc_vasprintf(k->report, fmt, ap));
	va_end(ap);
}

void pkg_find_pe(struct pkg_checker *k, enum pkg_severity severity, const struct pkg_pe *pe, const char *fmt, ...)
{
	char *text = talloc_asprintf(k->report, "PE %u (%s) ", pe->n, pe->name ? pe->name : "unknown");
	va_list ap;

	va_start(ap, fmt);
	add(k, severity, talloc_vasprintf_append_buffer(text, fmt, ap));
	va_end(ap);
}

const struct pkg_pe *pkg_pe_of(const struct pkg_checker *k, uint32_t tag)
{
	for (size_t i = 0; i < k->n_pes; i++) {
		if (k->pes[i].tag == tag)
			return &k->pes[i];
	}
	return NULL;
}

const char *pkg_report_error(const struct pkg_report *report)
{
	for (size_t i = 0; i < report->n_findings; i++) {
		if (report->findings[i].severity == PKG_ERROR)
			return report->findings[i].text;
	}
	return NULL;
}

static void cut(struct pkg_checker *k)
{
	size_t offset = 0;
	struct ber t;
	struct rd r;

	rd_init(&r, k->package);
	while (k->n_pes < PKG_MAX_PES && ber_next(&r, &t)) {
		struct pkg_pe *pe = &k->pes[k->n_pes];

		*pe = (struct pkg_pe){.n = (unsigned int)++k->n_pes,
				      .tag = t.tag,
				      .name = pkg_pe_name(t.tag),
				      .value = t.value,
				      .offset = offset,
				      .identification = -1};
		offset = k->package.len - rd_left(&r);
		if (ber_check(t.value, DEPTH_MAX) < 0)
			pkg_find_pe(k, PKG_ERROR, pe, "is no well-formed DER inside");
	}
	if (r.failed)
		find(k, PKG_ERROR, "octet %zu: after PE %zu comes no whole element", offset, k->n_pes);
	else if (rd_left(&r))
		find(k, PKG_ERROR, "more than %d elements", PKG_MAX_PES);
}

static void check_header(struct pkg_checker *k)
{
	struct pkg_header *h = talloc_zero(k->report, struct pkg_header);
	const char *why = "";

	OSMO_ASSERT(h);
	if (k->pes[0].tag != PE_HEADER) {
		pkg_find_pe(k, PKG_ERROR, &k->pes[0], "comes first; the header is wanted there");
		return;
	}
	if (pkg_header_parse(h, k->pes[0].value, &why) < 0) {
		pkg_find_pe(k, PKG_ERROR, &k->pes[0], "cannot be read: %s", why);
		return;
	}
	k->report->header = h;
	if (h->major < MAJOR_MIN)
		pkg_find_pe(k, PKG_ERROR, &k->pes[0], "has version %u.%u; cards of SGP.02 want 2.0 or later", h->major,
			    h->minor);
	if (h->major > MAJOR_MAX)
		pkg_find_pe(k, PKG_WARNING, &k->pes[0], "has version %u.%u, which is not known here", h->major,
			    h->minor);
	if (strncmp(h->iccid, "89", 2) != 0)
		pkg_find_pe(k, PKG_WARNING, &k->pes[0], "has ICCID %s, which does not begin with 89", h->iccid);
	if (!pkg_iccid_check_digit(h->iccid))
		pkg_find_pe(k, PKG_WARNING, &k->pes[0], "has ICCID %s, whose last digit is no check digit", h->iccid);
}

static void check_rule(struct pkg_checker *k, const struct pkg_pe *pe)
{
	const struct pe_rule *rule = rule_of(pe->tag);
	const struct pkg_pe *other;

	if (!rule) {
		pkg_find_pe(k, PKG_ERROR, pe, "has tag %X, which is no profile element", (unsigned int)pe->tag);
		return;
	}
	other = pkg_pe_of(k, pe->tag);
	if (rule->once && other != pe)
		pkg_find_pe(k, PKG_ERROR, pe, "is there again after PE %u", other->n);
	other = rule->after ? pkg_pe_of(k, rule->after) : NULL;
	if (rule->after && (!other || other > pe))
		pkg_find_pe(k, PKG_ERROR, pe, "comes without %s before it", pkg_pe_name(rule->after));
}

static void check_identification(struct pkg_checker *k, const struct pkg_pe *pe)
{
	if (pe->tag == PE_HEADER || !pe->name)
		return;
	if (pe->identification < 0) {
		pkg_find_pe(k, PKG_ERROR, pe, "has no identification number");
		return;
	}
	for (const struct pkg_pe *other = k->pes; other < pe; other++) {
		if (other->identification == pe->identification) {
			pkg_find_pe(k, PKG_ERROR, pe, "has identification %d, which PE %u already has",
				    pe->identification, other->n);
			return;
		}
	}
}

/* What a profile needs to be of use: service (or -1: always), one of two elements. */
static void check_presence(struct pkg_checker *k)
{
	static const struct need {
		int service;
		uint32_t tag, or_tag;
		enum pkg_severity severity;
		const char *reason;
	} needs[] = {
		{-1, PE_MF, PE_IOT, PKG_WARNING, "no element makes the MF from a template"},
		{-1, PE_SD, 0, PKG_WARNING, "the operator has no security domain in it"},
		{PKG_SERVICE_USIM, PE_MF, PE_IOT, PKG_ERROR, "the mandatory service usim needs mf"},
		{PKG_SERVICE_USIM, PE_USIM, PE_IOT, PKG_ERROR, "the mandatory service usim needs usim"},
		{PKG_SERVICE_USIM, PE_PIN, 0, PKG_ERROR, "the mandatory service usim needs pinCodes"},
		{PKG_SERVICE_USIM, PE_PUK, 0, PKG_WARNING, "no pukCodes: a blocked PIN stays blocked"},
		{PKG_SERVICE_USIM, PE_AKA, 0, PKG_ERROR, "the mandatory service usim needs akaParameter"},
		{PKG_SERVICE_ISIM, PE_ISIM, 0, PKG_ERROR, "the mandatory service isim needs isim"},
		{PKG_SERVICE_ISIM, PE_AKA, 0, PKG_ERROR, "the mandatory service isim needs akaParameter"},
		{PKG_SERVICE_CSIM, PE_CSIM, 0, PKG_ERROR, "the mandatory service csim needs csim"},
		{PKG_SERVICE_MILENAGE, PE_AKA, 0, PKG_ERROR, "the mandatory service milenage needs akaParameter"},
		{PKG_SERVICE_TUAK128, PE_AKA, 0, PKG_ERROR, "the mandatory service tuak128 needs akaParameter"},
		{PKG_SERVICE_CAVE, PE_CDMA, 0, PKG_ERROR, "the mandatory service cave needs cdmaParameter"},
	};
	uint64_t services = k->report->header ? k->report->header->services : 0;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		const struct need *n = &needs[i];

		if (n->service >= 0 && !(services >> n->service & 1))
			continue;
		if (!pkg_pe_of(k, n->tag) && !(n->or_tag && pkg_pe_of(k, n->or_tag)))
			find(k, n->severity, "%s", n->reason);
	}
}

static void check_elements(struct pkg_checker *k)
{
	if (!k->n_pes)
		return;
	check_header(k);
	pkg_check_content(k);
	for (size_t i = 0; i < k->n_pes; i++) {
		check_rule(k, &k->pes[i]);
		check_identification(k, &k->pes[i]);
	}
	if (k->pes[k->n_pes - 1].tag != PE_END)
		pkg_find_pe(k, PKG_ERROR, &k->pes[k->n_pes - 1], "comes last; end is wanted there");
	check_presence(k);
}

struct pkg_report *pkg_check(const void *ctx, struct bytes package)
{
	struct pkg_checker k = {.report = talloc_zero(ctx, struct pkg_report), .package = package};

	OSMO_ASSERT(k.report);
	if (!package.len || package.len > PKG_MAX_LEN) {
		find(&k, PKG_ERROR, "%zu octets; 1 to %d are taken", package.len, PKG_MAX_LEN);
		return k.report;
	}
	k.pes = talloc_array(k.report, struct pkg_pe, PKG_MAX_PES);
	OSMO_ASSERT(k.pes);
	cut(&k);
	check_elements(&k);
	k.report->n_pes = k.n_pes;
	talloc_free(k.pes);
	return k.report;
}
