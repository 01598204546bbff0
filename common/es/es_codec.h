/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>

#include "common/codec/bytes.h"
#include "common/es/es_fn.h"
#include "common/es/es_types.h"

/*! Everything that one thread needs to read messages: a parser and validation contexts over the compiled schema, reused
 * from message to message.  Never shared by two threads. */
struct es_ctx;

/*! What a message may be before it is refused.  A zero member takes the default. */
struct es_limits {
	size_t octets;	/* 8 MiB: a whole profile in one SendData */
	unsigned depth; /* 64 elements */
	unsigned nodes; /* 100000 elements and attributes */
};

/*! Compiles the schema (some milliseconds).  The first call installs, once for the process, an entity loader that
 * refuses every file and URL, so no XML input can make the program read anything.
 * \param[in] limits  copied; NULL for the defaults
 * \returns talloc child of ctx; NULL when libxml2 rejects our schema (logged) */
struct es_ctx *es_ctx_alloc(const void *ctx, const struct es_limits *limits);

/*! A schema or WSDL of ours by its file name ("esim-messaging-3.xsd", "es4.wsdl"), as named in the imports of the
 * others: served under the same path as the service, so that relative names resolve.
 * \param[out] content_type  media type; may be NULL
 * \returns 0; -ENOENT */
int es_schema_file(const char *name, struct bytes *file, const char **content_type) MUST_CHECK;

/*! The file behind SERVICE?wsdl and SERVICE?xsd.
 * \param[in] service  "ES4SmSrService"
 * \param[in] query    "wsdl" or "xsd", any case
 * \returns file name for es_schema_file(); NULL if there is none */
const char *es_schema_of_service(const char *service, const char *query);

/*! A WSDL whose service addresses start with our own URL: what ?wsdl answers.
 * \param[in]  name  of es_schema_of_service() or a path; XSDs come back as they are
 * \param[in]  base  URL before "/ES4/ES4SmSrService", e.g. "https://smsr1.example.net/esim-messaging/3"
 * \param[out] file  talloc child of ctx
 * \returns 0; -ENOENT; -EINVAL when base is no legal text */
int es_schema_render(const void *ctx, const char *name, const char *base, struct bytes *file) MUST_CHECK;

/*! Milliseconds of UTC as "2026-03-02T09:10:05Z", with a fraction only when the millisecond is not zero.
 * \returns talloc child of ctx */
char *es_time_enc(const void *ctx, int64_t utc_ms);
/*! xs:dateTime of the years 1970 to 9999: offset and fraction allowed, no zone means UTC; digits after the millisecond
 * are dropped.  \returns 0; -EINVAL */
int es_time_dec(const char *text, int64_t *utc_ms) MUST_CHECK;

/*! One message body as XML: the element with its namespace declaration, no XML declaration.
 * \param[in]  body  the struct that es_fn_info(fn) implies; borrowed
 * \param[out] xml   talloc child of ctx, UTF-8.  It holds keys in clear when the struct does
 * \returns 0; -EINVAL when a mandatory field is absent or a text is no legal XML */
int es_body_enc(const void *ctx, enum es_fn fn, enum es_dir dir, const void *body, struct bytes *xml) MUST_CHECK;
/*! The same for an EIS alone, root element Eis: what smctl prints and a test EUM signs. */
int es_eis_enc(const void *ctx, const struct es_eis *eis, struct bytes *xml) MUST_CHECK;

/*! Read and validate an EIS from a document whose root is Eis or a RegisterEIS request, e.g. a file given to smctl.
 * \param[out] eis  talloc child of parent
 * \param[out] bad  on -EINVAL what is wrong, texts on parent; may be NULL
 * \returns 0; -EINVAL */
int es_eis_dec(struct es_ctx *es, const void *parent, struct bytes xml, struct es_eis **eis,
	       struct es_status *bad) MUST_CHECK;
