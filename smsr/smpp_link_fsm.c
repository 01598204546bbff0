/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One connection (leg) of an SMPP link as a state machine.
 *
 *   DISCONNECTED -> CONNECTING (TCP, TLS) -> BINDING -> BOUND -> DRAINING -> UNBINDING -> DISCONNECTED
 *                        ^------- WAIT (back-off) <--- any of them, when the connection is lost
 *
 * Entering WAIT or DISCONNECTED closes the connection and ends what hung on it: outstanding submits become UNKNOWN or
 * NOT_SENT, tokens of deliveries become void.  State timeouts below a second matter here, so timers are set through
 * fi->timer in microseconds: osmo_fsm_inst_state_chg_ms() of libosmocore 1.7.0 counts wrongly. */
#include "smsr/smpp_link_priv.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/crypto/rnd.h"

#define S(x) (1u << (x))

enum leg_state {
	LEG_ST_DISCONNECTED,
	LEG_ST_CONNECTING,
	LEG_ST_BINDING,
	LEG_ST_BOUND,
	LEG_ST_DRAINING,
	LEG_ST_UNBINDING,
	LEG_ST_WAIT,
};

static const struct value_string event_names[] = {
	{LEG_EV_START, "START"},
	{LEG_EV_STOP, "STOP"},
	{LEG_EV_UP, "UP"},
	{LEG_EV_DOWN, "DOWN"},
	{LEG_EV_BIND_RESP, "BIND_RESP"},
	{LEG_EV_IDLE, "IDLE"},
	{LEG_EV_UNBIND_RESP, "UNBIND_RESP"},
	{0, NULL},
};

static struct osmo_fsm leg_fsm;

static void leg_state_chg(struct osmo_fsm_inst *fi, enum leg_state state, unsigned timeout_ms)
{
	/* An impossible transition would be our own bug, and libosmocore logs it. */
	if (osmo_fsm_inst_state_chg(fi, state, 0, 0) == 0 && timeout_ms && fi->state == (uint32_t)state)
		smpp_timer_arm(&fi->timer, timeout_ms);
}

/* ---- connection lost ---- */

static void down(struct osmo_fsm_inst *fi, const char *why, unsigned wait_ms)
{
	struct smpp_leg *leg = fi->priv;
	struct smpp_link *link = leg->link;

	LOGPFSML(fi, LOGL_NOTICE, "%s (%s port %u); next try in %u ms\n", why, link->cfg.host, link->cfg.port, wait_ms);
	talloc_free(link->last_error);
	link->last_error = talloc_strdup(link, why);
	leg->wait_ms = wait_ms;
	if (fi->state == LEG_ST_BOUND)
		smpp_link_count(link, SMPP_CTR_LOST, 1);
	leg_state_chg(fi, link->wanted ? LEG_ST_WAIT : LEG_ST_DISCONNECTED, link->wanted ? wait_ms : 0);
}

static unsigned reconnect_wait(struct smpp_leg *leg)
{
	return smpp_backoff_take(&leg->reconnect, rnd_below(1001));
}

static void on_down(struct osmo_fsm_inst *fi, const struct leg_down *d)
{
	struct smpp_leg *leg = fi->priv;

	if (d->alarm)
		smpp_link_alarm(leg->link, d->why);
	down(fi, d->why, reconnect_wait(leg));
}

/* ---- states ---- */

static void disconnected_onenter(struct osmo_fsm_inst *fi, uint32_t prev)
{
	smpp_leg_close(fi->priv);
}

static void connect_now(struct osmo_fsm_inst *fi)
{
	struct smpp_leg *leg = fi->priv;

	leg_state_chg(fi, LEG_ST_CONNECTING, leg->link->cfg.connect_timeout_ms);
}

static void disconnected_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	if (event == LEG_EV_START)
		connect_now(fi);
}

static void connecting_onenter(struct osmo_fsm_inst *fi, uint32_t prev)
{
	struct smpp_leg *leg = fi->priv;

	smpp_link_count(leg->link, SMPP_CTR_CONNECT, 1);
	leg->gen = ++leg->link->gen;
	leg->seq = leg->bind_seq = 0;
	leg->misses = 0;
	leg->framer = smpp_framer_alloc(leg->link);
	leg->sock = smpp_sock_open(leg->link, &leg->link->sock_cfg, &smpp_leg_sock_ops, leg);
}

static void connecting_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct smpp_leg *leg = fi->priv;

	if (event == LEG_EV_UP)
		leg_state_chg(fi, LEG_ST_BINDING, leg->link->cfg.bind_timeout_ms);
	else if (event == LEG_EV_DOWN)
		on_down(fi, data);
	else if (event == LEG_EV_STOP)
		leg_state_chg(fi, LEG_ST_DISCONNECTED, 0);
}

static void binding_onenter(struct osmo_fsm_inst *fi, uint32_t prev)
{
	static const uint32_t commands[] = {
		[LEG_TRX] = SMPP_BIND_TRANSCEIVER, [LEG_TX] = SMPP_BIND_TRANSMITTER, [LEG_RX] = SMPP_BIND_RECEIVER};
	struct smpp_leg *leg = fi->priv;
	const struct smpp_link_cfg *cfg = &leg->link->cfg;
	struct smpp_pdu bind = {
		.command_id = commands[leg->role],
		.seq = smpp_leg_next_seq(leg),
		.system_id = bytes_str(cfg->system_id),
		.password = bytes_str(cfg->password),
		.system_type = bytes_str(cfg->system_type),
		.interface_version = SMPP_VERSION_34,
		.range = cfg->range,
	};
	int rc;

	leg->bind_seq = bind.seq;
	rc = smpp_leg_send(leg, &bind);
	if (rc < 0)
		LOGPFSML(fi, LOGL_ERROR, "bind not sent: %s\n", strerror(-rc));
}

static void bind_refused(struct osmo_fsm_inst *fi, uint32_t status)
{
	struct smpp_leg *leg = fi->priv;
	enum smpp_action action = smpp_status_action(status);
	char *why = talloc_asprintf(leg->link, "bind refused: %s (0x%x)", smpp_status_name(status), status);

	smpp_link_count(leg->link, SMPP_CTR_BIND_REFUSED, 1);
	/* Trying fast with wrong credentials locks accounts; a service centre that is merely busy is tried as usual. */
	if (action == SMPP_ACT_BIND_REFUSED || action == SMPP_ACT_PERMANENT) {
		smpp_link_alarm(leg->link, why);
		down(fi, why, smpp_backoff_take(&leg->refused, rnd_below(1001)));
	} else {
		down(fi, why, reconnect_wait(leg));
	}
	talloc_free(why);
}

static void on_bind_resp(struct osmo_fsm_inst *fi, const struct smpp_pdu *pdu)
{
	struct smpp_leg *leg = fi->priv;
	struct smpp_link *link = leg->link;
	size_t n = OSMO_MIN(pdu->system_id.len, sizeof(link->smsc) - 1);

	link->last_bind_status = pdu->status;
	if (pdu->status != SMPP_ROK) {
		bind_refused(fi, pdu->status);
		return;
	}
	memset(link->smsc, 0, sizeof(link->smsc));
	if (n)
		memcpy(link->smsc, pdu->system_id.data, n);
	leg_state_chg(fi, LEG_ST_BOUND, 0);
}

static void binding_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	if (event == LEG_EV_BIND_RESP)
		on_bind_resp(fi, data);
	else if (event == LEG_EV_DOWN)
		on_down(fi, data);
	else if (event == LEG_EV_STOP)
		leg_state_chg(fi, LEG_ST_DISCONNECTED, 0);
}

static void bound_onenter(struct osmo_fsm_inst *fi, uint32_t prev)
{
	struct smpp_leg *leg = fi->priv;

	smpp_backoff_reset(&leg->reconnect);
	smpp_backoff_reset(&leg->refused);
	leg->bind_seq = 0;
	leg->rx_ms = clock_now_ms();
	smpp_timer_arm(&leg->enquire, leg->link->cfg.enquire_ms);
	LOGPFSML(fi, LOGL_INFO, "bound to %s\n", leg->link->smsc[0] ? leg->link->smsc : "(no name)");
	smpp_link_legs_changed(leg->link);
}

static void unbind_now(struct osmo_fsm_inst *fi)
{
	struct smpp_leg *leg = fi->priv;

	leg_state_chg(fi, LEG_ST_UNBINDING, OSMO_MAX(leg->link->cfg.unbind_timeout_ms, 1));
}

static void bound_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct smpp_leg *leg = fi->priv;

	if (event == LEG_EV_DOWN)
		on_down(fi, data);
	else if (event == LEG_EV_STOP && leg->role != LEG_RX && leg->link->n_pending)
		leg_state_chg(fi, LEG_ST_DRAINING, OSMO_MAX(leg->link->cfg.drain_ms, 1));
	else if (event == LEG_EV_STOP)
		unbind_now(fi);
}

static void draining_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	if (event == LEG_EV_IDLE)
		unbind_now(fi);
	else if (event == LEG_EV_DOWN)
		on_down(fi, data);
}

static void unbinding_onenter(struct osmo_fsm_inst *fi, uint32_t prev)
{
	struct smpp_leg *leg = fi->priv;

	smpp_leg_send_header(leg, SMPP_UNBIND, 0, smpp_leg_next_seq(leg));
	smpp_link_legs_changed(leg->link);
}

static void unbinding_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	if (event == LEG_EV_UNBIND_RESP || event == LEG_EV_DOWN)
		leg_state_chg(fi, LEG_ST_DISCONNECTED, 0);
}

static void wait_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	if (event == LEG_EV_START)
		connect_now(fi);
	else if (event == LEG_EV_STOP)
		leg_state_chg(fi, LEG_ST_DISCONNECTED, 0);
}

static void timed_out(struct osmo_fsm_inst *fi)
{
	struct smpp_leg *leg = fi->priv;

	switch ((enum leg_state)fi->state) {
	case LEG_ST_CONNECTING:
		down(fi, "no connection in time", reconnect_wait(leg));
		break;
	case LEG_ST_BINDING:
		down(fi, "no answer to the bind", reconnect_wait(leg));
		break;
	case LEG_ST_DRAINING:
		unbind_now(fi);
		break;
	case LEG_ST_UNBINDING:
		leg_state_chg(fi, LEG_ST_DISCONNECTED, 0);
		break;
	case LEG_ST_WAIT:
		connect_now(fi);
		break;
	case LEG_ST_DISCONNECTED:
	case LEG_ST_BOUND:
		break; /* no timer */
	}
}

static int leg_timer(struct osmo_fsm_inst *fi)
{
	struct smpp_leg *leg = fi->priv;

	smpp_link_enter(leg->link);
	timed_out(fi);
	smpp_link_leave(leg->link);
	return 0;
}

static const struct osmo_fsm_state leg_states[] = {
	[LEG_ST_DISCONNECTED] =
		{
			.name = "DISCONNECTED",
			.in_event_mask = S(LEG_EV_START) | S(LEG_EV_STOP) | S(LEG_EV_DOWN),
			.out_state_mask = S(LEG_ST_CONNECTING),
			.onenter = disconnected_onenter,
			.action = disconnected_action,
		},
	[LEG_ST_CONNECTING] =
		{
			.name = "CONNECTING",
			.in_event_mask = S(LEG_EV_UP) | S(LEG_EV_DOWN) | S(LEG_EV_STOP) | S(LEG_EV_START),
			.out_state_mask = S(LEG_ST_BINDING) | S(LEG_ST_WAIT) | S(LEG_ST_DISCONNECTED),
			.onenter = connecting_onenter,
			.action = connecting_action,
		},
	[LEG_ST_BINDING] =
		{
			.name = "BINDING",
			.in_event_mask = S(LEG_EV_BIND_RESP) | S(LEG_EV_DOWN) | S(LEG_EV_STOP) | S(LEG_EV_START) |
					 S(LEG_EV_UNBIND_RESP),
			.out_state_mask = S(LEG_ST_BOUND) | S(LEG_ST_WAIT) | S(LEG_ST_DISCONNECTED),
			.onenter = binding_onenter,
			.action = binding_action,
		},
	[LEG_ST_BOUND] =
		{
			.name = "BOUND",
			.in_event_mask = S(LEG_EV_DOWN) | S(LEG_EV_STOP) | S(LEG_EV_START) | S(LEG_EV_IDLE) |
					 S(LEG_EV_UNBIND_RESP),
			.out_state_mask =
				S(LEG_ST_DRAINING) | S(LEG_ST_UNBINDING) | S(LEG_ST_WAIT) | S(LEG_ST_DISCONNECTED),
			.onenter = bound_onenter,
			.action = bound_action,
		},
	[LEG_ST_DRAINING] =
		{
			.name = "DRAINING",
			.in_event_mask = S(LEG_EV_IDLE) | S(LEG_EV_DOWN) | S(LEG_EV_STOP) | S(LEG_EV_START) |
					 S(LEG_EV_UNBIND_RESP),
			.out_state_mask = S(LEG_ST_UNBINDING) | S(LEG_ST_WAIT) | S(LEG_ST_DISCONNECTED),
			.action = draining_action,
		},
	[LEG_ST_UNBINDING] =
		{
			.name = "UNBINDING",
			.in_event_mask = S(LEG_EV_UNBIND_RESP) | S(LEG_EV_DOWN) | S(LEG_EV_STOP) | S(LEG_EV_START) |
					 S(LEG_EV_IDLE),
			.out_state_mask = S(LEG_ST_DISCONNECTED),
			.onenter = unbinding_onenter,
			.action = unbinding_action,
		},
	[LEG_ST_WAIT] =
		{
			.name = "WAIT",
			.in_event_mask = S(LEG_EV_START) | S(LEG_EV_STOP) | S(LEG_EV_DOWN),
			.out_state_mask = S(LEG_ST_CONNECTING) | S(LEG_ST_DISCONNECTED),
			.onenter = disconnected_onenter,
			.action = wait_action,
		},
};

static struct osmo_fsm leg_fsm = {
	.name = "smpp",
	.states = leg_states,
	.num_states = ARRAY_SIZE(leg_states),
	.timer_cb = leg_timer,
	.event_names = event_names,
	.log_subsys = DSMPP,
};

static __attribute__((constructor)) void leg_fsm_register(void)
{
	OSMO_ASSERT(osmo_fsm_register(&leg_fsm) == 0);
}

int smpp_leg_init(struct smpp_leg *leg, struct smpp_link *link, enum smpp_leg_role role)
{
	static const char *const suffix[] = {[LEG_TRX] = "", [LEG_TX] = "-tx", [LEG_RX] = "-rx"};
	const struct smpp_link_cfg *cfg = &link->cfg;
	char *id = talloc_asprintf(link, "%s%s", cfg->name, suffix[role]);

	osmo_identifier_sanitize_buf(id, NULL, '-');
	*leg = (struct smpp_leg){
		.link = link,
		.role = role,
		.reconnect = {.min_ms = cfg->reconnect_min_ms, .max_ms = cfg->reconnect_max_ms},
		.refused = {.min_ms = cfg->refused_min_ms, .max_ms = cfg->refused_max_ms},
	};
	INIT_LLIST_HEAD(&leg->to_ack);
	osmo_timer_setup(&leg->enquire, smpp_leg_enquire_fired, leg);
	leg->fi = osmo_fsm_inst_alloc(&leg_fsm, link, leg, LOGL_DEBUG, id);
	talloc_free(id);
	return leg->fi ? 0 : -ENOMEM;
}

void smpp_leg_fini(struct smpp_leg *leg)
{
	osmo_timer_del(&leg->enquire);
	if (leg->fi)
		osmo_fsm_inst_term(leg->fi, OSMO_FSM_TERM_REGULAR, NULL);
	leg->fi = NULL;
	TALLOC_FREE(leg->sock);
}

bool smpp_leg_bound(const struct smpp_leg *leg)
{
	return leg->fi->state == LEG_ST_BOUND;
}

bool smpp_leg_open(const struct smpp_leg *leg)
{
	return S(leg->fi->state) & (S(LEG_ST_BOUND) | S(LEG_ST_DRAINING) | S(LEG_ST_UNBINDING));
}

bool smpp_leg_idle(const struct smpp_leg *leg)
{
	return leg->fi->state == LEG_ST_DISCONNECTED;
}
