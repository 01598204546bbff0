/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

/* What actions of operators say, the same for VTY, CTRL and the admin socket of both daemons. */

/*! Word the outcome of an action.
 * \param[out] text  talloc child of ctx
 * \returns rc, so that a handler can end with it */
int action_say(const void *ctx, const char **text, int rc, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*! An action has run: one that said nothing is given words, and the log hears of it.
 * \param[in]     by    who asked: "VTY", "CTRL", "admin"
 * \param[in,out] text  as action_say() */
void action_end(const void *ctx, const char *by, int rc, const char **text);
