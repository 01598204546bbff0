/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/vphone/phone.h"

/*! Register the state machine; once, before the first phone. */
void phone_fsm_init(void);
/*! Give a phone its state machine, in state OFF. */
void phone_fsm_start(struct phone *phone);
