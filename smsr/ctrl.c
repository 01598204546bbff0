/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CTRL interface: figures to GET, pause and resume to SET.  Traps: "certificate-expiry" (common/peer/expiry.c) and
 * "smpp-link" (smsr/links.c).  An answer leaves in a later round than the one that made it, so behind its commit (P1).
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/ctrl/control_cmd.h>
#include <talloc.h>

#include "smsr/daemon.h"
#include "smsr/lever.h"
#include "smsr/smsr_ctrl.h"
#include "smsr/words.h"

#define FIGURE(member) offsetof(struct lever_figures, member)

static const struct {
	const char *name;
	size_t offset;
} figures[] = {
	{"euiccs", FIGURE(euiccs)},
	{"audit-due", FIGURE(audit_due)},
	{"operations-queued", FIGURE(ops[OP_ST_QUEUED])},
	{"operations-change", FIGURE(ops[OP_ST_CHANGE])},
	{"operations-notif", FIGURE(ops[OP_ST_NOTIF])},
	{"operations-confirm", FIGURE(ops[OP_ST_CONFIRM])},
	{"operations-delete", FIGURE(ops[OP_ST_DELETE])},
	{"operations-audit", FIGURE(ops[OP_ST_AUDIT])},
	{"operations-create", FIGURE(ops[OP_ST_CREATE])},
	{"operations-data", FIGURE(ops[OP_ST_DATA])},
	{"operations-done", FIGURE(ops[OP_ST_DONE])},
	{"outbox-waiting", FIGURE(outbox_waiting)},
	{"parts-waiting", FIGURE(parts_waiting)},
};

static int reply(struct ctrl_cmd *cmd, int64_t v)
{
	cmd->reply = talloc_asprintf(cmd, "%" PRId64, v);
	return CTRL_CMD_REPLY;
}

static int get_figure(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;
	struct lever_figures f;

	if (lever_figures(d->s, &f) < 0) {
		cmd->reply = "the database cannot be read";
		return CTRL_CMD_ERROR;
	}
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		if (strcmp(figures[i].name, cmd->variable) == 0)
			return reply(cmd, *(const int64_t *)((const uint8_t *)&f + figures[i].offset));
	}
	cmd->reply = "no such variable";
	return CTRL_CMD_ERROR;
}

static int get_links(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;

	return reply(cmd, (int64_t)links_n(d->links));
}

static int get_links_up(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;

	return reply(cmd, (int64_t)links_up(d->links));
}

static int get_ended(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;
	enum smsr_ctr ctr = strcmp(cmd->variable, "outbox-delivered") == 0 ? CTR_CALLBACKS : CTR_CALLBACKS_GIVEN_UP;

	return reply(cmd, (int64_t)smsr_ctr(d->s, ctr));
}

static int refuse_set(struct ctrl_cmd *cmd, void *daemon)
{
	cmd->reply = "this variable can only be read";
	return CTRL_CMD_ERROR;
}

static int refuse_get(struct ctrl_cmd *cmd, void *daemon)
{
	cmd->reply = "this variable can only be set";
	return CTRL_CMD_ERROR;
}

/* ---- pause and resume: "all", "drain", "smsc,NAME", "eid,EID", "peer,NAME" ---- */

static int parse(struct ctrl_cmd *cmd, const char *value, struct lever *l)
{
	char *word = talloc_strdup(cmd, value);
	char *comma = strchr(word, ',');

	if (comma)
		*comma++ = '\0';
	l->name = comma;
	return pause_scope_parse(word, &l->scope);
}

static int verify_scope(struct ctrl_cmd *cmd, const char *value, void *daemon)
{
	struct lever l = {0};

	return parse(cmd, value, &l);
}

static int set_pause(struct ctrl_cmd *cmd, void *daemon)
{
	lever_cb action = strcmp(cmd->variable, "pause") == 0 ? smsr_ev_pause : smsr_ev_resume;
	struct lever l = {.ctx = cmd, .by = "CTRL"};
	struct smsr_daemon *d = daemon;
	int rc = parse(cmd, cmd->value, &l);

	if (rc == 0)
		rc = lever_pull(d->s, action, &l);
	cmd->reply = (char *)(l.text ? l.text : "unknown scope");
	return rc < 0 ? CTRL_CMD_ERROR : CTRL_CMD_REPLY;
}

static void install(void *ctx, const char *name, int (*get)(struct ctrl_cmd *, void *),
		    int (*set)(struct ctrl_cmd *, void *), int (*verify)(struct ctrl_cmd *, const char *, void *))
{
	struct ctrl_cmd_element *e = talloc_zero(ctx, struct ctrl_cmd_element);

	OSMO_ASSERT(e);
	e->name = name;
	e->get = get;
	e->set = set;
	e->verify = verify;
	OSMO_ASSERT(ctrl_cmd_install(CTRL_NODE_ROOT, e) == 0);
}

void smsr_ctrl_init(struct smsr_daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		install(d->ctx, figures[i].name, get_figure, refuse_set, NULL);
	install(d->ctx, "links", get_links, refuse_set, NULL);
	install(d->ctx, "links-up", get_links_up, refuse_set, NULL);
	install(d->ctx, "outbox-delivered", get_ended, refuse_set, NULL);
	install(d->ctx, "outbox-given-up", get_ended, refuse_set, NULL);
	install(d->ctx, "pause", refuse_get, set_pause, verify_scope);
	install(d->ctx, "resume", refuse_get, set_pause, verify_scope);
}
