/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "common/es/soap.h"
#include "tests/sim/sim.h"

/* The process of the SM-DP, when there is one: its engine, the store with the stock, and its deaths. */

bool dp_daemon_is_up(const struct sim *s);
/*! Number of this run. */
unsigned int dp_daemon_run(const struct sim *s);
/*! Path of its database. */
const char *dp_daemon_database(const struct sim *s);
/*! A request, answer or notification of a peer; the answer comes to wire_answer(). */
void dp_daemon_request(struct sim *s, uint64_t xid, const struct soap_msg *msg, const char *oid);
/*! How a message to an operator went. */
void dp_daemon_post_done(struct sim *s, int64_t ref, bool answered, unsigned int status);
/*! A backup is made; the next death may put it back. */
void dp_daemon_backup(struct sim *s);
/*! An event that may be refused: proc_try(). */
int dp_daemon_try(struct sim *s, turn_handler_cb handler, void *event);
/*! To open what its rows have of keys. */
const struct keystore *dp_daemon_keystore(const struct sim *s);
struct crypto *dp_daemon_crypto(const struct sim *s);
/*! Profiles in stock at the beginning; 0 without an SM-DP. */
unsigned int dp_daemon_stock(const struct sim *s);
