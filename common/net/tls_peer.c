/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Identity of a TLS peer: the fields of a certificate that a configuration can name.
 *
 * Names become strings only here.  A string with an octet 0 inside is left out as if absent: it is the old trick to
 * show a CA one name and a reader another.  An attribute that occurs twice is left out too, since either value would be
 * a guess. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <talloc.h>

#include "common/crypto/x509.h"
#include "common/net/tls_priv.h"

static const char *text_of(const void *ctx, struct bytes b)
{
	if (b.len && memchr(b.data, 0, b.len))
		return NULL;
	return talloc_strndup(ctx, (const char *)b.data, b.len);
}

static const char *name_text(const void *ctx, const X509_NAME *name)
{
	const char *text = x509_name_text(ctx, name);

	return text ? text : talloc_strdup(ctx, "");
}

static const char *attribute(const void *ctx, const X509_NAME *name, int nid)
{
	int i = X509_NAME_get_index_by_NID(name, nid, -1);
	const char *text;
	uint8_t *utf8;
	int len;

	if (i < 0 || X509_NAME_get_index_by_NID(name, nid, i) >= 0)
		return NULL;
	len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
	if (len < 0)
		return NULL;
	text = text_of(ctx, bytes_of(utf8, len));
	OPENSSL_free(utf8);
	return text;
}

static const char *san_string(const void *ctx, const char *kind, const ASN1_STRING *s)
{
	const char *text = text_of(ctx, bytes_of(ASN1_STRING_get0_data(s), ASN1_STRING_length(s)));

	return text ? talloc_asprintf(ctx, "%s:%s", kind, text) : NULL;
}

static const char *san_address(const void *ctx, const ASN1_STRING *s)
{
	char text[INET6_ADDRSTRLEN];
	int len = ASN1_STRING_length(s);

	if (len != 4 && len != 16)
		return NULL;
	if (!inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), text, sizeof(text)))
		return NULL;
	return talloc_asprintf(ctx, "IP:%s", text);
}

static const char *san_oid(const void *ctx, const ASN1_OBJECT *oid)
{
	char text[128];
	int len = OBJ_obj2txt(text, sizeof(text), oid, 1);

	return len > 0 && len < (int)sizeof(text) ? talloc_asprintf(ctx, "RID:%s", text) : NULL;
}

static const char *san_text(const void *ctx, const GENERAL_NAME *n)
{
	switch (n->type) {
	case GEN_DNS:
		return san_string(ctx, "DNS", n->d.dNSName);
	case GEN_URI:
		return san_string(ctx, "URI", n->d.uniformResourceIdentifier);
	case GEN_EMAIL:
		return san_string(ctx, "email", n->d.rfc822Name);
	case GEN_IPADD:
		return san_address(ctx, n->d.iPAddress);
	case GEN_RID:
		return san_oid(ctx, n->d.registeredID);
	default: /* other kinds of GeneralName name nothing that we compare */
		return NULL;
	}
}

static void read_san(struct tls_peer *p, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i, n = names ? sk_GENERAL_NAME_num(names) : 0;

	p->san = talloc_zero_array(p, const char *, n);
	for (i = 0; i < n; i++) {
		const char *text = san_text(p->san, sk_GENERAL_NAME_value(names, i));

		if (text)
			p->san[p->n_san++] = text;
	}
	GENERAL_NAMES_free(names);
}

static struct tls_peer *peer_of_cert(const void *ctx, const X509 *cert)
{
	struct tls_peer *p = talloc_zero(ctx, struct tls_peer);
	unsigned int len = sizeof(p->fingerprint);

	if (X509_digest(cert, EVP_sha256(), p->fingerprint, &len) != 1) {
		talloc_free(p);
		return NULL;
	}
	p->subject = name_text(p, X509_get_subject_name(cert));
	p->issuer = name_text(p, X509_get_issuer_name(cert));
	p->common_name = attribute(p, X509_get_subject_name(cert), NID_commonName);
	p->serial_number = attribute(p, X509_get_subject_name(cert), NID_serialNumber);
	read_san(p, cert);
	return p;
}

struct tls_peer *tls_peer_of_ssl(const void *ctx, const SSL *ssl)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);

	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
		return NULL;
	return peer_of_cert(ctx, cert);
}

int tls_peer_from_file(const void *ctx, const char *cert_file, struct tls_peer **out)
{
	BIO *bio = BIO_new_file(cert_file, "r");
	struct tls_peer *p;
	X509 *cert;

	if (!bio) {
		ERR_clear_error();
		return -ENOENT;
	}
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!cert)
		return -EINVAL;
	p = peer_of_cert(ctx, cert);
	X509_free(cert);
	if (!p)
		return -EINVAL;
	*out = p;
	return 0;
}

struct tls_peer *tls_peer_dup(const void *ctx, const struct tls_peer *peer)
{
	struct tls_peer *p;
	size_t i;

	if (!peer)
		return NULL;
	p = talloc_memdup(ctx, peer, sizeof(*peer));
	p->subject = talloc_strdup(p, peer->subject);
	p->issuer = talloc_strdup(p, peer->issuer);
	p->common_name = peer->common_name ? talloc_strdup(p, peer->common_name) : NULL;
	p->serial_number = peer->serial_number ? talloc_strdup(p, peer->serial_number) : NULL;
	p->san = talloc_zero_array(p, const char *, peer->n_san);
	for (i = 0; i < peer->n_san; i++)
		p->san[i] = talloc_strdup(p->san, peer->san[i]);
	return p;
}

static bool same(const char *wanted, const char *shown)
{
	return !wanted || (shown && strcmp(wanted, shown) == 0);
}

static bool same_fingerprint(const struct tls_peer *peer, const char *wanted)
{
	uint8_t octets[sizeof(peer->fingerprint)];

	if (!wanted)
		return true;
	return hex_dec_buf(octets, sizeof(octets), wanted) == 0 &&
	       memcmp(octets, peer->fingerprint, sizeof(octets)) == 0;
}

bool tls_who_is_set(const struct tls_who *who)
{
	return who->fingerprint || who->subject || who->serial;
}

bool tls_peer_is(const struct tls_peer *peer, const struct tls_who *who)
{
	return tls_who_is_set(who) && same_fingerprint(peer, who->fingerprint) && same(who->subject, peer->subject) &&
	       same(who->serial, peer->serial_number);
}
