/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* Outcome of a function (FunctionExecutionStatus): a status and, unless it is plain success, a pair of codes. */

enum es_exec {
	ES_EXECUTED_SUCCESS,
	ES_EXECUTED_WITHWARNING,
	ES_FAILED,
	ES_EXPIRED,
};

/*! Outcome as sent and received.  Any pair of codes is accepted from a peer and passed on; what we send comes from the
 * table behind es_sc().  Absent texts are NULL; subject and reason are NULL exactly for success. */
struct es_status {
	enum es_exec status;
	const char *subject; /* dotted, e.g. "8.2.1" */
	const char *reason;
	const char *subject_identifier; /* the EID, ICCID, AID or OID in question */
	const char *message;		/* plain English for the operator of the peer */
};

/*! The pairs of subject and reason code that this project sends.  SGP.02 §5.1.  Names say what happened. */
enum es_sc {
	ES_SC_SENDER_UNKNOWN,	       /* 1.1/1.1 */
	ES_SC_SENDER_NOT_ALLOWED,      /* 1.1/1.2 */
	ES_SC_INTERNAL,		       /* 1.2/4.2 */
	ES_SC_BUSY,		       /* 1.2/4.4 */
	ES_SC_VALIDITY_REFUSED,	       /* 1.2.1/3.8 */
	ES_SC_DATA_INVALID,	       /* 1.6/2.1 */
	ES_SC_MANDATORY_MISSING,       /* 1.6/2.2 */
	ES_SC_CONDITIONAL_MISSING,     /* 1.6/2.3 */
	ES_SC_UNSUPPORTED,	       /* 1.6/3.1 */
	ES_SC_CALL_ID_REUSED,	       /* 1.6/3.3 */
	ES_SC_EXPIRED,		       /* 1.6/5.3 validity period over before delivery */
	ES_SC_NO_RESPONSE,	       /* 1.6/5.4 delivered, no response: effect unknown */
	ES_SC_EUICC_REFUSED,	       /* 8.1/3.8 */
	ES_SC_MEMORY,		       /* 8.1/4.8 */
	ES_SC_EIS_SIGNATURE,	       /* 8.1/6.1 */
	ES_SC_EID_NOT_ALLOWED,	       /* 8.1.1/1.2 */
	ES_SC_EID_IN_USE,	       /* 8.1.1/3.3 */
	ES_SC_EID_UNKNOWN,	       /* 8.1.1/3.9 */
	ES_SC_ICCID_NOT_ALLOWED,       /* 8.2.1/1.2 */
	ES_SC_ICCID_IN_USE,	       /* 8.2.1/3.3 */
	ES_SC_ICCID_WRONG_STATE,       /* 8.2.1/3.5 */
	ES_SC_ICCID_UNKNOWN,	       /* 8.2.1/3.9 */
	ES_SC_POL1_REFUSED,	       /* 8.2.2/3.8 */
	ES_SC_POL2_REFUSED,	       /* 8.2.3/3.8 */
	ES_SC_PROFILE_TYPE_UNSUITABLE, /* 8.2.5/2.1 */
	ES_SC_PROFILE_TYPE_NONE_LEFT,  /* 8.2.5/3.7 */
	ES_SC_PROFILE_TYPE_UNKNOWN,    /* 8.2.5/3.9 */
	ES_SC_ISDP_ERROR,	       /* 8.3/4.2 */
	ES_SC_SD_AID_NOT_ALLOWED,      /* 8.3.1/1.2 */
	ES_SC_SD_AID_UNKNOWN,	       /* 8.3.1/3.9 */
	ES_SC_ISDR_ERROR,	       /* 8.4/4.2 also: rolled back */
	ES_SC_ECASD_CERT_INVALID,      /* 8.5.2/6.1 */
	ES_SC_ECASD_CERT_EXPIRED,      /* 8.5.2/6.3 */
	ES_SC_SMSR_CERT_INVALID,       /* 8.5.3/6.1 */
	ES_SC_SMSR_CERT_EXPIRED,       /* 8.5.3/6.3 */
	ES_SC_SMSR_UNKNOWN,	       /* 8.7/3.9 */
	ES_SC_SMSR_UNREACHABLE,	       /* 8.7/5.1 */
	ES_SC_COUNT
};

struct es_code {
	const char *subject;
	const char *reason;
};

/*! Codes as SGP.02 writes them, subject "1.6" and reason "2.1" for example; static. */
const struct es_code *es_sc(enum es_sc sc);

/*! EXECUTED_SUCCESS. */
struct es_status es_status_ok(void);

/*! Outcome other than success.
 * \param[in] exec                ES_EXECUTED_WITHWARNING, ES_FAILED or ES_EXPIRED
 * \param[in] subject_identifier  copied; NULL if there is none
 * \param[in] fmt                 text of Message; never put a key or other secret into it
 * \returns the outcome; its texts are talloc children of ctx or constants */
struct es_status es_status_bad(const void *ctx, enum es_exec exec, enum es_sc sc, const char *subject_identifier,
			       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/*! Copy with all texts as talloc children of ctx. */
struct es_status es_status_dup(const void *ctx, const struct es_status *st);

/*! True if the pair of codes is the one named. */
bool es_status_is(const struct es_status *st, enum es_sc sc);

/*! Spelling on the wire: "EXECUTED_SUCCESS", "EXECUTED_WITHWARNING", "FAILED", "EXPIRED". */
const char *es_exec_name(enum es_exec exec);
