/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Data preparation: a template and the data of one subscriber give a profile package.
 *
 * A template is text that spells out the package, one element after the other:
 *
 *   # comment to the end of the line
 *   let NAME ITEM...        a constant
 *   default NAME TEXT       the value of a column that a row lacks
 *   random NAME OCTETS      the same, drawn at random in hex for each row
 *   digits NAME COUNT       the same, random decimal digits
 *   TAG ITEM...             a primitive element; TAG is hex as it is written: 83, 4F, BF24
 *   TAG { ... }             a constructed one
 *   ?TAG ...                either, left out when nothing would be in it
 *
 * A line end or ";" ends an element.  Items are put together:
 *
 *   00FF       octets        "text"      UTF-8       oid:1.2.3  an object identifier
 *   $NAME      a constant or a value, see below     pad:N      fill up to N octets with FF
 *   $pe        the next identification number of a profile element, from 1
 *
 * Values made from columns of the row: iccid (plain order, as in the header), ef_iccid, ef_imsi and acc (of imsi),
 * ef_msisdn (record of 24 octets), ef_smsp (of smsc, record of 38 octets), connectivity (of smsc: SMS),
 * connectivity_https (of apn), ef_spn (of spn), pin1, pin2, puk1, puk2, adm1 (8 digits, PINs of 4 to 8), ki and opc (16
 * octets in hex), type (text).  Any other name is a column with hex. */

struct prep_template;

/*! \param[in]  text  kept no longer than the call
 *  \param[out] tpl   talloc child of ctx
 *  \param[out] why   on error: "line 7: ...", talloc child of ctx
 *  \returns 0; -EINVAL */
int prep_template_parse(const void *ctx, struct bytes text, struct prep_template **tpl, const char **why) MUST_CHECK;

/*! A column and its value in one row. */
struct prep_field {
	const char *name;
	const char *value;
};

/*! Whether the template uses a value of this column, directly or through one that is made from it. */
bool prep_uses(const struct prep_template *tpl, const char *column);

/*! Make a package.
 * \param[out] package  memory of its own, talloc child of ctx, wiped by a destructor; untouched on error
 * \param[out] why      on error: which value is missing or wrong, without the value; talloc child of ctx
 * \returns 0; -EINVAL */
int prep_build(const void *ctx, const struct prep_template *tpl, const struct prep_field *fields, size_t n,
	       struct bytes *package, const char **why) MUST_CHECK;

/* ---- coding of single values, prep_code.c ---- */

/* Each appends to w and returns 0, or -EINVAL when the text is not of that form. */

/*! EF.IMSI: length, then identity digits as TS 24.008 §10.5.1.4 codes them; 9 octets.  \param[in] imsi 6 to 15 digits
 */
int prep_put_imsi(struct wr *w, const char *imsi) MUST_CHECK;
/*! EF.ACC: access class 0 to 9, by the last digit of the IMSI; 2 octets. */
int prep_put_acc(struct wr *w, const char *imsi) MUST_CHECK;
/*! Length in octets, TON/NPI and semi-octets of a number, as in EF.SMSP and connectivity parameters.
 * \param[in] number  digits, with + in front when it is international
 * \param[in] pad_to  fill with FF up to so many octets; 0: not at all */
int prep_put_number(struct wr *w, const char *number, size_t pad_to) MUST_CHECK;
/*! Record of EF.MSISDN (TS 31.102): no name, number, no extension.  \param[in] record_len  at least 14 */
int prep_put_msisdn(struct wr *w, const char *msisdn, size_t record_len) MUST_CHECK;
/*! Record of EF.SMSP (TS 31.102): no name, service centre, PID 00, DCS 00, one day.
 * \param[in] record_len  at least 28 */
int prep_put_smsp(struct wr *w, const char *smsc, size_t record_len) MUST_CHECK;
/*! EF.SPN (TS 31.102): display condition 1, name of at most 16 characters of the default alphabet's ASCII part. */
int prep_put_spn(struct wr *w, const char *spn) MUST_CHECK;
/*! Network access name: each label with its length in front (TS 23.003).  \param[in] apn  at most 100 octets coded */
int prep_put_apn(struct wr *w, const char *apn) MUST_CHECK;
/*! Eight octets: digits, padded with FF.  \param[in] min  digits at least */
int prep_put_code(struct wr *w, const char *digits, size_t min) MUST_CHECK;
/*! Content octets of an object identifier.  \param[in] oid "2.23.143.1.2.1" */
int prep_put_oid(struct wr *w, const char *oid) MUST_CHECK;
