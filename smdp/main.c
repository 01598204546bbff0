/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*~ Welcome.  smdp is an SM-DP (SGP.02): it prepares profiles and loads them into eUICCs through an SM-SR.  To see one
 * download travel, read in this order:
 *
 *   common/es/soap_service.c    an order arrives in an I/O thread and is checked (peer/request.c)
 *   smdp/dp_in.c                the core admits it; es2_fns.c makes an order of it
 *   smdp/order.c, order_proc.c  the frame of all orders, and the download as one table
 *   smdp/eligible.c             may this eUICC be loaded?
 *   smdp/es3.c                  calls to the SM-SR: rows before they leave, repeated until answered
 *   smdp/order_keys.c           key agreement with the card (scp03/ecka.h)
 *   smdp/order_data.c           the package, sealed piece by piece (scp03/scp03t.h)
 *   smdp/dp_out.c               the operator is told
 *   smdp/relay.c, es3_notes.c   what is only passed on, in both directions
 *   smdp/stock.h, prep.h        where profiles come from
 */
#include "smdp/daemon.h"

int main(int argc, char **argv)
{
	return app_main(argc, argv, &smdp_app);
}
