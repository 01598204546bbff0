/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/sim.h"

/* What goes wrong with devices as time passes; and the two halves of an input to a card, for devices.c and this. */

void device_troubles_start(struct sim *s);
/*! All is well again, but for the power switch. */
void device_troubles_end(struct sim *s, unsigned int card);

/*! Off, and on again after minutes or hours. */
void device_off(struct sim *s, unsigned int card, uint64_t h);

/*! Before an input: the card learns the time. */
void device_input(struct sim *s, unsigned int card);
/*! Behind it: what the card does, happens. */
void device_after(struct sim *s, unsigned int card);
/*! Only look at it. */
void device_looked_at(struct sim *s, unsigned int card);
