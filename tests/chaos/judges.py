# SPDX-License-Identifier: AGPL-3.0-or-later
"""What must be true when everything has come to rest.  Nothing here is shared with the daemons: captures are read by
capture.py, databases by SQLite, cards are asked themselves, operators kept a ledger.  Each judge returns sentences; a
sentence is a violation.  P1 to P9 are the promises of docs/architecture.md."""
import collections
import re
import sqlite3

import capture
from evidence import Store
from judges_cards import delivered_once, eis_is_card, leftovers, outcomes_are_true, stock_agrees
from judges_secrets import secrets

STATUS = ['EXECUTED_SUCCESS', 'EXECUTED_WITHWARNING', 'FAILED', 'EXPIRED']
SUCCESS = STATUS[0]
GO_ON_S = 50     # several times what all waits together take


# ---- at rest ----

OPEN = {
    'smsr': ('SELECT count(*) FROM operation WHERE state < 8', 'SELECT count(*) FROM outbox WHERE state = 0',
             'SELECT count(*) FROM command WHERE state = 0', 'SELECT count(*) FROM https_job WHERE state = 0'),
    'smdp': ('SELECT count(*) FROM operation WHERE state < 100', 'SELECT count(*) FROM outbox WHERE state = 0',
             'SELECT count(*) FROM es3_call WHERE state IN (0, 1, 4)'),
}


def left(lab):
    """What is still under way: sentences."""
    found = []
    for name, questions in OPEN.items():
        try:
            store = Store(lab.database(name))
            found += [f'P8: {name}: {n} of "{sql.split("FROM ")[1]}"' for sql in questions if (n := store.value(sql))]
            store.close()
        except sqlite3.Error as error:
            found.append(f'{name}: {error}')
    return found


# ---- operators ----

def answers(e):
    """P4: each accepted call is answered, always with the same outcome; nobody is told what he did not ask."""
    for call in e.ledger.calls:
        what = f'{call.function} {call.call_id} of {call.operator.name}'
        told = {answer.outcome for answer in call.answers}
        of_message = collections.defaultdict(set)
        for answer in call.answers:
            of_message[answer.relates_to].add(answer.outcome)
        if call.state == 'unanswered':
            yield f'P4: {what} got no HTTP answer in the end'
        if call.is_accepted() and not told:
            yield f'P4: {what} was accepted and never answered'
        # What was refused is not remembered: when its 202 got lost and it comes again, it is looked at again.
        if len(told) > 1 and (len({x for x in told if not x.startswith('FAILED')}) > 1
                              or any(len(same) > 1 for same in of_message.values())):
            yield f'P4: {what} was answered {" and ".join(sorted(told))}'
        if call.state == 'refused' and told:
            yield f'P4: {what} was refused ({call.outcome}) and answered {told}'
        if call.state == 'refused' and not re.match(r'FAILED|EXECUTED|EXPIRED', call.outcome):
            yield f'{what}: strange answer {call.outcome}'
        texts = collections.defaultdict(set)
        for answer in call.answers:
            texts[answer.message_id].add(answer.xml)
        if any(len(same) > 1 for same in texts.values()):
            yield f'P4: {what}: one message came with different octets'
        if len(texts) > sum(status != 503 for _, status in call.attempts):
            yield f'P4: {what}: {len(texts)} answers to {len(call.attempts)} messages'
    for stranger in e.ledger.strangers:
        yield f'P4: {stranger.name} relates to {stranger.relates_to}, which nobody sent'


def told_is_stored(e):
    """P1: each message to an operator is the envelope of a row; P4: the row of its operation has that outcome."""
    envelopes = {bytes(x) for store in (e.smsr, e.smdp) for x, in store.rows('SELECT envelope FROM outbox')}
    for xml in e.ledger.texts:
        if xml.encode() not in envelopes:
            yield f'P1: an operator was told what no row explains: {xml[:300]}'
    rows = {call_id: status for store in (e.smsr, e.smdp) for call_id, status in
            store.rows('SELECT call_id, status FROM operation WHERE requester LIKE ?', '%.4_')}
    for call in e.ledger.calls:
        told = {answer.outcome.split(' ')[0] for answer in call.answers}
        if call.call_id in rows:
            if told and STATUS[rows[call.call_id] or 0] not in told:
                yield f'P4: {call.call_id} is stored as {STATUS[rows[call.call_id] or 0]}, told as {told}'
        elif told - {'FAILED'}:
            yield f'P1: {call.call_id} was answered {told}, no operation is stored'   # a refusal needs no row


def told_is_true(e):
    """P4: a success that was told is one that the card had: no card did less often what operators believe it did."""
    for card in e.lab.cards:
        events = e.events[card.eid]
        done = {'ES4-EnableProfile': sum(x == 'EnableProfile: 9000' for x in events),
                'ES4-DisableProfile': sum(x == 'DisableProfile: 9000' for x in events),
                'ES4-DeleteProfile': sum(bool(re.match(r'ISD-P in slot \d+ deleted', x)) for x in events),
                'ES2-DownloadProfile': sum(bool(re.match(r'profile \d+ installed', x)) for x in events)}
        for function, n in done.items():
            told = sum(call.function == function and call.card is card and any(a.outcome == SUCCESS for a in call.answers)
                       for call in e.ledger.calls)
            if told > n + e.is_log_torn:
                yield f'P4: eUICC {card.eid} did {function} {n} times, operators were told of {told} successes'


def stored_is_told(e):
    """P4: what a store calls delivered has arrived, octet for octet; changes by others were told to the owner."""
    texts = {xml.encode() for xml in e.ledger.texts}
    for name, store in (('smsr', e.smsr), ('smdp', e.smdp)):
        for row, peer, what, envelope in store.rows('SELECT id, peer, name, envelope FROM outbox WHERE state = 1'):
            if peer in e.lab.operator_oids() and bytes(envelope) not in texts:
                yield f'P4: {name}: message {row} ({what} to {peer}) is called delivered, and never came'


# ---- short messages ----

def packets_are_rows(e):
    """P1: nothing on the air that no row explains."""
    rows = {bytes(packet) for packet, in e.smsr.rows('SELECT packet FROM command')}
    for packet in set(e.packets):
        if packet.octets not in rows:
            yield f'P1: no row explains a packet to {packet.dest}: {packet.octets.hex()}'


def in_turn(e):
    """P3, on the air: the commands of one operation of an eUICC are done with before those of another one begin."""
    op_of = {bytes(packet): (euicc, op) for packet, op, euicc in e.smsr.rows('SELECT packet, op_id, euicc_id FROM command')}
    seen, last, left = set(), {}, collections.defaultdict(set)
    for packet in e.packets:
        if packet.octets in seen or packet.octets not in op_of:
            continue
        seen.add(packet.octets)
        euicc, op = op_of[packet.octets]
        if last.get(euicc) != op and op in left[euicc]:
            yield f'P3: eUICC {euicc}: a new command of operation {op} after one of {last[euicc]}, which came between'
        if euicc in last:
            left[euicc].add(last[euicc])
        last[euicc] = op


def counters(e):
    """P2: one counter, one packet; and no card has heard of a counter that is not in the store."""
    seen = collections.defaultdict(set)
    for octets in {packet.octets for packet in e.packets}:
        opened = capture.open_packet(e.keys, octets)
        if opened:
            seen[opened.eid, opened.cntr].add(octets)
        else:
            yield f'P2: a packet that no card can open: {octets.hex()}'
    for (eid, cntr), same in seen.items():
        if len(same) > 1:
            yield f'P2: counter {cntr} of eUICC {eid} went out with {len(same)} different packets'
    stored = {eid: cntr for eid, cntr in e.smsr.rows(
        'SELECT hex(e.eid), k.cntr FROM euicc e JOIN keyset k ON k.euicc_id = e.id WHERE k.type = 1')}
    for eid, card in e.cards.items():
        on_air = max((cntr for of, cntr in seen if of == eid), default=0)
        if card.counter > max(stored[eid], 0) or on_air > stored[eid]:
            yield f'P2: eUICC {eid} has counter {card.counter}, on the air was {on_air}, the store knows {stored[eid]}'
    for dest, opened in ((p.dest, capture.open_packet(e.keys, p.octets)) for p in set(e.packets)):
        numbers = {m.lstrip('+') for card in e.lab.cards if opened and card.eid == opened.eid
                   for m in (card.bootstrap[2], card.operational[2])} | {p.msisdn for p in e.lab.profiles}
        if opened and dest.lstrip('+') not in numbers:
            yield f'a packet of eUICC {opened.eid} went to {dest}'


# ---- the stores ----

def one_at_a_time(e):
    """P3: operations of one eUICC follow each other, in the order in which they were accepted."""
    last = {}
    for euicc, op, kind, requester, started, ended in e.smsr.rows(
            'SELECT euicc_id, id, kind, requester, started_ms, ended_ms FROM operation WHERE started_ms IS NOT NULL '
            'ORDER BY euicc_id, started_ms, id'):
        before = last.get(euicc)
        if before and before[1] and started < before[1]:
            yield f'P3: eUICC {euicc}: operation {op} (kind {kind}) began {before[1] - started} ms before {before[0]} ended'
        if before and requester and before[2] and before[0] > op:
            yield f'P3: eUICC {euicc}: operation {op} (kind {kind}) began after {before[0]}'
        last[euicc] = (op, ended, requester)
    if n := e.smsr.value('SELECT count(*) FROM euicc WHERE active_op IS NOT NULL'):
        yield f'P3: {n} eUICCs have an operation in flight, and everything is at rest'


def ended_once(e):
    """P4: an end, an outcome and one line about it in the timeline for each operation."""
    for name, store, outcome_step in (('smsr', e.smsr, 12), ('smdp', e.smdp, 11)):
        if n := store.value('SELECT count(*) FROM operation WHERE ended_ms IS NULL OR status IS NULL'):
            yield f'P4: {name}: {n} operations without an end or an outcome'
        for op, n in store.rows('SELECT o.id, (SELECT count(*) FROM timeline t WHERE t.op_id = o.id AND t.step = ?) n '
                                'FROM operation o WHERE n <> 1', outcome_step):
            yield f'P9: {name}: operation {op} has {n} outcomes in its timeline'
        for row in store.rows('SELECT id, name, last_error FROM outbox WHERE state = 3 OR (state = 2 AND last_error IS NULL)'):
            yield f'P4: {name}: message {row[0]} ({row[1]}) was given up: {row[2]}'
    for op, in e.smsr.rows('SELECT id FROM operation WHERE requester IS NOT NULL AND id NOT IN '
                           '(SELECT op_id FROM outbox WHERE op_id IS NOT NULL)'):
        yield f'P4: smsr: nobody was to be told of operation {op}'


def nothing_forgotten(e):
    """P8: when everything works again each operation goes on, and ends long before its time is up."""
    for name, store in (('smsr', e.smsr), ('smdp', e.smdp)):
        for op, kind, ended in store.rows('SELECT id, kind, ended_ms FROM operation WHERE ended_ms > ?',
                                          e.lab.healed_ms + GO_ON_S * 1000):
            yield f'P8: {name}: operation {op} (kind {kind}) ended only {(ended - e.lab.healed_ms) / 1000:.0f} s after all was healed'


def audit_trail(e):
    """P4: each change that ended is in the audit trail."""
    trail = collections.Counter(e.smsr.rows('SELECT hex(eid), type FROM audit'))
    kinds = {1: 0x200, 2: 0x300, 3: 0x400, 4: 0x500, 6: 0x100}
    ended = collections.Counter((eid, kinds[kind]) for eid, kind in e.smsr.rows(
        'SELECT hex(e.eid), o.kind FROM operation o JOIN euicc e ON e.id = o.euicc_id WHERE o.kind IN (1, 2, 3, 4, 6)'
        ' AND o.status = 0'))
    for (eid, kind), n in ended.items():
        if trail[eid, kind] < n:
            yield f'P4: eUICC {eid}: {n} operations of type {kind:04x} succeeded, the audit trail has {trail[eid, kind]}'


def sound(e):
    for name, store in (('smsr', e.smsr), ('smdp', e.smdp)):
        if (said := store.value('PRAGMA integrity_check')) != 'ok':
            yield f'P8: {name}: integrity_check: {said}'
        if rows := store.rows('PRAGMA foreign_key_check'):
            yield f'P8: {name}: foreign keys: {rows[:3]}'
    if (epoch := e.smsr.value('SELECT epoch FROM meta')) != 1:
        yield f'P8: a kill was taken for a restore: epoch {epoch}'


# ---- processes ----

def processes(e):
    """Nobody ends by himself unless his disk is full."""
    for process in e.lab.mortals().values():
        for reason in process.odd:
            yield f'P8: {process.name}: {reason}'
        for line in process.text().splitlines():
            if any(sign in line for sign in ('Assert failed', 'AddressSanitizer', 'runtime error')):
                yield f'{process.name}: {line}'


def saw_enough(e):
    """A judge that had nothing to look at has judged nothing."""
    good = collections.Counter(call.function for call in e.ledger.calls if any(a.outcome == SUCCESS for a in call.answers))
    for what, n in {'packets': len(e.packets), 'notes to operators': len(e.ledger.notes), 'events of cards': len(e.events),
                    'packages on cards': sum(len(card.packages) for card in e.cards.values()),
                    'enables': good['ES4-EnableProfile'], 'disables': good['ES4-DisableProfile'],
                    'audits': good['ES4-AuditEIS'], 'downloads': good['ES2-DownloadProfile']}.items():
        if not n:
            yield f'nothing to judge: no {what}'
    if missed := [name for name, process in e.lab.mortals().items() if process.kills and process.lives <= process.kills]:
        yield f'not started again: {missed}'


JUDGES = (answers, told_is_stored, stored_is_told, told_is_true, packets_are_rows, in_turn, counters, one_at_a_time, ended_once,
          nothing_forgotten, audit_trail, sound, eis_is_card, outcomes_are_true, delivered_once, stock_agrees, leftovers, secrets, processes,
          saw_enough)
