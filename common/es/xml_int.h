/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <libxml/tree.h>
#include <stdbool.h>

#include "common/codec/bytes.h"
#include "common/es/es_codec.h"

/* libxml2 inside common/es: nobody else includes this file. */

#define XML_NS_RPS "http://namespaces.gsma.org/esim-messaging/3"
#define XML_NS_SOAP "http://www.w3.org/2003/05/soap-envelope"
#define XML_NS_WSA "http://www.w3.org/2005/08/addressing"
#define XML_NS_WSMC "http://docs.oasis-open.org/ws-rx/wsmc/200702"
#define XML_NS_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define XML_NS_WSSE "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

/*! Set libxml2 up once for the process: tables that are not thread-safe to build, and an entity loader that knows our
 * own schema files and refuses everything else.  Called by es_ctx_alloc(); other users of libxml2 call it first. */
void xml_init(void);

/*! Why octets were no document. */
enum xml_refusal {
	XML_OK,
	XML_TOO_LONG,
	XML_TOO_DEEP,
	XML_TOO_MANY_NODES,
	XML_TOO_MANY_NAMESPACES,
	XML_HAS_DTD,
	XML_HAS_PI,
	XML_NOT_WELL_FORMED,
};
const char *xml_refusal_text(enum xml_refusal r);

/*! Look through the octets before a parser sees them.  Besides the limits of struct es_limits it refuses more than 64
 * attributes in one element, which libxml2 compares each with each, and more than 500 namespace declarations, among
 * which it looks for every prefix. */
enum xml_refusal xml_scan(struct bytes in, const struct es_limits *limits);

/*! Parse UTF-8.  \param[out] doc  to be freed with xml_doc_free(); untouched unless XML_OK is returned */
enum xml_refusal xml_parse(struct es_ctx *es, struct bytes in, xmlDoc **doc);
void xml_doc_free(xmlDoc *doc);

/*! Exclusive canonical form, without comments, of one element and what is below it.
 * \param[out] out  talloc child of ctx, NUL terminated behind its length
 * \returns 0; -EINVAL */
int xml_c14n(const void *ctx, const xmlNode *elem, struct bytes *out) MUST_CHECK;
/*! The same in another canonical form.
 * \param[in] mode      an xmlC14NMode
 * \param[in] prefixes  those of InclusiveNamespaces, NULL terminated; NULL for none */
int xml_c14n_as(const void *ctx, const xmlNode *elem, int mode, const char **prefixes, struct bytes *out) MUST_CHECK;

/*! First schema violation. */
struct xml_violation {
	const xmlNode *node; /* element, also when an attribute of it is at fault; NULL: none known */
	int code;	     /* of libxml2 */
};
/*! Validate an element in place against our schema.  \returns 0; -EINVAL with v filled */
int xml_validate(struct es_ctx *es, xmlNode *elem, struct xml_violation *v) MUST_CHECK;

bool xml_is(const xmlNode *node, const char *ns, const char *local);
/*! First child element, next sibling element; NULL at the end. */
xmlNode *xml_first(const xmlNode *node);
xmlNode *xml_next(const xmlNode *node);
/*! First child element of that name; NULL. */
xmlNode *xml_child(const xmlNode *node, const char *ns, const char *local);
/*! Text of an element or attribute, whole; valid as long as the document, or a talloc child of ctx. */
const char *xml_text(const void *ctx, const xmlNode *node);
/*! The same without white space at the ends; talloc child of ctx. */
char *xml_token(const void *ctx, const xmlNode *node);
