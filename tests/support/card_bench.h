/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lab/euicc/euicc.h"
#include "scp80/concat.h"
#include "scp80/sp.h"

/* A card on the bench: fake clock, fake network, and the server's side built from scp80 functions and the stored
 * vectors. Every helper fails the test when something unexpected comes out. */

#define BENCH_IMSI_BOOT "001010000000001"
#define BENCH_IMSI_OPER "001010000000002"
#define BENCH_KVN 2
/* AIDs of the two profiles; the vectors name both. */
#define BENCH_AID_OPER "A0000005591010FFFFFFFF8900001000"
#define BENCH_AID_BOOT "A0000005591010FFFFFFFF8900001100"

struct bench {
	void *ctx;
	struct crypto *crypto;
	struct euicc_fleet *fleet;
	struct euicc *card;
	struct sp_keys keys;
	uint64_t cntr;	       /* of the last command */
	uint32_t tar;	       /* of commands; 0 = the ISD-R */
	struct sp_hdr hdr;     /* of the last command */
	struct bytes last;     /* packet of the last command */
	struct euicc_out *ack; /* its acknowledgement */
	struct bytes cert;     /* what the ECASD holds */
	void *json;
};

/*! cmocka set-up and tear-down: *state is the struct bench.  The card is new and switched off: profile "boot" enabled
 * and fall-back, profile "oper" disabled. */
int bench_setup(void **state);
int bench_teardown(void **state);

/*! A fresh card object with the state of the old one, as after a loss of power; switched off. */
void bench_restart(struct bench *b);

/*! Octets of vectors/es8.json: section and key. */
struct bytes bench_vector(struct bench *b, const char *section, const char *key);
struct bytes bench_hex(struct bench *b, const char *hex);

/*! Next output that is no text; NULL when there is none. */
struct euicc_out *bench_next(struct bench *b);
/*! As bench_next(), must be of this type. */
struct euicc_out *bench_expect(struct bench *b, enum euicc_out_type type);
void bench_expect_nothing(struct bench *b);

/*! Let time pass, with every deadline on the way. */
void bench_advance(struct bench *b, int64_t ms);

/*! Expect an attach of this IMSI and answer it. */
void bench_attach(struct bench *b, const char *imsi, uint8_t cause);
void bench_expect_detach(struct bench *b, const char *imsi);

/*! Wrap C-APDUs into a definite script, seal it with the next counter and deliver it; its acknowledgement is consumed.
 */
void bench_send(struct bench *b, const struct bytes *capdus, size_t n);
void bench_send_spi(struct bench *b, uint16_t spi, const struct bytes *capdus, size_t n);
/*! Seal octets that are no script, and deliver them. */
void bench_send_content(struct bench *b, struct bytes content);
/*! Deliver the same octets as the last bench_send() again. */
void bench_resend(struct bench *b);
/*! Deliver a packet to the current phone.  \returns the last acknowledgement */
struct euicc_out *bench_deliver(struct bench *b, struct bytes pkt);

/*! Take the next PoR (all its segments, each answered as good), and open it. */
struct sp_por bench_por(struct bench *b);
/*! Join the user data of the next message of the card and answer each segment with cause 0. */
struct bytes bench_mo(struct bench *b, enum ud_kind *kind);
/*! bench_por() must be OK and hold one R-APDU.  \returns it with its status word */
struct bytes bench_rapdu(struct bench *b);
/*! Send one C-APDU and take its answer. */
struct bytes bench_ask(struct bench *b, struct bytes capdu);
void bench_ask_sw(struct bench *b, const char *key, uint16_t sw);

/*! Take the next notification and check type, number and AID. */
void bench_notification(struct bench *b, uint8_t type, uint16_t seq, const char *aid);
/*! 3A08.  \returns its R-APDU */
struct bytes bench_confirm(struct bench *b, uint16_t seq);

/*! From service on one profile to a confirmed service on the other. */
void bench_switch(struct bench *b, const char *command, const char *from_imsi, const char *to_imsi, uint16_t seq);
void bench_assert_bytes(struct bench *b, struct bytes got, struct bytes want);
