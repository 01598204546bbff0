/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/crypto.h"

/* Keys at rest.  A key is wrapped under the master key (AES-256-GCM) for one place, named by its context: the wrapped
 * value opens only with the same context octets, so it cannot be moved to another row.
 *
 * A keystore does not change after keystore_open() and may be used by several threads at once, each with its own struct
 * crypto.  Nothing here hands out the master key or says that it can be read: a token may hold it. */
struct keystore;

/*! Octets that wrapping adds to the value of a key, or to data. */
#define KEYSTORE_OVERHEAD 34
/*! Longest data that is wrapped. */
#define KEYSTORE_DATA_MAX (4 * 1024 * 1024)

/*! Read the master key: 32 octets, raw or as 64 hexadecimal digits with or without a line end, in a regular file that
 * belongs to this user or to root and that nobody else can read or write.
 * \param[out] ks   talloc child of ctx, untouched on error
 * \param[out] why  on error: what is wrong, for the operator, talloc child of ctx
 * \returns 0; -EACCES mode or owner; -EINVAL content; other negative errno of opening and reading the file */
int keystore_open(const void *ctx, const char *path, struct keystore **ks, const char **why) MUST_CHECK;

/*! Make a new random master key file, mode 0600, flushed to disk.  Never overwrites.
 * \param[out] why  as above
 * \returns 0; -EEXIST; other negative errno */
int keystore_create_master(const void *ctx, const char *path, const char **why) MUST_CHECK;

/*! \param[in]  context  names the place: for example "eid|kvn|index"
 *  \param[out] blob     key_len() + KEYSTORE_OVERHEAD octets, talloc child of ctx
 *  \returns 0; -EIO when OpenSSL fails */
int keystore_wrap(const struct keystore *ks, struct crypto *c, const void *ctx, const struct key *key,
		  struct bytes context, struct bytes *blob) MUST_CHECK;

/*! \param[out] key  new handle with the algorithm of the wrapped one, talloc child of ctx
 *  \returns 0; -EINVAL when it is no wrapped key; -ENOENT when another master key wrapped it; -EBADMSG when it was
 * changed or belongs to another context */
int keystore_unwrap(const struct keystore *ks, struct crypto *c, const void *ctx, struct bytes context,
		    struct bytes blob, struct key **key) MUST_CHECK;

/* The same for secrets that are no keys and may be long: a profile package. */

/*! \param[out] blob  data.len + KEYSTORE_OVERHEAD octets, talloc child of ctx
 *  \returns 0; -ENOSPC longer than KEYSTORE_DATA_MAX; -EIO */
int keystore_wrap_data(const struct keystore *ks, struct crypto *c, const void *ctx, struct bytes data,
		       struct bytes context, struct bytes *blob) MUST_CHECK;
/*! \param[out] data  talloc child of ctx, wiped by a destructor (bytes_secret_alloc())
 *  \returns as keystore_unwrap() */
int keystore_unwrap_data(const struct keystore *ks, struct crypto *c, const void *ctx, struct bytes context,
			 struct bytes blob, struct bytes *data) MUST_CHECK;

/*! The value of a TLS pre-shared key, for OpenSSL's callback: the only key value that leaves this folder.
 * \param[out] out  cap octets, for OpenSSL, which wipes them; untouched on error
 * \returns 0; as above, and -EINVAL for another kind of key or one that is longer than cap */
int keystore_unwrap_psk(const struct keystore *ks, struct crypto *c, struct bytes context, struct bytes blob,
			uint8_t *out, size_t cap, size_t *len) MUST_CHECK;
