/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* For the app_*.c files only. */

/*! To be called in the core thread before anything registers a descriptor there. */
void app_loop_init(void);
/*! Sleep until a descriptor or a timer of the core thread is due. */
void app_loop_wait(void);
/*! Undo app_loop_init(). */
void app_loop_fini(void);

/*! Tell the service manager; nothing happens when there is none.  state: "READY=1", "STOPPING=1", … */
void app_notify(const char *state);
/*! Start to feed the watchdog of the service manager if it wants that. */
void app_notify_watchdog_start(void);
/*! Before the core thread stops to run timers. */
void app_notify_watchdog_stop(void);
