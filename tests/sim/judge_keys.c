/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The search for keys in everything that leaves the process (P6): eight octets of a key in a row are enough, as they
 * are or as hex digits. */
#include <ctype.h>
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/devices.h"
#include "tests/sim/dp_daemon.h"
#include "tests/sim/dp_stock.h"
#include "tests/sim/judge_priv.h"

#define WINDOW 8
#define FILTER_BITS (1u << 20)
#define OF_CARD (3 * 2 + 4) /* halves of KIc, KID and PSK, quarters of the ECASD's key */
#define OF_PROFILE (2 * 2)  /* halves of Ki and OPc */

struct judge_keys {
	bool built;
	uint64_t *sorted;
	size_t n;
	uint64_t *later; /* keys that came into being in the run */
	size_t n_later;
	uint8_t filter[FILTER_BITS / 8];
};

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t bit_of(uint64_t v)
{
	return (uint32_t)((v * 0x9e3779b97f4a7c15ULL) >> 44) % FILTER_BITS;
}

struct judge_keys *judge_keys_alloc(struct sim *s)
{
	return talloc_zero(s->judge, struct judge_keys);
}

static uint64_t window(struct judge_keys *k, const uint8_t *octets)
{
	uint64_t v;

	memcpy(&v, octets, WINDOW);
	k->filter[bit_of(v) / 8] |= (uint8_t)(1u << bit_of(v) % 8);
	return v;
}

static void add(struct judge_keys *k, struct bytes key)
{
	for (size_t at = 0; at + WINDOW <= key.len; at += WINDOW)
		k->sorted[k->n++] = window(k, key.data + at);
}

static void add_profiles(struct sim *s)
{
	struct judge_keys *k = s->judge->keys;

	for (unsigned int i = 0; i < dp_daemon_stock(s); i++) {
		const struct dp_profile p = dp_profile(i);

		add(k, BYTES_ARR(p.ki));
		add(k, BYTES_ARR(p.opc));
	}
}

static void build(struct sim *s)
{
	struct judge_keys *k = s->judge->keys;

	k->built = true;
	k->sorted = talloc_array(k, uint64_t, OF_CARD * s->plan->fleet + OF_PROFILE * dp_daemon_stock(s));
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		const struct seed_card *c = &device_at(s, i)->data;

		add(k, BYTES_ARR(c->kic));
		add(k, BYTES_ARR(c->kid));
		add(k, BYTES_ARR(c->psk));
		add(k, BYTES_ARR(c->ecasd_key));
	}
	add_profiles(s);
	qsort(k->sorted, k->n, sizeof(k->sorted[0]), cmp);
}

void judge_keys_new(struct sim *s, struct bytes key)
{
	struct judge_keys *k = s->judge->keys;

	for (size_t at = 0; at + WINDOW <= key.len; at += WINDOW) {
		k->later = talloc_realloc(k, k->later, uint64_t, (unsigned int)k->n_later + 1);
		k->later[k->n_later++] = window(k, key.data + at);
	}
}

static bool is_known(const struct judge_keys *k, uint64_t v)
{
	if (!(k->filter[bit_of(v) / 8] >> bit_of(v) % 8 & 1))
		return false;
	for (size_t i = 0; i < k->n_later; i++) {
		if (k->later[i] == v)
			return true;
	}
	return bsearch(&v, k->sorted, k->n, sizeof(v), cmp);
}

void judge_keys_octets(struct sim *s, struct bytes octets, const char *where)
{
	struct judge_keys *k = s->judge->keys;

	if (s->now_ms == SIM_T0)
		return; /* the fleet is being made */
	if (!k->built)
		build(s);
	for (size_t i = 0; i + WINDOW <= octets.len; i++) {
		uint64_t v;

		memcpy(&v, octets.data + i, WINDOW);
		if (is_known(k, v))
			sim_violation(s, "P6: a key is in %s", where);
	}
}

static size_t digits_at(struct bytes text, size_t at)
{
	size_t n = 0;

	while (at + n < text.len && isxdigit(text.data[at + n]))
		n++;
	return n;
}

static uint8_t nibble(uint8_t c)
{
	return (uint8_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

static void hex_run(struct sim *s, const uint8_t *digits, size_t n, const char *where)
{
	uint8_t buf[512];

	for (size_t odd = 0; odd < 2; odd++) {
		size_t len = OSMO_MIN((n - odd) / 2, sizeof(buf));

		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)(nibble(digits[odd + 2 * i]) * 16 + nibble(digits[odd + 2 * i + 1]));
		judge_keys_octets(s, bytes_of(buf, len), where);
	}
}

void judge_keys_text(struct sim *s, struct bytes text, const char *where)
{
	judge_keys_octets(s, text, where);
	for (size_t i = 0; i < text.len;) {
		size_t n = digits_at(text, i);

		if (n >= 2 * WINDOW)
			hex_run(s, text.data + i, n, where);
		i += n + 1;
	}
}

void judge_keys_file(struct sim *s, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *buf = talloc_array(s, uint8_t, 1 << 20);
	size_t n, keep = 0;

	while (f && (n = fread(buf + keep, 1, (1 << 20) - keep, f)) > 0) {
		size_t whole = keep + n;

		judge_keys_octets(s, bytes_of(buf, whole), path);
		keep = OSMO_MIN(whole, (size_t)WINDOW - 1);
		memmove(buf, buf + whole - keep, keep);
	}
	if (f)
		fclose(f);
	talloc_free(buf);
}
