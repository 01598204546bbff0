/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* SMPP 3.4 protocol data units: pure, no socket and no clock.
 *
 * One struct holds the fields of every PDU type; a table for each type says which of them are on the wire and in which
 * order, and drives both directions.  Text fields are views without their NUL.
 *
 * Receiving is lenient where real service centres are sloppy (over-long system_id, responses without a body, any
 * status, any TON and NPI, unknown TLVs, sequence number 0) and strict about bounds.  Sending is strict. */

#define SMPP_HDR_LEN 16
/*! Largest command_length taken or produced: a 64 KiB message_payload and its fields. */
#define SMPP_PDU_MAX 70000
#define SMPP_SEQ_MAX 0x7fffffff
#define SMPP_VERSION_34 0x34
/*! Longest message_id with its NUL. */
#define SMPP_MESSAGE_ID_LEN 65
/*! Longest address of submit_sm and deliver_sm with its NUL; data_sm and alert_notification allow 65. */
#define SMPP_ADDR_LEN 21

enum smpp_command {
	SMPP_GENERIC_NACK = 0x80000000,
	SMPP_BIND_RECEIVER = 0x00000001,
	SMPP_BIND_RECEIVER_RESP = 0x80000001,
	SMPP_BIND_TRANSMITTER = 0x00000002,
	SMPP_BIND_TRANSMITTER_RESP = 0x80000002,
	SMPP_QUERY_SM = 0x00000003,
	SMPP_QUERY_SM_RESP = 0x80000003,
	SMPP_SUBMIT_SM = 0x00000004,
	SMPP_SUBMIT_SM_RESP = 0x80000004,
	SMPP_DELIVER_SM = 0x00000005,
	SMPP_DELIVER_SM_RESP = 0x80000005,
	SMPP_UNBIND = 0x00000006,
	SMPP_UNBIND_RESP = 0x80000006,
	SMPP_REPLACE_SM = 0x00000007,
	SMPP_REPLACE_SM_RESP = 0x80000007,
	SMPP_CANCEL_SM = 0x00000008,
	SMPP_CANCEL_SM_RESP = 0x80000008,
	SMPP_BIND_TRANSCEIVER = 0x00000009,
	SMPP_BIND_TRANSCEIVER_RESP = 0x80000009,
	SMPP_OUTBIND = 0x0000000b,
	SMPP_ENQUIRE_LINK = 0x00000015,
	SMPP_ENQUIRE_LINK_RESP = 0x80000015,
	SMPP_ALERT_NOTIFICATION = 0x00000102,
	SMPP_DATA_SM = 0x00000103,
	SMPP_DATA_SM_RESP = 0x80000103,
};

/*! Bit that makes a command_id a response. */
#define SMPP_RESP 0x80000000u

enum smpp_tag {
	SMPP_TAG_DEST_ADDR_SUBUNIT = 0x0005,
	SMPP_TAG_RECEIPTED_MESSAGE_ID = 0x001e,
	SMPP_TAG_USER_MESSAGE_REFERENCE = 0x0204,
	SMPP_TAG_SAR_MSG_REF_NUM = 0x020c,
	SMPP_TAG_SAR_TOTAL_SEGMENTS = 0x020e,
	SMPP_TAG_SAR_SEGMENT_SEQNUM = 0x020f,
	SMPP_TAG_SC_INTERFACE_VERSION = 0x0210,
	SMPP_TAG_MS_AVAILABILITY_STATUS = 0x0422,
	SMPP_TAG_NETWORK_ERROR_CODE = 0x0423,
	SMPP_TAG_MESSAGE_PAYLOAD = 0x0424,
	SMPP_TAG_DELIVERY_FAILURE_REASON = 0x0425,
	SMPP_TAG_MORE_MESSAGES_TO_SEND = 0x0426,
	SMPP_TAG_MESSAGE_STATE = 0x0427,
};

/* esm_class */
#define SMPP_ESM_MODE 0x03    /* mask of the messaging mode */
#define SMPP_ESM_FORWARD 0x02 /* transaction mode: the response tells what the phone said */
#define SMPP_ESM_TYPE 0x3c    /* mask of the message type; 0 = an ordinary short message */
#define SMPP_ESM_RECEIPT 0x04
#define SMPP_ESM_UDHI 0x40

struct smpp_addr {
	uint8_t ton;
	uint8_t npi;
	struct bytes digits;
};

/*! One PDU.  Fields that the type does not have are left zero by the decoder and ignored by the encoder. */
struct smpp_pdu {
	uint32_t command_id;
	uint32_t status;
	uint32_t seq;
	bool no_body; /* a response that is nothing but its header */

	struct bytes system_id; /* bind, outbind */
	struct bytes password;
	struct bytes system_type;
	uint8_t interface_version;
	struct smpp_addr range; /* bind: address_range */

	struct bytes service_type;
	struct smpp_addr source;
	struct smpp_addr dest; /* alert_notification: the ESME's address */
	uint8_t esm_class;
	uint8_t protocol_id;
	uint8_t priority_flag;
	struct bytes schedule_delivery_time;
	struct bytes validity_period;
	uint8_t registered_delivery;
	uint8_t replace_if_present;
	uint8_t data_coding;
	uint8_t sm_default_msg_id;
	struct bytes short_message; /* at most 254 octets */

	struct bytes message_id; /* responses, query, cancel, replace */
	struct bytes final_date; /* query_sm_resp */
	uint8_t message_state;
	uint8_t error_code;

	struct bytes tlvs; /* optional parameters as they stand on the wire, in order; see smpp_tlv_next() */
};

/*! Header of a PDU whose body nobody may trust yet.
 * \param[in] pdu  at least the 16 octets of the header
 * \returns 0; -EINVAL when shorter, or when command_length is below 16; -ENOSPC when it is above SMPP_PDU_MAX */
int smpp_hdr_dec(struct bytes pdu, struct smpp_pdu *out) MUST_CHECK;

/*! Decode one whole PDU.
 * \param[out] out  views into pdu; untouched on error
 * \returns 0; -EINVAL malformed; -ENOSPC command_length above SMPP_PDU_MAX; -ENOENT unknown command_id */
int smpp_pdu_dec(struct bytes pdu, struct smpp_pdu *out) MUST_CHECK;

/*! Append one PDU, its length filled in.  On error the writer is as before.
 * \returns 0; -EINVAL when a field does not suit its type (too long, NUL inside, bad TLVs); -ENOENT unknown command_id;
 *          -ENOSPC when the writer is full or the PDU would pass SMPP_PDU_MAX */
int smpp_pdu_enc(const struct smpp_pdu *pdu, struct wr *w) MUST_CHECK;

/*! Name as in the standard ("submit_sm"); "unknown" for any other. */
const char *smpp_command_name(uint32_t command_id);

struct smpp_tlv {
	uint16_t tag;
	struct bytes value;
};

/*! Next TLV of a level, in wire order.  \returns false at the end and on malformed input (then rd_end() tells) */
bool smpp_tlv_next(struct rd *r, struct smpp_tlv *tlv);
/*! First TLV with this tag.  \returns 0; -ENOENT; -EINVAL when the list is malformed */
int smpp_tlv_find(struct bytes tlvs, uint16_t tag, struct bytes *value) MUST_CHECK;
/*! TLV that is an integer of 1 to 4 octets.  \returns 0; -ENOENT; -EINVAL */
int smpp_tlv_find_uint(struct bytes tlvs, uint16_t tag, uint32_t *value) MUST_CHECK;
/*! Append a TLV to a list under construction; a value above 65535 octets makes the writer fail. */
void smpp_tlv_put(struct wr *w, uint16_t tag, struct bytes value);
/*! Append an integer of n octets. */
void smpp_tlv_put_uint(struct wr *w, uint16_t tag, uint32_t value, size_t n);

/*! What the message carries: short_message, or the message_payload TLV when short_message is empty. */
struct bytes smpp_payload(const struct smpp_pdu *pdu);

/*! Segment numbers in the sar_* TLVs, for service centres that take the concatenation out of the user data header. */
struct smpp_sar {
	uint16_t ref;
	uint8_t total;
	uint8_t seq;
};
/*! \returns 0; -ENOENT when one of the three is missing; -EINVAL for impossible numbers */
int smpp_sar_dec(const struct smpp_pdu *pdu, struct smpp_sar *sar) MUST_CHECK;

/*! Cuts a byte stream into whole PDUs. */
struct smpp_framer;

/*! \returns talloc child of ctx */
struct smpp_framer *smpp_framer_alloc(const void *ctx);
/*! Append received octets.  Views handed out before end here.  Drain with smpp_framer_next() after each call: that
 * keeps the buffer below SMPP_PDU_MAX plus one input. */
void smpp_framer_feed(struct smpp_framer *f, struct bytes in);
/*! \param[out] pdu  view of one PDU, valid until the next feed
 * \returns 1 with a PDU; 0 when more octets are needed; -EINVAL command_length below 16; -ENOSPC above SMPP_PDU_MAX.
 *          After an error the stream has no boundaries any more: close it. */
int smpp_framer_next(struct smpp_framer *f, struct bytes *pdu) MUST_CHECK;
