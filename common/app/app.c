/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The frame of both daemons.  See app.h for the order of things.
 *
 * libosmocore keeps its own long-lived memory (VTY, logging, statistics) below one context and the daemon lives below
 * another, so that "what did stop() leave behind" is a question with an answer. */
#include "common/app/app.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <osmocom/core/application.h>
#include <osmocom/core/fsm.h>
#include <osmocom/core/msgb.h>
#include <osmocom/core/rate_ctr.h>
#include <osmocom/core/select.h>
#include <osmocom/core/stats.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/tdef.h>
#include <osmocom/core/utils.h>
#include <osmocom/ctrl/control_cmd.h>
#include <osmocom/ctrl/control_if.h>
#include <osmocom/ctrl/control_vty.h>
#include <osmocom/vty/cpu_sched_vty.h>
#include <osmocom/vty/logging.h>
#include <osmocom/vty/misc.h>
#include <osmocom/vty/stats.h>
#include <osmocom/vty/telnet_interface.h>
#include <osmocom/vty/vty.h>

#include "common/app/app_priv.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/crypto/crypto.h"

static struct {
	const struct app_desc *desc;
	void *root;
	void *lib; /* libosmocore's */
	void *ctx; /* the daemon's */
	void *prog;
	struct vty_app_info vty;
	const char *config;
	bool check_only;
	bool upgrade;
	bool leave; /* an option that answers and ends, or a wrong one */
	bool quit;
	enum app_exit code;
	struct osmo_signalfd *signals;
	struct ctrl_handle *ctrl;
	bool telnet;
} app;

void app_quit(enum app_exit code)
{
	if (app.quit)
		return;
	app.quit = true;
	app.code = code;
}

const char *app_config_file(void)
{
	return app.config;
}

enum app_exit app_complain(enum app_exit code, const char *why)
{
	LOGP(DMAIN, LOGL_ERROR, "%s\n", why);
	return code;
}

void app_store_broken(void *unused)
{
	LOGP(DMAIN, LOGL_FATAL, "the database failed; nothing of this turn was sent.  Leaving, to be started again\n");
	/* No return into handlers that believe in their rows. */
	_exit(APP_STORE);
}

void app_trap(const char *variable, const char *value)
{
	char *copy;

	if (!app.ctrl)
		return;
	copy = talloc_strdup(app.ctx, value);
	if (ctrl_cmd_send_trap(app.ctrl, variable, copy) < 0)
		LOGP(DMAIN, LOGL_ERROR, "the trap %s could not be sent\n", variable);
	talloc_free(copy);
}

/* Keys pass through this process: no dump, no debugger, no file for others. */
static void harden(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	umask(0077);
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		perror("core dumps stay on");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			perror("limit of open files");
	}
}

static void logging_init(void)
{
	OSMO_ASSERT(osmo_init_logging2(app.lib, &log_info_esim) == 0);
	log_set_print_category(osmo_stderr_target, 1);
	log_set_print_category_hex(osmo_stderr_target, 0);
	log_set_print_level(osmo_stderr_target, 1);
	log_set_print_filename2(osmo_stderr_target, LOG_FILENAME_NONE);
}

static void timers_init(void)
{
	struct osmo_tdef_group *g;

	osmo_tdef_groups_for_each (g, app.desc->timers)
		osmo_tdefs_reset(g->tdefs);
}

static void vty_side_init(void)
{
	app.vty.name = app.desc->name;
	app.vty.version = VERSION;
	app.vty.copyright = "License AGPL-3.0-or-later: GNU Affero GPL version 3 or later\r\n"
			    "This is free software: you may change and redistribute it; there is NO WARRANTY.\r\n";
	app.vty.tall_ctx = app.lib;
	vty_init(&app.vty);
	logging_vty_add_cmds();
	osmo_stats_vty_add_cmds();
	osmo_talloc_vty_add_cmds();
	osmo_fsm_vty_add_cmds();
	osmo_cpu_sched_vty_init(app.lib);
	if (app.desc->ctrl_port)
		ctrl_vty_init(app.lib);
	if (app.desc->vty_init)
		app.desc->vty_init(app.prog);
}

static void library_init(void)
{
	app_loop_init();
	app.root = talloc_named_const(NULL, 0, app.desc->name);
	app.lib = talloc_named_const(app.root, 0, "libosmocore");
	app.ctx = talloc_named_const(app.root, 0, "daemon");
	msgb_talloc_ctx_init(app.lib, 0);
	logging_init();
	osmo_stats_init(app.lib);
	OSMO_ASSERT(rate_ctr_init(app.lib) == 0);
	osmo_init_ignore_signals();
	signal(SIGXFSZ, SIG_IGN); /* a limit on file size is then an error of the write, as a full disk is */
	/* instances that end inside their own callback are freed after the round */
	osmo_fsm_set_dealloc_ctx(OTC_SELECT);
	osmo_fsm_log_timeouts(true);
	timers_init();
	app.prog = app.desc->alloc ? app.desc->alloc(app.ctx) : NULL;
	vty_side_init();
}

static void print_help(FILE *f)
{
	const char *n = app.desc->name;
	bool db = app.desc->database;

	fprintf(f,
		"%s: %s\n\nUsage: %s [-c FILE] %s [-d CATEGORIES]\n"
		"  -c FILE        configuration file [%s.cfg]\n"
		"  -C             check configuration, certificates%s, then quit\n"
		"%s"
		"  -d CATEGORIES  log level DEBUG on stderr for these, as in DMAIN:DHTTP\n"
		"  -V, --version  version\n"
		"  -h, --help     this text\n"
		"Exit codes: 0 ok, 1 configuration, 2 usage, %s4 cryptography, 5 address in use,\n"
		"            %s7 system\n",
		n, app.desc->description ? app.desc->description : n, n, db ? "[-C | -U]" : "[-C]", n,
		db ? ", keys and database" : " and keys",
		db ? "  -U             bring the database up to date before starting\n" : "",
		db ? "3 database at start, " : "", db ? "6 database while running, " : "");
}

static void usage_error(void)
{
	print_help(stderr);
	app.leave = true;
	app.code = APP_USAGE;
}

/* libosmocore passes over a name that it does not know: the operator would wait for lines that never come. */
static void debug_categories(const char *mask)
{
	char *copy = talloc_strdup(app.root, mask), *save = NULL;

	for (char *name = strtok_r(copy, ":", &save); name; name = strtok_r(NULL, ":", &save)) {
		name[strcspn(name, ",")] = '\0'; /* "DMAIN,3" names a level, too */
		/* it looks for names without their D */
		if (*name == 'D' && log_parse_category(name + 1) >= 0)
			continue;
		fprintf(stderr, "%s: there is no log category %s\n", app.desc->name, name);
		usage_error();
		break;
	}
	log_parse_category_mask(osmo_stderr_target, mask);
	talloc_free(copy);
}

static void option(int opt)
{
	switch (opt) {
	case 'c':
		app.config = optarg;
		break;
	case 'C':
		app.check_only = true;
		break;
	case 'U':
		app.upgrade = true;
		break;
	case 'd':
		debug_categories(optarg);
		break;
	case 'V':
		printf("%s %s\n", app.desc->name, VERSION);
		app.leave = true;
		break;
	case 'h':
		print_help(stdout);
		app.leave = true;
		break;
	default: /* getopt() has said why */
		usage_error();
		break;
	}
}

static void options_read(int argc, char **argv)
{
	static const struct option words[] = {
		{"config-file", required_argument, NULL, 'c'}, /* as other programs of Osmocom have it */
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const char *known = app.desc->database ? "c:CUd:Vh" : "c:Cd:Vh";
	int opt;

	app.config = talloc_asprintf(app.root, "%s.cfg", app.desc->name);
	while (!app.leave && (opt = getopt_long(argc, argv, known, words, NULL)) != -1)
		option(opt);
	if (app.leave)
		return;
	if (optind < argc)
		fprintf(stderr, "%s: \"%s\" is no option\n", app.desc->name, argv[optind]);
	else if (app.check_only && app.upgrade)
		fprintf(stderr, "%s: -C changes nothing, so it does not go with -U\n", app.desc->name);
	else
		return;
	usage_error();
}

/* libosmovty opens a directory, reads nothing, and has no word for that. */
static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum app_exit config_read(void)
{
	int rc = is_directory(app.config) ? -EISDIR : vty_read_config_file(app.config, app.prog);

	if (rc == 0)
		return APP_OK;
	LOGP(DMAIN, LOGL_FATAL, "cannot use configuration file %s: %s\n", app.config, strerror(-rc));
	return APP_CONFIG;
}

static enum app_exit crypto_check(void)
{
	struct crypto *c = crypto_alloc(app.root);
	enum app_exit code = c && crypto_self_test(c) == 0 ? APP_OK : APP_CRYPTO;

	if (code != APP_OK)
		LOGP(DMAIN, LOGL_FATAL, "self-test of the cryptography failed\n");
	talloc_free(c);
	return code;
}

static void on_signal(struct osmo_signalfd *sfd, const struct signalfd_siginfo *si)
{
	switch (si->ssi_signo) {
	case SIGTERM:
	case SIGINT:
		LOGP(DMAIN, LOGL_NOTICE, "%s: stopping\n", strsignal((int)si->ssi_signo));
		app_quit(APP_OK);
		break;
	case SIGHUP:
		log_targets_reopen();
		LOGP(DMAIN, LOGL_NOTICE, "log files reopened, reading certificates and peers again\n");
		if (app.desc->reload)
			app.desc->reload(app.prog);
		break;
	case SIGUSR1:
		talloc_report_full(app.root, stderr);
		break;
	default: /* not in the mask of signals_init() */
		break;
	}
}

/* Before any thread exists: they inherit the mask, so only the descriptor sees these signals. */
static enum app_exit signals_init(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return APP_OS;
	app.signals = osmo_signalfd_setup(app.lib, set, on_signal, NULL);
	return app.signals ? APP_OK : APP_OS;
}

static enum app_exit ports_open(void)
{
	if (app.desc->vty_port) {
		if (telnet_init_default(app.lib, app.prog, app.desc->vty_port) < 0)
			return APP_BIND;
		app.telnet = true;
	}
	if (app.desc->ctrl_port) {
		/* 1.7.0 takes the data of the commands as talloc parent too */
		app.ctrl = ctrl_interface_setup_dynip(app.prog, ctrl_vty_get_bind_addr(), app.desc->ctrl_port, NULL);
		if (!app.ctrl) {
			LOGP(DMAIN, LOGL_FATAL, "cannot listen for CTRL on %s port %u\n", ctrl_vty_get_bind_addr(),
			     app.desc->ctrl_port);
			return APP_BIND;
		}
		if (app.desc->ctrl_init)
			app.desc->ctrl_init(app.prog);
	}
	return APP_OK;
}

static void ctrl_close(void)
{
	struct ctrl_connection *c;

	if (!app.ctrl)
		return;
	llist_for_each_entry (c, &app.ctrl->ccon_list, list_entry) {
		osmo_wqueue_clear(&c->write_queue);
		osmo_fd_close(&c->write_queue.bfd);
	}
	osmo_fd_close(&app.ctrl->listen_fd);
	talloc_free(app.ctrl);
	app.ctrl = NULL;
}

static void ports_close(void)
{
	ctrl_close();
	if (app.telnet)
		telnet_exit();
	app.telnet = false;
}

static void loop(void)
{
	bool again = false;

	app_notify("READY=1");
	app_notify_watchdog_start();
	LOGP(DMAIN, LOGL_NOTICE, "%s %s is running\n", app.desc->name, VERSION);
	while (!app.quit) {
		if (!again)
			app_loop_wait();
		clock_feed();
		osmo_select_main_ctx(1);
		again = app.desc->turn && app.desc->turn(app.prog);
		talloc_free_children(OTC_SELECT);
	}
	app_notify_watchdog_stop();
	app_notify("STOPPING=1");
}

void app_talloc_total(size_t *octets, size_t *blocks)
{
	*octets = talloc_total_size(app.root);
	*blocks = talloc_total_blocks(app.root);
}

static void leak_report(size_t before)
{
	size_t after = talloc_total_blocks(app.ctx);

	if (after <= before)
		return;
	LOGP(DMAIN, LOGL_ERROR, "%zu talloc blocks are left over\n", after - before);
	talloc_report_full(app.ctx, stderr);
}

static enum app_exit run(void)
{
	const struct app_desc *d = app.desc;
	size_t blocks = talloc_total_blocks(app.ctx);
	enum app_exit code = signals_init();

	if (code != APP_OK)
		return code;
	clock_feed();
	code = d->start ? d->start(app.prog, app.upgrade) : APP_OK;
	if (code == APP_OK)
		code = ports_open();
	if (code == APP_OK) {
		loop();
		code = app.code;
	}
	ports_close();
	if (d->stop)
		d->stop(app.prog);
	/* what the last callbacks left for the end of the round */
	talloc_free_children(OTC_SELECT);
	leak_report(blocks);
	return code;
}

static enum app_exit configured(void)
{
	enum app_exit code = config_read();

	if (code == APP_OK)
		code = crypto_check();
	clock_feed();
	if (code == APP_OK && app.desc->check)
		code = app.desc->check(app.prog);
	if (code != APP_OK || !app.check_only)
		return code;
	LOGP(DMAIN, LOGL_NOTICE, "%s: everything can be used\n", app.config);
	return APP_OK;
}

int app_main(int argc, char **argv, const struct app_desc *desc)
{
	enum app_exit code;

	harden();
	app.desc = desc;
	library_init();
	options_read(argc, argv);
	if (app.leave)
		return app.code;
	code = configured();
	if (code == APP_OK && !app.check_only)
		code = run();
	talloc_free(app.ctx);
	app_loop_fini();
	return code;
}
