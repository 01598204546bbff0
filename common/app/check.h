/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/db/db.h"

/* What option -C and each start look at, without opening a port or changing a file. */

/*! One look.  \param[in] cfg  configuration of the daemon.  \param[in] ctx  gone afterwards */
typedef enum app_exit (*check_cb)(const void *cfg, void *ctx);

/*! All of them, so that one run names everything that is wrong.  \returns the first that is not APP_OK */
enum app_exit check_all(const void *cfg, const check_cb *checks, size_t n);

/*! The file of the master key can be used. */
enum app_exit check_master_key_file(void *ctx, const char *path);
/*! The database can be used, or made.  \param[in] free_min  octets of room on its disk */
enum app_exit check_database_file(void *ctx, const char *path, const struct db_desc *desc, uint64_t free_min);
