/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sealing of an SCP80 command packet against the same octets made by hand (cmac.c), and the SMPP codec.
 *
 *   crypto_bench [--quick]        the table
 *   crypto_bench seal COUNT       nothing but COUNT packets, for an instruction counter */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <talloc.h>

#include "common/codec/smpp.h"
#include "common/crypto/rnd.h"
#include "scp80/sp.h"
#include "tests/bench/bench.h"
#include "tests/bench/cmac.h"

#define N_KEYS 4096 /* a fleet: every packet has other keys */
#define TAR 0x000001
#define KVN 1

struct fleet {
	uint8_t raw[N_KEYS][2][16];
	struct key *key[N_KEYS][2];
	uint8_t data[CMAC_DATA_LEN];
};

struct sealer {
	const struct fleet *fleet;
	struct crypto *crypto;
	struct cmac *cmac;
	uint8_t packet[256];
	size_t len;
};

static struct fleet *fleet_new(void)
{
	struct fleet *f = talloc_zero(NULL, struct fleet);

	rnd_bytes(f->raw, sizeof(f->raw));
	rnd_bytes(f->data, sizeof(f->data));
	for (int i = 0; i < N_KEYS; i++)
		for (int j = 0; j < 2; j++)
			bench_check(key_import(f, KEY_AES, BYTES_ARR(f->raw[i][j]), &f->key[i][j]) == 0, "key");
	return f;
}

/* A thread's own contexts: that is the rule of struct crypto. */
static struct sealer sealer_new(const struct fleet *f)
{
	struct sealer s = {.fleet = f, .crypto = crypto_alloc(NULL), .cmac = cmac_new()};

	bench_check(s.crypto, "crypto");
	return s;
}

static void seal_ours(struct sealer *s, long n)
{
	struct sp_hdr hdr = {.kic = sp_kix(KVN, SP_ALG_AES), .kid = sp_kix(KVN, SP_ALG_AES), .tar = TAR};
	struct sp_keys keys = {.crypto = s->crypto, .cc_len = 8};

	bench_check(spi_dec(SPI_SGP02, &hdr.spi) == 0, "SPI");
	for (long i = 0; i < n; i++) {
		struct wr w;

		keys.kic = s->fleet->key[i % N_KEYS][0];
		keys.kid = s->fleet->key[i % N_KEYS][1];
		hdr.cntr = (uint64_t)i + 1;
		wr_init_buf(&w, s->packet, sizeof(s->packet));
		bench_check(sp_cmd_seal(&keys, SP_SMS, &hdr, BYTES_ARR(s->fleet->data), &w) == 0, "sp_cmd_seal");
		s->len = w.len;
	}
}

static void seal_by_hand(struct sealer *s, long n)
{
	struct cmac_job job = {
		.data = s->fleet->data, .tar = TAR, .kix = {sp_kix(KVN, SP_ALG_AES), sp_kix(KVN, SP_ALG_AES)}};

	for (long i = 0; i < n; i++) {
		job.kic = s->fleet->raw[i % N_KEYS][0];
		job.kid = s->fleet->raw[i % N_KEYS][1];
		job.cntr = (uint64_t)i + 1;
		cmac_seal(s->cmac, &job, s->packet);
	}
}

/* Both must make the same octets, or the comparison means nothing. */
static void compare(struct sealer *s)
{
	uint8_t ours[CMAC_PACKET_LEN];

	seal_ours(s, 3);
	bench_check(s->len == CMAC_PACKET_LEN, "length of the packet");
	memcpy(ours, s->packet, sizeof(ours));
	seal_by_hand(s, 3);
	bench_check(memcmp(ours, s->packet, sizeof(ours)) == 0, "the two packets are equal");
}

static double cpu_per_op(void (*work)(struct sealer *s, long n), struct sealer *s, long n)
{
	int64_t start = bench_cpu_ns();

	work(s, n);
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static void bench_seal(struct sealer *s, long n)
{
	double ours[BENCH_RUNS], hand[BENCH_RUNS];

	seal_ours(s, n / 10);
	seal_by_hand(s, n / 10);
	for (int i = 0; i < BENCH_RUNS; i++) {
		ours[i] = cpu_per_op(seal_ours, s, n);
		hand[i] = cpu_per_op(seal_by_hand, s, n);
	}
	bench_row("T1", "SCP80 seal, 98-octet script, other keys each time",
		  bench_text("%.0f ns", bench_median(ours, BENCH_RUNS)),
		  bench_text("%.0f ns by hand", bench_median(hand, BENCH_RUNS)),
		  bench_median(ours, BENCH_RUNS) / bench_median(hand, BENCH_RUNS), BENCH_AT_MOST, 1.5);
}

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	struct sealer sealer;
	pthread_barrier_t *barrier;
	long n;
	double per_op;
	long waits; /* times it gave the processor away: somebody else held a lock */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct rusage before, after;

	pthread_barrier_wait(w->barrier);
	getrusage(RUSAGE_THREAD, &before);
	w->per_op = cpu_per_op(seal_ours, &w->sealer, w->n);
	getrusage(RUSAGE_THREAD, &after);
	w->waits = after.ru_nvcsw - before.ru_nvcsw;
	return NULL;
}

/* Packets for each microsecond of all threads together, while they run side by side.  CPU time and not the wall: what
 * is asked is whether one thread costs the other anything, not whether the machine is free. */
static double run_threads(struct worker *w, unsigned int n_threads, long *waits)
{
	pthread_barrier_t barrier;
	double rate = 0;

	pthread_barrier_init(&barrier, NULL, n_threads);
	for (unsigned int i = 0; i < n_threads; i++) {
		w[i].barrier = &barrier;
		bench_check(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0, "thread");
	}
	for (unsigned int i = 0; i < n_threads; i++) {
		pthread_join(w[i].thread, NULL);
		rate += 1000 / w[i].per_op;
		*waits += w[i].waits;
	}
	pthread_barrier_destroy(&barrier);
	return rate;
}

static void bench_threads(const struct fleet *f, long n)
{
	struct worker w[2] = {{.sealer = sealer_new(f), .n = n}, {.sealer = sealer_new(f), .n = n}};
	double one[BENCH_RUNS], two[BENCH_RUNS];
	long waits = 0, unused = 0;

	for (int i = 0; i < BENCH_RUNS; i++) {
		one[i] = run_threads(w, 1, &unused);
		two[i] = run_threads(w, 2, &waits);
	}
	bench_row("T1", "SCP80 seal on two threads, own contexts",
		  bench_text("%.2f M/s", bench_median(two, BENCH_RUNS)),
		  bench_text("%.2f M/s on one", bench_median(one, BENCH_RUNS)),
		  bench_median(two, BENCH_RUNS) / bench_median(one, BENCH_RUNS), BENCH_AT_LEAST, 1.9);
	bench_detail("T1 threads: rates by CPU time of the threads; voluntary waits of both in %d runs: %ld",
		     BENCH_RUNS, waits);
}

/* ---- SMPP ---- */

static struct smpp_pdu submit_sm(const uint8_t *ud)
{
	return (struct smpp_pdu){
		.command_id = SMPP_SUBMIT_SM,
		.seq = 4711,
		.source = {1, 1, BYTES_LIT("4915112345")},
		.dest = {1, 1, BYTES_LIT("491510000004711")},
		.esm_class = 0x40,
		.protocol_id = 0x7f,
		.registered_delivery = 1,
		.data_coding = 0xf6,
		.short_message = bytes_of(ud, 140),
	};
}

static double pack(const struct smpp_pdu *pdu, uint8_t *buf, size_t cap, long n, struct bytes *out)
{
	int64_t start = bench_cpu_ns();

	for (long i = 0; i < n; i++) {
		struct wr w;

		wr_init_buf(&w, buf, cap);
		bench_check(smpp_pdu_enc(pdu, &w) == 0 && wr_end(&w, out) == 0, "smpp_pdu_enc");
	}
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static double unpack(struct bytes wire, long n)
{
	int64_t start = bench_cpu_ns();
	struct smpp_pdu pdu;

	for (long i = 0; i < n; i++)
		bench_check(smpp_pdu_dec(wire, &pdu) == 0, "smpp_pdu_dec");
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static void bench_smpp(long n)
{
	double packs[BENCH_RUNS], unpacks[BENCH_RUNS];
	uint8_t ud[140] = {2, 0x70, 0}, buf[512];
	struct smpp_pdu pdu = submit_sm(ud);
	struct bytes wire = {0};

	for (int i = 0; i < BENCH_RUNS; i++) {
		packs[i] = pack(&pdu, buf, sizeof(buf), n, &wire);
		unpacks[i] = unpack(wire, n);
	}
	bench_check(wire.len == 198, bench_text("a submit_sm of 198 octets, and not %zu", wire.len));
	bench_row("T13", "SMPP pack, submit_sm of 198 octets", bench_text("%.0f ns", bench_median(packs, BENCH_RUNS)),
		  "200 ns", bench_median(packs, BENCH_RUNS) / 200, BENCH_AT_MOST, 1);
	bench_row("T13", "SMPP unpack, the same", bench_text("%.0f ns", bench_median(unpacks, BENCH_RUNS)), "200 ns",
		  bench_median(unpacks, BENCH_RUNS) / 200, BENCH_AT_MOST, 1);
}

int main(int argc, char **argv)
{
	long n = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 50000 : 200000;
	struct fleet *f = fleet_new();
	struct sealer s = sealer_new(f);

	if (argc == 3 && strcmp(argv[1], "seal") == 0) {
		seal_ours(&s, atol(argv[2]));
		return 0;
	}
	compare(&s);
	bench_seal(&s, n);
	bench_threads(f, 4 * n);
	bench_smpp(n);
	return 0;
}
