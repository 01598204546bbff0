/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/admin_sock.h"

/* The admin socket of the SM-SR, "admin-socket" of the configuration; common/app/admin_sock.h has the protocol.  An
 * import carries an EIS in one line.
 *
 *   status                                    one row: see below
 *   smpp                                      a row for each link
 *   counters                                  a row {name, value, text} for each counter
 *   eis-list   {after?: eid, max?, audit_due?: bool}   rows of eUICCs, by registration
 *   eis        {eid | msisdn | imsi | iccid}  one row with its profiles and key sets (never values of keys)
 *   ops        {eid?, before?: id, max?}      rows of operations, newest first
 *   op         {id}                           one row
 *   timeline   {id, after?}                   rows of one operation, oldest first
 *   follow     {id} or {requester, call_id}   rows of the timeline as they are committed; ends after the operation is
 * done and its callback reached an end, or when the client closes outbox     {id?: operation, before?, max?}   rows of
 * messages to peers; without id the latest of all, newest first outbox-retry {peer?: OID or name}         what waits
 * for a later attempt is tried now trail      {eid?, before?: id, max?}      rows of the audit trail, newest first
 *   pauses                                    a row for each pause
 *   pause, resume {scope: all|drain|smsc|eid|peer, name?}
 *   audit      {eid}                          queue an audit; answer has "op"
 *   audit-list {after?: eid, max?}            rows of eUICCs that are to be audited, and why
 *   audit-bulk {max?}                         queue audits of these, so many for each second; answer has "n"
 *   cancel     {id}                           stop an operation; answer has "state"
 *   counter    {eid, version, value}          raise the SCP80 counter of a key set (resynchronisation)
 *   import     {xml}                          register an EIS (text of XML) without a check of its signature; has "eid"
 *   backup     {path}                         online copy of the database into a new file
 *
 * Times in rows are xs:dateTime text of UTC with milliseconds; a missing one is null.  EIDs have 32 digits, AIDs are
 * upper-case hex.  No row holds a secret.  Members of rows:
 *
 *   status     oid, name, version, started, epoch, euiccs, audit_due, links, links_up, paused: [scope or "scope name"],
 *              operations: {queued, change, notif, confirm, delete, audit, done}, outbox: {waiting, delivered,
 * given_up}, parts_waiting, database, database_free, certificate_ends; done, delivered and given_up since the start
 *   smpp       name, remote, state, up, paused, window, unanswered, to_ack, submitted, delivered, errors, last_error
 *   eis        eid, eum, verified, audit_due, last_audit, remaining_memory, available_memory, active_op,
 *              profiles: [{iccid, aid, state, fallback, mno, smdp, imsi, msisdn, pol2: [rule], allocated_memory,
 *              free_memory, type}], keysets: [{version, type, counter}];  in lists: eid, eum, verified, audit_due,
 *              last_audit, active_op, profiles: number, enabled: iccid
 *   op         id, eid, kind, state, fn, requester, call_id, iccid, aid, created, expires, started, ended, completed,
 *              attempt, status, subject, reason, message
 *   timeline   id, time, step, text
 *   outbox     id, op, eid, peer, name, url, state, attempt, due, expires, created, ended, error
 *   trail      id, time, eid, type, requester, status, subject, reason, aid, iccid, text
 *   pauses     scope, name, since
 *   audit-list eid, why, last_audit
 */

struct smsr_daemon;

/*! Listen.  \returns as admin_sock_start() */
int admin_start(struct smsr_daemon *d, const char *path, struct admin_sock **admin, const char **why) MUST_CHECK;
