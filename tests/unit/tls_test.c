/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <talloc.h>

#include "common/net/tls.h"
#include "common/net/tls_pipe.h"
#include "tests/support/test_pki.h"

struct fix {
	struct test_pki *pki;
	struct test_cert root;
	struct test_cert leaf;
	struct tls *tls;
	const char *err;
};

static int setup(void **state)
{
	const struct test_subject who = {
		.cn = "MNO 1",
		.serial_number = "1.3.6.1.4.1.32473.40",
		.san = "DNS:mno1.example.net,URI:https://mno1.example.net/,IP:127.0.0.1,"
		       "IP:::1,RID:1.3.6.1.4.1.32473.40,email:a@b.example,otherName:1.2.3;UTF8:x"};
	struct fix *f = talloc_zero(NULL, struct fix);

	f->pki = test_pki_alloc(f);
	f->root = test_pki_root(f->pki, "root");
	f->leaf = test_pki_leaf(f->pki, "root", "mno1", &who);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static int load(struct fix *f, const char *ca, const char *cert, const char *key)
{
	const struct tls_files files = {.ca = ca, .cert = cert, .key = key};

	f->err = "";
	return tls_load(f, TLS_SERVER, &files, &f->tls, &f->err);
}

static void good_files_load(void **state)
{
	struct fix *f = *state;
	int64_t left_ms;

	assert_int_equal(load(f, f->root.cert, f->leaf.cert, f->leaf.key), 0);
	assert_int_equal(tls_role(f->tls), TLS_SERVER);
	left_ms = tls_not_after_ms(f->tls) - (int64_t)time(NULL) * 1000;
	assert_true(left_ms > 86000 * 1000L && left_ms <= 86401 * 1000L);
}

static void bad_files_are_named(void **state)
{
	const struct test_subject late = {.cn = "late", .days = -1};
	const struct test_subject early = {.cn = "early", .days = 2, .tomorrow = true};
	struct fix *f = *state;
	struct test_cert unborn = test_pki_leaf(f->pki, "root", "early", &early);
	struct test_cert expired = test_pki_leaf(f->pki, "root", "late", &late);
	struct test_cert other = test_pki_leaf(f->pki, "root", "other", &(struct test_subject){.cn = "other"});
	const char *junk = test_pki_path(f->pki, "junk");
	FILE *j = fopen(junk, "w");

	assert_non_null(j);
	assert_true(fputs("junk", j) >= 0 && fclose(j) == 0);
	assert_int_equal(chmod(junk, 0600), 0);
	assert_int_equal(load(f, f->root.cert, "/no/such", f->leaf.key), -ENOENT);
	assert_non_null(strstr(f->err, "/no/such: No such file"));
	assert_int_equal(load(f, f->root.cert, f->leaf.cert, "/no/key"), -ENOENT);
	assert_int_equal(load(f, "/no/ca", f->leaf.cert, f->leaf.key), -ENOENT);
	assert_int_equal(load(f, f->root.cert, junk, f->leaf.key), -EINVAL);
	assert_non_null(strstr(f->err, "junk: no usable certificate"));
	assert_int_equal(load(f, f->root.cert, f->leaf.cert, junk), -EINVAL);
	assert_non_null(strstr(f->err, "junk: no usable private key"));
	assert_int_equal(load(f, junk, f->leaf.cert, f->leaf.key), -EINVAL);
	assert_non_null(strstr(f->err, "junk: no CA"));
	assert_int_equal(load(f, f->root.cert, f->leaf.cert, other.key), -EINVAL);
	assert_non_null(strstr(f->err, other.key));
	assert_int_equal(load(f, f->root.cert, expired.cert, expired.key), -EINVAL);
	assert_non_null(strstr(f->err, "late.pem: certificate has expired"));
	assert_int_equal(load(f, f->root.cert, unborn.cert, unborn.key), -EINVAL);
	assert_non_null(strstr(f->err, "early.pem: certificate is not valid yet"));
	assert_int_equal(chmod(f->leaf.key, 0644), 0);
	assert_int_equal(load(f, f->root.cert, f->leaf.cert, f->leaf.key), -EACCES);
	assert_non_null(strstr(f->err, "readable"));
	assert_int_equal(chmod(f->leaf.key, 0602), 0);
	assert_int_equal(load(f, f->root.cert, f->leaf.cert, f->leaf.key), -EACCES);
	assert_null(f->tls);
}

/* ---- TLS of SMPP ---- */

static const char *pipe_refusal(struct fix *f, const char *key, const char *name)
{
	const struct tls_pipe_cfg cfg = {.ca = f->root.cert, .cert = f->leaf.cert, .key = key, .name = name};
	const char *why = NULL;

	return tls_pipe_alloc(f, &cfg, &why) ? NULL : why;
}

static void a_pipe_takes_names_and_addresses(void **state)
{
	struct fix *f = *state;

	assert_null(pipe_refusal(f, f->leaf.key, "smsc.example"));
	assert_null(pipe_refusal(f, f->leaf.key, "127.0.0.1"));
	assert_null(pipe_refusal(f, f->leaf.key, "::1"));
	assert_string_equal(pipe_refusal(f, f->leaf.key, NULL), "no name to verify");
}

static void a_pipe_refuses_an_open_key(void **state)
{
	struct fix *f = *state;

	assert_int_equal(chmod(f->leaf.key, 0644), 0);
	assert_non_null(strstr(pipe_refusal(f, f->leaf.key, "smsc.example"), "readable"));
	assert_int_equal(chmod(f->leaf.key, 0640), 0);
	assert_null(pipe_refusal(f, f->leaf.key, "smsc.example"));
}

static const char *psk_refusal(struct fix *f, const struct tls_pipe_psk *psk)
{
	const struct tls_pipe_cfg cfg = {.psk = psk};
	const char *why = NULL;

	return tls_pipe_alloc(f, &cfg, &why) ? NULL : why;
}

static void a_pipe_with_a_pre_shared_key(void **state)
{
	struct fix *f = *state;
	char longest[130];
	struct tls_pipe_psk psk = {.identity = longest, .key = BYTES_LIT("0123456789abcde")};

	memset(longest, 'x', sizeof(longest) - 1);
	longest[129] = '\0';
	assert_non_null(psk_refusal(f, &psk)); /* 15 octets, 129 characters */
	longest[128] = '\0';
	assert_non_null(psk_refusal(f, &psk));
	psk.key = BYTES_LIT("0123456789abcdef");
	assert_null(psk_refusal(f, &psk));
	psk.ciphers = "PSK-AES128-CBC-SHA256";
	psk.max_fragment = 4096;
	assert_null(psk_refusal(f, &psk));
	psk.max_fragment = 4095;
	assert_non_null(strstr(psk_refusal(f, &psk), "max_fragment_length"));
	psk.ciphers = "nonsense";
	assert_string_equal(psk_refusal(f, &psk), "unknown suites");
}

/* TLS 1.2 ClientHello: record version, handshake type, the two suites of SGP.02 and the mark of renegotiation. */
static void hello_of_a_pre_shared_key(void **state)
{
	struct fix *f = *state;
	const struct tls_pipe_psk psk = {.identity = "x", .key = BYTES_LIT("0123456789abcdef")};
	const struct tls_pipe_cfg cfg = {.psk = &psk};
	const char *why = NULL;
	struct tls_pipe *p = tls_pipe_alloc(f, &cfg, &why);
	uint8_t hello[512];
	size_t len;
	struct rd r;

	assert_non_null(p);
	assert_int_equal(tls_pipe_handshake(p), -EAGAIN);
	len = tls_pipe_out(p, hello, sizeof(hello));
	rd_init(&r, bytes_of(hello, len));
	assert_int_equal(rd_u8(&r), 22);
	rd_bytes(&r, 4);
	assert_int_equal(rd_u8(&r), 1);
	rd_bytes(&r, 3);
	assert_int_equal(rd_u16(&r), 0x0303);
	rd_bytes(&r, 32);
	rd_bytes(&r, rd_u8(&r));
	assert_int_equal(rd_u16(&r), 6);
	assert_int_equal(rd_u16(&r), 0x00a8);
	assert_int_equal(rd_u16(&r), 0x00ae);
	assert_int_equal(rd_u16(&r), 0x00ff);
	assert_string_equal(tls_pipe_cipher(p), "(NONE)");
	assert_int_equal(tls_pipe_in(p, BYTES_LIT("HTTP/1.1 400 Bad Request\r\n")), 0);
	assert_int_equal(tls_pipe_handshake(p), -EPROTO);
}

static bool move(struct tls_pipe *from, struct tls_pipe *to)
{
	uint8_t buf[16384];
	size_t n = tls_pipe_out(from, buf, sizeof(buf));

	assert_int_equal(tls_pipe_in(to, bytes_of(buf, n)), 0);
	return n > 0;
}

/* \returns what the client says in the end */
static int shake_hands(struct fix *f, const char *ca, const char *name, const char **error)
{
	const struct tls_pipe_cfg server_cfg = {.server = true, .cert = f->leaf.cert, .key = f->leaf.key};
	const struct tls_pipe_cfg client_cfg = {.ca = ca, .name = name};
	const char *why = NULL;
	struct tls_pipe *server = tls_pipe_alloc(f, &server_cfg, &why), *client = tls_pipe_alloc(f, &client_cfg, &why);
	int rc;

	assert_null(why);
	do {
		rc = tls_pipe_handshake(client);
		if (move(client, server) && tls_pipe_handshake(server) == -EPROTO)
			break; /* it was told why the client goes */
	} while (move(server, client) && rc == -EAGAIN);
	*error = tls_pipe_error(client);
	return rc;
}

static void a_pipe_looks_at_who_answers(void **state)
{
	struct fix *f = *state;
	const char *error;

	assert_int_equal(shake_hands(f, f->root.cert, "mno1.example.net", &error), 0);
	assert_int_equal(shake_hands(f, f->root.cert, "127.0.0.1", &error), 0);
	assert_int_equal(shake_hands(f, f->root.cert, "mno2.example.net", &error), -EPROTO);
	assert_non_null(strstr(error, "mismatch"));
	assert_int_equal(shake_hands(f, f->root.cert, "127.0.0.2", &error), -EPROTO);
	assert_int_equal(shake_hands(f, test_pki_crl(f->pki, "root", "crl-none.pem", NULL), "127.0.0.1", &error), 0);
	assert_int_equal(shake_hands(f, test_pki_crl(f->pki, "root", "crl.pem", &f->leaf), "127.0.0.1", &error),
			 -EPROTO);
	assert_non_null(strstr(error, "revoked"));
}

static void encrypt(const char *from, const char *to, const char *password)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);

	assert_non_null(key);
	assert_int_equal(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), (const uint8_t *)password,
					      (int)strlen(password), NULL, NULL),
			 1);
	EVP_PKEY_free(key);
	assert_int_equal(fclose(in), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(to, 0600), 0);
}

/* OpenSSL would ask the terminal, or without one standard input, where the right answer waits. */
static void a_pipe_asks_nobody_for_a_password(void **state)
{
	struct fix *f = *state;
	const char *key = test_pki_path(f->pki, "encrypted.key");
	int ends[2], status;
	pid_t child;

	encrypt(f->leaf.key, key, "secret");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "secret\n", 7), 7);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setsid();
		dup2(ends[0], STDIN_FILENO);
		_exit(pipe_refusal(f, key, "smsc.example") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

static bool has_san(const struct tls_peer *p, const char *text)
{
	size_t i;

	for (i = 0; i < p->n_san; i++) {
		if (!strcmp(p->san[i], text))
			return true;
	}
	return false;
}

static void identity_of_a_certificate(void **state)
{
	struct fix *f = *state;
	struct tls_peer *p, *copy;

	assert_int_equal(tls_peer_from_file(f, f->leaf.cert, &p), 0);
	copy = tls_peer_dup(f, p);
	assert_memory_equal(copy->fingerprint, p->fingerprint, 32);
	talloc_free(p);
	assert_string_equal(copy->common_name, "MNO 1");
	assert_string_equal(copy->serial_number, "1.3.6.1.4.1.32473.40");
	assert_string_equal(copy->issuer, "CN=root");
	assert_non_null(strstr(copy->subject, "CN=MNO 1"));
	assert_int_equal(copy->n_san, 6);
	assert_true(has_san(copy, "DNS:mno1.example.net"));
	assert_true(has_san(copy, "URI:https://mno1.example.net/"));
	assert_true(has_san(copy, "IP:127.0.0.1"));
	assert_true(has_san(copy, "IP:::1"));
	assert_true(has_san(copy, "RID:1.3.6.1.4.1.32473.40"));
	assert_true(has_san(copy, "email:a@b.example"));
	assert_int_equal(tls_peer_from_file(f, f->root.cert, &p), 0);
	assert_null(p->serial_number);
	assert_int_equal(p->n_san, 0);
	assert_int_equal(tls_peer_from_file(f, "/no/such", &p), -ENOENT);
	assert_int_equal(tls_peer_from_file(f, f->root.key, &p), -EINVAL);
	assert_null(tls_peer_dup(f, NULL));
}

/* Whoever reads one of two names, or stops at a NUL, reads another name than the CA. */
static void ambiguous_names_are_none(void **state)
{
	const struct test_subject twice = {.cn = "MNO 1", .cn_again = "MNO 2"};
	const struct test_subject cut = {.cn = "MNO 1\0.example", .cn_len = 14};
	struct fix *f = *state;
	struct test_cert cert = test_pki_leaf(f->pki, "root", "twice", &twice);
	struct tls_peer *p;

	assert_int_equal(tls_peer_from_file(f, cert.cert, &p), 0);
	assert_null(p->common_name);
	cert = test_pki_leaf(f->pki, "root", "cut", &cut);
	assert_int_equal(tls_peer_from_file(f, cert.cert, &p), 0);
	assert_null(p->common_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_files_load, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_files_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pipe_takes_names_and_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pipe_looks_at_who_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pipe_refuses_an_open_key, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pipe_with_a_pre_shared_key, setup, teardown),
		cmocka_unit_test_setup_teardown(hello_of_a_pre_shared_key, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pipe_asks_nobody_for_a_password, setup, teardown),
		cmocka_unit_test_setup_teardown(identity_of_a_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(ambiguous_names_are_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
