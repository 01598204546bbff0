/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/sim/faults.h"

/* A fleet under a virtual clock: the engine of the SM-SR as the product has it, on a real store, between software
 * eUICCs, a service centre with its network, and operators.  One struct sim is one run; nothing outside of it decides
 * anything, so that the same plan gives the same run.
 *
 * Everything that happens is an entry of one queue (queue.c).  Who takes part is an actor: a table of functions that
 * run.c calls in order; another engine or another bearer joins as one more of them. */

#define SIM_T0 1780000000000LL
#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/*! What a run is made from; the same plan is the same run. */
struct sim_plan {
	uint64_t seed;
	unsigned int fleet; /* eUICCs */
	unsigned int days;
	bool dp;		     /* with an SM-DP, its operators and downloads */
	const struct fault_id *only; /* sorted; the faults that may happen; NULL: all that are drawn */
	size_t n_only;
	uint32_t kinds; /* only faults of the first so many kinds: a seed keeps its meaning when kinds join; 0: all */
	bool verbose;	/* trace and log to standard output */
};

#define SIM_FAULTS_MAX 200000
#define SIM_TEXT_MAX 600

/*! What came of it: in memory that outlives the process of the run. */
struct sim_result {
	bool ended;   /* false: the process died, which is a violation too */
	char dir[64]; /* where its files are, until it ends */
	uint64_t trace_hash;
	uint64_t dump_hash;
	int64_t virtual_ms;
	unsigned int violations;
	char violation[SIM_TEXT_MAX]; /* the first one */
	unsigned int calls;	      /* accepted */
	unsigned int orders;	      /* of ES2, accepted */
	unsigned int downloads[4];    /* enum es_exec */
	unsigned int put_off;	      /* requests answered 503 */
	unsigned int busy;	      /* calls reported 1.2/4.4 */
	unsigned int outcomes[4];     /* enum es_exec */
	unsigned int operations;      /* internal ones as well */
	unsigned int restarts;
	unsigned int restores;	  /* of a backup of the SM-SR */
	unsigned int dp_restores; /* of the SM-DP */
	unsigned int commits;
	unsigned int submitted;
	unsigned int from_cards;
	unsigned int posts;
	unsigned int connections; /* of cards, by HTTPS */
	unsigned int scripts;	  /* that left by it */
	unsigned int switches;	  /* changes of the enabled profile on cards */
	unsigned int drawn[F_N];
	size_t n_faults;
	struct fault_id faults[SIM_FAULTS_MAX];
};

struct sim;
struct daemon;
struct dp_daemon;
struct dp_operators;
struct es3_wire;
struct judge_dp;
struct sim_pki;
struct smsc;
struct devices;
struct operators;
struct levers;
struct https;
struct judge;

typedef void (*sim_cb)(struct sim *s, void *arg);

/*! Somebody who takes part. */
struct actor {
	const char *name;
	void (*start)(struct sim *s);
	/*! Faults are over: what is broken comes back. */
	void (*calm)(struct sim *s);
	/*! Nothing of it is on its way.  \returns NULL; or what still is */
	const char *(*busy)(struct sim *s);
};

struct sim {
	void *ctx;
	char *dir;
	const struct sim_plan *plan;
	struct sim_result *res;
	struct queue *queue;
	struct faults *faults;
	int64_t now_ms; /* the truth */
	uint64_t trace;
	bool stop; /* a violation was found */
	struct daemon *daemon;
	struct smsc *smsc;
	struct devices *devices;
	struct operators *operators;
	struct levers *levers;
	struct https *https;
	struct judge *judge;
	/* NULL without an SM-DP */
	struct sim_pki *pki;
	struct dp_daemon *dp;
	struct es3_wire *es3;
	struct dp_operators *dp_operators;
	struct judge_dp *judge_dp;
};

/*! A run from beginning to end, in this process.  \param[out] res  zeroed by the caller */
void sim_run(const struct sim_plan *plan, struct sim_result *res);
/*! The same in a process of its own: what it leaves behind, and how it dies, stays there. */
void sim_run_apart(const struct sim_plan *plan, struct sim_result *res);

/*! The two halves of that, for many at once. */
pid_t sim_fork(const struct sim_plan *plan, struct sim_result *res);
/*! \param[in] status  as waitpid() gives it */
void sim_reaped(const struct sim_plan *plan, struct sim_result *res, int status);

/*! One line of the trace: it counts for the hash. */
void sim_trace(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*! A promise is broken: the run ends. */
void sim_violation(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_fnv(uint64_t hash, const void *data, size_t len);

/*! The virtual clock and what is to happen: queue.c. */
struct queue *queue_alloc(const void *ctx);
/*! \param[in] arg  the callback's: it frees it if it owns it */
void sim_at(struct sim *s, int64_t at_ms, sim_cb cb, void *arg);
/*! The next entry, with time moved on to it.  \returns false when there is none up to end_ms */
bool sim_step(struct sim *s, int64_t end_ms);

extern const struct actor daemon_actor, dp_daemon_actor, dp_operators_actor, smsc_actor, devices_actor, operators_actor,
	levers_actor, dp_levers_actor, https_actor, judge_actor, judge_dp_actor;
