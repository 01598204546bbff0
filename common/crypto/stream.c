/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cipher contexts that keep their key, and chain on from one message to the next.
 *
 * A CBC context that is not initialised again goes on with its last output block as chaining value.  To add that value
 * to the first block of the next message takes it out again, which costs a few machine instructions where setting an IV
 * or a key costs a call into the provider.  SCP03's IV, the encryption of a counter, and its ciphertext then come out
 * of one CBC pass: the IV is the first output block and the chaining value of the rest. */
#include "common/crypto/stream.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/cmac.h"
#include "common/crypto/key_int.h"

#define BLOCK CMAC_BLOCK

struct cipher_stream {
	EVP_CIPHER_CTX *ctx;
	uint8_t last[BLOCK];   /* chaining value that the context holds */
	uint8_t whole[BLOCK];  /* CMAC subkeys: for a last block that is full, */
	uint8_t padded[BLOCK]; /* and for one that was padded */
	uint8_t *sink;	       /* CBC output of a CMAC, of which only the end matters */
	size_t sink_len;
};

static int stream_destroy(struct cipher_stream *s)
{
	EVP_CIPHER_CTX_free(s->ctx);
	bytes_wipe(s->last, sizeof(s->last));
	bytes_wipe(s->whole, sizeof(s->whole));
	bytes_wipe(s->padded, sizeof(s->padded));
	return 0;
}

static const char *cipher_name(const struct key *key)
{
	static const struct {
		enum crypto_cipher cipher;
		const char *name;
	} names[] = {{CIPHER_AES128, "AES-128-CBC"}, {CIPHER_AES192, "AES-192-CBC"}, {CIPHER_AES256, "AES-256-CBC"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].cipher == key->cipher)
			return names[i].name;
	}
	return NULL;
}

static EVP_CIPHER_CTX *context_for(const char *name, const struct key *key)
{
	static const uint8_t zero[BLOCK];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!cipher || !ctx || EVP_CipherInit_ex2(ctx, cipher, key->value, zero, 1, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	return ctx;
}

/* The context must not be used after a failure: its chaining value is unknown. */
static int run(struct cipher_stream *s, const uint8_t *in, uint8_t *out, size_t len)
{
	int n;

	if (!s->ctx)
		return -EIO;
	if (EVP_CipherUpdate(s->ctx, out, &n, in, (int)len) != 1 || (size_t)n != len) {
		EVP_CIPHER_CTX_free(s->ctx);
		s->ctx = NULL;
		return -EIO;
	}
	memcpy(s->last, out + len - BLOCK, BLOCK);
	return 0;
}

int cipher_stream_alloc(const void *ctx, const struct key *key, struct cipher_stream **stream)
{
	static const uint8_t zero[BLOCK];
	const char *name = cipher_name(key);
	struct cipher_stream *s;
	uint8_t l[BLOCK];

	if (!name)
		return -EINVAL;
	s = talloc_zero(ctx, struct cipher_stream);
	OSMO_ASSERT(s);
	talloc_set_destructor(s, stream_destroy);
	s->ctx = context_for(name, key);
	if (run(s, zero, l, BLOCK) < 0) {
		talloc_free(s);
		return -EIO;
	}
	cmac_subkeys(l, s->whole, s->padded);
	*stream = s;
	return 0;
}

int cipher_stream_cbc(struct cipher_stream *s, uint8_t *buf, size_t len)
{
	if (len < 2 * BLOCK || len % BLOCK || len > INT_MAX)
		return -EINVAL;
	cmac_xor(buf, s->last);
	return run(s, buf, buf, len);
}

static void sink_grow(struct cipher_stream *s, size_t len)
{
	if (s->sink_len >= len)
		return;
	s->sink = talloc_realloc_size(s, s->sink, len);
	OSMO_ASSERT(s->sink);
	s->sink_len = len;
}

int cipher_stream_cmac(struct cipher_stream *s, uint8_t *buf, size_t len, uint8_t mac[BLOCK])
{
	size_t tail = len % BLOCK, total = tail ? len - tail + BLOCK : len;
	const uint8_t *subkey = tail ? s->padded : s->whole;
	int rc;

	if (len <= BLOCK || len > INT_MAX - BLOCK)
		return -EINVAL;
	sink_grow(s, total);
	if (tail) {
		memset(buf + len, 0, BLOCK - tail);
		buf[len] = 0x80;
	}
	cmac_xor(buf, s->last);
	cmac_xor(buf + total - BLOCK, subkey);
	rc = run(s, buf, s->sink, total);
	/* The end of the message belongs to the caller and must come back as it was. */
	cmac_xor(buf + total - BLOCK, subkey);
	if (rc == 0)
		memcpy(mac, s->last, BLOCK);
	return rc;
}
