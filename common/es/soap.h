/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/bytes.h"
#include "common/es/es_codec.h"
#include "common/es/es_fn.h"
#include "common/es/es_types.h"

/* SOAP 1.2 envelopes with WS-Addressing.  SGP.02 Annex B.
 *
 * Reading: soap_rx() takes the octets of an HTTP body to a typed struct, or says which fault to answer with.
 * Writing: soap_tx() and soap_tx_fault(); they need no context and may run in any thread.
 * The SM-SR's own rules (who may do what, repeats, To) are not here: this module only says what was sent. */

#define SOAP_CONTENT_TYPE "application/soap+xml; charset=utf-8"

/*! An address of WS-Addressing, taken apart.  All texts NULL when the header was absent. */
struct soap_addr {
	const char *uri;       /* as received */
	const char *base;      /* before the first '?' */
	const char *entity_id; /* OID, checked for its form */
	const char *entity_name;
	const char *user_name;
};

/*! MessageID or RelatesTo, taken apart.  Compare messages by base. */
struct soap_msg_id {
	const char *raw;	    /* as received: what goes into RelatesTo */
	const char *base;	    /* before the first '?' */
	const char *transaction_id; /* copied into every message that follows from this one */
	const char *context_id;
	const char *date; /* xs:dateTime, unchecked */
};

struct soap_headers {
	struct soap_addr from;
	struct soap_addr to;
	struct soap_addr reply_to;
	const char *action;
	struct soap_msg_id id;
	struct soap_msg_id relates_to;
};

/* ------------------------------------------------------------------------------------------------- faults --- */

enum soap_fault_code {
	SOAP_FAULT_SENDER,
	SOAP_FAULT_RECEIVER,
	SOAP_FAULT_VERSION_MISMATCH,
	SOAP_FAULT_MUST_UNDERSTAND
};

enum soap_fault_subcode {
	SOAP_SUB_NONE,
	SOAP_SUB_HEADER_REQUIRED,	  /* wsa:MessageAddressingHeaderRequired */
	SOAP_SUB_INVALID_HEADER,	  /* wsa:InvalidAddressingHeader */
	SOAP_SUB_ACTION_NOT_SUPPORTED,	  /* wsa:ActionNotSupported */
	SOAP_SUB_DESTINATION_UNREACHABLE, /* wsa:DestinationUnreachable */
	SOAP_SUB_FAILED_AUTHENTICATION,	  /* wsse:FailedAuthentication */
	SOAP_SUB_OTHER,			  /* received, not one of ours */
};

struct soap_fault {
	enum soap_fault_code code;
	enum soap_fault_subcode subcode;
	const char *reason;	    /* English; names elements and headers, never their content */
	const char *problem_header; /* "wsa:From", or NULL */
	const char *relates_to;	    /* MessageID of the message at fault, if it could be read */
	unsigned http_status;	    /* 400, 415 or 500; not set in a received fault */
};

/* ------------------------------------------------------------------------------------------------ reading --- */

/*! A message received.  One talloc tree. */
struct soap_msg {
	struct soap_headers hdr;
	enum es_fn fn; /* ES_FN_NONE for a fault */
	enum es_dir dir;
	/*! The struct of es_types.h that fn and dir imply; struct soap_fault for ES_DIR_FAULT.
	 * NULL when a request's body broke the schema: then bad is the outcome to answer with (1.6/2.1, 2.2 or 2.3) and
	 * call_id holds FunctionCallIdentifier if there was one. */
	void *body;
	struct es_status bad;
	const char *call_id; /* of a request */
	bool has_digest;     /* requests of functions that change state */
	uint8_t digest[32];  /* SHA-256 of the exclusive-canonical body element: same text, same call */
};

/*! Read one envelope.  Checks: size, well-formedness, no DTD or processing instruction, depth and count of nodes; SOAP
 * 1.2; mustUnderstand; presence and form of the addressing headers; known body; Action against body; schema.
 * A request and a notification need From, To, Action and MessageID; a response may lack From; a fault needs nothing.
 * \param[in]  es            of this thread
 * \param[in]  parent        talloc parent of the message; NULL if it is to be handed to another thread
 * \param[in]  in            HTTP body
 * \param[in]  content_type  value of the HTTP header; NULL if it was absent (refused)
 * \param[out] msg           untouched on error
 * \param[out] fault         on -EINVAL: the fault to answer with, texts are talloc children of parent
 * \returns 0, also when msg->body is NULL; -EINVAL */
int soap_rx(struct es_ctx *es, const void *parent, struct bytes in, const char *content_type, struct soap_msg **msg,
	    struct soap_fault **fault) MUST_CHECK;

/* ------------------------------------------------------------------------------------------------ writing --- */

/*! Who we are on one interface. */
struct soap_self {
	const char *uri;  /* our URL, without query */
	const char *oid;  /* EntityId */
	const char *name; /* EntityName, any text; NULL to leave out */
};

/*! Headers of an envelope to send.  All texts are borrowed. */
struct soap_out {
	const char *from;	/* soap_from() */
	const char *to;		/* verbatim */
	const char *reply_to;	/* verbatim; NULL unless an asynchronous request */
	const char *action;	/* NULL: es_fn_action() with the table's group */
	const char *message_id; /* soap_message_id(), kept with the outbox row: a repeat carries the same one */
	const char *relates_to; /* verbatim MessageID of the request; NULL for requests and notifications */
};

/*! URI with EntityId and EntityName: for From, and for a ReplyTo that names us.  \returns talloc child of ctx */
char *soap_from(const void *ctx, const struct soap_self *self);
/*! The same with EntityId only: To of a request or notification to a configured peer, our ReplyTo. */
char *soap_endpoint(const void *ctx, const char *uri, const char *oid);

/*! New MessageID "//OID/urn:uuid:...?TransactionID=...&ContextID=...&MessageDate=...".
 * \param[in] transaction_id, context_id  NULL to leave out
 * \param[in] stamp_ms                    wall clock
 * \returns talloc child of ctx */
char *soap_message_id(const void *ctx, const char *oid, const char *transaction_id, const char *context_id,
		      int64_t stamp_ms);

/*! Headers of the answer to a request: synchronous response (To = From of the request) or callback (To = ReplyTo,
 * verbatim), with a new MessageID that keeps TransactionID and ContextID. A synchronous response may reuse the Action
 * of its request (set action), a callback has one of its own (leave it NULL).  Texts are talloc children of ctx. */
struct soap_out soap_answer(const void *ctx, const struct soap_self *self, const struct soap_headers *req,
			    int64_t stamp_ms);

/*! Write an envelope.
 * \param[in]  body  struct of es_types.h for fn and dir; borrowed
 * \param[out] xml   talloc child of ctx, UTF-8
 * \returns 0; -EINVAL when a mandatory header or field is absent or a text is no legal XML */
int soap_tx(const void *ctx, const struct soap_out *out, enum es_fn fn, enum es_dir dir, const void *body,
	    struct bytes *xml) MUST_CHECK;

/*! Write a fault envelope.  \returns 0; -EINVAL */
int soap_tx_fault(const void *ctx, const struct soap_fault *fault, struct bytes *xml) MUST_CHECK;

/*! Value for the HTTP header Content-Type: SOAP_CONTENT_TYPE with the action parameter.  \returns talloc child of ctx
 */
char *soap_content_type(const void *ctx, const char *action);

/* ------------------------------------------------------------------------------------------- small helpers --- */

/*! Take apart an address or a message id: cut at the first '?', then at every '&' and '?'; names without regard to
 * case; values percent-decoded.  For URLs of the configuration and rows of the database.
 * \param[out] addr, id  texts are talloc children of ctx
 * \returns 0; -EINVAL for a control character, a bad escape, an EntityId that is no OID, or more than 2048 octets */
int soap_addr_dec(const void *ctx, const char *uri, struct soap_addr *addr) MUST_CHECK;
int soap_msg_id_dec(const void *ctx, const char *raw, struct soap_msg_id *id) MUST_CHECK;

/*! True if the text is a dotted object identifier of at most 128 characters. */
bool soap_oid_ok(const char *text);
