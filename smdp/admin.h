/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/admin_sock.h"

/* The admin socket of the SM-DP, "admin-socket" of the configuration; common/app/admin_sock.h has the protocol.
 *
 *   stock-types     {mno?}                     a row for each profile type: mno, type, memory, template: bool, free,
 *                                              reserved, used, broken, low: bool
 *   stock-type-set  {mno, type, memory?, template?}   make or change one; template is its text, "" for none
 *   stock-list      {mno?, type?, state?, after?: id, max?}   rows of profiles: id, iccid, mno, type, state, order,
 *                                              imsi, msisdn, pol2, octets, imported, changed
 *
 *   stock-show      {iccid}                    one row; it has "sha256" of the package too
 *
 *   stock-import    {mno, type, csv, line?, pol2?, check?: bool}   rows through the template of the type: csv is the
 *                                              line with the names of columns and at most 1000 lines behind it, line
 *                                              the number of the first of those in the operator's file.  A row for
 *                                              each that was refused: line, iccid, error; the last line has "taken"
 *                                              and "refused"
 *
 *   stock-import-package {mno, type, package, imsi?, msisdn?, pol2?}   package is DER in base64; has "iccid"
 *
 *   stock-check     {package} or {iccid}       a row for each finding: severity, text; the last line has "iccid",
 *                                              "version", "profile_type", "services", "elements", "octets", "errors"
 *                                              and "warnings"
 *
 *   stock-take-out  {iccid}                    a free or reserved profile out of stock
 *   stock-release   {iccid}                    one that was taken out or is held, back into stock
 *   stock-release-held {mno?, type?}           all that are held since the database was restored; has "n"
 *
 *   orders        {before?: id, max?}          a row for each order, the newest first: id, eid, function, state,
 *                                              requester, sm-sr, iccid, profile_type, octets, sent, done, status,
 *                                              codes, times
 *   order         {id}                         its timeline as rows; the last line has "order"
 *   follow        {id} or {requester, call_id} steps as they come, with octets; ends when the order and its answer did
 *   order-cancel  {id}                         stop it, if that can still be done
 *   order-release {id}                         one that is on hold since the database was restored begins again
 *   order-ask     {}                           ask SM-SRs again that did not say what is on their eUICCs
 *
 *   status        {}                           one row: figures of orders, stock, calls, outbox; paused
 *   counters      {}                           rows: name, value, text
 *   pause, resume {scope: "all"}               calls to SM-SRs
 *   backup        {path}                       copy the database into a new file; answered when it is done
 *
 * What is imported is secret: a client sends it over this socket and keeps no copy.  No row holds a secret. */

struct backup;
struct smdp;
struct stock;
struct turn;

/*! What commands work on; borrowed, outlives the socket. */
struct dp_admin_env {
	struct turn *turn;
	struct stock *stock;
	struct smdp *smdp;     /* for commands about orders */
	struct backup *backup; /* NULL: none can be made */
};

/*! Listen.  \returns as admin_sock_start() */
int dp_admin_start(const void *ctx, const char *path, const struct dp_admin_env *env, struct admin_sock **sock,
		   const char **why) MUST_CHECK;
