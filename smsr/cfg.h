/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/https_cfg.h"
#include "common/codec/bytes.h"
#include "smsr/https_fleet.h"
#include "smsr/smpp_link.h"

/* What the operator configured.  A plain tree that the VTY commands fill in (smsr/cfg_vty.c); the engine only reads it.
 * Peers and their rights live here alone: rows refer to their OIDs. */

/*! Rights of a peer, as bits. */
enum peer_role {
	PEER_EUM = 0x01,  /* ES1 */
	PEER_SMDP = 0x02, /* ES3 */
	PEER_MNO = 0x04,  /* ES4 */
};

struct peer {
	char *name; /* name of the VTY node */
	char *oid;
	unsigned int roles;
	struct tls_who tls;
	/* Where it may be called. */
	char *callback_prefix;	/* ReplyTo must begin with this */
	char *notification_url; /* ES4 to an operator, ES3 to an SM-DP; NULL: no notifications */
	bool notify_mno_id;	/* ES3: put Mno-id into notifications */
	char **acts_for;	/* ES3: OIDs of the operators that it may act for */
	size_t n_acts_for;
	unsigned int max_validity_s;
	char *eum_cert; /* PEM of the EUM that signs EIS */
};

/*! Timers and limits; the unit is in the name. */
struct limits_cfg {
	unsigned int default_validity_s; /* of a request without ValidityPeriod */
	unsigned int max_validity_s;
	unsigned int grace_s;	    /* after ValidityPeriod: a late notification still counts */
	unsigned int por_wait_s;    /* all parts taken, no answer: send the same octets again */
	unsigned int por_copies;    /* how often, at most */
	unsigned int undelivered_s; /* receipt says "not delivered": the card's answer may still come */
	unsigned int sms_retry_min_s;
	unsigned int sms_retry_max_s;
	unsigned int sms_parts_max;    /* of one command or answer */
	unsigned int audit_validity_s; /* of an audit that we start ourselves */
	unsigned int callback_retry_min_s;
	unsigned int callback_retry_max_s;
	unsigned int callback_timeout_s;
	unsigned int callback_give_up_s; /* after the operation has ended */
	unsigned int queue_max;		 /* operations waiting for one eUICC; more are refused as busy */
	unsigned int outcome_keep_days;
	unsigned int audit_keep_days;
	unsigned int counter_margin; /* jump after a restore */
	unsigned int bulk_per_s;     /* audits of a bulk audit, each second; at most 1000 */
	uint64_t free_space_min;     /* octets; below, requests are answered 503 */
};

/*! An SMSC account.  Texts inside link belong to the configuration. */
struct smsc_cfg {
	char *name;
	char *password_file; /* first line is the password */
	bool enabled;
	struct smpp_link_cfg link;
};

struct smsr_cfg {
	char *oid;  /* EntityId */
	char *name; /* EntityName */
	char *uri;  /* our base URL: From is URI/ES4 and so on */
	struct limits_cfg limits;
	bool late_notification_confirm; /* a notification after the operation has failed: confirm it, or let it roll
					   back */
	bool omit_filtered_parts;	/* views of an EIS: leave out instead of skeletons */
	bool ecasd_check;		/* verify the ECASD certificate at registration */
	char *database;
	char *master_key;
	char *ci_bundle;    /* certificate issuers of the EUMs; NULL: chains are not checked */
	char *admin_socket; /* NULL: none */
	unsigned int checkpoint_pages;
	struct https_cfg https;
	struct https_bearer_cfg bearer;
	struct smsc_cfg *smscs;
	size_t n_smscs;
	struct peer *peers;
	size_t n_peers;
};

/*! \returns talloc child of ctx with every default */
struct smsr_cfg *smsr_cfg_alloc(const void *ctx);
/*! \returns NULL when no peer has this OID */
const struct peer *smsr_cfg_peer(const struct smsr_cfg *cfg, const char *oid);
/*! The peer of this node name, made when it is new. */
struct peer *smsr_cfg_peer_get(struct smsr_cfg *cfg, const char *name);
/*! The SMSC of this node name, made with the usual settings when it is new. */
struct smsc_cfg *smsr_cfg_smsc_get(struct smsr_cfg *cfg, const char *name);
/*! Everything that can be checked without opening a port: what is mandatory is there, names are not used twice, OIDs
 * and URLs have their form.
 * \param[out] why  sentence for the operator, talloc child of ctx
 * \returns 0; -EINVAL */
int smsr_cfg_check(const void *ctx, const struct smsr_cfg *cfg, const char **why) MUST_CHECK;
/*! True if this SM-DP may act for the operator. */
bool peer_acts_for(const struct peer *peer, const char *mno_oid);
