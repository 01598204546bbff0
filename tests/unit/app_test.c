/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each test runs app_main() in a child process, as a daemon of a few lines. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/select.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/tdef.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>

#include "common/app/app.h"
#include "common/app/clock.h"
#include "tests/support/test_peer.h"

/* The daemon: what it does is said by what the test sets before the fork. */
struct prog {
	struct osmo_timer_list tick;
	struct osmo_fd high;
	void *made;
	int64_t started_ms;
	unsigned int ticks, turns;
};

static struct {
	enum app_exit check, start;
	bool leak, tick, high_fd, broken;
} plan;

static struct prog *daemon_state; /* in the child */

static struct osmo_tdef tdefs[] = {{.T = -1, .default_val = 42, .desc = "test"}, {}};
static struct osmo_tdef_group timers[] = {{"t", "test", tdefs}, {}};

static void say(const char *what)
{
	fprintf(stderr, "[%s]\n", what);
}

static void *prog_alloc(void *ctx)
{
	daemon_state = talloc_zero(ctx, struct prog);
	return daemon_state;
}

static enum app_exit prog_check(void *data)
{
	say("check");
	return plan.check;
}

static void ticked(void *data)
{
	struct prog *p = data;

	if (++p->ticks == 20)
		app_quit(p->turns < 3 * p->ticks ? APP_OK : APP_OS);
	osmo_timer_schedule(&p->tick, 0, 7300);
}

static int high_read(struct osmo_fd *ofd, unsigned int what)
{
	app_quit(ofd->fd > 1024 ? APP_OK : APP_OS);
	return 0;
}

static void open_high(struct prog *p)
{
	int fd = eventfd(1, 0);

	if (dup2(fd, 1500) != 1500)
		app_quit(APP_OS);
	osmo_fd_setup(&p->high, 1500, OSMO_FD_READ, high_read, p, 0);
	if (osmo_fd_register(&p->high) < 0)
		app_quit(APP_OS);
}

static enum app_exit prog_start(void *data, bool upgrade)
{
	struct prog *p = data;
	struct rlimit core;

	say(upgrade ? "start, upgrading" : "start");
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur || core.rlim_max || prctl(PR_GET_DUMPABLE) ||
	    umask(0) != 0077 || osmo_tdef_get(tdefs, -1, OSMO_TDEF_S, -1) != 42)
		return APP_OS;
	p->started_ms = clock_now_ms();
	p->made = talloc_named_const(talloc_parent(p), 100, "made by start");
	osmo_timer_setup(&p->tick, ticked, p);
	if (plan.tick)
		ticked(p);
	if (plan.high_fd)
		open_high(p);
	return plan.start == APP_OK ? APP_OK : app_complain(plan.start, "the reason of the test");
}

static bool prog_turn(void *data)
{
	struct prog *p = data;

	p->turns++;
	if (plan.broken)
		app_store_broken(NULL);
	return false;
}

/* The clock is that of now, however long the loop has slept. */
static void prog_reload(void *data)
{
	struct prog *p = data;

	say(clock_now_ms() - p->started_ms >= 200 && p->turns < 20 ? "reload, clock is right"
								   : "reload, clock is wrong");
}

static void prog_stop(void *data)
{
	struct prog *p = data;

	say("stop");
	osmo_timer_del(&p->tick);
	if (plan.high_fd)
		osmo_fd_close(&p->high);
	if (!plan.leak)
		talloc_free(p->made);
}

static struct app_desc desc = {
	.name = "test",
	.database = true,
	.vty_port = 1, /* the configuration says another */
	.timers = timers,
	.alloc = prog_alloc,
	.check = prog_check,
	.start = prog_start,
	.turn = prog_turn,
	.reload = prog_reload,
	.stop = prog_stop,
};

struct fix {
	struct test_pki *dir;
	const char *cfg;
	int notify;
	int out; /* the child's stdout and stderr */
	pid_t pid;
	char *text;
};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	FILE *cfg;

	memset(&plan, 0, sizeof(plan));
	desc.ctrl_port = 0;
	f->dir = test_pki_alloc(f);
	f->cfg = test_pki_path(f->dir, "test.cfg");
	cfg = fopen(f->cfg, "w");
	assert_true(cfg && fputs("line vty\n bind 127.0.0.1 0\n", cfg) >= 0 && fclose(cfg) == 0);
	f->notify = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_true(snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", test_pki_path(f->dir, "notify")) > 0);
	assert_int_equal(bind(f->notify, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", sa.sun_path, 1), 0);
	f->text = talloc_strdup(f, "");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->pid)
		kill(f->pid, SIGKILL);
	close(f->notify);
	talloc_free(f);
	return 0;
}

static void spawn(struct fix *f, char **argv)
{
	int p[2], argc = 0;

	while (argv[argc])
		argc++;
	assert_int_equal(pipe(p), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		optind = 1;
		argc = app_main(argc, argv, &desc);
		fflush(NULL);
		_exit(argc);
	}
	close(p[1]);
	f->out = p[0];
}

#define SPAWN(f, args...) spawn(f, (char *[]){"test", ##args, NULL})

/* \returns exit code */
static int finish(struct fix *f)
{
	char buf[1000];
	int status;
	ssize_t n;

	while ((n = read(f->out, buf, sizeof(buf))) > 0)
		f->text = talloc_strndup_append(f->text, buf, (size_t)n);
	close(f->out);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void said(struct fix *f, const char *what, bool expected)
{
	if (!strstr(f->text, what) == expected)
		fail_msg("%s '%s' in: %s", expected ? "no" : "unexpected", what, f->text);
}

static void wait_notify(struct fix *f, const char *expected)
{
	struct pollfd p = {.fd = f->notify, .events = POLLIN};
	char buf[100];
	ssize_t n;

	assert_int_equal(poll(&p, 1, 10000), 1);
	n = recv(f->notify, buf, sizeof(buf) - 1, 0);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, expected);
}

static void options_that_answer(void **state)
{
	struct fix *f = *state;

	SPAWN(f, "-V");
	assert_int_equal(finish(f), APP_OK);
	said(f, "test " VERSION, true);
	SPAWN(f, "-h");
	assert_int_equal(finish(f), APP_OK);
	said(f, "Usage: test", true);
	said(f, "6 database while running", true);
	SPAWN(f, "--version");
	assert_int_equal(finish(f), APP_OK);
	SPAWN(f, "--help");
	assert_int_equal(finish(f), APP_OK);
	SPAWN(f, "-x");
	assert_int_equal(finish(f), APP_USAGE);
	SPAWN(f, "file");
	assert_int_equal(finish(f), APP_USAGE);
	said(f, "\"file\" is no option", true);
	SPAWN(f, "-d", "DMAIN:DNONSENSE");
	assert_int_equal(finish(f), APP_USAGE);
	said(f, "no log category DNONSENSE", true);
	SPAWN(f, "-C", "-U");
	assert_int_equal(finish(f), APP_USAGE);
	said(f, "-C changes nothing", true);
	said(f, "[check]", false);
}

static void upgrade_needs_a_database(void **state)
{
	struct fix *f = *state;

	desc.database = false;
	SPAWN(f, "-h");
	assert_int_equal(finish(f), APP_OK);
	said(f, "-U", false);
	said(f, "database", false);
	SPAWN(f, "-c", (char *)f->cfg, "-U");
	desc.database = true;
	assert_int_equal(finish(f), APP_USAGE);
	said(f, "[check]", false);
}

static void bad_configurations(void **state)
{
	struct fix *f = *state;
	FILE *cfg;

	SPAWN(f, "-c", "/no/such.cfg");
	assert_int_equal(finish(f), APP_CONFIG);
	said(f, "/no/such.cfg", true);
	SPAWN(f, "-c", "/tmp");
	assert_int_equal(finish(f), APP_CONFIG);
	said(f, "/tmp: Is a directory", true);
	cfg = fopen(f->cfg, "w");
	assert_true(cfg && fputs("no such command\n", cfg) >= 0 && fclose(cfg) == 0);
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(finish(f), APP_CONFIG);
	said(f, "[check]", false);
}

static void check_and_quit(void **state)
{
	struct fix *f = *state;

	SPAWN(f, "-c", (char *)f->cfg, "-C");
	assert_int_equal(finish(f), APP_OK);
	said(f, "[check]", true);
	said(f, "[start]", false);
	plan.check = APP_DB;
	SPAWN(f, "-c", (char *)f->cfg, "-C");
	assert_int_equal(finish(f), APP_DB);
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(finish(f), APP_DB);
	said(f, "[start]", false);
}

static void life_of_a_daemon(void **state)
{
	struct fix *f = *state;

	SPAWN(f, "-c", (char *)f->cfg, "-U");
	wait_notify(f, "READY=1");
	usleep(250000);
	assert_int_equal(kill(f->pid, SIGHUP), 0);
	assert_int_equal(kill(f->pid, SIGUSR1), 0);
	usleep(50000);
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	wait_notify(f, "STOPPING=1");
	assert_int_equal(finish(f), APP_OK);
	said(f, "[start, upgrading]", true);
	said(f, "[reload, clock is right]", true);
	said(f, "full talloc report", true);
	said(f, "[stop]", true);
	said(f, "left over", false);
}

static void failures_at_start(void **state)
{
	struct fix *f = *state;
	int fd;

	plan.start = APP_DB;
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(finish(f), APP_DB);
	said(f, "the reason of the test", true);
	said(f, "[stop]", true);
	said(f, "left over", false);
	plan.start = APP_OK;
	fd = test_tcp_listen(&desc.ctrl_port);
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(finish(f), APP_BIND);
	said(f, "cannot listen for CTRL", true);
	close(fd);
}

static void a_broken_store_ends_it_at_once(void **state)
{
	struct fix *f = *state;

	plan.broken = true;
	SPAWN(f, "-c", (char *)f->cfg);
	wait_notify(f, "READY=1");
	assert_int_equal(kill(f->pid, SIGHUP), 0);
	assert_int_equal(finish(f), APP_STORE);
	said(f, "nothing of this turn was sent", true);
	said(f, "[stop]", false);
}

static void ctrl_and_vty_open(void **state)
{
	struct fix *f = *state;
	int fd = test_tcp_listen(&desc.ctrl_port);

	close(fd);
	SPAWN(f, "-c", (char *)f->cfg);
	wait_notify(f, "READY=1");
	fd = test_tcp_connect(desc.ctrl_port);
	assert_true(fd >= 0);
	assert_int_equal(kill(f->pid, SIGINT), 0);
	assert_int_equal(finish(f), APP_OK);
	close(fd);
	said(f, "Available via telnet 127.0.0.1 0", true);
	said(f, "left over", false);
}

static void the_watchdog_is_fed(void **state)
{
	struct fix *f = *state;
	int i;

	assert_int_equal(setenv("WATCHDOG_USEC", "40000", 1), 0);
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	wait_notify(f, "READY=1");
	for (i = 0; i < 3; i++)
		wait_notify(f, "WATCHDOG=1");
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	assert_int_equal(finish(f), APP_OK);
}

static void leaks_are_reported(void **state)
{
	struct fix *f = *state;

	plan.leak = true;
	SPAWN(f, "-c", (char *)f->cfg);
	wait_notify(f, "READY=1");
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	assert_int_equal(finish(f), APP_OK);
	said(f, "1 talloc blocks are left over", true);
	said(f, "made by start", true);
}

static void timers_do_not_spin(void **state)
{
	struct fix *f = *state;

	plan.tick = true;
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(finish(f), APP_OK);
}

static void descriptors_beyond_the_limit_of_select(void **state)
{
	struct fix *f = *state;
	struct rlimit files;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max <= 1500)
		skip();
	plan.high_fd = true;
	SPAWN(f, "-c", (char *)f->cfg);
	assert_int_equal(finish(f), APP_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(options_that_answer),
		T(upgrade_needs_a_database),
		T(bad_configurations),
		T(check_and_quit),
		T(life_of_a_daemon),
		T(failures_at_start),
		T(a_broken_store_ends_it_at_once),
		T(ctrl_and_vty_open),
		T(the_watchdog_is_fed),
		T(leaks_are_reported),
		T(timers_do_not_spin),
		T(descriptors_beyond_the_limit_of_select),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
