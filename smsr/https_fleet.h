/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/psk_server.h"
#include "scp81/dialog.h"
#include "scp81/trigger.h"

/* Settings of the HTTPS bearer (SCP81): one listener, and fleets: cards of certain EUMs that want to be spoken to in
 * the same way.  What a fleet leaves out of its triggers is what its cards have stored. */

enum bearer_wish {
	BEARER_AUTO,  /* SMS for what is short, unless a session is open */
	BEARER_SMS,   /* never HTTPS */
	BEARER_HTTPS, /* HTTPS for everything, SMS when that fails */
};

#define HTTPS_WAITS 4

struct https_fleet {
	char *name;
	char **eums; /* OIDs; none: every card that no other fleet has */
	size_t n_eums;
	/* Choice of the bearer. */
	enum bearer_wish wish;
	unsigned int failures_max; /* so many in a row, and short commands go by SMS; 0: never */
	/* What triggers say. */
	char *address; /* numeric */
	unsigned int port;
	char *bearer;		  /* value of the bearer description, hex */
	unsigned int buffer_size; /* octets */
	char *apn;
	char *host; /* of the POST */
	char *fqdn; /* for cards that ask a DNS */
	bool agent_id;
	bool psk_identity;
	unsigned int retry_count; /* of the card; 0: as stored */
	unsigned int retry_delay_s;
	/* The dialogue. */
	char *uri; /* path of the first POST and of Next-URIs */
	enum dialog_uri next_uri;
	bool chunked;
	unsigned int script_max; /* octets of command TLVs in one script */
	unsigned int hold_s;	 /* an open session waits so long for an operation that was announced */
	/*! How long to wait for the card behind the first trigger, the second, ... */
	unsigned int wait_s[HTTPS_WAITS];
};

struct https_bearer_cfg {
	struct http_listen *listen; /* none: there is no such bearer */
	size_t n_listen;
	char *ciphers;
	bool ems;
	unsigned int max_connections;
	unsigned int max_fragment; /* 0: TLS's own */
	unsigned int handshake_timeout_s;
	unsigned int idle_timeout_s;
	unsigned int session_timeout_s;
	char *keylog; /* lab only */
	struct https_fleet **fleets;
	size_t n_fleets;
	struct https_fleet *fallback; /* all defaults: when no fleet is configured */
};

/*! Every default.  Texts and lists become children of ctx. */
void https_bearer_init(struct https_bearer_cfg *b, const void *ctx);
/*! The fleet of this name, made when it is new. */
struct https_fleet *https_fleet_get(struct https_bearer_cfg *b, const void *ctx, const char *name);
/*! The fleet that cards of this EUM belong to; NULL: the bearer is not for them. */
const struct https_fleet *https_fleet_of(const struct https_bearer_cfg *b, const char *eum_oid);
/*! \param[out] conf  for psk_server_start(); views into b */
void https_bearer_conf(const struct https_bearer_cfg *b, struct psk_server_conf *conf);
/*! The form of its dialogue. */
struct dialog_conf https_fleet_dialog(const struct https_fleet *f);
/*! What its triggers say, but for what is the card's own (security, agent).  \returns 0; -EINVAL */
int https_fleet_trigger(const void *ctx, const struct https_fleet *f, struct trigger *t) MUST_CHECK;
/*! Whether both listen in the same way. */
bool https_bearer_same_listener(const struct https_bearer_cfg *a, const struct https_bearer_cfg *b);
/*! Copy what needs a restart; fleets stay.  Texts become children of ctx. */
void https_bearer_keep_listener(struct https_bearer_cfg *into, const void *ctx, const struct https_bearer_cfg *from);
/*! \param[out] why  sentence, talloc child of ctx.  \returns 0; -EINVAL */
int https_bearer_check(const void *ctx, const struct https_bearer_cfg *b, const char **why) MUST_CHECK;
