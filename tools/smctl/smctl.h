/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "common/codec/bytes.h"
#include "common/es/soap.h"

/* What the files of smctl share.  One run is one command: options and configuration first, then either messages to the
 * SM-SR (soap_*.c, callback.c) or lines over its admin socket (admin*.c). */

/*! Exit codes; documented by --help. */
enum smctl_exit {
	SMCTL_OK = 0,
	SMCTL_REFUSED = 1,     /* refused or failed; the status was printed */
	SMCTL_USAGE = 2,       /* command line, configuration, a file that is no EIS */
	SMCTL_UNREACHABLE = 3, /* no connection, TLS, no answer that can be understood */
	SMCTL_RUNNING = 4,     /* accepted, no outcome within the time */
};

/*! Settings that stand in a configuration file or are given as options of the same name; NULL when absent. */
struct conf {
	const char *url; /* base URL of the SM-SR: services are below, at /ES4/ES4SmSrService and so on */
	const char *ca;	 /* PEM files */
	const char *cert;
	const char *key;
	const char *oid;	  /* our EntityId */
	const char *to_oid;	  /* EntityId of the SM-SR */
	const char *listen;	  /* ADDR:PORT for callbacks */
	const char *callback_url; /* how the SM-SR reaches that; default: https:// and listen */
	const char *admin;	  /* path of the admin socket */
	const char *smdp_admin;	  /* that of the SM-DP */
};

/*! Options of single commands. */
struct options {
	const char *call_id; /* FunctionCallIdentifier; NULL: a new one */
	const char *imsi;
	const char *msisdn;
	const char *iccid;
	const char *after;
	const char *before;
	unsigned int validity_s; /* 0: the SM-SR's default */
	unsigned int timeout_s;	 /* for --wait */
	unsigned int max;	 /* rows; 0: the SM-SR's default */
	const char *type;	 /* of profiles */
	const char *mno;
	const char *pol2;
	const char *state;
	const char *template;
	const char *memory;
	const char *smsr; /* OID */
	bool wait;
	bool audit_due;
	bool xml;
	bool check;
	bool enable;
};

#define TIMEOUT_DEFAULT_S 600

struct command;

struct smctl {
	struct conf conf;
	struct options opt;
	const struct command *cmd;
	char **args; /* after the command's name */
	int n_args;
	bool json;
};

/*! Section of the configuration file, and mark, of commands over the admin socket of the SM-DP. */
#define SECTION_SMDP "smdp"
/*! The same of commands over SOAP to the SM-DP. */
#define SECTION_ES2 "es2"

/*! A row of the table of commands (main.c). */
struct command {
	const char *name;
	int min_args;
	int max_args;	     /* -1: any number */
	const char *options; /* names of own options, each with a space before and behind: " validity wait " */
	const char *section; /* of the configuration file */
	enum smctl_exit (*run)(struct smctl *c, const struct command *cmd);
	const char *admin; /* request of an admin command; else NULL */
	const char *help;
};

/* ---- print.c ---- */

/*! "smctl COMMAND: ..." on stderr. */
void complain(const struct smctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*! One JSON object as one line on stdout. */
void print_json(const json_t *object);
/*! Rows with the same members as a table with a head line. */
void print_table(const void *ctx, const json_t *rows);
/*! One row as lines "name  value"; members that are lists of objects become tables of their own. */
void print_record(const void *ctx, const json_t *row);
/*! A row at once, without a head: for what comes one by one. */
void print_stream(const void *ctx, const json_t *row);
/*! Text, or null. */
void json_put(json_t *object, const char *name, const char *value);
void json_put_int(json_t *object, const char *name, int64_t value);
void json_put_steal(json_t *object, const char *name, json_t *value);

/* ---- conf.c ---- */

/*! Read the configuration file into what the command line left open.
 * \param[in] path  NULL: ~/.config/smctl.conf, which may be absent
 * \param[in] section  also read [section], which wins over the lines before the first section; NULL: none
 * \returns 0; -ENOENT, -EINVAL after a message */
int conf_read(struct smctl *c, const char *path, const char *section, bool section_needed) MUST_CHECK;
/*! Where a setting is kept, by its name ("to-oid"); NULL when there is no such setting. */
const char **conf_setting(struct conf *conf, const char *name);

/* ---- soap_call.c ---- */

struct soap_call;

/*! What became of a request. */
struct reply {
	enum smctl_exit code;
	const struct soap_msg *msg; /* a response; NULL: none (accepted, fault or unreachable) */
	bool accepted;		    /* 202: the outcome comes later */
};

/*! Everything that messages need: threads, TLS, the callback listener when one is configured.
 * \returns NULL after a message */
struct soap_call *soap_call_open(struct smctl *c);
void soap_call_close(struct soap_call *s);
/*! Send a request and wait for the answer, and with opt.wait for the outcome.  Complains about all but a response.
 * \param[in] body  struct of es_types.h for fn; its call_id says which call it is */
struct reply soap_call_do(struct soap_call *s, enum es_fn fn, const struct es_req *body);
/*! Context that lives as long as the connection. */
const void *soap_call_ctx(const struct soap_call *s);
struct es_ctx *soap_call_es(struct soap_call *s);

/* ---- callback.c ---- */

struct callback;
struct io;
struct io_job;
struct tls;

/*! Listen for answers.  They come to the core as jobs of kind IO_REQUEST.  \returns 0; -EINVAL after a message */
int callback_start(struct smctl *c, const void *ctx, struct io *io, struct callback **cb) MUST_CHECK;
void callback_stop(struct callback *cb);
/*! Address to put into ReplyTo for this function.  \returns talloc child of ctx */
char *callback_reply_to(const void *ctx, const struct smctl *c, const struct callback *cb, enum es_fn fn);
/*! Message of a job; lives as long as the job. */
const struct soap_msg *callback_msg(const struct io_job *job);

/* ---- admin.c ---- */

struct admin_client;

/*! Whether the admin socket of the daemon that the command is about is configured. */
bool admin_is_set(const struct smctl *c);
/*! Connect to the daemon that the command is about.  \returns NULL after a message */
struct admin_client *admin_open(const struct smctl *c, const void *ctx);
/*! Send a request, hand each row to row() and return the last line.
 * \param[in]  request  its reference is taken
 * \param[out] end      a reference of the caller; untouched on error
 * \returns exit code; complains about all but SMCTL_OK */
enum smctl_exit admin_request(struct admin_client *a, json_t *request, void (*row)(void *data, json_t *row), void *data,
			      json_t **end);
/*! Print the timeline of a call of ours until it is done, or until clock_now_ms() is end_ms.
 * \returns SMCTL_OK; another when the end was not seen */
enum smctl_exit admin_follow_call(const struct smctl *c, const char *call_id, int64_t end_ms);

/* ---- commands ---- */

/* They take the arguments and options of c and return the exit code of the program. */

/*! ES1-RegisterEIS for each file named. */
enum smctl_exit cmd_register(struct smctl *c, const struct command *cmd);
/*! ES4-EnableProfile, ES4-DisableProfile or ES4-DeleteProfile, by the name of the command. */
enum smctl_exit cmd_change(struct smctl *c, const struct command *cmd);
/*! ES4-AuditEIS. */
enum smctl_exit cmd_audit(struct smctl *c, const struct command *cmd);
/*! ES4-GetEIS. */
enum smctl_exit cmd_get_eis(struct smctl *c, const struct command *cmd);
/*! ES4-UpdatePolicyRules. */
enum smctl_exit cmd_set_pol2(struct smctl *c, const struct command *cmd);
/*! ES4-UpdateSubscriptionAddress. */
enum smctl_exit cmd_set_address(struct smctl *c, const struct command *cmd);

/*! Send a request, and print what comes of it. */
enum smctl_exit soap_cmd(struct smctl *c, enum es_fn fn, const struct es_req *req);
/*! A request's base by the options. */
struct es_req soap_cmd_base(struct smctl *c);

/*! Over the admin socket, by cmd->admin: its rows as a table, as one record, or as they come. */
enum smctl_exit cmd_rows(struct smctl *c, const struct command *cmd);
enum smctl_exit cmd_record(struct smctl *c, const struct command *cmd);
enum smctl_exit cmd_stream(struct smctl *c, const struct command *cmd);

/*! Stock of the SM-DP: rows of a file, packages, a check of packages, a profile type. */
enum smctl_exit cmd_stock_import(struct smctl *c, const struct command *cmd);
enum smctl_exit cmd_stock_package(struct smctl *c, const struct command *cmd);
enum smctl_exit cmd_stock_check(struct smctl *c, const struct command *cmd);
enum smctl_exit cmd_stock_type(struct smctl *c, const struct command *cmd);

/*! ES2-DownloadProfile. */
enum smctl_exit cmd_download(struct smctl *c, const struct command *cmd);
/*! Steps of an order of the SM-DP as they come. */
enum smctl_exit cmd_order_follow(struct smctl *c, const struct command *cmd);

/* ---- orders.c ---- */

/*! A step of an order: a line, or on a terminal a bar while the package is on its way.  A row callback of
 * admin_request().  \param[in] c  struct smctl * */
void order_print_step(void *c, json_t *row);
/*! After the last step: the bar gets its line end. */
void order_print_end(void);
