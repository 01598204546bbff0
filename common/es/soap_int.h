/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <libxml/tree.h>

#include "common/es/soap.h"

/* Faults, for soap_rx.c and soap_tx.c. */

struct soap_subcode_name {
	enum soap_fault_subcode subcode;
	const char *ns;
	const char *local;
};

/*! NULL for SOAP_SUB_NONE and SOAP_SUB_OTHER. */
const struct soap_subcode_name *soap_subcode_name(enum soap_fault_subcode subcode);
/*! "Sender". */
const char *soap_fault_code_name(enum soap_fault_code code);

/*! A fault to answer with; the HTTP status follows from the code.  \returns talloc child of ctx */
struct soap_fault *soap_fault_alloc(const void *ctx, enum soap_fault_code code, enum soap_fault_subcode subcode,
				    const char *problem_header, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/*! A fault received.  \param[in] elem  soap:Fault  \returns talloc child of ctx; NULL when it has no code */
struct soap_fault *soap_fault_read(const void *ctx, const xmlNode *elem);

/* Headers, for soap_rx.c.  Both return the fault to answer with, or NULL when all is well. */

/*! \param[in]  header  soap:Header, or NULL
 * \param[out] hdr     what could be read, also on a fault; texts are talloc children of ctx */
struct soap_fault *soap_headers_read(const void *ctx, const xmlNode *header, struct soap_headers *hdr);
struct soap_fault *soap_headers_required(const void *ctx, const struct soap_headers *hdr, enum es_dir dir);
