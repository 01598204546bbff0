/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp81/http_msg.h"

/* One administration session of one eUICC, server side, as a pure state machine (GlobalPlatform Amendment B).
 *
 * The session outlives connections: struct dialog is plain and belongs into the caller's row.  For each request the
 * caller loads it, calls dialog_rx(), does what that says, stores it, and only then sends the answer that
 * dialog_script_enc(), dialog_end_enc() or dialog_refuse_enc() made.  Scripts are opaque here (body AE 80 ... 00 00).
 *
 *              first POST            script_enc            result of the script
 *   IDLE/ENDED ---------->  WAITING  ---------->  SCRIPT  ---------------------> WAITING
 *                              \--- end_enc ---> ENDED
 *
 * Each script n goes out under its own Next-URI, <path>?tid=<token>&s=<n>, to which its result is posted. */

#define DIALOG_TOKEN_MAX 16

enum dialog_state {
	DIALOG_IDLE,	/* no session yet */
	DIALOG_WAITING, /* the card waits for us: a script or the end */
	DIALOG_SCRIPT,	/* script .seq is out, its result is not here */
	DIALOG_ENDED,	/* 204 went out for .token */
};

struct dialog {
	enum dialog_state state;
	char token[DIALOG_TOKEN_MAX + 1]; /* letters and digits */
	uint32_t seq;			  /* number of the last script, from 1; 0 = none yet */
};

/*! Form of the Next-URI; live cards demand the first. */
enum dialog_uri {
	DIALOG_URI_QUERY,    /* /path?tid=t&s=n */
	DIALOG_URI_PATH,     /* /path/t/n */
	DIALOG_URI_ABSOLUTE, /* https://host/path?tid=t&s=n, host as the card wrote it */
};

/*! Options of a fleet. */
struct dialog_conf {
	const char *path; /* of the first POST and of every Next-URI, "/gsma/adminagent" */
	enum dialog_uri uri;
	enum http_framing framing;
	const char *content_type;  /* of scripts; NULL = ADMIN_TYPE_CMD */
	unsigned int max_requests; /* of one connection; 0 = 1000 */
};

struct dialog_req {
	const struct http_msg *msg;
	const uint8_t *eid;    /* ADMIN_EID_LEN octets, out of the PSK identity */
	unsigned int nth;      /* of its connection, from 1 */
	bool same_conn;	       /* the last request that was not refused came on this connection */
	const char *new_token; /* for a session that starts now: chance, 1 to DIALOG_TOKEN_MAX letters and digits */
};

enum dialog_act {
	DIALOG_ACT_NEXT,   /* a session starts, or the card asks again: give a script or the end */
	DIALOG_ACT_RESULT, /* answer to script .seq: store .status and .body, then give a script or the end */
	DIALOG_ACT_NOTIFY, /* a session starts with notification .body: give the confirmation script */
	DIALOG_ACT_AGAIN,  /* send script .seq once more: dialog_script_again_enc() */
	DIALOG_ACT_END,	   /* the card lost our 204: dialog_end_enc() */
	DIALOG_ACT_REFUSE, /* dialog_refuse_enc() with .http_status, then close */
};

struct dialog_out {
	enum dialog_act act;
	bool fresh;	   /* NEXT and NOTIFY: a new session took the place of any other */
	uint32_t lost_seq; /* NEXT and NOTIFY: script that the card had, and whose result is lost; 0 = none */
	uint32_t seq;	   /* RESULT and AGAIN */
	bool from_start;   /* AGAIN: came to the first URI, so that the card may have had it in an earlier session */
	enum admin_status status; /* RESULT; not NONE.  Anything but OK usually comes without a body */
	struct bytes body;	  /* RESULT: view into the message.  NOTIFY: talloc child of ctx */
	unsigned int http_status; /* REFUSE */
	const char *why;	  /* REFUSE: literal for the log */
};

/*! Judge one request.
 * \param[in]     ctx  talloc parent of out->body of a notification
 * \param[in,out] d    session of req->eid; unchanged when the request is refused
 * \param[out]    out  always set */
void dialog_rx(const void *ctx, const struct dialog_conf *conf, struct dialog *d, const struct dialog_req *req,
	       struct dialog_out *out);

/*! Answer a script; WAITING becomes SCRIPT with the next number.
 * \param[in] req_host  Host of the request, for DIALOG_URI_ABSOLUTE; else NULL
 * \param[in] target    AID of the targeted application; empty = the ISD-R itself
 * \returns 0; -EPROTO when the card does not wait; -EINVAL; -ENOSPC; d and w are of no use on error */
int dialog_script_enc(const struct dialog_conf *conf, struct dialog *d, const char *req_host, struct bytes target,
		      struct bytes script, struct wr *w) MUST_CHECK;
/*! The same octets again for d->seq; d is in SCRIPT and stays.  \returns as above */
int dialog_script_again_enc(const struct dialog_conf *conf, const struct dialog *d, const char *req_host,
			    struct bytes target, struct bytes script, struct wr *w) MUST_CHECK;
/*! 204 without Next-URI; close behind it.  WAITING or ENDED becomes ENDED.  \returns as above */
int dialog_end_enc(struct dialog *d, struct wr *w) MUST_CHECK;
/*! Status without a body; close behind it.  \returns 0; -ENOSPC */
int dialog_refuse_enc(unsigned int http_status, struct wr *w) MUST_CHECK;
