/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*~ Welcome.  smsr is an SM-SR (SGP.02): it takes requests of operators over SOAP and carries them out on eUICCs by
 * protected short messages.  To see one push travel, read in this order:
 *
 *   docs/architecture.md   the picture, and the life of a push in ten steps
 *   common/es/soap_service.c    a request arrives in an I/O thread and is checked (peer/request.c)
 *   smsr/es_in.c           the core admits it; es_fns.c turns it into an operation
 *   smsr/op.c, op_proc.c   the queue of an eUICC, and the procedures as one table
 *   smsr/cmd.c             a command is sealed and stored (scp80/sp.c does the octets)
 *   smsr/cmd_sms.c         its short messages go to a service centre (smpp_link.c)
 *   smsr/mo.c, por.c, notif.c   what the card answers
 *   smsr/report.c          the requester and the owners are told
 *   common/app/turn.c      why nothing of this leaves before it is durable
 */
#include "smsr/daemon.h"

int main(int argc, char **argv)
{
	return app_main(argc, argv, &smsr_app);
}
