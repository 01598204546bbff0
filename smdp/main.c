/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*~ Welcome.  smdp is to be an SM-DP (SGP.02): it prepares profiles and loads them into eUICCs through an SM-SR.  What
 * is here is the ground that it stands on:
 *
 *   smdp/cfg_vty.c              its configuration (cfg.h), read and written back
 *   smdp/daemon.c               start, loop and stop around the frame that both daemons share (common/app/app.h)
 *   common/es/soap_service.c    requests of operators arrive in an I/O thread and are checked
 *   smdp/es2_in.c               who is asking; every function is refused as not served
 *
 * What comes in front of the refusal are the functions of ES2, one by one: those that an SM-SR carries out are passed
 * on over ES3, and DownloadProfile makes a profile and its keys, which needs a database and a keystore (common/db,
 * common/crypto/keystore.h).
 */
#include "smdp/daemon.h"

int main(int argc, char **argv)
{
	return app_main(argc, argv, &smdp_app);
}
