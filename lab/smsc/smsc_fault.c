/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Faults of the service centre: repeatable chance, loss, doubling, delay, disorder, throttling.
 *
 * The generator is splitmix64: a run is told by its seed alone, which common/crypto/rnd.h cannot and must not offer. */
#include "lab/smsc/smsc_priv.h"

#include "common/app/log.h"

static uint64_t draw(struct smsc *s)
{
	uint64_t z = s->chance += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

bool smsc_chance(struct smsc *s, unsigned per_million)
{
	return per_million && draw(s) % 1000000 < per_million;
}

bool smsc_fault_draw(struct smsc *s, enum fault_dir dir, int64_t *delay_ms, bool *twice)
{
	const struct fault *f = &s->fault[dir];
	const char *what = dir == FAULT_MT ? "MT" : "MO";

	*delay_ms = f->delay_ms;
	*twice = false;
	if (smsc_chance(s, f->drop)) {
		s->stats.dropped++;
		LOGP(DLAB, LOGL_INFO, "fault: %s message lost\n", what);
		return false;
	}
	if (smsc_chance(s, f->dup)) {
		s->stats.duplicated++;
		*twice = true;
		LOGP(DLAB, LOGL_INFO, "fault: %s message doubled\n", what);
	}
	if (smsc_chance(s, f->reorder)) {
		s->stats.reordered++;
		*delay_ms += REORDER_MS;
		LOGP(DLAB, LOGL_INFO, "fault: %s message held back\n", what);
	}
	return true;
}

bool smsc_throttled(struct smsc *s)
{
	if (!s->rate_per_s)
		return false;
	if (s->now_ms / 1000 != s->rate_second) {
		s->rate_second = s->now_ms / 1000;
		s->in_second = 0;
	}
	return ++s->in_second > s->rate_per_s;
}
