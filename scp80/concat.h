/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* User data of short messages that carry secured packets: user data header, cutting into segments, joining again
 * (TS 23.040 §9.2.3.24, TS 31.115). */

/*! Longest TP-UD of a message with 8-bit data. */
#define UD_MAX 140

/*! Which packet the message (its first segment) announces. */
enum ud_kind {
	UD_OTHER = 0,
	UD_COMMAND = 0x70,
	UD_RESPONSE = 0x71,
};

/*! A packet to be cut. */
struct ud_msg {
	enum ud_kind kind; /* UD_COMMAND or UD_RESPONSE */
	struct bytes pkt;
	uint16_t ref; /* used when there are several segments; below 256 unless ref16 */
	bool ref16;   /* 16-bit reference */
};

/*! Number of segments that a packet of len octets needs: 1 .. 255.  \returns 0 when it needs more */
unsigned int ud_segments(size_t len, bool ref16);

/*! Write the TP-UD (with its user data header; TP-UDHI must be set) of one segment.
 * \param[in] index  1 .. ud_segments()
 * \returns 0; -EINVAL bad kind, index or ref; -ENOSPC packet too long, or no room in w (UD_MAX octets suffice) */
int ud_enc(const struct ud_msg *msg, unsigned int index, struct wr *w) MUST_CHECK;
/*! Write a packet with its header as one TP-UD of any length (SMS-DELIVER-REPORT: the caller knows the room). */
int ud_enc_single(enum ud_kind kind, struct bytes pkt, struct wr *w) MUST_CHECK;

/*! One TP-UD taken apart. */
struct ud_part {
	enum ud_kind kind; /* UD_OTHER also in a later segment, which need not repeat the identifier */
	bool ref16;
	uint16_t ref;	      /* 0 when not concatenated */
	uint8_t total;	      /* 1 when not concatenated */
	uint8_t index;	      /* 1 .. total */
	struct bytes payload; /* view into the TP-UD, behind its header */
};

/*! Take the user data of a short message apart.  Information elements may come in any order, unknown ones are skipped.
 * A UICC that cannot set TP-UDHI sends the header all the same (TS 31.115): data that begins with 02 71 00 or
 * 02 70 00 is taken so.
 * \param[in]  udhi  TP-UDHI
 * \param[out] part  untouched on error
 * \returns 0; -EINVAL malformed header, or a concatenation that cannot be (index 0 or above total, total 0);
 *          -ENOENT not ours: whole message or first segment without 70 or 71 */
int ud_dec(bool udhi, struct bytes tp_ud, struct ud_part *part) MUST_CHECK;

/*! Join the payloads of all segments in order.
 * \returns 0; -EINVAL for n = 0; -ENOSPC above max octets or no room in w */
int ud_join(const struct bytes *payloads, size_t n, size_t max, struct wr *w) MUST_CHECK;

/*! Bounds of a reassembly in memory.  All must be above 0. */
struct reasm_limits {
	unsigned int parts;	 /* segments of one message */
	unsigned int per_sender; /* unfinished messages of one sender */
	size_t octets;		 /* memory held in all, with an allowance for bookkeeping */
	uint64_t lifetime_ms;	 /* of an unfinished message, from its first arrival */
};
/*! 16 parts, 64 messages for each sender, 256 KiB, 10 minutes. */
extern const struct reasm_limits reasm_limits_default;

struct reasm;

/*! \returns talloc child of ctx */
struct reasm *reasm_alloc(const void *ctx, const struct reasm_limits *limits);

/*! What identifies the segments of one message besides reference and total. */
struct reasm_from {
	struct bytes sender; /* originating address, any stable form; copied */
	uint8_t pid;
	uint8_t dcs;
};

/*! A joined packet. */
struct reasm_msg {
	enum ud_kind kind;
	struct bytes pkt; /* talloc child of the ctx given to reasm_add() */
};

/*! Take one part in.  Unfinished messages that are too old are dropped first.
 * \param[in]  now_ms  any clock that only goes forward
 * \param[out] msg     written on 0 only
 * \returns 0 complete; -EAGAIN more parts to come; -EALREADY a part seen before with the same content (ignored);
 *          -EPROTO a part that contradicts one seen before (whole message dropped); -ENOSPC a bound would be passed
 *          (part dropped) */
int reasm_add(struct reasm *r, const void *ctx, const struct reasm_from *from, const struct ud_part *part,
	      uint64_t now_ms, struct reasm_msg *msg) MUST_CHECK;
/*! Drop what is too old.  \returns number of unfinished messages dropped */
unsigned int reasm_expire(struct reasm *r, uint64_t now_ms);
/*! Memory held, counted as for the bound; 0 when no message is unfinished. */
size_t reasm_octets(const struct reasm *r);
