/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* A throw-away PKI in a temporary folder, for tests of TLS. */

struct test_pki;

/*! PEM files. */
struct test_cert {
	const char *cert;
	const char *key;
};

/*! What a certificate says; NULL = absent. */
struct test_subject {
	const char *cn;
	int cn_len;		   /* 0 = up to its NUL */
	const char *cn_again;	   /* a second one */
	const char *serial_number; /* attribute of the subject */
	const char *san;	   /* as in openssl.cnf: "DNS:localhost,IP:127.0.0.1" */
	int days;		   /* 0 = one; negative = expired yesterday */
	bool tomorrow;		   /* not valid before */
};

/*! \returns talloc child of ctx; freeing it removes the folder */
struct test_pki *test_pki_alloc(const void *ctx);
/*! Path for another file in the folder. */
const char *test_pki_path(struct test_pki *pki, const char *name);
/*! Self-signed root; name is its CN and file name.  \returns its files */
struct test_cert test_pki_root(struct test_pki *pki, const char *name);
/*! Certificate for clients and servers, signed by a root of this PKI; file is its file name. */
struct test_cert test_pki_leaf(struct test_pki *pki, const char *root, const char *file,
			       const struct test_subject *subject);
/*! PEM file of a root and a list of what it has revoked: this certificate, or nothing when it is NULL. */
const char *test_pki_crl(struct test_pki *pki, const char *root, const char *file, const struct test_cert *revoked);
