/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

#include <osmocom/gsm/gsm23003.h>

/* The A interface of a base station controller with one cell: BSSMAP and DTAP (TS 48.008) over SCCP, one SCCP
 * connection for each dedicated radio connection of a phone. */

struct bsc;
struct bsc_conn;

enum bsc_sapi {
	BSC_SAPI_MM = 0,
	BSC_SAPI_SMS = 3,
};

/*! What the BSC tells its user.  priv is that of bsc_alloc(), user that of bsc_conn_open(). */
struct bsc_ops {
	/*! RESET was acknowledged: the MSC can be used */
	void (*up)(void *priv);
	/*! MSC lost or restarted; every connection is already closed, in silence */
	void (*down)(void *priv);
	/*! the MSC looks for a phone */
	void (*paged)(void *priv, const char *imsi);
	/*! DTAP for a phone; l3 is valid during the call */
	void (*rx_l3)(void *user, struct bytes l3);
	/*! the network closed the connection, the handle is gone */
	void (*closed)(void *user);
};

/*! \param[in] cell  identity of the one cell, copied
 * \returns talloc child of ctx, never NULL */
struct bsc *bsc_alloc(void *ctx, const struct bsc_ops *ops, void *priv, const struct osmo_cell_global_id *cell);

/*! Connect to the signalling network as the configuration (node cs7) says and begin the RESET procedure, which is
 * repeated until the MSC answers.
 * \returns 0; -EINVAL when the configuration lacks the sccp-address "msc"; -EIO when the stack refuses */
int bsc_start(struct bsc *bsc) MUST_CHECK;

/*! The MSC has answered RESET and was not lost since. */
bool bsc_is_up(const struct bsc *bsc);
/*! Connections open now. */
size_t bsc_conn_count(const struct bsc *bsc);

/*! Open a connection with an initial message (COMPLETE LAYER 3 INFORMATION).
 * \returns handle, valid until ops->closed, ops->down or bsc_conn_abort(); NULL when the MSC is not up */
struct bsc_conn *bsc_conn_open(struct bsc *bsc, void *user, struct bytes l3);
/*! Send DTAP.  Fills N(SD) into mobility management messages. */
void bsc_conn_tx(struct bsc_conn *conn, enum bsc_sapi sapi, struct bytes l3);
/*! Give a connection up from our side; ops->closed is not called. */
void bsc_conn_abort(struct bsc_conn *conn);
