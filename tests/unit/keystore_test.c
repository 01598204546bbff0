/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One layout check opens a wrapped key with OpenSSL directly, by the offsets in keystore.c; the rest is behaviour. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/keystore.h"

static const char master_hex[] = "000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f";

struct fix {
	char dir[32];
	char *path;
	const char *why;
	struct crypto *c;
	struct keystore *ks;
	struct key *key;
};

static void put_file(const char *path, mode_t mode, struct bytes content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content.data, content.len), content.len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);

	strcpy(f->dir, "/tmp/keystore_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = talloc_asprintf(f, "%s/master", f->dir);
	put_file(f->path, 0600, bytes_str(master_hex));
	f->c = crypto_alloc(f);
	assert_int_equal(keystore_open(f, f->path, &f->ks, &f->why), 0);
	assert_int_equal(key_import(f, KEY_AES, BYTES_LIT("sixteen octets.."), &f->key), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	return talloc_free(f);
}

static void kcv_equal(struct fix *f, const struct key *a, const struct key *b)
{
	uint8_t ka[3], kb[3];

	assert_int_equal(key_kcv(f->c, a, ka), 0);
	assert_int_equal(key_kcv(f->c, b, kb), 0);
	assert_memory_equal(ka, kb, 3);
}

static void all_kinds_of_keys_come_back(void **state)
{
	static const struct {
		enum key_alg alg;
		size_t len;
	} kinds[] = {{KEY_AES, 16}, {KEY_AES, 24}, {KEY_AES, 32}, {KEY_DES, 8},
		     {KEY_DES, 16}, {KEY_DES, 24}, {KEY_PSK, 16}, {KEY_PSK, 32}};
	struct fix *f = *state;
	uint8_t raw[64];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i * 37 + 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct key *in, *out;
		struct bytes blob;

		assert_int_equal(key_import(f, kinds[i].alg, bytes_of(raw, kinds[i].len), &in), 0);
		assert_int_equal(keystore_wrap(f->ks, f->c, f, in, BYTES_LIT("eid|1|1"), &blob), 0);
		assert_int_equal(blob.len, kinds[i].len + KEYSTORE_OVERHEAD);
		assert_int_equal(keystore_unwrap(f->ks, f->c, f, BYTES_LIT("eid|1|1"), blob, &out), 0);
		assert_int_equal(key_alg(out), kinds[i].alg);
		assert_int_equal(key_len(out), kinds[i].len);
		kcv_equal(f, in, out);
	}
}

static void wrapped_key_is_gcm_and_never_the_same(void **state)
{
	struct fix *f = *state;
	EVP_CIPHER_CTX *g = EVP_CIPHER_CTX_new();
	uint8_t master[32], out[32];
	struct bytes a, b;
	int n;

	assert_int_equal(hex_dec_buf(master, 32, master_hex), 0);
	assert_int_equal(keystore_wrap(f->ks, f->c, f, f->key, BYTES_LIT("place"), &a), 0);
	assert_int_equal(keystore_wrap(f->ks, f->c, f, f->key, BYTES_LIT("place"), &b), 0);
	assert_false(bytes_eq(a, b));
	assert_int_equal(EVP_DecryptInit_ex(g, EVP_aes_256_gcm(), NULL, master, a.data + 6), 1);
	assert_int_equal(EVP_DecryptUpdate(g, NULL, &n, a.data, 6), 1);
	assert_int_equal(EVP_DecryptUpdate(g, NULL, &n, (const uint8_t *)"place", 5), 1);
	assert_int_equal(EVP_DecryptUpdate(g, out, &n, a.data + 18, 16), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(g, EVP_CTRL_GCM_SET_TAG, 16, (void *)(a.data + 34)), 1);
	assert_int_equal(EVP_DecryptFinal_ex(g, out + 16, &n), 1);
	assert_memory_equal(out, "sixteen octets..", 16);
	EVP_CIPHER_CTX_free(g);
}

static void only_a_psk_is_given_to_openssl(void **state)
{
	struct fix *f = *state;
	uint8_t value[32], out[64] = {0};
	struct bytes context = BYTES_LIT("89|64|1"), blob;
	struct key *psk, *aes;
	size_t len = 0;

	memset(value, 0x5a, sizeof(value));
	assert_int_equal(key_import(f, KEY_PSK, BYTES_ARR(value), &psk), 0);
	assert_int_equal(key_import(f, KEY_AES, BYTES_ARR(value), &aes), 0);
	assert_int_equal(keystore_wrap(f->ks, f->c, f, psk, context, &blob), 0);
	assert_int_equal(keystore_unwrap_psk(f->ks, f->c, context, blob, out, 31, &len), -EINVAL);
	assert_int_equal(keystore_unwrap_psk(f->ks, f->c, BYTES_LIT("89|65|1"), blob, out, 64, &len), -EBADMSG);
	assert_int_equal(out[0] | len, 0);
	assert_int_equal(keystore_unwrap_psk(f->ks, f->c, context, blob, out, 32, &len), 0);
	assert_int_equal(len, sizeof(value));
	assert_memory_equal(out, value, sizeof(value));
	assert_int_equal(keystore_wrap(f->ks, f->c, f, aes, context, &blob), 0);
	assert_int_equal(keystore_unwrap_psk(f->ks, f->c, context, blob, out, 64, &len), -EINVAL);
}

static void any_change_is_seen(void **state)
{
	struct fix *f = *state;
	struct key *out = NULL;
	struct bytes blob;

	assert_int_equal(keystore_wrap(f->ks, f->c, f, f->key, BYTES_LIT("eid|1|1"), &blob), 0);
	for (size_t bit = 0; bit < 8 * blob.len; bit++) {
		uint8_t *p = (uint8_t *)blob.data + bit / 8;

		*p ^= (uint8_t)(1u << bit % 8);
		assert_true(keystore_unwrap(f->ks, f->c, f, BYTES_LIT("eid|1|1"), blob, &out) < 0);
		*p ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < blob.len; len++)
		assert_true(keystore_unwrap(f->ks, f->c, f, BYTES_LIT("eid|1|1"), bytes_sub(blob, 0, len), &out) < 0);
	assert_null(out);
	assert_int_equal(keystore_unwrap(f->ks, f->c, f, BYTES_LIT("eid|1|1"), blob, &out), 0);
}

static void another_place_or_master_is_refused(void **state)
{
	struct fix *f = *state;
	struct keystore *other;
	struct key *out = NULL;
	struct bytes blob;

	assert_int_equal(keystore_wrap(f->ks, f->c, f, f->key, BYTES_LIT("eid|1|1"), &blob), 0);
	assert_int_equal(keystore_unwrap(f->ks, f->c, f, BYTES_LIT("eid|1|2"), blob, &out), -EBADMSG);
	assert_int_equal(keystore_unwrap(f->ks, f->c, f, BYTES_LIT(""), blob, &out), -EBADMSG);
	put_file(f->path, 0600, BYTES_LIT("32 octets that are no hex digits"));
	assert_int_equal(keystore_open(f, f->path, &other, &f->why), 0);
	assert_int_equal(keystore_unwrap(other, f->c, f, BYTES_LIT("eid|1|1"), blob, &out), -ENOENT);
	assert_null(out);
}

/* Data goes the same way as keys, and neither passes for the other. */
static void data_comes_back_and_is_no_key(void **state)
{
	struct fix *f = *state;
	struct bytes long_one = bytes_of(talloc_zero_size(f, 300000), 300000), blob, back, key_blob;
	struct key *key;

	assert_int_equal(keystore_wrap_data(f->ks, f->c, f, long_one, BYTES_LIT("here"), &blob), 0);
	assert_int_equal(blob.len, long_one.len + KEYSTORE_OVERHEAD);
	assert_int_equal(keystore_unwrap_data(f->ks, f->c, f, BYTES_LIT("here"), blob, &back), 0);
	assert_true(bytes_eq(back, long_one));
	assert_int_equal(keystore_unwrap_data(f->ks, f->c, f, BYTES_LIT("there"), blob, &back), -EBADMSG);
	((uint8_t *)(uintptr_t)blob.data)[blob.len / 2] ^= 1;
	assert_int_equal(keystore_unwrap_data(f->ks, f->c, f, BYTES_LIT("here"), blob, &back), -EBADMSG);
	assert_int_equal(keystore_wrap_data(f->ks, f->c, f, BYTES_LIT("sixteen octets.."), BYTES_LIT("k"), &blob), 0);
	assert_int_equal(keystore_unwrap(f->ks, f->c, f, BYTES_LIT("k"), blob, &key), -EINVAL);
	assert_int_equal(keystore_wrap(f->ks, f->c, f, f->key, BYTES_LIT("k"), &key_blob), 0);
	assert_int_equal(keystore_unwrap_data(f->ks, f->c, f, BYTES_LIT("k"), key_blob, &back), -EINVAL);
	assert_int_equal(keystore_unwrap_data(f->ks, f->c, f, BYTES_LIT("k"), bytes_sub(blob, 0, 33), &back), -EINVAL);
}

static void a_bad_file_is_refused_with_a_reason(void **state)
{
	struct fix *f = *state;
	struct keystore *ks = NULL;

	put_file(f->path, 0640, bytes_str(master_hex));
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), -EACCES);
	assert_non_null(strstr(f->why, "0600"));
	assert_non_null(strstr(f->why, f->path));
	put_file(f->path, 0604, bytes_str(master_hex));
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), -EACCES);
	put_file(f->path, 0600, bytes_of(master_hex, 63));
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), -EINVAL);
	put_file(f->path, 0600, BYTES_LIT(""));
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), -EINVAL);
	put_file(f->path, 0600, BYTES_LIT("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F000102"));
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), -EINVAL);
	assert_int_equal(keystore_open(f, f->dir, &ks, &f->why), -EINVAL);
	assert_int_equal(keystore_open(f, "/nonexistent/master", &ks, &f->why), -ENOENT);
	assert_null(ks);
}

static void a_line_may_end_and_nothing_may_follow(void **state)
{
	static const struct {
		const char *end;
		bool good;
	} cases[] = {
		{"\n", true},	{"\r\n", true},	  {"\r", false},  {"\n\n", false},
		{"\n#", false}, {"\r\n0", false}, {"\r0", false},
	};
	struct fix *f = *state;
	struct keystore *ks;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_file(f->path, 0600, bytes_str(talloc_asprintf(f, "%s%s", master_hex, cases[i].end)));
		assert_int_equal(keystore_open(f, f->path, &ks, &f->why), cases[i].good ? 0 : -EINVAL);
	}
}

static void another_owner_is_refused(void **state)
{
	struct fix *f = *state;
	struct keystore *ks = NULL;

	if (geteuid() != 0 || chown(f->path, 12345, (gid_t)-1) < 0)
		skip();
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), -EACCES);
	assert_null(ks);
}

static void a_new_master_is_made_once(void **state)
{
	struct fix *f = *state;
	struct keystore *ks;
	struct stat st;

	assert_int_equal(keystore_create_master(f, f->path, &f->why), -EEXIST);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(keystore_create_master(f, f->path, &f->why), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(keystore_open(f, f->path, &ks, &f->why), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_kinds_of_keys_come_back),		  T(wrapped_key_is_gcm_and_never_the_same),
		T(only_a_psk_is_given_to_openssl),	  T(any_change_is_seen),
		T(another_place_or_master_is_refused),	  T(data_comes_back_and_is_no_key),
		T(a_bad_file_is_refused_with_a_reason),	  T(another_owner_is_refused),
		T(a_line_may_end_and_nothing_may_follow), T(a_new_master_is_made_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
