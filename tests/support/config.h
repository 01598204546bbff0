/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/app.h"

/* Configuration files of a daemon in a test, without starting it. */

/*! VTY with the nodes of a daemon.  \returns its state, alloc() of desc */
void *config_init(const struct app_desc *desc);
/*! What "show running-config" says.  \returns talloc child of ctx */
char *config_running(const void *ctx);
/*! Fails the test unless every line of a file, from the line "top" on, is in text; comments and lines that begin with
 * one of the words of "defaults" (ends with NULL) need not be. */
void config_assert_kept(const char *path, const char *top, const char *text, const char *const *defaults);
