/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands that do something, in the enable node.  Each is an event; what it prints leaves after the commit, because
 * the VTY writes in a later round of the loop (P1). */
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/backup_vty.h"
#include "smsr/daemon.h"
#include "smsr/lever.h"
#include "smsr/smsr_vty.h"
#include "smsr/words.h"

static int pull(struct vty *vty, lever_cb action, struct lever *l)
{
	struct smsr_daemon *d = smsr_vty_daemon();
	void *ctx;
	int rc;

	if (!d || !d->s || !d->server) {
		vty_out(vty, "%% the SM-SR is not running%s", VTY_NEWLINE);
		return CMD_WARNING;
	}
	ctx = talloc_new(d);
	l->ctx = ctx;
	l->by = "VTY";
	rc = lever_pull(d->s, action, l);
	vty_out(vty, "%s%s%s", rc < 0 ? "% " : "", l->text, VTY_NEWLINE);
	talloc_free(ctx);
	return rc < 0 ? CMD_WARNING : CMD_SUCCESS;
}

static int scope(struct vty *vty, lever_cb action, const char *word, const char *name)
{
	struct lever l = {.name = name};

	if (pause_scope_parse(word, &l.scope) < 0)
		return CMD_WARNING; /* the parser lets no other word through */
	return pull(vty, action, &l);
}

#define SCOPE_HELP "Everything that leaves\nNew operations\n"
#define NAMED_HELP                                                                                                    \
	"A link to a service centre\nAn eUICC\nOperations of a requester\nName of the SMSC, EID, name or OID of the " \
	"peer\n"

DEFUN(pause_all, pause_all_cmd, "pause (all|drain)", "Hold back\n" SCOPE_HELP)
{
	return scope(vty, smsr_ev_pause, argv[0], NULL);
}

DEFUN(pause_named, pause_named_cmd, "pause (smsc|eid|peer) NAME", "Hold back\n" NAMED_HELP)
{
	return scope(vty, smsr_ev_pause, argv[0], argv[1]);
}

DEFUN(resume_all, resume_all_cmd, "resume (all|drain)", "Release\n" SCOPE_HELP)
{
	return scope(vty, smsr_ev_resume, argv[0], NULL);
}

DEFUN(resume_named, resume_named_cmd, "resume (smsc|eid|peer) NAME", "Release\n" NAMED_HELP)
{
	return scope(vty, smsr_ev_resume, argv[0], argv[1]);
}

DEFUN(smpp_reconnect, smpp_reconnect_cmd, "smpp reconnect NAME",
      "Links to service centres\nGive the connection up and make a new one\nName of the SMSC\n")
{
	struct lever l = {.name = argv[0]};

	return pull(vty, smsr_ev_reconnect, &l);
}

DEFUN(operation_cancel, operation_cancel_cmd, "operation cancel ID", "Operations\nStop one\nNumber\n")
{
	struct lever l = {.id = atoll(argv[0])};

	return pull(vty, smsr_ev_cancel, &l);
}

DEFUN(audit_eid, audit_eid_cmd, "audit EID", "Queue an audit\nEID, 32 digits\n")
{
	struct lever l = {.eid = argv[0]};

	return pull(vty, smsr_ev_audit, &l);
}

DEFUN(audit_list, audit_list_cmd, "audit-list run", "eUICCs that are to be audited\nAudit all, so many each second\n")
{
	struct lever l = {0};

	return pull(vty, smsr_ev_audit_bulk, &l);
}

DEFUN(audit_list_max, audit_list_max_cmd, "audit-list run <1-100000000>",
      "eUICCs that are to be audited\nAudit them, so many each second\nNo more than\n")
{
	struct lever l = {.max = atoll(argv[0])};

	return pull(vty, smsr_ev_audit_bulk, &l);
}

DEFUN(counter_raise, counter_raise_cmd, "counter EID <1-255> <1-1099511627774>",
      "Raise the counter of an SCP80 key set (resynchronisation)\nEID, 32 digits\nVersion of the key set\n"
      "Counter used last\n")
{
	struct lever l = {.eid = argv[0], .version = atoi(argv[1]), .value = (uint64_t)atoll(argv[2])};

	return pull(vty, smsr_ev_counter, &l);
}

#define OUTBOX_HELP "Messages to peers\nTry now what waits for a later attempt\n"

DEFUN(outbox_retry, outbox_retry_cmd, "outbox retry", OUTBOX_HELP)
{
	struct lever l = {0};

	return pull(vty, smsr_ev_hurry, &l);
}

DEFUN(outbox_retry_peer, outbox_retry_peer_cmd, "outbox retry PEER", OUTBOX_HELP "Name or OID\n")
{
	struct lever l = {.name = argv[0]};

	return pull(vty, smsr_ev_hurry, &l);
}

DEFUN(backup, backup_cmd, "backup FILE", "Copy the database while it is in use\nWhole path of a new file\n")
{
	struct smsr_daemon *d = smsr_vty_daemon();

	return backup_vty_start(vty, d && d->server ? d->backup : NULL, argv[0]);
}

void smsr_vty_lever_init(void)
{
	struct cmd_element *const cmds[] = {
		&pause_all_cmd,	       &pause_named_cmd,  &resume_all_cmd,	  &resume_named_cmd,
		&operation_cancel_cmd, &audit_eid_cmd,	  &audit_list_cmd,	  &audit_list_max_cmd,
		&counter_raise_cmd,    &outbox_retry_cmd, &outbox_retry_peer_cmd, &backup_cmd,
		&smpp_reconnect_cmd,
	};

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		install_element(ENABLE_NODE, cmds[i]);
}
