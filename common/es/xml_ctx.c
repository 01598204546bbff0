/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libxml2 behind its limits: set-up once for the process, a parser and validation context for each thread, reading of
 * trees.  Both contexts are reused from message to message; making them anew costs as much as parsing.
 *
 * Surprises: libxml2's type tables are built without a lock, hence pthread_once.  Its entity loader is one for the
 * whole process; ours knows the files of schemas/ and nothing else.  A reused parser keeps a dictionary of every name
 * it ever saw, which a peer could fill: it is made anew when the dictionary has grown. */
#include "common/es/xml_int.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/schemasInternals.h>
#include <libxml/xmlschemas.h>
#include <libxml/xmlschemastypes.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/es/soap.h"

#define PARSE_OPTIONS \
	(XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT)
#define DICT_NAMES_MAX 5000

struct es_ctx {
	struct es_limits limits;
	xmlParserCtxt *parser;
	xmlSchema *schema;
	xmlSchemaValidCtxt *valid;
};

/* One schema for all namespaces that a body can be in. */
static const char root_schema[] = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>"
				  "<xs:import namespace='" XML_NS_RPS "' schemaLocation='esim-messaging-3.xsd'/>"
				  "<xs:import namespace='" XML_NS_WSMC "' schemaLocation='wsmc-min.xsd'/>"
				  "</xs:schema>";

static xmlParserInput *load_own_schema(const char *url, const char *id, xmlParserCtxt *parser)
{
	const char *slash = url ? strrchr(url, '/') : NULL;
	struct bytes file;
	xmlParserInputBuffer *buf;

	if (!url || es_schema_file(slash ? slash + 1 : url, &file, NULL) < 0)
		return NULL;
	buf = xmlParserInputBufferCreateMem((const char *)file.data, (int)file.len, XML_CHAR_ENCODING_NONE);
	return buf ? xmlNewIOInputStream(parser, buf, XML_CHAR_ENCODING_NONE) : NULL;
}

static void init_once(void)
{
	xmlInitParser();
	xmlSchemaInitTypes();
	xmlSetExternalEntityLoader(load_own_schema);
}

void xml_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
}

static void log_schema_error(void *data, xmlErrorPtr err)
{
	LOGP(DSOAP, LOGL_ERROR, "our schema, line %d: %s\n", err->line, err->message ? err->message : "?");
}

static int es_ctx_release(struct es_ctx *es)
{
	xmlSchemaFreeValidCtxt(es->valid);
	xmlSchemaFree(es->schema);
	xmlFreeParserCtxt(es->parser);
	return 0;
}

static xmlSchema *compile_schema(void)
{
	xmlSchemaParserCtxt *p = xmlSchemaNewMemParserCtxt(root_schema, sizeof(root_schema) - 1);
	xmlSchema *schema;

	if (!p)
		return NULL;
	xmlSchemaSetParserStructuredErrors(p, log_schema_error, NULL);
	schema = xmlSchemaParse(p);
	xmlSchemaFreeParserCtxt(p);
	return schema;
}

/* Comments say nothing here, and a million of them would fill memory that no limit counts. */
static xmlParserCtxt *parser_new(void)
{
	xmlParserCtxt *parser = xmlNewParserCtxt();

	if (parser)
		parser->sax->comment = NULL;
	return parser;
}

static bool parser_renew(struct es_ctx *es)
{
	if (es->parser && xmlDictSize(es->parser->dict) < DICT_NAMES_MAX)
		return true;
	xmlFreeParserCtxt(es->parser);
	es->parser = parser_new();
	return es->parser != NULL;
}

struct es_ctx *es_ctx_alloc(const void *ctx, const struct es_limits *limits)
{
	struct es_ctx *es = talloc_zero(ctx, struct es_ctx);

	if (!es)
		return NULL;
	xml_init();
	if (limits)
		es->limits = *limits;
	if (!es->limits.octets)
		es->limits.octets = 8 << 20;
	if (!es->limits.depth)
		es->limits.depth = 64;
	if (!es->limits.nodes)
		es->limits.nodes = 100000;
	talloc_set_destructor(es, es_ctx_release);
	es->schema = compile_schema();
	es->valid = es->schema ? xmlSchemaNewValidCtxt(es->schema) : NULL;
	if (!parser_renew(es) || !es->valid) {
		talloc_free(es);
		return NULL;
	}
	return es;
}

enum xml_refusal xml_parse(struct es_ctx *es, struct bytes in, xmlDoc **doc)
{
	enum xml_refusal rc = xml_scan(in, &es->limits);
	xmlDoc *d;

	if (rc != XML_OK)
		return rc;
	if (in.len > INT_MAX || !parser_renew(es))
		return XML_TOO_LONG;
	d = xmlCtxtReadMemory(es->parser, (const char *)in.data, (int)in.len, NULL, "UTF-8", PARSE_OPTIONS);
	if (!d)
		return XML_NOT_WELL_FORMED;
	if (d->intSubset || d->extSubset || !xmlDocGetRootElement(d)) {
		xmlFreeDoc(d);
		return XML_HAS_DTD;
	}
	*doc = d;
	return XML_OK;
}

void xml_doc_free(xmlDoc *doc)
{
	xmlFreeDoc(doc);
}

/* Without it libxml2 would write to standard error.  The setting belongs to the thread. */
static void quiet(void *data, xmlErrorPtr err)
{
}

static int below(void *data, xmlNode *node, xmlNode *parent)
{
	const xmlNode *top = data, *n = node->type == XML_NAMESPACE_DECL ? parent : node;

	for (; n; n = n->parent)
		if (n == top)
			return 1;
	return 0;
}

int xml_c14n(const void *ctx, const xmlNode *elem, struct bytes *out)
{
	return xml_c14n_as(ctx, elem, XML_C14N_EXCLUSIVE_1_0, NULL, out);
}

int xml_c14n_as(const void *ctx, const xmlNode *elem, int mode, const char **prefixes, struct bytes *out)
{
	xmlChar **list = (xmlChar **)(uintptr_t)prefixes;
	xmlOutputBuffer *buf = xmlAllocOutputBuffer(NULL);
	int rc = -EINVAL;

	if (!buf)
		return -EINVAL;
	xmlSetStructuredErrorFunc(NULL, quiet);
	if (xmlC14NExecute(elem->doc, below, (void *)elem, mode, list, 0, buf) >= 0) {
		size_t len = xmlOutputBufferGetSize(buf);
		char *copy = talloc_strndup(ctx, (const char *)xmlOutputBufferGetContent(buf), len);

		bytes_wipe((void *)(uintptr_t)xmlOutputBufferGetContent(buf), len);
		if (copy) {
			*out = bytes_of(copy, len);
			rc = 0;
		}
	}
	xmlOutputBufferClose(buf);
	return rc;
}

static void note_violation(void *data, xmlErrorPtr err)
{
	struct xml_violation *v = data;
	const xmlNode *node = err->node;

	if (v->code)
		return;
	v->code = err->code;
	if (node && node->type == XML_ATTRIBUTE_NODE)
		node = node->parent;
	v->node = node && node->type == XML_ELEMENT_NODE ? node : NULL;
}

int xml_validate(struct es_ctx *es, xmlNode *elem, struct xml_violation *v)
{
	int rc;

	*v = (struct xml_violation){};
	xmlSchemaSetValidStructuredErrors(es->valid, note_violation, v);
	rc = xmlSchemaValidateOneElement(es->valid, elem);
	xmlSchemaSetValidStructuredErrors(es->valid, NULL, NULL);
	return rc == 0 && v->code == 0 ? 0 : -EINVAL;
}

bool xml_is(const xmlNode *node, const char *ns, const char *local)
{
	return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
	       !strcmp((const char *)node->ns->href, ns) && !strcmp((const char *)node->name, local);
}

static xmlNode *element_from(xmlNode *n)
{
	while (n && n->type != XML_ELEMENT_NODE)
		n = n->next;
	return n;
}

xmlNode *xml_first(const xmlNode *node)
{
	return element_from(node->children);
}

xmlNode *xml_next(const xmlNode *node)
{
	return element_from(node->next);
}

xmlNode *xml_child(const xmlNode *node, const char *ns, const char *local)
{
	xmlNode *n = xml_first(node);

	while (n && !xml_is(n, ns, local))
		n = xml_next(n);
	return n;
}

const char *xml_text(const void *ctx, const xmlNode *node)
{
	const xmlNode *c = node->children;
	xmlChar *all;
	char *copy;

	if (!c)
		return "";
	if (!c->next && c->type == XML_TEXT_NODE)
		return c->content ? (const char *)c->content : "";
	all = xmlNodeGetContent(node);
	copy = talloc_strdup(ctx, all ? (const char *)all : "");
	xmlFree(all);
	return copy;
}

char *xml_token(const void *ctx, const xmlNode *node)
{
	static const char white[] = " \t\r\n";
	const char *text = xml_text(ctx, node);
	size_t len;

	text += strspn(text, white);
	len = strlen(text);
	while (len && strchr(white, text[len - 1]))
		len--;
	return talloc_strndup(ctx, text, len);
}
