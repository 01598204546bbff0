/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Orders of profiles at the SM-DP: ES2-DownloadProfile, and its steps, with a bar while the package is on its way. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define BAR_WIDTH 30

static bool bar_shown;

static int64_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

void order_print_end(void)
{
	if (bar_shown)
		printf("\n");
	fflush(stdout);
	bar_shown = false;
}

/* "[######            ]  33 %  50000 of 150000 octets" */
static void print_bar(const json_t *progress)
{
	int64_t all = number(progress, "octets"), done = number(progress, "done");
	int filled = (int)(done * BAR_WIDTH / all);

	printf("\r[");
	for (int i = 0; i < BAR_WIDTH; i++)
		putchar(i < filled ? '#' : ' ');
	printf("] %3d %%  %lld of %lld octets", (int)(done * 100 / all), (long long)done, (long long)all);
	fflush(stdout);
	bar_shown = true;
}

static bool is_on_the_way(const json_t *progress)
{
	const char *state = json_string_value(json_object_get(progress, "state"));

	return state && strcmp(state, "data") == 0 && number(progress, "octets") > 0;
}

void order_print_step(void *smctl, json_t *row)
{
	const json_t *progress = json_object_get(row, "progress");
	const struct smctl *c = smctl;

	if (c->json) {
		print_json(row);
		return;
	}
	/* One line for all the calls that carry it; a file gets them all. */
	if (isatty(STDOUT_FILENO) && is_on_the_way(progress)) {
		print_bar(progress);
		return;
	}
	order_print_end();
	json_object_del(row, "progress");
	print_stream(c, row);
}

enum smctl_exit cmd_order_follow(struct smctl *c, const struct command *cmd)
{
	struct admin_client *a;
	json_t *request, *end;
	enum smctl_exit code;
	char *rest;
	long long id = strtoll(c->args[0], &rest, 10);

	if (*rest || id <= 0) {
		complain(c, "\"%s\" is no number of an order", c->args[0]);
		return SMCTL_USAGE;
	}
	a = admin_open(c, c);
	if (!a)
		return SMCTL_UNREACHABLE;
	request = json_object();
	json_put(request, "cmd", cmd->admin);
	json_put_int(request, "id", id);
	code = admin_request(a, request, order_print_step, c, &end);
	order_print_end();
	if (code == SMCTL_OK) {
		if (c->json)
			print_json(json_object_get(end, "order"));
		else
			print_record(c, json_object_get(end, "order"));
		json_decref(end);
	}
	talloc_free(a);
	return code;
}

enum smctl_exit cmd_download(struct smctl *c, const struct command *cmd)
{
	const struct es_download_profile_req req = {
		.base = soap_cmd_base(c),
		.eid = c->args[0],
		.smsr_id = c->opt.smsr,
		.iccid = c->opt.iccid,
		.profile_type = c->opt.type,
		.enable = c->opt.enable,
	};

	if (!req.smsr_id) {
		complain(c, "--smsr OID is wanted: which SM-SR manages the eUICC");
		return SMCTL_USAGE;
	}
	if (!req.iccid == !req.profile_type) {
		complain(c, "either --iccid or --type is wanted");
		return SMCTL_USAGE;
	}
	return soap_cmd(c, ES2_DOWNLOAD_PROFILE, &req.base);
}
