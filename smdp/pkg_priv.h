/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/ber.h"
#include "smdp/pkg.h"

/* Shared by pkg.c (form, header), pkg_check.c (elements among each other) and pkg_content.c (inside of an element). */

/* Tags of the profile elements that rules name. */
enum pkg_pe_tag {
	PE_HEADER = 0xa0,
	PE_FILES = 0xa1, /* genericFileManagement */
	PE_PIN = 0xa2,
	PE_PUK = 0xa3,
	PE_AKA = 0xa4,
	PE_CDMA = 0xa5,
	PE_SD = 0xa6,
	PE_RFM = 0xa7,
	PE_APPLICATION = 0xa8,
	PE_NON_STANDARD = 0xa9,
	PE_END = 0xaa,
	PE_MF = 0xb0,
	PE_CD = 0xb1,
	PE_TELECOM = 0xb2,
	PE_USIM = 0xb3,
	PE_OPT_USIM = 0xb4,
	PE_ISIM = 0xb5,
	PE_OPT_ISIM = 0xb6,
	PE_PHONEBOOK = 0xb7,
	PE_GSM = 0xb8,
	PE_CSIM = 0xb9,
	PE_OPT_CSIM = 0xba,
	PE_EAP = 0xbb,
	PE_5GS = 0xbc,
	PE_SAIP = 0xbd,
	PE_SNPN = 0xbe,
	PE_5GPROSE = 0xbf1f,
	PE_IOT = 0xbf20,
	PE_OPT_IOT = 0xbf21,
};

/*! One profile element while it is checked. */
struct pkg_pe {
	unsigned int n; /* counts from 1 */
	uint32_t tag;
	const char *name; /* NULL: unknown */
	struct bytes value;
	size_t offset;	    /* of its tag in the package */
	int identification; /* -1: none could be read */
};

struct pkg_checker {
	struct pkg_report *report;
	struct bytes package;
	struct pkg_pe *pes; /* those that could be cut out */
	size_t n_pes;
};

/*! Read the fields of a header from the value of its element.  \returns 0; -EINVAL, and what is wrong in why */
int pkg_header_parse(struct pkg_header *h, struct bytes value, const char **why) MUST_CHECK;

/*! "PE 7 (pinCodes) " and the text. */
void pkg_find_pe(struct pkg_checker *k, enum pkg_severity severity, const struct pkg_pe *pe, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*! The first element with this tag; NULL. */
const struct pkg_pe *pkg_pe_of(const struct pkg_checker *k, uint32_t tag);

/*! What stands inside the elements: identification, files, codes, authentication parameters. */
void pkg_check_content(struct pkg_checker *k);
