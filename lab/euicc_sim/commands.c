/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the control socket: one table, each row for one card or for the fleet. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#define ARGS_MAX 5

struct call {
	struct sim *sim;
	int argc;
	char *argv[ARGS_MAX];
	char *out; /* grows; talloc */
};

/* One command for one card.  \returns NULL when done, or what is wrong */
typedef const char *(*card_fn)(struct call *call, struct sim_card *sc);

static void say(struct call *call, const char *text)
{
	call->out = talloc_strdup_append_buffer(call->out, text);
	OSMO_ASSERT(call->out);
}

static bool on_off(const char *word, bool *on)
{
	*on = strcmp(word, "on") == 0;
	return *on || strcmp(word, "off") == 0;
}

static bool number(const char *word, uint32_t *n)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || v > UINT32_MAX)
		return false;
	*n = (uint32_t)v;
	return true;
}

static const char *card_show(struct call *call, struct sim_card *sc)
{
	char *text = euicc_describe(sc->card, call->out);

	say(call, text);
	talloc_free(text);
	return NULL;
}

static void list_line(struct call *call, const struct sim_card *sc)
{
	uint16_t seq;
	char *line =
		talloc_asprintf(call->sim, "%s %s imsi %s counter %llu pending %02u\n", sim_eid_text(sc->card).text,
				!euicc_powered(sc->card)      ? "off"
				: euicc_has_service(sc->card) ? "service"
							      : "no-service",
				euicc_enabled(sc->card)->imsi, (unsigned long long)euicc_counter(sc->card),
				euicc_pending(sc->card, &seq));

	OSMO_ASSERT(line);
	say(call, line);
	talloc_free(line);
}

static const char *card_list(struct call *call, struct sim_card *sc)
{
	list_line(call, sc);
	return NULL;
}

static const char *card_fault(struct call *call, struct sim_card *sc)
{
	enum euicc_fault fault;
	uint32_t arg = 0;

	if (strcmp(call->argv[2], "none") == 0) {
		for (unsigned int i = 0; i < EUICC_N_FAULTS; i++)
			euicc_fault_set(sc->card, (enum euicc_fault)i, false, 0);
		return NULL;
	}
	if (euicc_fault_find(call->argv[2], &fault))
		return "no such fault";
	if (call->argc > 3 && strcmp(call->argv[3], "off") == 0) {
		euicc_fault_set(sc->card, fault, false, 0);
		return NULL;
	}
	if (call->argc > 3 && !number(call->argv[3], &arg))
		return "the argument is no number";
	euicc_fault_set(sc->card, fault, true, arg);
	return NULL;
}

static const char *card_power(struct call *call, struct sim_card *sc)
{
	bool on;

	if (!on_off(call->argv[2], &on))
		return "on or off?";
	sc->off = !on;
	if (!on || ticks_booted(call->sim, sc))
		euicc_power(sc->card, on);
	return NULL;
}

static const char *card_trace(struct call *call, struct sim_card *sc)
{
	bool on;

	if (!on_off(call->argv[2], &on))
		return "on or off?";
	euicc_trace_set(sc->card, on);
	return NULL;
}

static const char *card_pol1(struct call *call, struct sim_card *sc)
{
	uint8_t aid[EUICC_AID_LEN];
	uint32_t pol1;

	if (hex_dec_buf(aid, sizeof(aid), call->argv[2]) || !number(call->argv[3], &pol1) || pol1 > 255)
		return "AID of 32 hex digits and a number up to 255, please";
	return euicc_pol1_set(sc->card, aid, (uint8_t)pol1) ? "no such profile" : NULL;
}

static const char *card_apdu(struct call *call, struct sim_card *sc)
{
	struct bytes capdu, rapdu;
	void *ctx = talloc_new(call->sim);
	const char *wrong = NULL;

	if (hex_dec(ctx, call->argv[2], &capdu) || euicc_apdu(sc->card, ctx, capdu, &rapdu)) {
		wrong = "no APDU";
	} else {
		say(call, hex_enc(ctx, rapdu));
		say(call, "\n");
	}
	talloc_free(ctx);
	return wrong;
}

static const char *card_trigger(struct call *call, struct sim_card *sc)
{
	void *ctx = talloc_new(call->sim);
	struct bytes trigger;
	int rc;

	rc = hex_dec(ctx, call->argc > 2 ? call->argv[2] : "8100", &trigger);
	if (rc == 0)
		rc = euicc_trigger(sc->card, trigger);
	talloc_free(ctx);
	if (rc == -EBUSY)
		return "a session is open";
	if (rc == -ENOENT)
		return "switched off, or no server is known";
	return rc ? "no trigger" : NULL;
}

static const char *card_package(struct call *call, struct sim_card *sc)
{
	void *ctx = talloc_new(call->sim);
	const struct euicc_profile *p;

	for (size_t i = 0; (p = euicc_profile_at(sc->card, i)); i++) {
		struct euicc_package package;

		if (euicc_package(sc->card, p, &package))
			say(call, talloc_asprintf(ctx, "package %s %u %s\n", hex_enc(ctx, BYTES_ARR(p->aid)),
						  package.len, hex_enc(ctx, BYTES_ARR(package.sha256))));
	}
	talloc_free(ctx);
	return NULL;
}

static const char *each_card(struct call *call, card_fn fn)
{
	struct sim *sim = call->sim;
	const char *wrong = NULL;
	struct sim_card *sc;

	if (strcmp(call->argv[1], "all") == 0) {
		for (uint32_t i = 0; !wrong && i < sim->n_cards; i++) {
			wrong = fn(call, &sim->cards[i]);
			sim_settle(sim, &sim->cards[i]);
		}
		return wrong;
	}
	sc = sim_card_find(sim, call->argv[1]);
	if (!sc)
		return "no such card";
	wrong = fn(call, sc);
	sim_settle(sim, sc);
	return wrong;
}

static const char *run_coverage(struct call *call)
{
	struct sim_card *sc = sim_card_by_imsi(call->sim, call->argv[1]);
	bool on;

	if (!on_off(call->argv[2], &on))
		return "on or off?";
	if (!sc || euicc_coverage_set(sc->card, call->argv[1], on))
		return "no such IMSI";
	sim_settle(call->sim, sc);
	return NULL;
}

static const char *run_stats(struct call *call)
{
	unsigned int powered = 0, service = 0, pending = 0, fallback = 0;
	struct sim *sim = call->sim;
	char *line;

	for (uint32_t i = 0; i < sim->n_cards; i++) {
		const struct euicc *card = sim->cards[i].card;
		uint16_t seq;

		powered += euicc_powered(card);
		service += euicc_has_service(card);
		pending += euicc_pending(card, &seq) != EUICC_NOTIFY_NONE;
		fallback += euicc_enabled(card)->fallback;
	}
	line = talloc_asprintf(sim, "cards %u powered %u service %u pending %u on-fallback-profile %u radio %s\n",
			       sim->n_cards, powered, service, pending, fallback, radio_up(sim) ? "up" : "down");
	OSMO_ASSERT(line);
	say(call, line);
	talloc_free(line);
	return NULL;
}

static const char *run_help(struct call *call);

static const struct {
	const char *name;
	int min_args; /* with the name */
	card_fn card; /* argv[1] is an EID, #number or "all" */
	const char *(*run)(struct call *call);
	const char *help;
} commands[] = {
	{"list", 2, card_list, NULL, "list EID|#N|all"},
	{"show", 2, card_show, NULL, "show EID|#N"},
	{"fault", 3, card_fault, NULL, "fault EID|#N|all none|NAME [ARGUMENT|off]"},
	{"coverage", 3, NULL, run_coverage, "coverage IMSI on|off"},
	{"pol1", 4, card_pol1, NULL, "pol1 EID|#N AID NUMBER"},
	{"power", 3, card_power, NULL, "power EID|#N|all on|off"},
	{"trace", 3, card_trace, NULL, "trace EID|#N|all on|off"},
	{"apdu", 3, card_apdu, NULL, "apdu EID|#N HEX"},
	{"trigger", 2, card_trigger, NULL, "trigger EID|#N|all [HEX]"},
	{"package", 2, card_package, NULL, "package EID|#N    AID, octets and SHA-256 of each package received"},
	{"stats", 1, NULL, run_stats, "stats"},
	{"help", 1, NULL, run_help, "help"},
};

static const char *run_help(struct call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		say(call, commands[i].help);
		say(call, "\n");
	}
	say(call, "faults:");
	for (unsigned int i = 0; i < EUICC_N_FAULTS; i++) {
		say(call, " ");
		say(call, euicc_fault_name((enum euicc_fault)i));
	}
	say(call, "\n");
	return NULL;
}

static const char *dispatch(struct call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, call->argv[0]) != 0)
			continue;
		if (call->argc < commands[i].min_args)
			return commands[i].help;
		return commands[i].card ? each_card(call, commands[i].card) : commands[i].run(call);
	}
	return "unknown command; try help";
}

char *control_run(struct sim *sim, const void *ctx, const char *line)
{
	struct call call = {.sim = sim, .out = talloc_strdup(ctx, "")};
	char *copy = talloc_strdup(call.out, line), *save = NULL;
	const char *wrong = NULL;

	OSMO_ASSERT(call.out && copy);
	for (char *word = strtok_r(copy, " \t\r", &save); word && call.argc < ARGS_MAX;
	     word = strtok_r(NULL, " \t\r", &save))
		call.argv[call.argc++] = word;
	sim_enter(sim);
	if (call.argc > 0 && call.argv[0][0] != '#')
		wrong = dispatch(&call);
	ticks_arm(sim);
	say(&call, wrong ? "error: " : "ok");
	say(&call, wrong ? wrong : "");
	say(&call, "\n\n");
	return call.out;
}
