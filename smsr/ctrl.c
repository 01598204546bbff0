/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CTRL interface: figures to GET, pause and resume to SET.  Traps: "certificate-expiry" (common/peer/expiry.c) and
 * "smpp-link" (smsr/links.c).  An answer leaves in a later round than the one that made it, so behind its commit (P1).
 */
#include <stddef.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/ctrl/control_cmd.h>
#include <talloc.h>

#include "common/app/ctrl_var.h"
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
			return ctrl_var_reply(cmd, *(const int64_t *)((const uint8_t *)&f + figures[i].offset));
	}
	cmd->reply = "no such variable";
	return CTRL_CMD_ERROR;
}

static int get_links(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;

	return ctrl_var_reply(cmd, (int64_t)links_n(d->links));
}

static int get_links_up(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;

	return ctrl_var_reply(cmd, (int64_t)links_up(d->links));
}

static int get_ended(struct ctrl_cmd *cmd, void *daemon)
{
	struct smsr_daemon *d = daemon;
	enum smsr_ctr ctr = strcmp(cmd->variable, "outbox-delivered") == 0 ? CTR_CALLBACKS : CTR_CALLBACKS_GIVEN_UP;

	return ctrl_var_reply(cmd, (int64_t)smsr_ctr(d->s, ctr));
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

void smsr_ctrl_init(struct smsr_daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		ctrl_var_figure(d->ctx, figures[i].name, get_figure);
	ctrl_var_figure(d->ctx, "links", get_links);
	ctrl_var_figure(d->ctx, "links-up", get_links_up);
	ctrl_var_figure(d->ctx, "outbox-delivered", get_ended);
	ctrl_var_figure(d->ctx, "outbox-given-up", get_ended);
	ctrl_var_action(d->ctx, "pause", set_pause, verify_scope);
	ctrl_var_action(d->ctx, "resume", set_pause, verify_scope);
}
