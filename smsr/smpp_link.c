/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP link: what the core calls.
 *
 * Nothing here calls back: a call that has consequences sets a flag and a timer of no delay, and the consequences come
 * in an event of their own between ops->enter() and ops->leave().  Outstanding submits are a list in order of sending;
 * a service centre answers nearly in order, so the one looked for is at its head. */
#include "smsr/smpp_link_priv.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <osmocom/core/stats.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/crypto/rnd.h"

static const struct rate_ctr_desc ctr_desc[] = {
	[SMPP_CTR_SUBMIT] = {"submit", "submit_sm sent"},
	[SMPP_CTR_RESP_OK] = {"resp:ok", "submits accepted"},
	[SMPP_CTR_RESP_ERROR] = {"resp:error", "submits refused"},
	[SMPP_CTR_THROTTLED] = {"throttled", "submits refused with RTHROTTLED"},
	[SMPP_CTR_QUEUE_FULL] = {"queue_full", "submits refused with RMSGQFUL"},
	[SMPP_CTR_UNKNOWN] = {"unknown", "submits sent without an answer"},
	[SMPP_CTR_NOT_SENT] = {"not_sent", "submits that never left"},
	[SMPP_CTR_DELIVER] = {"deliver", "messages received"},
	[SMPP_CTR_RECEIPT] = {"receipt", "delivery receipts received"},
	[SMPP_CTR_DELIVER_REFUSED] = {"deliver:refused", "messages and receipts refused for later"},
	[SMPP_CTR_ALERT] = {"alert", "alert_notifications received"},
	[SMPP_CTR_TIMEOUT] = {"timeout", "response timers expired"},
	[SMPP_CTR_ENQUIRE_MISSED] = {"enquire:missed", "enquire_links without an answer"},
	[SMPP_CTR_CONNECT] = {"connect", "connections tried"},
	[SMPP_CTR_LOST] = {"lost", "binds lost"},
	[SMPP_CTR_BIND_REFUSED] = {"bind:refused", "binds refused"},
	[SMPP_CTR_BAD_PDU] = {"bad_pdu", "malformed PDUs received"},
	[SMPP_CTR_RX_BYTES] = {"rx:bytes", "octets received"},
	[SMPP_CTR_TX_BYTES] = {"tx:bytes", "octets sent"},
};

static const struct rate_ctr_group_desc ctr_group = {
	.group_name_prefix = "smpp",
	.group_description = "SMPP link",
	.class_id = OSMO_STATS_CLASS_PEER,
	.num_ctr = ARRAY_SIZE(ctr_desc),
	.ctr_desc = ctr_desc,
};

void smpp_link_count(struct smpp_link *link, enum smpp_ctr ctr, uint64_t n)
{
	rate_ctr_add(rate_ctr_group_get_ctr(link->ctrs, ctr), (int)n);
}

uint64_t smpp_link_ctr(const struct smpp_link *link, enum smpp_ctr ctr)
{
	return rate_ctr_group_get_ctr(link->ctrs, ctr)->current;
}

const struct smpp_link_cfg *smpp_link_cfg(const struct smpp_link *link)
{
	return &link->cfg;
}

void smpp_link_alarm(struct smpp_link *link, const char *text)
{
	LOGP(DSMPP, LOGL_ERROR, "%s: %s\n", link->cfg.name, text);
	if (link->ops->alarm)
		link->ops->alarm(link->priv, link, text);
}

struct smpp_leg *smpp_link_tx_leg(struct smpp_link *link)
{
	return &link->legs[0];
}

/* ---- events ---- */

void smpp_link_enter(struct smpp_link *link)
{
	clock_feed();
	link->ops->enter(link->priv);
}

void smpp_link_watch_room(struct smpp_link *link)
{
	bool room = smpp_link_room(link) > 0;
	int64_t wait_ms;

	if (room && !link->had_room && link->ops->room)
		link->ops->room(link->priv, link);
	link->had_room = smpp_link_room(link) > 0;
	osmo_timer_del(&link->room);
	wait_ms = link->had_room || !link->up ? 0 : smpp_flow_wait_ms(&link->flow, clock_now_ms());
	if (wait_ms)
		smpp_timer_arm(&link->room, wait_ms);
}

static void watch_responses(struct smpp_link *link)
{
	struct smpp_pending *oldest = llist_first_entry_or_null(&link->pending, struct smpp_pending, list);

	osmo_timer_del(&link->response);
	if (oldest)
		smpp_timer_arm(&link->response,
			       OSMO_MAX(oldest->sent_ms + link->cfg.response_timeout_ms - clock_now_ms(), 0));
}

void smpp_link_leave(struct smpp_link *link)
{
	smpp_link_watch_room(link);
	watch_responses(link);
	link->ops->leave(link->priv);
}

static unsigned count_idle(const struct smpp_link *link)
{
	unsigned n = 0;

	for (unsigned i = 0; i < link->n_legs; i++)
		n += smpp_leg_idle(&link->legs[i]);
	return n;
}

void smpp_link_legs_changed(struct smpp_link *link)
{
	bool up = true;

	for (unsigned i = 0; i < link->n_legs; i++)
		up = up && smpp_leg_bound(&link->legs[i]);
	if (up != link->up) {
		link->up = up;
		link->up_since_ms = clock_now_ms();
		if (link->ops->state)
			link->ops->state(link->priv, link, up);
	}
	if (!link->wanted && link->stop_asked && count_idle(link) == link->n_legs) {
		link->stop_asked = false;
		if (link->ops->stopped)
			link->ops->stopped(link->priv, link);
	} else if (link->wanted && count_idle(link)) {
		osmo_timer_schedule(&link->kick, 0, 0); /* started again while it was still unbinding */
	}
}

static void room_fired(void *data)
{
	struct smpp_link *link = data;

	smpp_link_enter(link);
	smpp_link_leave(link);
}

static void response_fired(void *data)
{
	struct smpp_link *link = data;

	smpp_link_enter(link);
	smpp_link_count(link, SMPP_CTR_TIMEOUT, 1);
	/* Whatever else is outstanding on this connection is as doubtful. */
	smpp_leg_down(smpp_link_tx_leg(link), "no response to a submit in time");
	smpp_link_leave(link);
}

static void kick_leg(struct smpp_link *link, struct smpp_leg *leg)
{
	if (link->reconnect_asked)
		smpp_leg_down(leg, "reconnect asked for");
	if (!link->wanted)
		osmo_fsm_inst_dispatch(leg->fi, LEG_EV_STOP, NULL);
	else if (smpp_leg_idle(leg) || link->reconnect_asked)
		osmo_fsm_inst_dispatch(leg->fi, LEG_EV_START, NULL);
}

static void kick_fired(void *data)
{
	struct smpp_link *link = data;

	smpp_link_enter(link);
	for (unsigned i = 0; i < link->n_legs; i++)
		kick_leg(link, &link->legs[i]);
	link->reconnect_asked = false;
	smpp_link_legs_changed(link);
	smpp_link_leave(link);
}

/* ---- life ---- */

static int link_free(struct smpp_link *link)
{
	osmo_timer_del(&link->response);
	osmo_timer_del(&link->room);
	osmo_timer_del(&link->kick);
	for (unsigned i = 0; i < link->n_legs; i++)
		smpp_leg_fini(&link->legs[i]);
	if (link->ctrs)
		rate_ctr_group_free(link->ctrs);
	return 0;
}

static struct smpp_sock_cfg sock_cfg(const struct smpp_link_cfg *cfg)
{
	return (struct smpp_sock_cfg){
		.host = cfg->host,
		.port = cfg->port,
		.local = cfg->local,
		.tls = cfg->tls,
		.tls_ca = cfg->tls_ca,
		.tls_name = cfg->tls_name,
		.tls_cert = cfg->tls_cert,
		.tls_key = cfg->tls_key,
		.queue_max = 1024 * 1024,
	};
}

static int legs_init(struct smpp_link *link)
{
	int rc = 0;

	link->n_legs = link->cfg.bind_mode == SMPP_BIND_TX_RX ? 2 : 1;
	if (link->n_legs == 1)
		return smpp_leg_init(&link->legs[0], link, LEG_TRX);
	rc = smpp_leg_init(&link->legs[0], link, LEG_TX);
	return rc < 0 ? rc : smpp_leg_init(&link->legs[1], link, LEG_RX);
}

struct smpp_link *smpp_link_alloc(const void *ctx, const struct smpp_link_cfg *cfg, const struct smpp_link_ops *ops,
				  void *priv)
{
	struct smpp_link *link;
	const char *why;

	OSMO_ASSERT(ops->enter && ops->leave && ops->submit_done && ops->deliver);
	if (smpp_link_cfg_check(cfg, &why) < 0) {
		LOGP(DSMPP, LOGL_ERROR, "%s: %s\n", cfg->name ? cfg->name : "smpp", why);
		return NULL;
	}
	link = talloc_zero(ctx, struct smpp_link);
	OSMO_ASSERT(link);
	smpp_link_cfg_copy(link, cfg, &link->cfg);
	link->sock_cfg = sock_cfg(&link->cfg);
	link->ops = ops;
	link->priv = priv;
	INIT_LLIST_HEAD(&link->pending);
	osmo_timer_setup(&link->response, response_fired, link);
	osmo_timer_setup(&link->room, room_fired, link);
	osmo_timer_setup(&link->kick, kick_fired, link);
	smpp_flow_init(&link->flow, cfg->rate_per_s, cfg->throttle_min_ms, cfg->throttle_max_ms, cfg->queue_full_dests,
		       clock_now_ms());
	link->ctrs = rate_ctr_group_alloc(link, &ctr_group, cfg->index);
	talloc_set_destructor(link, link_free);
	if (!link->ctrs || legs_init(link) < 0) {
		talloc_free(link);
		return NULL;
	}
	rate_ctr_group_set_name(link->ctrs, link->cfg.name);
	return link;
}

void smpp_link_start(struct smpp_link *link)
{
	link->wanted = true;
	link->stop_asked = false;
	osmo_timer_schedule(&link->kick, 0, 0);
}

void smpp_link_stop(struct smpp_link *link)
{
	link->wanted = false;
	link->stop_asked = true;
	link->had_room = false;
	osmo_timer_schedule(&link->kick, 0, 0);
}

void smpp_link_pause(struct smpp_link *link)
{
	link->paused = true;
	link->had_room = false;
}

void smpp_link_resume(struct smpp_link *link)
{
	link->paused = false;
	osmo_timer_schedule(&link->kick, 0, 0);
}

void smpp_link_reconnect(struct smpp_link *link)
{
	link->reconnect_asked = true;
	osmo_timer_schedule(&link->kick, 0, 0);
}

/* ---- submits ---- */

int smpp_link_room(struct smpp_link *link)
{
	int window = (int)(link->cfg.window - link->n_pending);

	if (!link->up || link->paused || !link->wanted || window <= 0)
		return 0;
	return OSMO_MIN(window, smpp_flow_room(&link->flow, clock_now_ms()));
}

/* ---- deliveries ---- */

static struct smpp_to_ack *token_find(struct smpp_link *link, uint64_t token, struct smpp_leg **leg)
{
	struct smpp_to_ack *a;

	for (unsigned i = 0; i < link->n_legs; i++) {
		*leg = &link->legs[i];
		llist_for_each_entry (a, &(*leg)->to_ack, list) {
			if (a->token == token)
				return a;
		}
	}
	return NULL;
}

bool smpp_link_deliver_ack(struct smpp_link *link, uint64_t token, uint32_t status)
{
	struct smpp_leg *leg;
	struct smpp_to_ack *a = token_find(link, token, &leg);
	struct smpp_pdu resp;
	int rc;

	if (!a)
		return false;
	resp = (struct smpp_pdu){.command_id = a->command_id, .status = status, .seq = a->seq};
	llist_del(&a->list);
	talloc_free(a);
	leg->n_to_ack--;
	rc = smpp_leg_send(leg, &resp);
	if (rc < 0)
		LOGPFSML(leg->fi, LOGL_NOTICE, "%s not sent: %s\n", smpp_command_name(resp.command_id), strerror(-rc));
	return rc == 0;
}

/* ---- show ---- */

void smpp_link_info(const struct smpp_link *link, struct smpp_link_info *info)
{
	bool paused = clock_now_ms() < link->flow.pause_until_ms;

	*info = (struct smpp_link_info){
		.name = link->cfg.name,
		.state = osmo_fsm_inst_state_name(link->legs[0].fi),
		.state_rx = link->n_legs > 1 ? osmo_fsm_inst_state_name(link->legs[1].fi) : NULL,
		.up = link->up,
		.paused = link->paused,
		.stopping = link->stop_asked,
		.throttled = paused,
		.in_flight = link->n_pending,
		.window = link->cfg.window,
		.to_ack = link->legs[0].n_to_ack + (link->n_legs > 1 ? link->legs[1].n_to_ack : 0),
		.rate_per_s = (link->flow.rate_mhz + 999) / 1000,
		.data_coding = link->cfg.data_coding[link->coding],
		.up_since_ms = link->up ? link->up_since_ms : 0,
		.throttled_until_ms = paused ? link->flow.pause_until_ms : 0,
		.last_bind_status = link->last_bind_status,
		.last_error = link->last_error ? link->last_error : "",
	};
	memcpy(info->smsc, link->smsc, sizeof(info->smsc));
}
