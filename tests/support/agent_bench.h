/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/support/card_bench.h"

/* A card of card_bench.h in an administration session: the server's side is text. */

#define AGENT_EID "89001012012341234012345678901224"
#define AGENT_FROM "//se-id/eid/" AGENT_EID ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100"
#define AGENT_HEAD                                              \
	"Host: sm-sr.example\r\n"                               \
	"X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n" \
	"X-Admin-From: " AGENT_FROM "\r\n"
#define AGENT_FIRST "POST /gsma/adminagent?tid=17 HTTP/1.1\r\n" AGENT_HEAD "\r\n"
#define AGENT_OK "HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
#define AGENT_TYPE "Content-Type: application/vnd.globalplatform.card-content-mgt;version=1.0\r\n"
#define AGENT_204 "HTTP/1.1 204 No Content\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"

/* Objects of a trigger: TCP port 8443 at 192.0.2.1; host and URI of AGENT_FIRST; one more attempt after 15 minutes. */
#define AGENT_CONN "840C3C030220FB3E0521C0000201"
#define AGENT_POST "89288A0D736D2D73722E6578616D706C658C172F67736D612F61646D696E6167656E743F7469643D3137"
#define AGENT_RETRY "860700012503005100"
#define AGENT_TRIGGER "813A8338" AGENT_CONN AGENT_POST
#define AGENT_TRIGGER_RETRY "81438341" AGENT_CONN AGENT_RETRY AGENT_POST

/*! cmocka set-up: the card is in service and settings name no server. */
int agent_setup(void **state);

/*! euicc_trigger() with AGENT_TRIGGER, the channel opens, the first request is as it must be. */
void agent_start(struct bench *b);
/*! Expect the card to open the channel, and let it succeed.  \returns what the card wants */
const struct euicc_channel *agent_connect(struct bench *b);
/*! Text from the server. */
void agent_say(struct bench *b, const char *text);
/*! A script.  \param[in] next  Next-URI; NULL = none.  \param[in] target  AID in hex; NULL = none */
void agent_script(struct bench *b, const char *next, const char *target, const char *script);
/*! Octets that the card sends, as text of C: what is not printable is a dot. */
const char *agent_sent(struct bench *b);
struct bytes agent_sent_octets(struct bench *b);
/*! The card must close, cut or not. */
void agent_closed(struct bench *b, bool cut);
