/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/tls.h"

/*! What is wrong with the configuration of a peer, whatever its role.
 * \param[in] callback_prefix, notification_url  NULL: none
 * \returns static sentence; NULL when all is well */
const char *peer_cfg_wrong(const struct tls_who *tls, const char *callback_prefix, const char *notification_url);
