/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* What an SM-DP wants to say to a card, looked at before it leaves.  Pure.  SGP.02 ES3.SendData. */

/*! Take the outer scripting template away, where a peer sent one, and check that whole command TLVs are left: C-APDUs
 * (22), SCP03t (84 to 87), script chaining (83, first only).
 * \param[out] cmds  view into data.  \returns 0; -EINVAL */
int sd_guard_open(struct bytes data, struct bytes *cmds) MUST_CHECK;

enum sd_kind {
	SD_TO_ISDP,	/* for the ISD-P that Sd-aid names */
	SD_KEYS_BEGIN,	/* ISD-R: INSTALL [for personalization] of an ISD-P, and DGI 3A01 */
	SD_KEYS_FINISH, /* ISD-R: DGI 3A02, with 7F49 and 5F37 */
};

struct sd_look {
	enum sd_kind kind;
	struct bytes isdp; /* SD_KEYS_BEGIN: AID in the INSTALL; a view */
};

/*! Tell by the content where commands belong.  Two sequences only may reach the ISD-R, because whoever speaks to it
 * freely owns the card.
 * \param[in]  cmds  of sd_guard_open()
 * \param[out] why   -EPERM: in words; static
 * \returns 0; -EPERM: begins like a key establishment and is none, or would leave the ISD-P */
int sd_guard_look(const void *ctx, struct bytes cmds, struct sd_look *look, const char **why) MUST_CHECK;
