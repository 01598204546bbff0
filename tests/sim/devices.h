/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/es/es_types.h"
#include "lab/seed/seed.h"
#include "tests/sim/sim.h"

/* The fleet: software eUICCs in phones on a network, with their troubles, and a record of what each of them really did,
 * which the judges compare with what the SM-SR says. */

#define SIM_PROFILES 4 /* on a new card: the bootstrap profile, which is the fall-back, and operational ones */
#define SIM_SLOTS 64   /* and what ISD-Ps held later */

/*! Content of an ISD-P: a profile as the factory made it, an ISD-P that was created, a profile that was loaded there.
 * Another content of the same ISD-P is another entry. */
struct sim_profile {
	uint8_t aid[16];
	char iccid[20]; /* empty, as the rest: nothing inside */
	char imsi[16];
	char msisdn[16];
};

/*! What a card looked like from a time on. */
struct card_moment {
	int64_t at_ms;
	int enabled;  /* index of the profile */
	uint64_t has; /* bit for each entry that is there */
};

struct device {
	struct seed_card data;
	struct sim_profile profiles[SIM_SLOTS];
	int n_profiles;
	struct euicc *card;
	struct card_moment *past;
	size_t n_past;
	struct {
		uint16_t seq;
		uint8_t type;
	} * notes; /* notifications that it made */
	size_t n_notes;
	uint64_t counter; /* that it accepted last */
	int64_t timer_ms;
	int64_t no_network_ms;		   /* until then */
	int64_t no_coverage_ms[SIM_SLOTS]; /* the same for one subscription */
	uint64_t barred;		   /* bit for each subscription that no network takes */
	uint16_t waiting_seq; /* notification that waits for its confirmation, and since when it does with service */
	int64_t waiting_ms;   /* 0: none does */
	int on_air;	      /* profile that the network knows it by; -1: none */
};

struct device *device_at(struct sim *s, unsigned int card);
/*! \returns index of the card with this number */
unsigned int device_of(struct sim *s, const char *msisdn);
/*! Number that it can be reached by now, or NULL. */
const char *device_number(struct sim *s, unsigned int card);
/*! A short message arrives.  \returns false when the device is not there under this number */
bool device_takes(struct sim *s, unsigned int card, const char *msisdn, struct bytes ud);
/*! What the EUM says about it; talloc child of ctx. */
struct es_eis *device_eis(struct sim *s, const void *ctx, unsigned int card);
/*! What it is now. */
const struct card_moment *device_now(const struct device *d);
/*! Off and on again. */
void device_reboot(struct sim *s, unsigned int card);
/*! A subscription has another number from now on. */
void device_renumber(struct sim *s, unsigned int card, const char *iccid, const char *msisdn);
/*! Its operator bars the subscription that it has enabled, for good: it falls back. */
void device_bar(struct sim *s, unsigned int card);
