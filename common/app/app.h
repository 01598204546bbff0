/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct osmo_tdef_group;

/* The frame of a daemon: options, configuration, signals, the loop of the core thread, start and stop order.
 *
 *   talloc root - logging - VTY nodes - options - read .cfg - self-test of the cryptography - check() -
 *   (with -C: the end) - signals - start() - VTY and CTRL ports - READY=1 - loop - STOPPING=1 - stop() - talloc report
 *
 * SIGTERM and SIGINT stop in that order, SIGHUP reopens the log files and calls reload(), SIGUSR1 writes a talloc
 * report to stderr.  Core dumps are off and the umask is 0077 from the first line on (P6).
 *
 * One round of the loop: sleep until a descriptor or a timer is due, clock_feed(), osmo_select_main_ctx(1), turn().
 * OTC_SELECT is emptied before and after turn(): what handlers leave for turn() must live elsewhere. */

/*! Exit codes of both daemons; documented in the manual pages. */
enum app_exit {
	APP_OK = 0,
	APP_CONFIG = 1, /* configuration file, certificates, keys */
	APP_USAGE = 2,	/* command line */
	APP_DB = 3,	/* database cannot be opened, is too new, needs -U, or is in use */
	APP_CRYPTO = 4, /* self-test of the cryptography failed */
	APP_BIND = 5,	/* an address or port cannot be used */
	APP_STORE = 6,	/* the database failed while running: nothing of that turn was sent */
	APP_OS = 7,	/* memory, threads, descriptors */
};

/*! What differs between the daemons.  prog is what alloc() returned; every other member but name may be NULL or 0. */
struct app_desc {
	const char *name;	 /* "smsr": VTY prompt, log, default configuration file "smsr.cfg" */
	const char *description; /* one line for -h */
	bool database;		 /* it has one: -U is an option, and exit codes 3 and 6 may occur */
	uint16_t vty_port;	 /* default of "line vty" / "bind"; 0 = no telnet VTY */
	uint16_t ctrl_port;	 /* CTRL interface; its address comes from "ctrl" / "bind"; 0 = none */

	/*! Timers, set to their defaults before the configuration is read; ends with an empty entry. */
	struct osmo_tdef_group *timers;

	/*! Make the daemon's state, a talloc child of ctx, which is freed after stop(). */
	void *(*alloc)(void *ctx);
	/*! Install VTY nodes and commands.  Nothing starts here. */
	void (*vty_init)(void *prog);
	/*! After the configuration was read: load and check everything that needs no port (certificates, keys, database
	 * version, free space).  Logs what is wrong. */
	enum app_exit (*check)(void *prog);
	/*! Open the database (bring it up to date only with upgrade), start threads, bind. */
	enum app_exit (*start)(void *prog, bool upgrade);
	/*! Install CTRL commands; their data is prog. */
	void (*ctrl_init)(void *prog);
	/*! End of a round: dequeue, commit, send.  \returns true to be called again without sleeping */
	bool (*turn)(void *prog);
	/*! SIGHUP, after the log files were reopened: read certificates and peers again, keep the old ones on error. */
	void (*reload)(void *prog);
	/*! Undo start(); also called when start() failed half way. */
	void (*stop)(void *prog);
};

/*! Run a daemon.  \returns exit code of the process, an enum app_exit */
int app_main(int argc, char **argv, const struct app_desc *desc);

/*! Core thread: leave the loop after this round.  The first code given wins. */
void app_quit(enum app_exit code);

/*! Log why a check or a start failed.  \param[in] why  sentence  \returns code, to be returned in the same breath */
enum app_exit app_complain(enum app_exit code, const char *why);

/*! The database failed while running: leave with APP_STORE, at once.  A turn_broken_cb. */
_Noreturn void app_store_broken(void *unused);

/*! Tell those who listen on the CTRL interface; nothing happens without one. */
void app_trap(const char *variable, const char *value);

/*! Core thread: what its talloc contexts hold in all, without the jobs that are on their way between threads. */
void app_talloc_total(size_t *octets, size_t *blocks);

/*! File of -c (or the default), for a reload that parses it again; NULL before the options were read. */
const char *app_config_file(void);
