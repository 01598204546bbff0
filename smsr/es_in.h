/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/peer/request.h"
#include "smsr/smsr.h"

/* Requests of peers: admission in the order of SGP.02, then the function.  smsr_ev_request() gives exactly one answer
 * through ports->answer(), after the commit. */

/*! Event of a turn (turn_handler_cb): answer a struct es_request of a struct smsr. */
int smsr_ev_request(void *smsr, void *es_request);
