/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Trigger of an administration session: payload of an SCP80 packet to the ISD-R, not wrapped in a script template
 * (GlobalPlatform Amendment B).  The objects inside also make the HTTPS parameters that the card stores.
 *
 *   81 L                   triggering parameters; 81 00 = use the stored ones
 *     83 L                 session parameters
 *       84 L               connection: TLVs of OPEN CHANNEL (TS 102 223) in any order
 *       85 L               security:   L PSK identity | 02 KVN KID | [hash type]
 *       86 L               retry:      counter(2) | 25 03 HH MM SS | [87 L failure report]
 *       89 L               HTTP POST:  8A L host | 8B L agent id | 8C L URI
 *     B3 L                 DNS:        D6 L FQDN | FA L connection parameters
 *
 * An object that is absent leaves the stored one in force. */

/*! Object 84.  Every member that is empty or 0 is absent. */
struct trigger_conn {
	struct bytes bearer;   /* value of the bearer description, first octet the type: 03 = default bearer */
	uint16_t buffer_size;  /* of the channel, octets */
	const char *apn;       /* with dots; NULL = absent */
	struct bytes user;     /* 8-bit text */
	struct bytes password; /* 8-bit text; never for a log */
	uint16_t port;	       /* TCP port of the server */
	struct bytes address;  /* IPv4: 4 octets, IPv6: 16 */
};

/*! Object 85. */
struct trigger_security {
	struct bytes psk_id; /* as the card shall send it [uncertain: text or TLV; opaque here] */
	uint8_t kvn;
	uint8_t kid;
	int hash; /* hash type; -1 = absent */
};

/*! Object 86. */
struct trigger_retry {
	uint16_t counter;
	uint32_t delay_s;    /* at most 99 h 59 min 59 s; 0 = absent */
	struct bytes report; /* value of 87, opaque; empty = absent */
};

/*! Object 89; NULL = absent.  Octets outside of printable ASCII are refused. */
struct trigger_post {
	const char *host;
	const char *agent; /* X-Admin-From */
	const char *uri;
};

/*! Object B3. */
struct trigger_dns {
	const char *fqdn;  /* NULL = absent */
	struct bytes conn; /* value of FA; empty = absent */
};

/*! What a trigger, or the card's store, says; objects without their has_ flag are absent. */
struct trigger {
	struct trigger_conn conn;
	struct trigger_security security;
	struct trigger_retry retry;
	struct trigger_post post;
	struct trigger_dns dns;
	bool has_conn, has_security, has_retry, has_post, has_dns;
};

/*! Write 81 L ...; without any object that is 81 00.  \returns 0; -EINVAL for a value that has no coding; -ENOSPC */
int trigger_enc(const struct trigger *t, struct wr *w) MUST_CHECK;

/*! Read a whole trigger.  Unknown objects are skipped; delays are taken under 25 and under A5.
 * \param[in]  ctx  talloc parent of the texts (below one child of it); octets are views into in
 * \param[out] t    untouched on error
 * \returns 0; -EINVAL */
int trigger_dec(const void *ctx, struct bytes in, struct trigger *t) MUST_CHECK;

/*! The objects 84, 85, 86, 89 without the templates around them, as they are stored (SGP.02 connectivity parameters of
 * the ISD-R).  \returns as above */
int trigger_objects_enc(const struct trigger *t, struct wr *w) MUST_CHECK;
int trigger_objects_dec(const void *ctx, struct bytes in, struct trigger *t) MUST_CHECK;
