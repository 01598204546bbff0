#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""SIGKILL to smdp and to smsr at each step of a download; the killed one is started again on what it left behind.

  download_kill_test.py [NAME...]   scenarios by name; "all": every one there is; "list": their names; "random 7 99":
                                    kills at any time, drawn from each of the seeds 7 to 99; without names: a choice

At the moment of each kill the store has to explain what had left by then (P1).  In the end the operator has one answer
(P4), it is success, all procedures came to their end by themselves (P8): the profile is on the card once and enabled, the
card has no other ISD-P of it, both databases say the same as the card, and the ICCID is not given out again."""
import collections
import concurrent.futures
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from download_lab import ANSWER, DELETED, SMSR_OID, DownloadLab   # noqa: E402
from download import compare   # noqa: E402
from peers import download_body, element, outcome   # noqa: E402

SETTLE_S = 40   # a download that still stands still after this has lost something
AT_ONCE = 8     # scenarios
SUCCESS = 'EXECUTED_SUCCESS'
RANDOM_KILLS = 8
PIECE = 700     # octets of the package in one SendData: it has four

# A kill: whom, a line of the log, which one since the start of that process, and how long after it.  Lines are written
# while the event is handled.  The disk is slow (slow_disk.c): BEFORE falls in front of the commit of that event, AFTER
# behind it.  When a busy machine makes it fall elsewhere, nothing of what is checked changes.
BEFORE, AFTER = 15, 70
Kill = collections.namedtuple('Kill', 'who line nth after_ms', defaults=(1, BEFORE))
CALLBACK = 'callback'   # not a line: the operator has the answer and has not said 202
SMDP_LINE, SMSR_LINE = r'order \d+: ', r'#\d+ '

SMDP_STEPS = {
    'ordered': ('ordered', 1),
    'EIS read': ('answer: ES3-GetEIS', 1),
    'reserved': ('reserved', 1),
    'ISD-P created': ('answer: ES3-CreateISDP', 1),
    'challenge': ('answer: ES3-SendData', 1),
    'keys agreed': ('keys', 1),
    'first piece': ('answer: ES3-SendData', 3),
    'second piece': ('answer: ES3-SendData', 4),
    'last piece': ('answer: ES3-SendData', 6),
    'completed': ('answer: ES3-ProfileDownloadCompleted', 1),
    'enabled': ('answer: ES3-EnableProfile', 1),
    'callback not answered': (CALLBACK, 1),
    'callback answered': ('reported: ES2-DownloadProfile to .*: taken', 1),
}
SMDP_CALLS = {
    f'{fn} {nth} called': (f'call: ES3-{fn}', nth)
    for fn, nth in (('GetEIS', 1), ('CreateISDP', 1), ('SendData', 1), ('SendData', 2), ('SendData', 3), ('SendData', 4),
                    ('SendData', 6), ('ProfileDownloadCompleted', 1), ('EnableProfile', 1))
}
SMSR_STEPS = {
    'CreateISDP accepted': ('accepted: CreateISDP', 1),
    'CreateISDP submitted': ('submitted', 1),
    'CreateISDP taken': ('SMSC', 1),
    'CreateISDP done': ('EIS: ICCID .* is Created', 1),
    'CreateISDP reported': ('reported: ES3-CreateISDP', 1),
    'first key block accepted': ('accepted: SendData', 1),
    'first key block done': ('PoR', 2),
    'second key block accepted': ('accepted: SendData', 2),
    'second key block done': ('PoR', 3),
    'data accepted': ('accepted: SendData', 3),
    'session': ('HTTPS: the card has connected', 1),
    'first script out': ('HTTPS: script 1 to', 1),
    'first script answered': ('HTTPS: script 1 answered', 1),
    'second data accepted': ('accepted: SendData', 4),
    'second data out': ('HTTPS: script 1 to', 2),
    'second data reported': ('reported: ES3-SendData', 4),
    'last data answered': ('HTTPS: script 1 answered', 4),
    'enabling accepted': ('accepted: EnableProfile', 1),
    'notification': ('notification', 1),
    'confirmed': ('confirmed', 1),
    'enabling reported': ('reported: ES3-EnableProfile', 1),
}
ALL = {
    f'{who}, {name}, {when}': [Kill(who, *at, after_ms)]
    for who, steps in (('smdp', {**SMDP_STEPS, **SMDP_CALLS}), ('smsr', SMSR_STEPS)) for name, at in steps.items()
    for when, after_ms in (('before', BEFORE), ('after', AFTER))
}
ALL |= {
    'smdp again and again': [Kill('smdp', 'answer: ES3-GetEIS'), Kill('smdp', 'answer: ES3-CreateISDP', 1, AFTER),
                             Kill('smdp', 'keys'), Kill('smdp', 'answer: ES3-SendData', 2, AFTER),
                             Kill('smdp', 'answer: ES3-ProfileDownloadCompleted'), Kill('smdp', CALLBACK)],
    'smsr again and again': [Kill('smsr', 'submitted'), Kill('smsr', 'accepted: SendData', 1, AFTER), Kill('smsr', 'PoR', 1),
                             Kill('smsr', 'accepted: SendData', 2), Kill('smsr', 'HTTPS: script 1 to', 1, AFTER),
                             Kill('smsr', 'notification'), Kill('smsr', 'confirmed')],
    'both': [Kill('smdp', 'reserved'), Kill('smsr', 'EIS: ICCID .* is Created'), Kill('smdp', 'answer: ES3-SendData', 2),
             Kill('smsr', 'HTTPS: script 1 to', 1), Kill('smdp', 'answer: ES3-SendData', 1), Kill('smsr', 'confirmed')],
}
# The error routine may not delete what is installed already: then the download goes on with it.
POL1 = 'smdp, last piece, and POL1 forbids to delete it'
ALL[POL1] = [Kill('smdp', 'answer: ES3-SendData', 6)]
CHOICE = [POL1] + [name for name in ALL if name.endswith('again') or name == 'both'] + [
    f'{name}, {when}' for name, when in (
        ('smdp, ordered', 'before'), ('smdp, EIS read', 'after'), ('smdp, reserved', 'before'),
        ('smdp, ISD-P created', 'before'), ('smdp, ISD-P created', 'after'), ('smdp, challenge', 'after'),
        ('smdp, keys agreed', 'before'), ('smdp, first piece', 'after'), ('smdp, second piece', 'before'),
        ('smdp, last piece', 'before'), ('smdp, last piece', 'after'), ('smdp, completed', 'after'),
        ('smdp, enabled', 'before'), ('smdp, callback not answered', 'before'),
        ('smsr, CreateISDP accepted', 'before'), ('smsr, CreateISDP taken', 'after'), ('smsr, CreateISDP done', 'before'),
        ('smsr, CreateISDP reported', 'before'), ('smsr, first key block done', 'before'),
        ('smsr, second key block accepted', 'after'), ('smsr, data accepted', 'after'), ('smsr, session', 'before'),
        ('smsr, first script out', 'before'), ('smsr, first script out', 'after'), ('smsr, first script answered', 'before'),
        ('smsr, second data reported', 'before'), ('smsr, last data answered', 'after'), ('smsr, notification', 'before'),
        ('smsr, confirmed', 'before'))]


def until(done, what, seconds=SETTLE_S):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f'{what}: not within {seconds} s'
        time.sleep(0.02)


class Mortal:
    """smdp or smsr: its log is read through a pipe, and its lines kill it."""

    def __init__(self, lab, name, config):
        self.lab, self.name, self.config, self.log = lab, name, config, lab.dir / f'{name}.log'
        self.pattern = SMDP_LINE if name == 'smdp' else SMSR_LINE
        self.lines, self.count, self.born, self.popen = [], 0, 0, None
        self.start()

    def start(self):
        self.count, self.born = 0, len(self.lines)
        # Sanitizers want to be loaded first, and need not be.
        environment = {**os.environ, 'LD_PRELOAD': str(self.lab.slow_disk()),
                       'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}
        self.popen = subprocess.Popen([self.lab.bin / self.name, '-c', self.config], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        threading.Thread(target=self.read, args=(self.popen,), daemon=True).start()

    def read(self, popen):
        for raw in popen.stdout:
            line = raw.decode(errors='replace')
            self.lines.append(line)
            kill = self.lab.next_kill(self.name)
            if not kill or popen is not self.popen or not re.search(self.pattern + kill.line, line):
                continue
            self.count += 1
            if self.count == kill.nth:
                self.die(kill)

    def die(self, kill):
        popen = self.popen
        time.sleep(kill.after_ms / 1000)
        popen.send_signal(signal.SIGKILL)
        popen.wait()
        try:
            self.lab.examine(self.name)
        except Exception as error:   # pylint: disable=broad-except
            self.lab.errors.append(f'{self.name} killed at "{kill.line}": {error}')
        self.lab.kills.pop(0)
        self.lab.killed_s = time.monotonic()
        self.start()

    def is_up(self):
        return ('is running' if self.name == 'smdp' else 'is bound') in ''.join(self.lines[self.born:])

    def text(self):
        return ''.join(self.lines)

    def wait_for(self, pattern):
        def found():
            assert self.popen.poll() is None, f'{self.name} ended with code {self.popen.returncode}:\n{self.text()}'
            return re.search(pattern, self.text())

        until(found, f'{self.name}: {pattern}', 15)
        return found()

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.popen.wait(20)


class KillLab(DownloadLab):
    def __init__(self, kills):
        super().__init__(pieces=PIECE, limits={'por-wait-s': 3, 'callback-retry-min-s': 1, 'undelivered-s': 3})
        self.smdp_limits |= {'ask-again-s': 6}
        self.download = {'isdp-tries': 9, 'session-tries': 9}
        self.fleet = '   trigger-wait 3 3 5 5\n'
        self.card_options += ['--https-retries', '8']
        self.wanted, self.kills, self.messages, self.errors = kills, [], [], []
        self.killed_s, self.deaths = time.monotonic(), 0
        self.seed_of_kills = None

    def slow_disk(self):
        library = self.dir / 'slow_disk.so'
        if not library.exists():
            subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', library, pathlib.Path(__file__).with_name('slow_disk.c')],
                           check=True)
        return library

    def start_daemon(self, name, config):
        daemon = Mortal(self, name, config)
        self.processes.append(daemon)
        return daemon

    def next_kill(self, name):
        return self.kills[0] if self.kills and self.kills[0].who == name and self.kills[0].line != CALLBACK else None

    def callback(self, message):
        self.messages.append(message)
        if self.kills and self.kills[0].line == CALLBACK and message.name == ANSWER:
            self.smdp.die(self.kills[0])

    def kill_at_random(self):
        """Whom and when, not where; also while it starts, and while the other one is down."""
        chance = random.Random(self.seed_of_kills)
        for kill in list(self.kills):
            time.sleep(chance.uniform(0, 0.7))
            daemon = self.smdp if chance.random() < 0.5 else self.smsr
            daemon.die(kill)

    def copy(self, name):
        """The database as a kill left it, beside: whoever opens it changes it."""
        copy = self.dir / f'dead{self.deaths}.db'
        for suffix in ('', '-wal'):
            if pathlib.Path(f'{self.dir}/{name}.db{suffix}').exists():
                shutil.copy(f'{self.dir}/{name}.db{suffix}', f'{copy}{suffix}')
        self.deaths += 1
        return sqlite3.connect(copy)

    def examine(self, name):
        """P1: what had left is explained by what was stored."""
        if name == 'smdp':
            heard = {call_id for call_id, in self.rows('smsr', 'SELECT call_id FROM call WHERE sender LIKE ?', '%.20')}
            messages = [m for m in self.messages if m.name == ANSWER]
            db = self.copy(name)
            stored = {call_id for call_id, in db.execute('SELECT call_id FROM es3_call')}
            assert heard <= stored, f'P1: smsr has calls that no row explains: {heard - stored}'
            envelopes = {envelope for envelope, in db.execute('SELECT envelope FROM outbox')}
            assert all(m.xml.encode() in envelopes for m in messages), 'P1: an answer was sent that no row explains'
        else:
            answered = {call_id for call_id, in self.rows('smdp', 'SELECT call_id FROM es3_call WHERE state = 2')}
            taken = {call_id for call_id, in self.rows('smdp', 'SELECT call_id FROM es3_call WHERE state = 1')}
            db = self.copy(name)
            ended = {call_id for call_id, in db.execute('SELECT c.call_id FROM call c LEFT JOIN operation o ON o.id = c.op_id '
                                                        'WHERE c.op_id IS NULL OR o.state = 8')}
            stored = {call_id for call_id, in db.execute('SELECT call_id FROM call')}
            # What only reads leaves no row.
            reads = {call_id for call_id, in self.rows('smdp', "SELECT call_id FROM es3_call WHERE action LIKE '%GetEIS'")}
            assert answered - reads <= ended, f'P1: smdp has answers that no row explains: {answered - reads - ended}'
            assert taken <= stored, f'P1: 202 was said to calls that no row holds: {taken - stored}'
        db.close()

    def settled(self):
        if self.errors or self.kills:
            return bool(self.errors)
        try:
            left = self.rows('smdp', 'SELECT (SELECT count(*) FROM operation WHERE state < 100), '
                                     '(SELECT count(*) FROM outbox WHERE state = 0), (SELECT count(*) FROM operation)')
            left += self.rows('smsr', 'SELECT (SELECT count(*) FROM operation WHERE state < 8), '
                                      '(SELECT count(*) FROM outbox WHERE state = 0), 1')
        except sqlite3.OperationalError:
            return False   # just starting
        return left == [(0, 0, 1), (0, 0, 1)] and any(m.name == ANSWER for m in self.messages) and self.smdp.is_up() \
            and self.smsr.is_up()

    def run(self, card, profile):
        """Order as an operator does: without an answer the same call again."""
        self.operational.before_answer = self.callback
        body = download_body(card.eid, SMSR_OID, profile.iccid)
        self.smdp.count = self.smsr.count = 0
        self.kills = list(self.wanted)

        def call():
            try:
                status, answer = self.operational.call('ES2-DownloadProfile', body, call_id='order-1')
            except (OSError, http.client.HTTPException):
                return False
            assert status == 202, outcome(answer)
            return True

        if self.seed_of_kills is not None:
            threading.Thread(target=self.kill_at_random, daemon=True).start()
        until(call, '202 to the order', 15)
        until(self.settled, 'P8: end of the download', SETTLE_S + 2 * len(self.wanted))
        assert not self.errors, self.errors


def check_answers(lab, profile):
    """P4.  A call that was repeated because a kill swallowed the 202 may be answered by a callback of its own."""
    answers = collections.defaultdict(dict)
    for message in lab.messages:
        if message.name == ANSWER:
            answers[element(message.xml, 'RelatesTo')][element(message.xml, 'MessageID')] = message
    assert answers and all(len(same) == 1 for same in answers.values()), f'P4: {answers}'
    for same in answers.values():
        for message in same.values():
            assert outcome(message.xml) == SUCCESS and element(message.xml, 'Iccid') == profile.iccid, outcome(message.xml)
    return list(next(iter(answers.values())).values())


def check_card(lab, card, profile):
    """Once on the card, and nothing else of it.  Returns how many ISD-Ps were begun."""
    events = '\n'.join(lab.events(card))
    begun, deleted = events.count('ISD-P created'), len(re.findall(DELETED, events))
    assert begun - deleted == 1 and len(lab.cards_control.profiles(card.eid)) == 3, events
    assert len(lab.cards_control.packages(card.eid)) == 1
    assert f'in service as {profile.imsi}' in events, events
    return begun


def check_stores(lab, profile):
    one = lab.rows('smdp', 'SELECT i.iccid, i.installed, hex(i.aid), d.created FROM isdp_keys i, download d')
    aid = element(lab.operational.call('ES4-GetEIS', f'<rps:Eid>{lab.cards[0].eid}</rps:Eid>', reply=False)[1], 'Isd-p-aid')
    assert len(one) == 1 and one[0][:2] == (profile.iccid, 1), one
    assert lab.rows('smdp', 'SELECT count(*) FROM es3_call WHERE state NOT IN (2, 3)') == [(0,)]
    assert lab.rows('smdp', 'SELECT count(*) FROM stock_item WHERE state = 2') == [(1,)]
    assert lab.rows('smsr', 'SELECT count(*) FROM profile') == [(3,)], aid
    assert lab.rows('smsr', 'SELECT count(*) FROM command WHERE state = 0') == [(0,)], 'a command is still open'
    assert lab.rows('smsr', 'SELECT count(*) FROM https_job WHERE state = 0') == [(0,)], 'a job is still open'
    assert lab.rows('smsr', 'SELECT audit_due IS NULL AND active_op IS NULL FROM euicc') == [(1,)], 'not at rest'
    assert lab.rows('smsr', 'SELECT keyset_id, cntr FROM command GROUP BY 1, 2 HAVING count(*) > 1') == [], 'P2'
    for database in ('smdp', 'smsr'):
        assert lab.rows(database, 'SELECT count(*) FROM outbox WHERE state <> 1') == [(0,)], 'not every message was taken'


def never_again(lab, card, profile):
    """The ICCID was given out."""
    lab.messages.clear()
    assert lab.order(card, profile.iccid) is None
    until(lambda: any(m.name == ANSWER for m in lab.messages), 'answer to the second order', 10)
    said = outcome(next(m.xml for m in lab.messages if m.name == ANSWER))
    assert said.startswith('FAILED 8.2.1/3.3'), said


def run(name):
    seed = name.startswith('random ') and int(name.split()[1])
    kills = [Kill(None, 'any time', 1, 0)] * RANDOM_KILLS if seed else ALL[name]
    lab = KillLab(kills)
    lab.seed_of_kills, lab.pol1 = seed or None, '02' if name == POL1 else ''
    with lab:
        card, profile = lab.cards[0], lab.profiles[0]
        lab.run(card, profile)
        took = time.monotonic() - lab.killed_s
        answers = check_answers(lab, profile)
        lines = compare(lab, lab.operational, lab.cards_control, card, profile, answers)
        assert all(good for _, good in lines), '\n'.join(text for text, good in lines if not good)
        begun = check_card(lab, card, profile)
        check_stores(lab, profile)
        never_again(lab, card, profile)
        assert lab.deaths == len(kills)
        print(f'{name}: {lab.deaths} killed, ended {took:.1f} s later, {begun} ISD-P begun')


def run_apart(name):
    done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=False)
    return name, done


def main():
    if sys.argv[1:] == ['list']:
        print('\n'.join(ALL))
        return
    if sys.argv[1:2] == ['random']:
        sys.argv[1:] = [f'random {seed}' for seed in range(int(sys.argv[2]), int(sys.argv[3]) + 1)]
    names = CHOICE if not sys.argv[1:] else list(ALL) if sys.argv[1:] == ['all'] else sys.argv[1:]
    if len(names) == 1:
        run(names[0])
        return
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, done in pool.map(run_apart, names):
            bad += done.returncode != 0
            print(done.stdout.strip() if done.returncode == 0 else f'--- {name}\n{done.stdout}{done.stderr}', flush=True)
    print(f'{len(names) - bad} of {len(names)} scenarios good')
    sys.exit(1 if bad else 0)


main()
