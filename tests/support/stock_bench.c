/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/stock_bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/store.h"

static void broken(void *priv)
{
	abort();
}

static void open_all(struct stock_bench *b)
{
	const struct db_opts opts = {.create = true};
	const char *why = "";

	if (db_open(b, b->db_path, &smdp_db_desc, &opts, &b->db, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	b->turn = turn_alloc(b, b->db, broken, b);
	b->stock = stock_alloc(b, b->db, b->ks, b->c);
}

struct stock_bench *stock_bench_alloc(void)
{
	struct stock_bench *b = talloc_zero(NULL, struct stock_bench);
	const char *why;

	OSMO_ASSERT(b);
	clock_feed();
	strcpy(b->dir, "/tmp/stock_bench.XXXXXX");
	OSMO_ASSERT(mkdtemp(b->dir));
	b->db_path = talloc_asprintf(b, "%s/smdp.db", b->dir);
	b->master = talloc_asprintf(b, "%s/master", b->dir);
	b->c = crypto_alloc(b);
	OSMO_ASSERT(b->c && keystore_create_master(b, b->master, &why) == 0);
	OSMO_ASSERT(keystore_open(b, b->master, &b->ks, &why) == 0);
	open_all(b);
	return b;
}

static void close_all(struct stock_bench *b)
{
	TALLOC_FREE(b->stock);
	TALLOC_FREE(b->turn);
	TALLOC_FREE(b->db);
}

void stock_bench_restart(struct stock_bench *b)
{
	close_all(b);
	open_all(b);
}

void stock_bench_free(struct stock_bench *b)
{
	static const char *const ends[] = {"smdp.db", "smdp.db-wal", "smdp.db-shm", "smdp.db.lock", "master"};

	close_all(b);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		unlink(talloc_asprintf(b, "%s/%s", b->dir, ends[i]));
	rmdir(b->dir);
	talloc_free(b);
}

struct bench_event {
	struct stock_bench *b;
	int (*handler)(struct stock_bench *b, void *arg);
	void *arg;
};

static int run(void *priv, void *event)
{
	struct bench_event *e = event;

	return e->handler(e->b, e->arg);
}

int stock_bench_event(struct stock_bench *b, int (*handler)(struct stock_bench *b, void *arg), void *arg)
{
	struct bench_event e = {b, handler, arg};
	int rc = turn_event(b->turn, run, NULL, &e);

	turn_close(b->turn);
	return rc;
}

char *stock_bench_template(struct stock_bench *b)
{
	char *text = talloc_zero_size(b, 16384);
	FILE *f = fopen("smdp/templates/m2m.tpl", "r");

	OSMO_ASSERT(f);
	OSMO_ASSERT(fread(text, 1, 16383, f) > 1000);
	fclose(f);
	return text;
}

static int set_type(struct stock_bench *b, void *arg)
{
	const char *why;

	return stock_type_set(b->stock, b, BENCH_MNO, "m2m", 65536, stock_bench_template(b), &why);
}

void stock_bench_type(struct stock_bench *b)
{
	OSMO_ASSERT(stock_bench_event(b, set_type, NULL) == 0);
}

char *stock_bench_iccid(struct stock_bench *b, unsigned int serial)
{
	char digits[20];
	unsigned int sum = 0;

	snprintf(digits, sizeof(digits), "8900101%012u", serial);
	for (int i = 18; i >= 0; i -= 2) { /* ITU-T E.118: from the right, every second digit counts twice */
		unsigned int d = 2 * (unsigned int)(digits[i] - '0');

		sum += d > 9 ? d - 9 : d;
		sum += i ? (unsigned int)(digits[i - 1] - '0') : 0;
	}
	return talloc_asprintf(b, "%s%u", digits, (10 - sum % 10) % 10);
}

char *stock_bench_csv(struct stock_bench *b, unsigned int first, unsigned int n)
{
	char *csv = talloc_strdup(b, "iccid,imsi,ki,opc,msisdn,smsc,kic\n");

	for (unsigned int i = first; i < first + n; i++)
		csv = talloc_asprintf_append_buffer(csv,
						    "%s,00101%010u,465B5CE8B199B49FAA5F0A2EE238A6BC,"
						    "CD63CB71954A9F4E48A5994E37A02BAF,+49150%07u,+4915790109999,"
						    "%032X\n",
						    stock_bench_iccid(b, i), i, i, i + 0x1000);
	return csv;
}
