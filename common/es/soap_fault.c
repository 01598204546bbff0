/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SOAP faults, both ways.  SOAP 1.2 Part 1 §5.4; the HTTP status of each code is that of SOAP 1.2 Part 2 §7.5. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/soap_int.h"
#include "common/es/xml_int.h"

#define REASON_MAX 500

static const char *const code_names[] = {
	[SOAP_FAULT_SENDER] = "Sender",
	[SOAP_FAULT_RECEIVER] = "Receiver",
	[SOAP_FAULT_VERSION_MISMATCH] = "VersionMismatch",
	[SOAP_FAULT_MUST_UNDERSTAND] = "MustUnderstand",
};

static const struct soap_subcode_name subcodes[] = {
	{SOAP_SUB_HEADER_REQUIRED, XML_NS_WSA, "MessageAddressingHeaderRequired"},
	{SOAP_SUB_INVALID_HEADER, XML_NS_WSA, "InvalidAddressingHeader"},
	{SOAP_SUB_ACTION_NOT_SUPPORTED, XML_NS_WSA, "ActionNotSupported"},
	{SOAP_SUB_DESTINATION_UNREACHABLE, XML_NS_WSA, "DestinationUnreachable"},
	{SOAP_SUB_FAILED_AUTHENTICATION, XML_NS_WSSE, "FailedAuthentication"},
};

const struct soap_subcode_name *soap_subcode_name(enum soap_fault_subcode subcode)
{
	for (size_t i = 0; i < ARRAY_SIZE(subcodes); i++)
		if (subcodes[i].subcode == subcode)
			return &subcodes[i];
	return NULL;
}

const char *soap_fault_code_name(enum soap_fault_code code)
{
	OSMO_ASSERT((unsigned)code < ARRAY_SIZE(code_names));
	return code_names[code];
}

struct soap_fault *soap_fault_alloc(const void *ctx, enum soap_fault_code code, enum soap_fault_subcode subcode,
				    const char *problem_header, const char *fmt, ...)
{
	struct soap_fault *f = talloc_zero(ctx, struct soap_fault);
	va_list ap;

	OSMO_ASSERT(f);
	f->code = code;
	f->subcode = subcode;
	f->http_status = code == SOAP_FAULT_SENDER ? 400 : 500;
	f->problem_header = talloc_strdup(f, problem_header);
	va_start(ap, fmt);
	f->reason = talloc_vasprintf(f, fmt, ap);
	va_end(ap);
	return f;
}

/* Local part of a QName in text; the prefix is the sender's own affair. */
static char *local_part(const void *ctx, const xmlNode *value)
{
	char *text = xml_token(ctx, value);
	char *colon = strrchr(text, ':');

	return colon ? colon + 1 : text;
}

static enum soap_fault_subcode subcode_of(const void *ctx, const xmlNode *code)
{
	const xmlNode *sub = xml_child(code, XML_NS_SOAP, "Subcode");
	const xmlNode *value = sub ? xml_child(sub, XML_NS_SOAP, "Value") : NULL;
	const char *local;

	if (!sub)
		return SOAP_SUB_NONE;
	local = value ? local_part(ctx, value) : "";
	for (size_t i = 0; i < ARRAY_SIZE(subcodes); i++)
		if (!strcmp(subcodes[i].local, local))
			return subcodes[i].subcode;
	return SOAP_SUB_OTHER;
}

/* The peer's words, fit for a log line. */
static char *reason_of(const void *ctx, const xmlNode *fault)
{
	const xmlNode *reason = xml_child(fault, XML_NS_SOAP, "Reason");
	const xmlNode *text = reason ? xml_child(reason, XML_NS_SOAP, "Text") : NULL;
	char *out;

	if (!text)
		return NULL;
	out = talloc_strndup(ctx, xml_text(ctx, text), REASON_MAX);
	for (unsigned char *p = (unsigned char *)out; *p; p++) {
		if (*p < 0x20)
			*p = ' ';
		else if (*p >= 0x7f)
			*p = '?';
	}
	return out;
}

struct soap_fault *soap_fault_read(const void *ctx, const xmlNode *elem)
{
	const xmlNode *code = xml_child(elem, XML_NS_SOAP, "Code");
	const xmlNode *value = code ? xml_child(code, XML_NS_SOAP, "Value") : NULL;
	struct soap_fault *f;
	const char *local;

	if (!value)
		return NULL;
	f = talloc_zero(ctx, struct soap_fault);
	local = local_part(f, value);
	f->code = SOAP_FAULT_RECEIVER;
	for (size_t i = 0; i < ARRAY_SIZE(code_names); i++)
		if (!strcmp(code_names[i], local))
			f->code = (enum soap_fault_code)i;
	f->subcode = subcode_of(f, code);
	f->reason = reason_of(f, elem);
	return f;
}
