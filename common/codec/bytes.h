/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Views, the bounded reader, the growing writer and hex: the only place in the tree that indexes a received buffer.
 *
 * Errors follow one convention everywhere: 0 or a negative errno.  -EINVAL malformed, -EBADMSG wrong MAC or signature,
 * -EPROTO out of order, -ENOENT not found, -ENOSPC too long, -EIO store. */

#define MUST_CHECK __attribute__((warn_unused_result))

/*! A view of memory that somebody else owns.  Passed by value. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

/*! View of an array, or of a string literal without its NUL. */
#define BYTES_ARR(arr) ((struct bytes){(const uint8_t *)(arr), sizeof(arr)})
#define BYTES_LIT(lit) ((struct bytes){(const uint8_t *)(lit), sizeof(lit) - 1})

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){(const uint8_t *)data, len};
}

/*! View of a C string without its NUL; NULL gives an empty view. */
struct bytes bytes_str(const char *str);

/*! Part of a view; the caller guarantees off + len <= b.len (asserted). */
struct bytes bytes_sub(struct bytes b, size_t off, size_t len);

/*! Same length and octets.  Not for secrets. */
bool bytes_eq(struct bytes a, struct bytes b);

/*! Compare in a time that depends on the lengths only. */
bool bytes_eq_secret(struct bytes a, struct bytes b);

/*! Copy onto talloc.  \returns view of the copy, a talloc child of ctx (never NULL, also when b is empty) */
struct bytes bytes_dup(const void *ctx, struct bytes b);

/*! Overwrite memory that held a secret; not removed by the optimiser. */
void bytes_wipe(void *data, size_t len);

/*! Memory for a secret, all zero, wiped when it is freed.  \returns talloc child of ctx (never NULL); not for realloc
 */
uint8_t *bytes_secret_alloc(const void *ctx, size_t len);

/*! Bounded reader with sticky failure: take the fields in order, then ask once with rd_end() whether all was well.
 * After a failure every read returns 0 or an empty view and consumes nothing. */
struct rd {
	const uint8_t *cur;
	const uint8_t *end;
	bool failed;
};

/*! Start reading at the front of b, which must outlive the reader. */
void rd_init(struct rd *r, struct bytes b);
/*! Octets not read yet. */
size_t rd_left(const struct rd *r);
/*! Big-endian integers of 1, 2 and 4 octets. */
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
/*! Big-endian integer of n octets; more than 8 fail the reader. */
uint64_t rd_uint(struct rd *r, size_t n);
/*! View of the next n octets, valid as long as the input. */
struct bytes rd_bytes(struct rd *r, size_t n);
/*! View of everything left. */
struct bytes rd_rest(struct rd *r);
/*! Next octet without taking it; -1 at the end or after a failure. */
int rd_peek(const struct rd *r);
/*! Mark the input as malformed. */
void rd_fail(struct rd *r);
/*! \returns 0 if no read failed and nothing is left over; else -EINVAL */
int rd_end(const struct rd *r) MUST_CHECK;

/*! Writer with sticky failure.  Either grows on talloc or fills a buffer of the caller. */
struct wr {
	uint8_t *buf;
	size_t len;
	size_t cap;
	const void *ctx; /* NULL: fixed buffer */
	bool failed;
};

/*! Writer into storage of the caller; fails instead of passing cap. */
void wr_init_buf(struct wr *w, void *buf, size_t cap);
/*! Growing writer; its buffer is a talloc child of ctx (ctx must not be NULL). */
void wr_init(struct wr *w, const void *ctx);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
/*! Big-endian integer in n octets, n <= 8; fails if the value does not fit. */
void wr_uint(struct wr *w, uint64_t v, size_t n);
void wr_bytes(struct wr *w, struct bytes b);
/*! n octets of value v. */
void wr_fill(struct wr *w, uint8_t v, size_t n);
/*! Room for n octets to be filled by the caller at once; NULL after a failure. */
uint8_t *wr_room(struct wr *w, size_t n);
/*! Text without its NUL. */
void wr_str(struct wr *w, const char *str);
/*! \param[out] out  view of what was written, untouched on error
 * \returns 0, or -ENOSPC when it did not fit */
int wr_end(const struct wr *w, struct bytes *out) MUST_CHECK;

/*! Upper-case hex.  \returns talloc child of ctx, NUL terminated */
char *hex_enc(const void *ctx, struct bytes b);
/*! Upper-case hex into a buffer; cut is not possible: -ENOSPC if cap < 2 * b.len + 1. */
int hex_enc_buf(char *out, size_t cap, struct bytes b) MUST_CHECK;
/*! Hex of either case, nothing but digits, even count.
 * \param[out] out  talloc child of ctx, untouched on error
 * \returns 0; -EINVAL */
int hex_dec(const void *ctx, const char *hex, struct bytes *out) MUST_CHECK;
/*! As hex_dec() into storage of the caller: exactly len octets must come out.  \returns 0; -EINVAL */
int hex_dec_buf(uint8_t *out, size_t len, const char *hex) MUST_CHECK;
