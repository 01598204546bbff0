/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* BER-TLV and DGI.  They differ in the length octets (GlobalPlatform Card Specification: a DGI has a tag of two octets
 * and a length of one octet, or FF and two octets; it knows no 81 form), so each has its own functions and neither
 * serves for the other.  STORE DATA carries DGIs, and BER-TLV inside them. */

/*! One TLV found in a buffer; value is a view into it. */
struct ber {
	uint32_t tag; /* as written: 4F, 9F70, 5F20, BF30 ... up to three octets */
	struct bytes value;
};

/*! Read one BER-TLV with a definite length of at most 4 octets.
 * Fails the reader on a malformed tag or length, or when the value is cut.
 * \param[out] tlv  untouched on failure
 * \returns true if a TLV was read; false at the end of the input or after a failure */
bool ber_next(struct rd *r, struct ber *tlv);

/*! As ber_next(), and demands this tag.  \returns the value; empty and the reader failed when another tag comes */
struct bytes ber_expect(struct rd *r, uint32_t tag);
/*! The same for a number of exactly len octets, 1 to 8.  \returns it; 0 and the reader failed when it is another */
uint64_t ber_expect_uint(struct rd *r, uint32_t tag, size_t len);

/*! Walk the TLVs of one level and take the first with this tag.
 * \param[out] value  untouched unless found
 * \returns 0; -ENOENT when it is not there; -EINVAL when the level is malformed anywhere */
int ber_find(struct bytes level, uint32_t tag, struct bytes *value) MUST_CHECK;

/*! Check that a buffer is well-formed to the given depth of constructed tags.
 * \returns 0; -EINVAL malformed; -ENOSPC nested deeper than depth */
int ber_check(struct bytes level, unsigned int depth) MUST_CHECK;

/*! Write tag and minimal length; the caller writes len octets of value next. */
void ber_put_head(struct wr *w, uint32_t tag, size_t len);
/*! Write a whole TLV. */
void ber_put(struct wr *w, uint32_t tag, struct bytes value);
void ber_put_u8(struct wr *w, uint32_t tag, uint8_t value);

/*! Tag and value of a DGI. */
struct dgi {
	uint16_t id;
	struct bytes value;
};

/*! Read one DGI; same contract as ber_next(). */
bool dgi_next(struct rd *r, struct dgi *dgi);

/*! Write a DGI; fails the writer when the value exceeds FFFF octets. */
void dgi_put(struct wr *w, uint16_t id, struct bytes value);
