/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <netdb.h>
#include <stdint.h>

/* Host names without blocking the core thread (over getaddrinfo_a). */

struct smpp_resolve;

/*! \param[in] list  addresses, or NULL with error set; belongs to the callee: freeaddrinfo() */
typedef void (*smpp_resolve_cb)(void *priv, struct addrinfo *list, const char *error);

/*! Numeric addresses are answered like names: from a timer, never from inside this call.
 * \returns a query that ends with the callback or with smpp_resolve_cancel() */
struct smpp_resolve *smpp_resolve_start(const char *host, uint16_t port, smpp_resolve_cb cb, void *priv);
/*! No callback will follow. */
void smpp_resolve_cancel(struct smpp_resolve *q);
