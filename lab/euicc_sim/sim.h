/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/select.h>
#include <osmocom/core/socket.h>
#include <osmocom/core/timer.h>

#include "lab/air/air.h"
#include "lab/euicc/euicc.h"
#include "lab/seed/seed.h"

/* euicc-sim: many cards of lab/euicc behind one air socket.  Everything runs in one thread.
 *
 * Round trip of one input: descriptor or timer -> euicc_*() -> sim_settle(): state file, then outputs, then the card's
 * place in the timer heap. */

/*! Exit codes of the program. */
enum sim_exit {
	SIM_OK = 0,
	SIM_FAILED = 1, /* socket, state directory, cryptography */
	SIM_USAGE = 2,
};

struct sim_fault {
	enum euicc_fault fault;
	uint32_t arg;
};

struct sim_options {
	const char *seed;
	uint32_t first; /* number of the first card */
	uint32_t count;
	const char *socket;
	const char *control;   /* NULL: none */
	const char *state_dir; /* NULL: state dies with the process */
	const char *ecasd_dir; /* NULL: the cards hold no certificate */
	const char *ci_file;   /* NULL: the cards cannot establish keys */
	const char *trace_dir; /* NULL: traces go to the log */
	const char *commands;  /* file with control commands for the start; NULL: none */
	unsigned int attach_per_s;
	struct sim_fault faults[EUICC_N_FAULTS]; /* of every card */
	size_t n_faults;
	struct euicc_settings set;
	const char *https_suite; /* "00A8" or "00AE"; NULL: both */
	uint32_t https_fragment; /* max_fragment_length to ask for; 0: not */
	bool print_subscribers;
	bool trace;
	int log_level;
};

/*! \returns 0 go on; 1 all done (help, version); -EINVAL wrong usage (said on stderr) */
int sim_options_parse(int argc, char **argv, struct sim_options *opt) MUST_CHECK;

struct sim_card {
	struct euicc *card;
	uint32_t index;
	bool off;	  /* switched off by command */
	int32_t heap_pos; /* -1: no deadline */
	int64_t due_ms;
	struct https_conn *https; /* channel that the card has open or opens; NULL = none */
};

struct sim_imsi {
	char imsi[16];
	struct sim_card *sc;
};

struct https_conn;
struct radio;
struct control;

struct sim {
	const struct sim_options *opt;
	struct seed *seed;
	struct crypto *crypto;
	struct euicc_fleet *fleet;
	struct sim_card *cards;
	uint32_t n_cards;
	struct sim_imsi *by_imsi; /* sorted */
	size_t n_imsi;
	struct sim_card **heap; /* by due_ms */
	uint32_t heap_len;
	struct osmo_timer_list tick_timer;
	struct osmo_timer_list boot_timer;
	uint32_t boot_next; /* cards from here on wait for their turn to switch on */
	struct radio *radio;
	struct control *control;
	struct osmo_sockaddr https_addr; /* of --https-host; port 0 */
	bool quit;
	enum sim_exit exit_code;
};

/* cards.c */
/*! Make all cards and load what the state directory knows of them.  \returns 0 or negative errno (logged) */
int sim_cards_make(struct sim *sim) MUST_CHECK;
/*! \returns NULL when there is none */
struct sim_card *sim_card_by_imsi(struct sim *sim, const char *imsi);
/*! PSK of a card, talloc child of ctx, wiped when freed.  \returns 0; -ENOENT the card has no such key; -EIO */
int sim_card_psk(struct sim *sim, const struct sim_card *sc, uint8_t kvn, uint8_t kid, const void *ctx,
		 struct bytes *psk) MUST_CHECK;
/*! By EID, or by number with a leading '#'. */
struct sim_card *sim_card_find(struct sim *sim, const char *name);
/*! CSV imsi,msisdn of every profile of every card, to stdout.  \returns 0 or negative errno */
int sim_print_subscribers(const struct sim_options *opt) MUST_CHECK;

/* settle.c */
/*! Call before the first euicc_*() of an entry: time for the cards. */
void sim_enter(struct sim *sim);
/*! Call after each input to one card. */
void sim_settle(struct sim *sim, struct sim_card *sc);

/* heap.c */
/*! Put a card where its deadline belongs. */
void heap_update(struct sim *sim, struct sim_card *sc);

/* ticks.c */
/*! Wake up for the nearest deadline. */
void ticks_arm(struct sim *sim);
/*! The radio came or went: switch the cards on little by little, or off at once. */
void ticks_radio(struct sim *sim, bool up);
bool ticks_booted(const struct sim *sim, const struct sim_card *sc);
void ticks_init(struct sim *sim);

/* store.c */
int store_open(const char *dir) MUST_CHECK;
/*! \returns 0, also when nothing is stored for the card; negative errno (logged) */
int store_load(const char *dir, struct euicc *card) MUST_CHECK;
int store_save(const char *dir, struct euicc *card) MUST_CHECK;
/*! Read the certificate of a card: DIR/EID.ecasd, the 7F21 TLV in hex, as esim-pki writes it.
 * \param[out] cert  talloc child of ctx
 * \returns 0; -ENOENT without one; -EINVAL when it is none or of another EID (logged) */
int store_cert(const char *dir, const struct euicc *card, const void *ctx, struct bytes *cert) MUST_CHECK;

/*! Read the CI's public key: 7F49 { B0 point, F0 curve } in hex, as esim-pki writes it.
 * \param[out] key  talloc child of ctx.  \returns 0; negative errno (logged) */
int store_ci(const char *path, const void *ctx, struct pubkey **key) MUST_CHECK;

/* radio.c */
int radio_open(struct sim *sim) MUST_CHECK;
bool radio_up(const struct sim *sim);
/*! Queue one message; dropped without a radio. */
void radio_send(struct sim *sim, const struct air_msg *msg);

/* https.c: outputs of a card; what becomes of them is reported later, never from inside of these. */
/*! Look up --https-host and check the settings of TLS.  \returns 0 or negative errno (logged) */
int https_init(struct sim *sim) MUST_CHECK;
void https_connect(struct sim *sim, struct sim_card *sc, const struct euicc_channel *ch);
void https_send(struct sim_card *sc, struct bytes plain);
/*! \param[in] cut  without close_notify, and what is not sent yet is lost */
void https_close(struct sim_card *sc, bool cut);

/* commands.c */
/*! Run one command line.
 * \returns the answer, talloc child of ctx: lines, then "ok" or "error: ...", then an empty line */
char *control_run(struct sim *sim, const void *ctx, const char *line);

/* control.c */
int control_open(struct sim *sim) MUST_CHECK;
/*! Run every line of a file.  \returns 0 or negative errno (logged) */
int control_run_file(struct sim *sim, const char *path) MUST_CHECK;

/*! Digits of an EID for people. */
struct sim_eid_text {
	char text[2 * EUICC_EID_LEN + 1];
};
struct sim_eid_text sim_eid_text(const struct euicc *card);
