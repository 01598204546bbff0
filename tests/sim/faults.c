/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which faults happen, and all other chance.  Each seed has its own mixture: a kind may be absent, rare, usual or
 * frequent, because some defects show only when one kind of trouble meets nothing else. */
/* Of the ways to replace the source of randomness in a process, the old one takes ten lines, a provider hundreds. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/sim/faults.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "tests/sim/sim.h"

#define DEATHS_FLEET 100

#define FIRST_FAULTS (F_POWER_LOSS + 1)
#define LATER_FAULTS 1000

static const struct {
	const char *name;
	double rate; /* of the occasions */
} kinds[F_N] = {
	[F_MT_LOST] = {"mt-lost", 0.02},
	[F_MT_DELAYED] = {"mt-delayed", 0.02},
	[F_MT_DOUBLED] = {"mt-doubled", 0.02},
	[F_MT_REORDERED] = {"mt-reordered", 0.02},
	[F_MT_TRUNCATED] = {"mt-truncated", 0.01},
	[F_MO_LOST] = {"mo-lost", 0.03},
	[F_MO_LATE] = {"mo-late", 0.02},
	[F_MO_DOUBLED] = {"mo-doubled", 0.02},
	[F_MO_TRUNCATED] = {"mo-truncated", 0.01},
	[F_MO_REFUSED] = {"mo-refused", 0.02},
	[F_SMSC_THROTTLES] = {"smsc-throttles", 0.03},
	[F_SMSC_REFUSES] = {"smsc-refuses", 0.005},
	[F_LINK_DROPS_TAKEN] = {"link-drops-taken", 0.01},
	[F_LINK_DROPS_LOST] = {"link-drops-lost", 0.01},
	[F_LINK_NOT_SENT] = {"link-not-sent", 0.01},
	[F_RECEIPT_LOST] = {"receipt-lost", 0.1},
	[F_SMSC_RESTART] = {"smsc-restart", 0.03},
	[F_DEVICE_OFF] = {"device-off", 0.01},
	[F_NO_NETWORK] = {"no-network", 0.01},
	[F_NO_COVERAGE] = {"no-coverage", 0.02},
	[F_CARD_MEMORY] = {"card-memory", 0.005},
	[F_CARD_POL1] = {"card-pol1", 0.005},
	[F_CARD_SILENT] = {"card-silent", 0.005},
	[F_CARD_SLOW] = {"card-slow", 0.005},
	[F_CARD_UNSECURED] = {"card-unsecured-por", 0.003},
	[F_COUNTER_AHEAD] = {"counter-ahead", 0.002},
	[F_PEER_DOWN] = {"peer-down", 0.05},
	[F_PEER_SLOW] = {"peer-slow", 0.02},
	[F_PEER_500] = {"peer-500", 0.03},
	[F_PEER_GARBAGE] = {"peer-garbage", 0.02},
	[F_PEER_400] = {"peer-400", 0.003},
	[F_PEER_ANSWER_LOST] = {"peer-answer-lost", 0.02},
	[F_REPEAT] = {"repeat", 0.05},
	[F_REPEAT_TWISTED] = {"repeat-twisted", 0.02},
	[F_DIE_BEFORE_COMMIT] = {"die-before-commit", 0.001},
	[F_DIE_BEFORE_OUTPUT] = {"die-before-output", 0.002},
	[F_DIE_AFTER_OUTPUTS] = {"die-after-outputs", 0.001},
	[F_COMMIT_FAILS] = {"commit-fails", 0.0005},
	[F_DISK_FULL] = {"disk-full", 0.1},
	[F_WALL_JUMP] = {"wall-jump", 0.05},
	[F_POWER_LOSS] = {"power-loss", 0.3}, /* of the deaths of the daemon */
	[F_HTTPS_REFUSED] = {"https-refused", 0.03},
	[F_HTTPS_OPEN_STALLS] = {"https-open-stalls", 0.01},
	[F_HTTPS_CUT_FROM_CARD] = {"https-cut-from-card", 0.04},
	[F_HTTPS_CUT_TO_CARD] = {"https-cut-to-card", 0.04},
	[F_HTTPS_STALLS] = {"https-stalls", 0.02},
	[F_HTTPS_SLOW] = {"https-slow", 0.03},
	[F_HTTPS_GARBAGE] = {"https-garbage", 0.01},
	[F_HTTPS_BODY_CUT] = {"https-body-cut", 0.01},
	[F_HTTPS_TWICE] = {"https-twice", 0.02},
	[F_HTTPS_DEVICE_OFF] = {"https-device-off", 0.01},
	[F_CARD_HTTPS_STATUS] = {"card-https-status", 0.005},
	[F_CARD_HTTPS_GARBAGE] = {"card-https-garbage", 0.003},
	[F_CARD_HTTPS_STALL] = {"card-https-stall", 0.005},
	[F_CARD_HTTPS_WRONG_EID] = {"card-https-wrong-eid", 0.003},
	[F_WIRE_DOWN] = {"wire-down", 0.02},
	[F_WIRE_CUT] = {"wire-cut", 0.01},
	[F_WIRE_ANSWER_LOST] = {"wire-answer-lost", 0.02},
	[F_WIRE_SLOW] = {"wire-slow", 0.01},
	[F_WIRE_LATE] = {"wire-late", 0.01},
	[F_WIRE_500] = {"wire-500", 0.01},
	[F_WIRE_GARBAGE] = {"wire-garbage", 0.01},
	[F_WIRE_DOUBLED] = {"wire-doubled", 0.02},
	[F_LINK_DOWN] = {"link-down", 0.05},
	[F_LINK_SLOW] = {"link-slow", 0.05},
	[F_SECOND_CENTRE] = {"second-centre", 0.25}, /* of the runs */
	[F_QUEUE_SHORT] = {"queue-short", 0.25},     /* of the runs */
	[F_DISK_LOW] = {"disk-low", 0.03},
	[F_PAUSE] = {"pause", 0.04},
	[F_CANCEL] = {"cancel", 0.03}, /* of the calls */
	[F_BULK_AUDIT] = {"bulk-audit", 0.02},
	[F_AUDIT_BY_HAND] = {"audit-by-hand", 0.03},
	[F_COUNTER_RAISED] = {"counter-raised", 0.01},
	[F_RECONNECT] = {"reconnect", 0.02},
	[F_HURRY] = {"hurry", 0.03},
	[F_BACKUP] = {"backup", 0.1},
	[F_RESTORE] = {"restore", 0.03}, /* of the deaths of the daemon */
	[F_WIRE_OUTAGE] = {"wire-outage", 0.08},
	[F_RESTORE_BESIDE_DP] = {"restore-beside-dp", 0.1}, /* of the deaths of the SM-SR, in some seeds */
	[F_DP_BACKUP] = {"dp-backup", 0.4},
	[F_DP_RESTORE] = {"dp-restore", 0.2}, /* of the deaths of the SM-DP, in some seeds */
};

struct faults {
	bool over;
	double rate[F_N];
	unsigned int actors;
	uint32_t (*asked)[C_N]; /* of each actor and kind */
};

const char *fault_name(enum fault kind)
{
	return kinds[kind].name;
}

int fault_id_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fault_id));
}

static uint64_t stir(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* What stands for a kind in the hash: a new fault moves no other kind to another number. */
static uint32_t number_of(uint32_t kind)
{
	if (kind >= F_N)
		return FIRST_FAULTS + kind - F_N;
	return kind < FIRST_FAULTS ? kind : LATER_FAULTS + kind;
}

static uint64_t hash_of(uint64_t seed, uint32_t kind, uint32_t actor, uint32_t n)
{
	return stir(stir(stir(seed) ^ ((uint64_t)number_of(kind) << 32 | actor)) ^ n);
}

/* A daemon dies so and so often a day, however many eUICCs it serves; what is asked with each turn counts by turns. */
static double scale(uint32_t kind, unsigned int fleet)
{
	static const uint32_t by_turn[] = {F_DIE_BEFORE_COMMIT, F_DIE_BEFORE_OUTPUT, F_DIE_AFTER_OUTPUTS,
					   F_COMMIT_FAILS};

	for (size_t i = 0; fleet > DEATHS_FLEET && i < ARRAY_SIZE(by_turn); i++) {
		if (by_turn[i] == kind)
			return (double)DEATHS_FLEET / fleet;
	}
	return 1;
}

struct faults *faults_alloc(struct sim *s, unsigned int fleet)
{
	static const double mixture[] = {0, 0.3, 1, 1, 1, 4};
	struct faults *f = talloc_zero(s->ctx, struct faults);

	f->over = true;
	f->actors = fleet + 2;
	f->asked = talloc_zero_size(f, f->actors * sizeof(f->asked[0]));
	for (uint32_t k = 0; k < F_N; k++)
		f->rate[k] = scale(k, fleet) * kinds[k].rate *
			     mixture[hash_of(s->plan->seed, k, UINT32_MAX, 0) % ARRAY_SIZE(mixture)];
	return f;
}

void faults_begin(struct faults *f)
{
	f->over = false;
}

void faults_end(struct faults *f)
{
	f->over = true;
}

bool faults_are_over(const struct faults *f)
{
	return f->over;
}

uint64_t choice(struct sim *s, enum fault kind, uint32_t actor)
{
	return hash_of(s->plan->seed, kind, actor, s->faults->asked[actor][kind]++);
}

static bool allowed(const struct sim_plan *p, const struct fault_id *id)
{
	if (p->kinds && id->kind >= p->kinds)
		return false;
	return !p->only || bsearch(id, p->only, p->n_only, sizeof(*id), fault_id_cmp);
}

static bool record(struct sim *s, const struct fault_id *id)
{
	struct sim_result *r = s->res;

	if (r->n_faults == SIM_FAULTS_MAX)
		return false;
	r->faults[r->n_faults++] = *id;
	r->drawn[id->kind]++;
	sim_trace(s, "fault %s:%u:%u", fault_name(id->kind), id->actor, id->n);
	return true;
}

bool fault(struct sim *s, enum fault kind, uint32_t actor, uint64_t *hash)
{
	struct faults *f = s->faults;
	struct fault_id id = {kind, actor, f->asked[actor][kind]};
	uint64_t h = choice(s, kind, actor);

	if (hash)
		*hash = stir(h);
	if (f->over || (double)(h >> 11) * 0x1p-53 >= f->rate[kind] || !allowed(s->plan, &id))
		return false;
	return record(s, &id);
}

int64_t between(uint64_t *hash, int64_t min, int64_t max)
{
	*hash = stir(*hash);
	return min + (int64_t)(*hash % (uint64_t)(max - min + 1));
}

int64_t wait_for_next(uint64_t *hash, int64_t mean_ms)
{
	double chance = (double)between(hash, 1, 1000000) / 1000000;

	return (int64_t)(-log(chance) * (double)mean_ms) + 1;
}

/* ---- the engine's ---- */

static uint64_t engine_state;

static int engine_bytes(unsigned char *buf, int num)
{
	for (int i = 0; i < num; i++) {
		if (i % 8 == 0)
			engine_state = stir(engine_state);
		buf[i] = (unsigned char)(engine_state >> i % 8 * 8);
	}
	return 1;
}

static int engine_status(void)
{
	return 1;
}

void engine_chance(uint64_t seed)
{
	static const RAND_METHOD method = {.bytes = engine_bytes, .pseudorand = engine_bytes, .status = engine_status};

	engine_state = seed;
	OSMO_ASSERT(RAND_set_rand_method(&method) == 1);
}
