/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/timer.h>

#include "common/app/app.h"
#include "common/app/ticker.h"
#include "common/net/http_server.h"
#include "common/net/psk_server.h"
#include "common/peer/expiry.h"
#include "common/peer/poster.h"
#include "smsr/smsr.h"

/* The daemon around the engine: real clock, sockets, threads.  Parts: daemon.c (start, loop, stop), check.c,
 * reload.c, links.c (SMPP), https_net.c (cards), cfg_vty.c (configuration). */

struct admin_sock;
struct backup;
struct https_net;
struct links;
struct smpp_link;
struct soap_service;

struct smsr_daemon {
	void *ctx;
	struct smsr_cfg *cfg;  /* in force */
	struct smsr_cfg *edit; /* what VTY commands write to; taken over at start and by a reload */
	struct smsr *s;
	struct io *io;
	struct http_server *server;
	struct poster poster;
	struct soap_service *soap;
	struct links *links;
	struct https_net *https_net; /* NULL: no HTTPS bearer */
	struct tls *server_tls;	     /* in force, for the warnings about expiry */
	struct admin_sock *admin;
	struct backup *backup; /* online copies of the database */
	struct expiry_watch expiry;
	struct ticker tick;
};

extern const struct app_desc smsr_app;

/*! Run a handler in the open turn; what fails is logged.  \returns as turn_event() */
int daemon_event(struct smsr_daemon *d, turn_handler_cb handler, void *event, const char *what);

/* check.c */
/*! Files of d->cfg: certificates, keys, database.  Logs what is wrong. */
enum app_exit daemon_check(struct smsr_daemon *d);

/* reload.c */
void daemon_reload(void *prog);
/*! Certificates in force are watched until they end, from the beginning. */
void daemon_watch_certificates(struct smsr_daemon *d);
/*! VTY commands get a copy of the configuration in force to write to. */
void daemon_edit_again(struct smsr_daemon *d);

/* https_net.c */
/*! \param[out] why  sentence.  \returns 0, also when there is nothing to listen on; negative errno */
int https_net_start(struct smsr_daemon *d, const char **why) MUST_CHECK;
/*! Core: something of a card. */
void https_net_job(struct smsr_daemon *d, struct io_job *job);
/*! NULL is no bearer. */
void https_net_answer(struct https_net *n, uint64_t conn, struct bytes octets, bool close);
void https_net_drain(struct https_net *n);
/*! Behind io_stop(). */
void https_net_free(struct https_net *n);
struct psk_server_stats https_net_stats(const struct https_net *n);
uint16_t https_net_port(const struct https_net *n);

/* links.c */
/*! First line of a file.  \param[out] password  talloc child of ctx, to be wiped  \returns 0; negative errno */
int links_read_password(const void *ctx, const char *path, char **password) MUST_CHECK;
int links_start(struct smsr_daemon *d, const char **why) MUST_CHECK;
/*! Unbind all; \returns true when nothing is connected any more */
void links_stop(struct links *l);
bool links_stopped(const struct links *l);
const char *links_reserve(struct links *l);
/*! End of a round: reservations that were not used are free again. */
void links_round(struct links *l);
void links_submit(struct links *l, const struct sms_out *sms);
void links_ack(struct links *l, const char *smsc, uint64_t token, bool ok);
/*! Work that waits for a round of its own: submits that a link did not take. */
void links_pending(struct links *l);
/*! \returns whether links_pending() has something to do: nothing else would end the sleep of the loop for it */
bool links_has_pending(const struct links *l);
/*! Give a link nothing more, or again. */
void links_pause(struct links *l, const char *smsc, bool paused);
void links_reconnect(struct links *l, const char *smsc);
/*! At start: what was paused stays paused. */
int links_apply_pauses(struct links *l) MUST_CHECK;
/*! How many are bound. */
size_t links_up(const struct links *l);
size_t links_n(const struct links *l);
struct smpp_link *links_get(const struct links *l, size_t i);
