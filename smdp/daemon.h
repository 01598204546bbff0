/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/app.h"
#include "common/es/soap_service.h"
#include "smdp/cfg.h"

/*! Everything that smdp is while it runs; owned by the core thread. */
struct smdp_daemon {
	struct smdp_cfg *cfg;
	struct io *io;
	struct http_server *server;
	struct soap_service *soap;
};

extern const struct app_desc smdp_app;

/* cfg_vty.c */
/*! Install the configuration nodes: they read into and write from d->cfg. */
void smdp_vty_cfg_init(struct smdp_daemon *d);

/* es2_in.c */
/*! Names of the services, for struct soap_service_conf. */
extern const char *const es2_services[];
/*! I/O thread: soap_service_job_cb. */
struct io_job *es2_job(const struct http_req *req, struct soap_msg *steal_msg);
/*! Core: answer a job of es2_job(), and free it. */
void es2_rx_job(struct smdp_daemon *d, struct io_job *job);
