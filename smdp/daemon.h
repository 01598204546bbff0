/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/app.h"
#include "common/app/ticker.h"
#include "common/net/http_server.h"
#include "common/peer/expiry.h"
#include "common/peer/poster.h"
#include "smdp/admin.h"
#include "smdp/smdp.h"

/* The daemon around the engine: real clock, sockets, threads.  Parts: daemon.c (start, loop, stop), check.c,
 * cfg_vty.c, show_vty.c and dp_lever_vty.c (console), dp_ctrl.c, admin.c (smctl). */

struct backup;
struct dp_identity;
struct io_job;
struct soap_service;

/*! Everything that smdp is while it runs; owned by the core thread. */
struct smdp_daemon {
	struct smdp_cfg *cfg;
	struct smdp *s;
	struct io *io;
	struct http_server *server;
	struct poster poster;
	struct soap_service *soap;
	struct admin_sock *admin;
	struct dp_admin_env admin_env;
	struct backup *backup;	/* online copies of the database */
	struct tls *server_tls; /* in force, for the warnings about expiry */
	struct expiry_watch expiry;
	struct ticker tick;
};

extern const struct app_desc smdp_app;

/*! Run a handler in the open turn; what fails is logged.  \returns as turn_event() */
int smdp_daemon_event(struct smdp_daemon *d, turn_handler_cb handler, void *event, const char *what);

/* check.c */
/*! Files of d->cfg: certificates, keys, database.  Logs what is wrong. */
enum app_exit smdp_daemon_check(struct smdp_daemon *d);
/*! The EUMs of the configuration.
 * \param[out] trust  talloc child of ctx; \param[out] why  sentence, talloc child of ctx
 * \returns as trust_add_eum() */
int smdp_trust_load(const void *ctx, const struct smdp_cfg *cfg, int64_t at_ms, struct trust **trust,
		    const char **why) MUST_CHECK;

/*! \param[in] tls  NULL: none; trust and dp as well.  \returns talloc child of ctx */
struct expiry_list *smdp_certificates(const void *ctx, const struct smdp_cfg *cfg, const struct tls *tls,
				      const struct trust *trust, const struct dp_identity *dp);

/* cfg_vty.c, show_vty.c */
/*! Install the configuration nodes: they read into and write from d->cfg. */
void smdp_vty_cfg_init(struct smdp_daemon *d);
/*! Commands that show, and those that do something. */
void smdp_vty_show_init(void);
void smdp_vty_lever_init(void);
/*! The daemon of smdp_vty_cfg_init(): commands get no pointer of their own. */
struct smdp_daemon *smdp_vty_daemon(void);
