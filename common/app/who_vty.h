/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/tls.h"

struct vty;

/* The commands "tls ..." of a node that describes a peer.  Files that use the macros include osmocom/vty/command.h and
 * common/app/text_vty.h first. */

/*! Set the subject from words, as names have spaces in them.
 * \param[in] ctx  talloc parent of the text
 * \returns CMD_SUCCESS */
int who_vty_set_subject(const void *ctx, struct tls_who *who, const char **words, int n);
/*! Write what is set. */
void who_vty_write(struct vty *vty, const char *indent, const struct tls_who *who);

/* Makes PREFIX_serial_cmd, PREFIX_subject_cmd and PREFIX_fingerprint_cmd; ctx and who are expressions, evaluated when a
 * command runs. */
#define WHO_VTY_CMDS(prefix, ctx, who)                                                                              \
	TEXT_VTY_CMD(prefix##_serial, "tls serial-number TEXT",                                                     \
		     "Its TLS certificate\nAttribute serialNumber of the subject\nText\n", ctx, &(who)->serial)     \
	TEXT_VTY_CMD(prefix##_fingerprint, "tls fingerprint SHA256",                                                \
		     "Its TLS certificate\nSHA-256 of the certificate\nUpper-case hex\n", ctx, &(who)->fingerprint) \
	DEFUN(prefix##_subject, prefix##_subject_cmd, "tls subject .NAME",                                          \
	      "Its TLS certificate\nSubject as RFC 2253 writes it\nCN=...,O=...\n")                                 \
	{                                                                                                           \
		return who_vty_set_subject(ctx, who, argv, argc);                                                   \
	}
#define WHO_VTY_INSTALL(node, prefix)                             \
	do {                                                      \
		install_element(node, &prefix##_serial_cmd);      \
		install_element(node, &prefix##_subject_cmd);     \
		install_element(node, &prefix##_fingerprint_cmd); \
	} while (0)
