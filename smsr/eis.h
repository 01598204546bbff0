/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/es_types.h"
#include "smsr/smsr.h"

/* The eUICC Information Set between the rows and the types of the off-card interfaces. */

/*! MSISDN as rows have it: without the + that the messages allow.  NULL gives NULL.  \returns view into the argument */
const char *msisdn_digits(const char *msisdn);

/*! Who an EIS is shown to. */
enum eis_view {
	EIS_VIEW_OWNER, /* ES4: own profiles only, no ISD-R, no audit trail */
	EIS_VIEW_SMDP,	/* ES3: profiles that it installs, or of operators it acts for */
	EIS_VIEW_FULL,	/* operators of this SM-SR: everything but key values */
};

/*! Build an EIS for a reader.  SGP.02 "EIS usage".
 * \param[in]  oid     of the reader, for EIS_VIEW_OWNER and EIS_VIEW_SMDP
 * \param[in]  iccids  show only these of the visible profiles; n_iccids 0: all
 * \param[out] eis     talloc child of ctx */
int eis_build(struct smsr *s, const void *ctx, int64_t euicc_id, enum eis_view view, const char *oid,
	      const char *const *iccids, size_t n_iccids, struct es_eis **eis) MUST_CHECK;

/*! POL2 as a set of enum pol2_rule.  \returns 0; -EINVAL for rules that contradict each other or make no sense */
int pol2_dec(const struct es_pol2 *pol2, unsigned int *rules) MUST_CHECK;
/*! \param[out] pol2  its list is a talloc child of ctx */
void pol2_enc(const void *ctx, unsigned int rules, struct es_pol2 *pol2);

/*! Where an EIS comes from. */
struct eis_source {
	const struct peer
		*signer;       /* EUM whose certificate must verify the signature; NULL: import, marked as unverified */
	struct bytes document; /* the document as received, for the signature; empty for an import */
};

/*! Register an eUICC: all or nothing.  SGP.02 ES1.RegisterEIS.
 * \param[out] status  outcome for the requester, texts on turn_ctx(); set when 0 is returned
 * \returns 0 also when refused; negative errno only for a failing store */
int eis_register(struct smsr *s, const struct es_eis *eis, const struct eis_source *src,
		 struct es_status *status) MUST_CHECK;
