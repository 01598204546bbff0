/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Profile packages in the interoperable format: DER profile elements (PE) back to back, the header first, end last.
 * What a card does with them is its business; here they are read, checked before they are sent, and put into words. */

/*! A package that is longer, or has more elements, is refused unread. */
#define PKG_MAX_LEN (512 * 1024)
#define PKG_MAX_PES 512

/*! Octets of an ICCID in the header and in EF.ICCID. */
#define PKG_ICCID_LEN 10

/*! Services of the header that a card must have; each is a bit of pkg_header.services, numbered as its tag. */
enum pkg_service {
	PKG_SERVICE_USIM = 1,
	PKG_SERVICE_ISIM = 2,
	PKG_SERVICE_CSIM = 3,
	PKG_SERVICE_MILENAGE = 4,
	PKG_SERVICE_TUAK128 = 5,
	PKG_SERVICE_CAVE = 6,
};

/*! What the header says.  Views are into the package, texts are talloc children of the struct. */
struct pkg_header {
	unsigned int major, minor;
	const char *type;	    /* profileType; NULL when absent */
	const char *iccid;	    /* digits in plain order, without padding */
	struct bytes pol1;	    /* pol; data NULL when absent */
	struct bytes connectivity;  /* connectivityParameters; data NULL when absent */
	uint64_t services;	    /* bit n: tag 80 + n of the mandatory services is there */
	const char **service_names; /* their names, ends with NULL; "service 28" for one that has no name here */
};

enum pkg_severity {
	PKG_WARNING, /* a card may take it; somebody should look */
	PKG_ERROR,   /* not to be sent */
};

/*! One thing that is wrong. */
struct pkg_finding {
	enum pkg_severity severity;
	const char *text; /* "PE 7 (pinCodes) has identification 3, which PE 5 already has" */
};

struct pkg_report {
	struct pkg_header *header; /* NULL when it cannot be read */
	struct pkg_finding *findings;
	size_t n_findings;
	size_t n_errors;
	size_t n_pes;
};

/*! Check a whole package: form, order and presence of its elements, identifications, ICCID, sizes.
 * Never fails: what is wrong stands in the report.  \returns talloc child of ctx */
struct pkg_report *pkg_check(const void *ctx, struct bytes package);
/*! The first error, for a message of one line; NULL when there is none. */
const char *pkg_report_error(const struct pkg_report *report);

/*! Name of a profile element by its tag ("pinCodes"); NULL for a tag that the format does not know. */
const char *pkg_pe_name(uint32_t tag);

/* ICCID: 18 to 20 digits.  The header has them in plain order, EF.ICCID with the nibbles of each octet swapped; both
 * are padded with F. */

/*! \param[in]  coded   10 octets in plain order
 *  \param[out] digits  18 to 20 digits and NUL
 *  \returns 0; -EINVAL */
int pkg_iccid_dec(struct bytes coded, char digits[2 * PKG_ICCID_LEN + 1]) MUST_CHECK;
/*! The inverse.  \param[in] digits  a trailing F is dropped  \returns 0; -EINVAL */
int pkg_iccid_enc(const char *digits, uint8_t coded[PKG_ICCID_LEN]) MUST_CHECK;
/*! From plain order to that of EF.ICCID and back; in place. */
void pkg_iccid_swap(uint8_t coded[PKG_ICCID_LEN]);
/*! Whether the last digit is the check digit of the others (ITU-T E.118, Luhn). */
bool pkg_iccid_check_digit(const char *digits);
