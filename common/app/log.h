/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/logging.h>

/* Log categories of both daemons and the lab.  Levels: NOTICE = an operator acts on it, INFO = one line for each step
 * of a procedure, DEBUG = bytes.  No key, PSK or clear profile at any level (P6). */
enum log_cat {
	DMAIN,
	DDB,
	DHTTP,
	DSOAP,
	DES,
	DSCP80,
	DPROC,
	DKEY,
	DSMS,
	DSMPP,
	DCERT,
	DLAB,
};

extern const struct log_info log_info_esim;
