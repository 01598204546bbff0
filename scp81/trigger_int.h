/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Codings of the trigger; shared by its writer and its reader, of no use elsewhere. */

enum trigger_tag {
	TRIGGER_PARAMS = 0x81,
	TRIGGER_SESSION = 0x83,
	TRIGGER_CONN = 0x84,
	TRIGGER_SECURITY = 0x85,
	TRIGGER_RETRY = 0x86,
	TRIGGER_REPORT = 0x87,
	TRIGGER_POST = 0x89,
	TRIGGER_HOST = 0x8a,
	TRIGGER_AGENT = 0x8b,
	TRIGGER_URI = 0x8c,
	TRIGGER_DNS = 0xb3,
	TRIGGER_FQDN = 0xd6,
	TRIGGER_DNS_CONN = 0xfa,
};

/* TLVs of TS 102 223; bit 8 of the tag is "comprehension required" and says nothing here. */
enum cat_tag {
	CAT_TEXT = 0x0d,
	CAT_TIMER = 0x25,
	CAT_BEARER = 0x35,
	CAT_BUFFER_SIZE = 0x39,
	CAT_TRANSPORT = 0x3c,
	CAT_ADDRESS = 0x3e,
	CAT_NETWORK_NAME = 0x47,
};

#define CAT_TAG_MASK 0x7f
#define CAT_DCS_8BIT 0x04
#define CAT_TCP_CLIENT 0x02
#define CAT_ADDRESS_IPV4 0x21
#define CAT_ADDRESS_IPV6 0x57
#define TRIGGER_APN_MAX 100
#define TRIGGER_LABEL_MAX 63

/* What the sources leave open about triggers, all of it here:
 * - Tag of the waiting delay: 25 in the stored data of a live card, A5 in one implementation.  We write 25 and read
 * both.
 * - Its three octets: TS 102 223 has a timer value in swapped BCD, the same implementation writes binary.  Swapped BCD
 *   it is; an octet that is no BCD is refused.
 * - Identity in 85: text as in the handshake, or its octets.  It passes through as it is.
 * - Whether the trigger is wrapped in AA: SGP.02 sends it bare to the ISD-R. */
#define TRIGGER_DELAY_TAG CAT_TIMER

/*! Two digits, the lower one in the upper half; v < 100. */
uint8_t trigger_timer_enc(uint32_t v);
/*! Printable ASCII only. */
bool trigger_text_ok(struct bytes text);
