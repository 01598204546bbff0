/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* See config.h. */
#include "tests/support/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/application.h>
#include <osmocom/ctrl/control_vty.h>
#include <osmocom/vty/buffer.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/logging.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/log.h"

static struct vty_app_info info = {.name = "test", .version = "0"};

void *config_init(const struct app_desc *desc)
{
	void *ctx = talloc_named_const(NULL, 0, "test");
	void *prog;

	osmo_init_logging2(ctx, &log_info_esim);
	info.tall_ctx = ctx;
	vty_init(&info);
	logging_vty_add_cmds();
	ctrl_vty_init(ctx);
	prog = desc->alloc(ctx);
	desc->vty_init(prog);
	return prog;
}

char *config_running(const void *ctx)
{
	struct vty *vty = vty_new();
	vector words = cmd_make_strvec("show running-config");
	char *raw, *text;

	vty->type = VTY_FILE;
	vty->node = ENABLE_NODE;
	assert_int_equal(cmd_execute_command(words, vty, NULL, 0), CMD_SUCCESS);
	cmd_free_strvec(words);
	raw = buffer_getstr(vty->obuf);
	buffer_reset(vty->obuf); /* vty_close() would write it to descriptor 0 */
	text = talloc_strdup(ctx, raw);
	talloc_free(raw);
	vty_close(vty);
	return text;
}

static bool is_default(const char *line, const char *const *defaults)
{
	for (; *defaults; defaults++) {
		if (strncmp(line, *defaults, strlen(*defaults)) == 0)
			return true;
	}
	return false;
}

void config_assert_kept(const char *path, const char *top, const char *text, const char *const *defaults)
{
	FILE *f = fopen(path, "r");
	bool inside = false;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		const char *word = line + strspn(line, " ");

		inside = inside || strncmp(line, top, strlen(top)) == 0;
		if (inside && *word != '!' && !is_default(word, defaults) && !strstr(text, line))
			fail_msg("not written back: %s", line);
	}
	fclose(f);
	assert_true(inside);
}
