/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Failed handshakes of each address, within a window.
 *
 * A table of fixed size, so that nobody can make it grow: a place is chosen by a keyed hash of the address (IPv6: its
 * /64, which one host owns), and a newcomer with another address takes the place when its window has run out or else
 * the place with the fewest failures among four.  It bounds guessing and floods; it is no account of anything. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/rnd.h"
#include "common/net/psk_priv.h"

#define N_SETS 1024
#define N_WAYS 4

struct place {
	uint64_t addr; /* 0 = free */
	int64_t since_ms;
	unsigned int count;
};

struct psk_fails {
	pthread_mutex_t mutex;
	unsigned int max;
	int64_t window_ms;
	uint64_t salt;
	struct place set[N_SETS][N_WAYS];
};

static int fails_destroy(struct psk_fails *f)
{
	pthread_mutex_destroy(&f->mutex);
	return 0;
}

struct psk_fails *psk_fails_alloc(const void *ctx, unsigned int max, unsigned int window_ms)
{
	struct psk_fails *f = talloc_zero(ctx, struct psk_fails);

	pthread_mutex_init(&f->mutex, NULL);
	talloc_set_destructor(f, fails_destroy);
	f->max = max;
	f->window_ms = window_ms;
	rnd_bytes(&f->salt, sizeof(f->salt));
	f->salt |= 1;
	return f;
}

static struct place *set_of(struct psk_fails *f, uint64_t addr)
{
	uint64_t h = (addr ^ f->salt >> 1) * f->salt;

	h ^= h >> 29;
	return f->set[(h * f->salt >> 40) % N_SETS];
}

static struct place *find(struct psk_fails *f, uint64_t addr, int64_t now)
{
	struct place *set = set_of(f, addr);

	for (size_t i = 0; i < N_WAYS; i++) {
		if (set[i].addr == addr && now - set[i].since_ms < f->window_ms)
			return &set[i];
	}
	return NULL;
}

static struct place *take(struct psk_fails *f, uint64_t addr, int64_t now)
{
	struct place *set = set_of(f, addr), *best = set;

	for (size_t i = 0; i < N_WAYS; i++) {
		if (now - set[i].since_ms >= f->window_ms)
			set[i] = (struct place){0};
		if (set[i].count < best->count)
			best = &set[i];
	}
	*best = (struct place){.addr = addr, .since_ms = now};
	return best;
}

bool psk_fails_over(struct psk_fails *f, const struct sockaddr *sa)
{
	const struct place *p;
	bool over;

	pthread_mutex_lock(&f->mutex);
	p = find(f, listen_sockaddr_key(sa), net_now_ms());
	over = p && p->count >= f->max;
	pthread_mutex_unlock(&f->mutex);
	return over;
}

bool psk_fails_add(struct psk_fails *f, const struct sockaddr *sa)
{
	uint64_t addr = listen_sockaddr_key(sa);
	int64_t now = net_now_ms();
	struct place *p;
	bool last;

	pthread_mutex_lock(&f->mutex);
	p = find(f, addr, now);
	if (!p)
		p = take(f, addr, now);
	last = ++p->count == f->max;
	pthread_mutex_unlock(&f->mutex);
	return last;
}
