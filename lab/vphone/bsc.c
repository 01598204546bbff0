/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Virtual BSC: RESET procedure, paging, connections.  TS 48.008 over SCCP class 2; libosmo-sigtran does SCCP and M3UA,
 * libosmogsm the BSSMAP messages.
 *
 * Surprises: mobility management messages carry N(SD) (TS 24.007 §11.2.3.2), counted from the initial message on;
 * without it the MSC drops every second one as a duplicate.  An MSC that restarts does not say so to a BSC it has never
 * heard of: we learn it from the signalling network (N-PCSTATE) or from its RESET, and start over in both cases. */
#include "lab/vphone/bsc.h"
#include "common/app/log.h"

#include <errno.h>
#include <osmocom/core/hashtable.h>
#include <osmocom/core/msgb.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/timer.h>
#include <osmocom/gsm/gsm0808.h>
#include <osmocom/gsm/gsm48.h>
#include <osmocom/gsm/protocol/gsm_04_08.h>
#include <osmocom/gsm/protocol/gsm_08_08.h>
#include <osmocom/sigtran/osmo_ss7.h>
#include <osmocom/sigtran/sccp_helpers.h>
#include <osmocom/sigtran/sccp_sap.h>

#define RESET_REPEAT_S 1
#define DEFAULT_PC ((0 << 11) | (23 << 3) | 3) /* 0.23.3 */
#define DEFAULT_PORT 2905
#define MSC_ADDRESS "msc"
#define SCCP_CONN_ID_MAX 0xfffffe
#define CAUSE_ABNORMAL 0 /* SCCP release cause "end user originated" */

struct bsc {
	const struct bsc_ops *ops;
	void *priv;
	struct osmo_cell_global_id cell;
	struct osmo_sccp_user *scu;
	struct osmo_sccp_addr own, msc;
	struct osmo_timer_list reset_timer;
	unsigned int resets; /* sent since the MSC was last up */
	bool up;
	uint32_t last_id;
	size_t n_conns;
	DECLARE_HASHTABLE(conns, 10);
};

struct bsc_conn {
	struct hlist_node node;
	struct bsc *bsc;
	void *user;
	uint32_t id;
	uint8_t nsd; /* of the next message */
};

static struct bsc_conn *conn_find(struct bsc *bsc, uint32_t id)
{
	struct bsc_conn *conn;

	hash_for_each_possible (bsc->conns, conn, node, id) {
		if (conn->id == id)
			return conn;
	}
	return NULL;
}

static void conn_free(struct bsc_conn *conn)
{
	hash_del(&conn->node);
	conn->bsc->n_conns--;
	talloc_free(conn);
}

static struct msgb *l3_msgb(struct bytes l3)
{
	struct msgb *msg = msgb_alloc_headroom(1024, 256, "vphone L3");

	OSMO_ASSERT(msg && l3.len <= (size_t)msgb_tailroom(msg));
	msg->l3h = msgb_put(msg, (unsigned int)l3.len);
	memcpy(msg->l3h, l3.data, l3.len);
	return msg;
}

static bool is_mm(struct bytes l3)
{
	struct rd r;

	rd_init(&r, l3);
	return rd_left(&r) >= 2 && (rd_u8(&r) & 0x0f) == GSM48_PDISC_MM;
}

struct bsc_conn *bsc_conn_open(struct bsc *bsc, void *user, struct bytes l3)
{
	struct bsc_conn *conn;
	struct msgb *msg, *complete;

	if (!bsc->up)
		return NULL;
	msg = l3_msgb(l3);
	complete = gsm0808_create_layer3_2(msg, &bsc->cell, NULL);
	OSMO_ASSERT(complete);
	conn = talloc_zero(bsc, struct bsc_conn);
	conn->bsc = bsc;
	conn->user = user;
	conn->nsd = is_mm(l3);
	conn->id = bsc->last_id = bsc->last_id < SCCP_CONN_ID_MAX ? bsc->last_id + 1 : 1;
	hash_add(bsc->conns, &conn->node, conn->id);
	bsc->n_conns++;
	msgb_free(msg);
	osmo_sccp_tx_conn_req_msg(bsc->scu, conn->id, &bsc->own, &bsc->msc, complete);
	return conn;
}

void bsc_conn_tx(struct bsc_conn *conn, enum bsc_sapi sapi, struct bytes l3)
{
	struct msgb *msg = l3_msgb(l3);

	if (is_mm(l3)) {
		msg->l3h[1] |= (uint8_t)(conn->nsd << 6);
		conn->nsd ^= 1;
	}
	gsm0808_prepend_dtap_header(msg, (uint8_t)sapi);
	osmo_sccp_tx_data_msg(conn->bsc->scu, conn->id, msg);
}

void bsc_conn_abort(struct bsc_conn *conn)
{
	osmo_sccp_tx_disconn(conn->bsc->scu, conn->id, NULL, CAUSE_ABNORMAL);
	conn_free(conn);
}

bool bsc_is_up(const struct bsc *bsc)
{
	return bsc->up;
}

size_t bsc_conn_count(const struct bsc *bsc)
{
	return bsc->n_conns;
}

static void tx_unitdata(struct bsc *bsc, struct msgb *msg)
{
	OSMO_ASSERT(msg);
	osmo_sccp_tx_unitdata_msg(bsc->scu, &bsc->own, &bsc->msc, msg);
}

static void tx_reset(void *data)
{
	struct bsc *bsc = data;

	LOGP(DLAB, bsc->resets++ ? LOGL_DEBUG : LOGL_INFO, "bsc: RESET to the MSC, repeated until it answers\n");
	tx_unitdata(bsc, gsm0808_create_reset());
	osmo_timer_schedule(&bsc->reset_timer, RESET_REPEAT_S, 0);
}

static void drop_all(struct bsc *bsc)
{
	struct bsc_conn *conn;
	struct hlist_node *tmp;
	int bucket;

	hash_for_each_safe (bsc->conns, bucket, tmp, conn, node)
		bsc_conn_abort(conn);
}

static void set_up(struct bsc *bsc)
{
	osmo_timer_del(&bsc->reset_timer);
	bsc->resets = 0;
	if (bsc->up)
		return;
	bsc->up = true;
	bsc->ops->up(bsc->priv);
}

static void set_down(struct bsc *bsc)
{
	if (!bsc->up)
		return;
	bsc->up = false;
	drop_all(bsc);
	bsc->ops->down(bsc->priv);
}

static void rx_paging(struct bsc *bsc, struct bytes ies)
{
	struct osmo_mobile_identity mi;
	struct tlv_parsed tp;

	if (osmo_bssap_tlv_parse(&tp, ies.data, (int)ies.len) < 0 || !TLVP_PRESENT(&tp, GSM0808_IE_IMSI) ||
	    osmo_mobile_identity_decode(&mi, TLVP_VAL(&tp, GSM0808_IE_IMSI), (uint8_t)TLVP_LEN(&tp, GSM0808_IE_IMSI),
					false) ||
	    mi.type != GSM_MI_TYPE_IMSI) {
		LOGP(DLAB, LOGL_ERROR, "bsc: PAGING without a usable IMSI\n");
		return;
	}
	bsc->ops->paged(bsc->priv, mi.imsi);
}

static void rx_reset(struct bsc *bsc)
{
	LOGP(DLAB, LOGL_NOTICE, "bsc: RESET from the MSC: it has restarted\n");
	tx_unitdata(bsc, gsm0808_create_reset_ack());
	set_down(bsc);
	set_up(bsc);
}

/* Header of a BSSMAP message: discriminator, length, then the message type (TS 48.006). */
static bool bssmap_split(struct bytes sdu, uint8_t *type, struct bytes *ies)
{
	struct rd r;
	size_t len;

	rd_init(&r, sdu);
	if (rd_u8(&r) != BSSAP_MSG_BSS_MANAGEMENT)
		return false;
	len = rd_u8(&r);
	*type = rd_u8(&r);
	*ies = rd_bytes(&r, len ? len - 1 : 0);
	return len && !r.failed;
}

static void rx_unitdata(struct bsc *bsc, struct bytes sdu)
{
	struct bytes ies;
	uint8_t type;

	if (!bssmap_split(sdu, &type, &ies))
		return;
	if (type == BSS_MAP_MSG_RESET_ACKNOWLEDGE) {
		LOGP(DLAB, LOGL_INFO, "bsc: RESET ACKNOWLEDGE: the MSC is up\n");
		set_up(bsc);
	} else if (type == BSS_MAP_MSG_RESET) {
		rx_reset(bsc);
	} else if (type == BSS_MAP_MSG_PAGING) {
		rx_paging(bsc, ies);
	}
}

static void rx_bssmap(struct bsc_conn *conn, struct bytes sdu)
{
	struct msgb *answer = NULL;
	struct bytes ies;
	uint8_t type;

	if (!bssmap_split(sdu, &type, &ies))
		return;
	if (type == BSS_MAP_MSG_CLEAR_CMD)
		answer = gsm0808_create_clear_complete();
	else if (type == BSS_MAP_MSG_CIPHER_MODE_CMD)
		answer = gsm0808_create_cipher_complete(NULL, 1); /* A5/0 */
	if (answer)
		osmo_sccp_tx_data_msg(conn->bsc->scu, conn->id, answer);
}

static void rx_data(struct bsc *bsc, uint32_t conn_id, struct bytes sdu)
{
	struct bsc_conn *conn = conn_find(bsc, conn_id);
	struct bytes l3;
	struct rd r;

	if (!conn || !sdu.len)
		return;
	rd_init(&r, sdu);
	if (rd_u8(&r) != BSSAP_MSG_DTAP) {
		rx_bssmap(conn, sdu);
		return;
	}
	rd_u8(&r); /* DLCI: the protocol discriminator says as much */
	l3 = rd_bytes(&r, rd_u8(&r));
	if (rd_end(&r) < 0)
		LOGP(DLAB, LOGL_ERROR, "bsc: malformed DTAP\n");
	else
		bsc->ops->rx_l3(conn->user, l3);
}

static void rx_disconnect(struct bsc *bsc, uint32_t conn_id)
{
	struct bsc_conn *conn = conn_find(bsc, conn_id);
	void *user;

	if (!conn)
		return;
	user = conn->user;
	conn_free(conn);
	bsc->ops->closed(user);
}

static void rx_pcstate(struct bsc *bsc, const struct osmo_scu_pcstate_param *state)
{
	if (state->affected_pc != bsc->msc.pc)
		return;
	LOGP(DLAB, LOGL_NOTICE, "bsc: the signalling network says that the MSC is %s\n",
	     state->sp_status == OSMO_SCCP_SP_S_ACCESSIBLE ? "accessible" : "not accessible");
	set_down(bsc);
	if (!osmo_timer_pending(&bsc->reset_timer))
		tx_reset(bsc);
}

static int sccp_up_cb(struct osmo_prim_hdr *oph, void *scu)
{
	struct bsc *bsc = osmo_sccp_user_get_priv(scu);
	struct osmo_scu_prim *prim = (struct osmo_scu_prim *)oph;
	struct bytes sdu = {NULL, 0};

	if (msgb_l2(oph->msg))
		sdu = bytes_of(msgb_l2(oph->msg), msgb_l2len(oph->msg));
	switch (OSMO_PRIM_HDR(oph)) {
	case OSMO_PRIM(OSMO_SCU_PRIM_N_UNITDATA, PRIM_OP_INDICATION):
		rx_unitdata(bsc, sdu);
		break;
	case OSMO_PRIM(OSMO_SCU_PRIM_N_CONNECT, PRIM_OP_CONFIRM):
		rx_data(bsc, prim->u.connect.conn_id, sdu);
		break;
	case OSMO_PRIM(OSMO_SCU_PRIM_N_DATA, PRIM_OP_INDICATION):
		rx_data(bsc, prim->u.data.conn_id, sdu);
		break;
	case OSMO_PRIM(OSMO_SCU_PRIM_N_DISCONNECT, PRIM_OP_INDICATION):
		rx_disconnect(bsc, prim->u.disconnect.conn_id);
		break;
	case OSMO_PRIM(OSMO_SCU_PRIM_N_PCSTATE, PRIM_OP_INDICATION):
		rx_pcstate(bsc, &prim->u.pcstate);
		break;
	}
	msgb_free(oph->msg);
	return 0;
}

struct bsc *bsc_alloc(void *ctx, const struct bsc_ops *ops, void *priv, const struct osmo_cell_global_id *cell)
{
	struct bsc *bsc = talloc_zero(ctx, struct bsc);

	OSMO_ASSERT(bsc);
	bsc->ops = ops;
	bsc->priv = priv;
	bsc->cell = *cell;
	hash_init(bsc->conns);
	osmo_timer_setup(&bsc->reset_timer, tx_reset, bsc);
	return bsc;
}

int bsc_start(struct bsc *bsc)
{
	struct osmo_sccp_instance *sccp;

	if (!osmo_sccp_addr_by_name(&bsc->msc, MSC_ADDRESS)) {
		LOGP(DLAB, LOGL_FATAL, "bsc: the configuration has no \"sccp-address " MSC_ADDRESS "\" in node cs7\n");
		return -EINVAL;
	}
	osmo_sccp_addr_set_ssn(&bsc->msc, OSMO_SCCP_SSN_BSSAP);
	sccp = osmo_sccp_simple_client(bsc, "vphone", DEFAULT_PC, OSMO_SS7_ASP_PROT_M3UA, 0, "127.0.0.1", DEFAULT_PORT,
				       "127.0.0.1");
	if (!sccp)
		return -EIO;
	bsc->scu = osmo_sccp_user_bind(sccp, "vphone", sccp_up_cb, OSMO_SCCP_SSN_BSSAP);
	if (!bsc->scu)
		return -EIO;
	osmo_sccp_user_set_priv(bsc->scu, bsc);
	osmo_sccp_local_addr_by_instance(&bsc->own, sccp, OSMO_SCCP_SSN_BSSAP);
	osmo_timer_schedule(&bsc->reset_timer, RESET_REPEAT_S, 0);
	return 0;
}
