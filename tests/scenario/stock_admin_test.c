/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smctl, as a program of its own, against the admin socket of the stock: types, batches in pieces, packages, checks. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/select.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/admin.h"
#include "tests/support/stock_bench.h"

struct fix {
	struct stock_bench *b;
	struct dp_admin_env env;
	struct admin_sock *sock;
	char *path;
	char *out; /* of the last smctl, both streams */
};

static int setup(void **state)
{
	struct stock_bench *b = stock_bench_alloc();
	struct fix *f = talloc_zero(b, struct fix);
	const char *why = "";

	f->b = b;
	f->env = (struct dp_admin_env){.turn = b->turn, .stock = b->stock};
	f->path = talloc_asprintf(f, "%s/admin.sock", b->dir);
	stock_set_low(b->stock, 5);
	assert_int_equal(dp_admin_start(f, f->path, &f->env, &f->sock, &why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	struct stock_bench *b = f->b;

	admin_sock_stop(f->sock);
	unlink(talloc_asprintf(f, "%s/file", b->dir));
	unlink(talloc_asprintf(f, "%s/file2", b->dir));
	stock_bench_free(b);
	return 0;
}

/* The daemon's loop while smctl runs.  \returns its exit code */
static int attend(struct fix *f, pid_t pid, int fd)
{
	char buf[4096];
	int status;

	f->out = talloc_strdup(f, "");
	for (;;) {
		bool gone = waitpid(pid, &status, WNOHANG) == pid;
		ssize_t n;

		clock_feed();
		osmo_select_main(1);
		turn_close(f->b->turn);
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			f->out = talloc_strndup_append_buffer(f->out, buf, (size_t)n);
		if (gone)
			break;
		usleep(500);
	}
	close(fd);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int smctl(struct fix *f, const char *args)
{
	const char *build = getenv("B");
	char *cmd = talloc_asprintf(f, "exec %s/bin/smctl stock %s --smdp-admin %s 2>&1", build ? build : "build/rel",
				    args, f->path);
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		fcntl(1, F_SETFL, 0);
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	close(fds[1]);
	return attend(f, pid, fds[0]);
}

static void good(struct fix *f, const char *args, const char *says)
{
	int code = smctl(f, args);

	if (code || !strstr(f->out, says))
		print_message("%s: exit %d\n%s\n", args, code, f->out);
	assert_int_equal(code, 0);
	assert_non_null(strstr(f->out, says));
}

static void bad(struct fix *f, const char *args, int want, const char *says)
{
	int code = smctl(f, args);

	if (code != want || !strstr(f->out, says))
		print_message("%s: exit %d\n%s\n", args, code, f->out);
	assert_int_equal(code, want);
	assert_non_null(strstr(f->out, says));
}

static char *put_file(struct fix *f, const char *name, struct bytes content)
{
	char *path = talloc_asprintf(f, "%s/%s", f->b->dir, name);
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(content.data, 1, content.len, out), content.len);
	fclose(out);
	return path;
}

static char *args(struct fix *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static char *args(struct fix *f, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = talloc_vasprintf(f, fmt, ap);
	va_end(ap);
	return text;
}

#define OF_MNO "--mno " BENCH_MNO

static void make_type(struct fix *f)
{
	good(f, "type m2m " OF_MNO " --memory 65536 --template smdp/templates/m2m.tpl", "done");
}

static void types_are_made_and_listed(void **state)
{
	struct fix *f = *state;
	char *path = put_file(f, "bad.tpl", BYTES_LIT("# a template\nnonsense here\n"));

	good(f, "levels", "none");
	bad(f, "type m2m", 2, "--mno OID is wanted");
	bad(f, "type m2m --mno nobody", 2, "nobody is no object identifier");
	bad(f, args(f, "type m2m " OF_MNO " --template %s", path), 2, "line 2: \"nonsense\" is no tag");
	make_type(f);
	good(f, "levels --json",
	     "\"mno\":\"" BENCH_MNO "\",\"type\":\"m2m\",\"memory\":65536,\"template\":true,\"free\":0");
	assert_non_null(strstr(f->out, "\"low\":true"));
	good(f, "type m2m " OF_MNO " --template none", "done");
	good(f, "levels --json", "\"memory\":65536,\"template\":false");
	bad(f, "import smdp/templates/m2m.tpl --type m2m " OF_MNO, 1, "ready packages only");
}

static void a_batch_goes_in_pieces(void **state)
{
	struct fix *f = *state;
	char *csv = put_file(f, "file", bytes_str(stock_bench_csv(f->b, 1, 450)));

	make_type(f);
	good(f, args(f, "import %s --type m2m " OF_MNO " --check", csv), "450 good, 0 refused");
	good(f, "list", "none");
	good(f, args(f, "import %s --type m2m " OF_MNO " --pol2 'delete:not-allowed'", csv), "450 imported, 0 refused");
	bad(f, args(f, "import %s --type m2m " OF_MNO, csv), 1, "0 imported, 450 refused");
	assert_non_null(strstr(f->out, "451"));
	good(f, "levels --json", "\"free\":450");
	good(f, "list --max 3", "there are more: --after 3");
	good(f, "list --max 1 --after 3 --json", stock_bench_iccid(f->b, 4));
	good(f, args(f, "show %s --json", stock_bench_iccid(f->b, 4)), "\"pol2\":[\"DELETE:Not-Allowed\"]");
	good(f, args(f, "check %s", stock_bench_iccid(f->b, 4)), "milenage");
	assert_null(strstr(f->out, "465B5CE8"));
	bad(f, "list --state open", 2, "state is free, reserved, used, broken or held");
}

static void bad_rows_have_their_lines(void **state)
{
	struct fix *f = *state;
	char *csv = stock_bench_csv(f->b, 1, 300);
	char *line = strstr(csv, stock_bench_iccid(f->b, 250)), *path;

	memset(line, 'x', 5);
	path = put_file(f, "file", bytes_str(csv));
	make_type(f);
	bad(f, args(f, "import %s --type m2m " OF_MNO " --json", path), 1,
	    "{\"line\":251,\"iccid\":null,\"error\":\"iccid: 18 to 20 digits wanted\"}");
	assert_non_null(strstr(f->out, "{\"taken\":299,\"refused\":1}"));
	path = put_file(f, "file", BYTES_LIT("iccid,imsi\n\xff\xfe,1\n"));
	bad(f, args(f, "import %s --type m2m " OF_MNO, path), 2, "lines 2 to 2 are no UTF-8");
	path = put_file(f, "file", BYTES_LIT("\xef\xbb\xbficcid,colour\n1,2\n"));
	bad(f, args(f, "import %s --type m2m " OF_MNO, path), 2, "the template uses no column \"colour\"");
	bad(f, args(f, "import %s/nothing --type m2m " OF_MNO, f->b->dir), 2, "No such file");
	bad(f, args(f, "import %s " OF_MNO, path), 2, "--type NAME is wanted");
}

static struct bytes stored_package(struct fix *f, const char *iccid)
{
	struct stock_item item;
	struct bytes package;

	assert_int_equal(stock_get(f->b->stock, f, iccid, &item), 0);
	assert_int_equal(stock_open_package(f->b->stock, f, item.id, &package), 0);
	return package;
}

static void packages_are_checked_and_stored(void **state)
{
	struct fix *f = *state;
	const char *iccid = stock_bench_iccid(f->b, 1);
	char *csv = put_file(f, "file", bytes_str(stock_bench_csv(f->b, 1, 1))), *der, *cut;
	struct bytes package;

	make_type(f);
	good(f, args(f, "import %s --type m2m " OF_MNO, csv), "1 imported");
	package = stored_package(f, iccid);
	der = put_file(f, "file", package);
	good(f, args(f, "check %s", der), "usim,milenage");
	assert_non_null(strstr(f->out, iccid));
	cut = put_file(f, "file2", bytes_sub(package, 0, package.len - 9));
	bad(f, args(f, "check %s %s", der, cut), 1, "error: PE 12 (rfm) comes last; end is wanted there");
	bad(f, args(f, "import-package %s --type m2m " OF_MNO, der), 2, "is, or was, in stock");
	bad(f, args(f, "import-package %s --type m2m " OF_MNO, cut), 2, "end is wanted there");
	bad(f, args(f, "import-package %s --type gold " OF_MNO, der), 1, "has no profile type \"gold\"");
	bad(f, args(f, "import-package %s %s --type m2m " OF_MNO " --imsi 1", der, cut), 2, "single package");
}

static void profiles_leave_and_come_back(void **state)
{
	struct fix *f = *state;
	const char *iccid = stock_bench_iccid(f->b, 1);
	char *csv = put_file(f, "file", bytes_str(stock_bench_csv(f->b, 1, 2)));

	make_type(f);
	good(f, args(f, "import %s --type m2m " OF_MNO, csv), "2 imported");
	good(f, args(f, "take-out %s", iccid), "taken out of stock");
	good(f, "list --state broken --json", iccid);
	good(f, "levels --json", "\"free\":1,\"reserved\":0,\"used\":0,\"broken\":1");
	good(f, args(f, "release %s", iccid), "free");
	good(f, "levels --json", "\"free\":2,\"reserved\":0,\"used\":0,\"broken\":0");
	bad(f, "release 89001019999999999999", 1, "no profile with ICCID 89001019999999999999");
	bad(f, "show", 2, "an argument is missing");
	bad(f, "shelves", 2, "unknown command: stock shelves");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(types_are_made_and_listed),	    T(a_batch_goes_in_pieces),	     T(bad_rows_have_their_lines),
		T(packages_are_checked_and_stored), T(profiles_leave_and_come_back),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
