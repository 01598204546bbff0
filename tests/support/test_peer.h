/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "tests/support/test_pki.h"

/* The other end of a TLS connection, blocking, over plain OpenSSL: a second implementation of nothing but sockets.  All
 * waits end after a few seconds. */

struct test_peer;

/*! TCP to 127.0.0.1.  \returns socket; -1 */
int test_tcp_connect(uint16_t port);
/*! Listen on 127.0.0.1, any port.  \returns socket */
int test_tcp_listen(uint16_t *port);

/*! Connect to 127.0.0.1 and shake hands.
 * \param[in] ca    root that the server must chain to
 * \param[in] cert  own certificate; NULL = show none
 * \returns talloc child of ctx; NULL when the handshake failed */
struct test_peer *test_peer_connect(const void *ctx, uint16_t port, const char *ca, const struct test_cert *cert);

/*! Accept one connection and shake hands as server, asking for no certificate.  \returns as above */
struct test_peer *test_peer_accept(const void *ctx, int listen_fd, const struct test_cert *cert);

int test_peer_fd(const struct test_peer *p);
/*! \returns 0; -1 when the connection is broken */
int test_peer_send(struct test_peer *p, const char *text);
/*! Read until the text has arrived (or the peer closed, or time is up).  \returns all that came, talloc child of p */
const char *test_peer_read_until(struct test_peer *p, const char *text);
/*! Read one HTTP message with Content-Length.  \returns it, talloc child of p; "" when nothing came */
const char *test_peer_read_http(struct test_peer *p);
