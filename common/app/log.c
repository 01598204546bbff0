/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/log.h"

#include <osmocom/core/utils.h>

static const struct log_info_cat cats[] = {
	[DMAIN] = {.name = "DMAIN", .description = "Start, stop, configuration", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DDB] = {.name = "DDB", .description = "Database", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DHTTP] = {.name = "DHTTP", .description = "HTTP and TLS", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DSOAP] = {.name = "DSOAP",
		   .description = "SOAP envelopes and schema checks",
		   .loglevel = LOGL_NOTICE,
		   .enabled = 1},
	[DES] = {.name = "DES", .description = "Functions of ES1 to ES7", .loglevel = LOGL_INFO, .enabled = 1},
	[DSCP80] = {.name = "DSCP80", .description = "Secured packets", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DPROC] = {.name = "DPROC",
		   .description = "Procedures and card operations",
		   .loglevel = LOGL_INFO,
		   .enabled = 1},
	[DKEY] = {.name = "DKEY", .description = "Key store", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DSMS] = {.name = "DSMS", .description = "Short messages", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DSMPP] = {.name = "DSMPP", .description = "SMPP links", .loglevel = LOGL_NOTICE, .enabled = 1},
	[DCERT] = {.name = "DCERT",
		   .description = "Certificates and signatures",
		   .loglevel = LOGL_NOTICE,
		   .enabled = 1},
	[DLAB] = {.name = "DLAB", .description = "Lab: eUICC, SMSC, phones", .loglevel = LOGL_INFO, .enabled = 1},
};

_Static_assert(ARRAY_SIZE(cats) == DLAB + 1, "a log category has no row");

const struct log_info log_info_esim = {
	.cat = cats,
	.num_cat = ARRAY_SIZE(cats),
};
