/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/https_cfg.h"

/* What the operator of this SM-DP configured.  A plain tree that the VTY commands fill in (smdp/cfg_vty.c); the engine
 * only reads it.  Peers and their rights live here alone: rows refer to their OIDs. */

/*! What an operator may ask for, as bits. */
enum mno_right {
	RIGHT_READ = 0x01,     /* GetEIS, AuditEIS */
	RIGHT_MANAGE = 0x02,   /* enable, disable, delete, rules and address of its profiles */
	RIGHT_DOWNLOAD = 0x04, /* DownloadProfile */
};

/*! An operator that may call. */
struct smdp_peer {
	char *name; /* name of the VTY node */
	char *oid;
	struct tls_who tls;
	unsigned int rights;
	char *callback_prefix;	/* ReplyTo must begin with this */
	char *notification_url; /* NULL: no notifications */
	unsigned int max_validity_s;
};

/*! An SM-SR that we call, and that calls back. */
struct smsr_peer {
	char *name;
	char *oid;
	struct tls_who tls;
	char *url;		 /* its ES3 */
	unsigned int chunk;	 /* octets of a package in one SendData */
	unsigned int validity_s; /* longest ValidityPeriod that it takes; 0: no bound */
	bool no_second_session;	 /* a transfer that broke off begins again in a new ISD-P, not in a new session */
};

/*! A card maker whose eUICCs we load. */
struct eum_cfg {
	char *name;
	char *oid;
	char *cert; /* PEM */
};

/*! How profiles are loaded. */
struct download_cfg {
	unsigned int segment;	    /* plain octets of one SCP03t segment */
	unsigned int scenario;	    /* parameter byte of the key agreement: 0B with a random of the card, 09 without */
	unsigned int memory_margin; /* percent on top of what a package asks for */
	unsigned int isdp_tries;    /* ISD-Ps begun for one order */
	bool token_key;		    /* put a token key before the package */
	unsigned int session_tries; /* SCP03t sessions begun in one ISD-P */
};

/*! Timers and limits; the unit is in the name. */
struct smdp_limits {
	unsigned int default_validity_s; /* of a request without ValidityPeriod */
	unsigned int max_validity_s;
	unsigned int grace_s;	  /* after the ValidityPeriod of a call: its answer may still be on the way */
	unsigned int sync_wait_s; /* a synchronous function waits so long for the SM-SR */
	unsigned int cleanup_s;	  /* ValidityPeriod of an error routine */
	unsigned int ask_again_s; /* a call that was taken is repeated after this */
	unsigned int es3_retry_min_s;
	unsigned int es3_retry_max_s;
	unsigned int es3_timeout_s; /* of one attempt */
	unsigned int callback_retry_min_s;
	unsigned int callback_retry_max_s;
	unsigned int callback_timeout_s;
	unsigned int callback_give_up_s;
	unsigned int queue_max; /* downloads waiting for one eUICC; more are refused as busy */
	unsigned int outcome_keep_days;
	uint64_t free_space_min; /* octets; below, requests that change something are answered 503 */
};

struct smdp_cfg {
	char *oid;  /* EntityId */
	char *name; /* EntityName */
	char *uri;  /* our base URL: From is URI/ES2/ES2SmDpService */
	char *database;
	char *master_key;
	char *admin_socket; /* NULL: none */
	char *ci_bundle;    /* certificate issuers of the EUMs; NULL: chains are not checked */
	char *dp_cert;	    /* CERT.DP.ECDSA: the 7F21 TLV, raw or as hex */
	char *dp_key;	    /* its private key, PEM */
	unsigned int checkpoint_pages;
	unsigned int stock_low; /* fewer free profiles of a type than this are worth a warning; 0: never */
	struct download_cfg download;
	struct smdp_limits limits;
	struct https_cfg https;
	struct smdp_peer *peers;
	size_t n_peers;
	struct smsr_peer *smsrs;
	size_t n_smsrs;
	struct eum_cfg *eums;
	size_t n_eums;
};

/*! \returns talloc child of ctx with every default */
struct smdp_cfg *smdp_cfg_alloc(const void *ctx);
/*! The entry of this node name, made when it is new. */
struct smdp_peer *smdp_cfg_peer_get(struct smdp_cfg *cfg, const char *name);
struct smsr_peer *smdp_cfg_smsr_get(struct smdp_cfg *cfg, const char *name);
struct eum_cfg *smdp_cfg_eum_get(struct smdp_cfg *cfg, const char *name);
/*! \returns the operator or SM-SR that shows this certificate; NULL */
const struct smdp_peer *smdp_cfg_peer_of(const struct smdp_cfg *cfg, const struct tls_peer *tls);
const struct smsr_peer *smdp_cfg_smsr_of(const struct smdp_cfg *cfg, const struct tls_peer *tls);
/*! \returns NULL when none has this OID, which may be NULL */
const struct smdp_peer *smdp_cfg_peer(const struct smdp_cfg *cfg, const char *oid);
const struct smsr_peer *smdp_cfg_smsr(const struct smdp_cfg *cfg, const char *oid);
/*! Whether everything mandatory is there and peers can be told apart.
 * \param[out] why  sentence for the operator, talloc child of ctx or static
 * \returns 0; -EINVAL */
int smdp_cfg_check(const void *ctx, const struct smdp_cfg *cfg, const char **why) MUST_CHECK;
