/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands over SOAP: from arguments to the body of a request, and its outcome onto the screen. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/rnd.h"
#include "common/es/es_codec.h"
#include "tools/smctl/eis.h"

struct es_req soap_cmd_base(struct smctl *c)
{
	const char *id = c->opt.call_id;

	if (!id)
		id = talloc_asprintf(c, "smctl-%s", rnd_uuid(c));
	return (struct es_req){.call_id = id, .validity_s = c->opt.validity_s};
}

/* ---- outcome ---- */

static const struct {
	enum es_sc sc;
	const char *hint;
} hints[] = {
	{ES_SC_SENDER_UNKNOWN, "no \"peer\" of the SM-SR has this --oid"},
	{ES_SC_SENDER_NOT_ALLOWED,
	 "--oid and --cert must belong to one \"peer\" of the SM-SR, with the \"role\" for this command"},
	{ES_SC_BUSY, "the queue of this eUICC is full: \"smctl ops EID\" shows what waits"},
	{ES_SC_CALL_ID_REUSED, "repeat a call with the same arguments only, or leave out --call-id"},
	{ES_SC_NO_RESPONSE, "the effect is unknown until an audit: \"smctl audit EID --wait\""},
	{ES_SC_EXPIRED, "the card was not reached in time: \"smctl smpp\" shows the links, --validity gives more time"},
	{ES_SC_EID_UNKNOWN, "\"smctl list\" shows the registered eUICCs"},
	{ES_SC_ICCID_UNKNOWN, "\"smctl show EID\" shows its profiles"},
	{ES_SC_ICCID_WRONG_STATE, "\"smctl show EID\" shows the states of its profiles"},
	{ES_SC_POL2_REFUSED, "\"smctl set-pol2\" changes the rules of a profile"},
};

static const char *hint_of(const struct es_status *st)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if (es_status_is(st, hints[i].sc))
			return hints[i].hint;
	}
	return NULL;
}

static void put_time(json_t *o, const void *ctx, const char *name, int64_t ms)
{
	json_put(o, name, ms ? es_time_enc(ctx, ms) : NULL);
}

static json_t *outcome_json(const void *ctx, enum es_fn fn, const struct es_req *req, const struct es_rsp *rsp)
{
	const struct es_status *st = &rsp->status;
	json_t *o = json_object();

	OSMO_ASSERT(o);
	json_put(o, "function", es_fn_name(fn));
	json_put(o, "call_id", req->call_id);
	json_put(o, "status", es_exec_name(st->status));
	json_put(o, "subject", st->subject);
	json_put(o, "reason", st->reason);
	json_put(o, "subject_identifier", st->subject_identifier);
	json_put(o, "message", st->message);
	put_time(o, ctx, "started", rsp->start_ms);
	put_time(o, ctx, "ended", rsp->end_ms);
	return o;
}

/* "FAILED 8.2.1/3.9 (8988...): no such profile" */
static void print_status(const struct smctl *c, const char *what, const struct es_status *st)
{
	const char *hint = hint_of(st);

	printf("%s%s%s", what ? what : "", what ? ": " : "", es_exec_name(st->status));
	if (st->subject)
		printf(" %s/%s", st->subject, st->reason ? st->reason : "?");
	if (st->subject_identifier)
		printf(" (%s)", st->subject_identifier);
	printf("%s%s\n", st->message ? ": " : "", st->message ? st->message : "");
	fflush(stdout);
	if (hint)
		complain(c, "%s", hint);
}

static enum smctl_exit code_of(const struct es_status *st)
{
	return st->status == ES_EXECUTED_SUCCESS || st->status == ES_EXECUTED_WITHWARNING ? SMCTL_OK : SMCTL_REFUSED;
}

static void print_accepted(const struct smctl *c, enum es_fn fn, const struct es_req *req, enum smctl_exit code)
{
	json_t *o;

	if (c->json) {
		o = json_object();
		json_put(o, "function", es_fn_name(fn));
		json_put(o, "call_id", req->call_id);
		json_put(o, "status", "accepted");
		print_json(o);
		json_decref(o);
		return;
	}
	printf("accepted as call %s%s\n", req->call_id, code == SMCTL_RUNNING ? ", no outcome yet" : "");
	printf("the same command with --call-id %s --wait waits for its outcome\n", req->call_id);
}

static const struct es_eis *eis_of(enum es_fn fn, const void *body)
{
	return fn == ES4_GET_EIS || fn == ES4_AUDIT_EIS ? ((const struct es_eis_rsp *)body)->eis : NULL;
}

static enum smctl_exit print_reply(const struct smctl *c, const void *ctx, const char *what, enum es_fn fn,
				   const struct es_req *req, const struct reply *reply)
{
	const struct es_rsp *rsp;
	const struct es_eis *eis;
	const char *iccid;
	json_t *o;

	if (reply->accepted)
		print_accepted(c, fn, req, reply->code);
	if (!reply->msg)
		return reply->code;
	rsp = reply->msg->body;
	eis = eis_of(fn, rsp);
	iccid = fn == ES2_DOWNLOAD_PROFILE ? ((const struct es_download_profile_rsp *)rsp)->iccid : NULL;
	if (c->json) {
		o = outcome_json(ctx, fn, req, rsp);
		if (what)
			json_put(o, "file", what);
		if (iccid)
			json_put(o, "iccid", iccid);
		if (eis)
			json_put_steal(o, "eis", eis_json(ctx, eis));
		print_json(o);
		json_decref(o);
	} else if (!eis || rsp->status.status != ES_EXECUTED_SUCCESS) {
		print_status(c, what, &rsp->status);
	}
	if (!c->json && iccid)
		printf("ICCID %s\n", iccid);
	if (!c->json && eis)
		eis_print(ctx, eis, c->opt.xml);
	return code_of(&rsp->status);
}

enum smctl_exit soap_cmd(struct smctl *c, enum es_fn fn, const struct es_req *req)
{
	struct soap_call *s = soap_call_open(c);
	enum smctl_exit code = SMCTL_USAGE;
	struct reply reply;

	if (!s)
		return code;
	reply = soap_call_do(s, fn, req);
	code = print_reply(c, s, NULL, fn, req, &reply);
	soap_call_close(s);
	return code;
}

/* ---- ES1 ---- */

static int read_file(const struct smctl *c, const void *ctx, const char *path, struct bytes *content)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char chunk[8192];
	struct wr w;
	size_t n;
	int rc;

	if (!f) {
		complain(c, "%s: %s", path, strerror(errno));
		return -ENOENT;
	}
	wr_init(&w, ctx);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		wr_bytes(&w, bytes_of(chunk, n));
	rc = ferror(f) ? -EIO : wr_end(&w, content);
	bytes_wipe(chunk, sizeof(chunk));
	if (f != stdin)
		fclose(f);
	if (rc < 0)
		complain(c, "%s: cannot be read", path);
	return rc;
}

static enum smctl_exit register_one(struct smctl *c, struct soap_call *s, const char *path)
{
	void *ctx = talloc_new(soap_call_ctx(s));
	struct es_eis_req req = {.base = soap_cmd_base(c)};
	enum smctl_exit code = SMCTL_USAGE;
	struct es_status bad = {};
	struct es_eis *eis;
	struct reply reply;
	struct bytes xml;

	if (read_file(c, ctx, path, &xml) == 0) {
		if (es_eis_dec(soap_call_es(s), ctx, xml, &eis, &bad) < 0) {
			complain(c, "%s: no EIS: %s", path, bad.message ? bad.message : "not well-formed");
		} else {
			req.eis = *eis;
			reply = soap_call_do(s, ES1_REGISTER_EIS, &req.base);
			code = print_reply(c, ctx, path, ES1_REGISTER_EIS, &req.base, &reply);
		}
		bytes_wipe((void *)xml.data, xml.len);
	}
	talloc_free(ctx);
	return code;
}

enum smctl_exit cmd_register(struct smctl *c, const struct command *cmd)
{
	struct soap_call *s = soap_call_open(c);
	enum smctl_exit worst = SMCTL_OK, code;

	if (!s)
		return SMCTL_USAGE;
	for (int i = 0; i < c->n_args && worst != SMCTL_UNREACHABLE; i++) {
		code = register_one(c, s, c->args[i]);
		worst = OSMO_MAX(worst, code);
	}
	soap_call_close(s);
	return worst;
}

/* ---- ES4 ---- */

static enum es_fn change_fn(const char *name)
{
	if (strcmp(name, "enable") == 0)
		return ES4_ENABLE_PROFILE;
	return strcmp(name, "disable") == 0 ? ES4_DISABLE_PROFILE : ES4_DELETE_PROFILE;
}

enum smctl_exit cmd_change(struct smctl *c, const struct command *cmd)
{
	const struct es_profile_req req = {.base = soap_cmd_base(c), .eid = c->args[0], .iccid = c->args[1]};

	return soap_cmd(c, change_fn(cmd->name), &req.base);
}

enum smctl_exit cmd_audit(struct smctl *c, const struct command *cmd)
{
	const struct es_audit_eis_req req = {
		.base = soap_cmd_base(c),
		.eid = c->args[0],
		.iccids = (const char **)c->args + 1,
		.n_iccids = (size_t)c->n_args - 1,
	};

	return soap_cmd(c, ES4_AUDIT_EIS, &req.base);
}

enum smctl_exit cmd_get_eis(struct smctl *c, const struct command *cmd)
{
	const struct es_get_eis_req req = {.base = soap_cmd_base(c), .eid = c->args[0]};

	return soap_cmd(c, ES4_GET_EIS, &req.base);
}

/* "disable:not-allowed", "delete:auto-delete" */
static int parse_rule(const struct smctl *c, const char *text, struct es_pol2_rule *rule)
{
	static const enum es_pol2_action actions[] = {ES_POL2_ENABLE, ES_POL2_DISABLE, ES_POL2_DELETE};
	static const enum es_pol2_qualification qualifications[] = {ES_POL2_NOT_ALLOWED, ES_POL2_AUTO_DELETE};
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0, i, k;

	for (i = 0; n && i < ARRAY_SIZE(actions); i++) {
		const char *name = es_pol2_action_name(actions[i]);

		if (strlen(name) == n && strncasecmp(name, text, n) == 0)
			break;
	}
	for (k = 0; n && k < ARRAY_SIZE(qualifications); k++) {
		if (strcasecmp(es_pol2_qualification_name(qualifications[k]), colon + 1) == 0)
			break;
	}
	if (!n || i == ARRAY_SIZE(actions) || k == ARRAY_SIZE(qualifications)) {
		complain(c, "rule \"%s\": want enable, disable or delete, a colon, and not-allowed or auto-delete",
			 text);
		return -EINVAL;
	}
	*rule = (struct es_pol2_rule){ES_POL2_PROFILE, actions[i], qualifications[k]};
	return 0;
}

enum smctl_exit cmd_set_pol2(struct smctl *c, const struct command *cmd)
{
	struct es_pol2 pol2 = {.rules = talloc_zero_array(c, struct es_pol2_rule, (unsigned int)c->n_args)};
	const struct es_pol2_req req = {
		.base = soap_cmd_base(c), .eid = c->args[0], .iccid = c->args[1], .pol2 = &pol2};

	OSMO_ASSERT(pol2.rules);
	for (int i = 2; i < c->n_args && strcmp(c->args[2], "none"); i++) {
		if (parse_rule(c, c->args[i], &pol2.rules[pol2.n_rules++]) < 0)
			return SMCTL_USAGE;
	}
	return soap_cmd(c, ES4_UPDATE_POLICY_RULES, &req.base);
}

enum smctl_exit cmd_set_address(struct smctl *c, const struct command *cmd)
{
	const struct es_address_req req = {
		.base = soap_cmd_base(c),
		.eid = c->args[0],
		.iccid = c->args[1],
		.address = {.imsi = c->opt.imsi, .msisdn = c->opt.msisdn},
	};

	if (!req.address.imsi && !req.address.msisdn) {
		complain(c, "--imsi or --msisdn or both");
		return SMCTL_USAGE;
	}
	return soap_cmd(c, ES4_UPDATE_SUBSCRIPTION_ADDRESS, &req.base);
}
