#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""More than the service centre can carry.

  overload.py [SECONDS]                   a noisy operator orders at twice the rate for SECONDS (default: 4)
  CONFIGURED=80 overload.py [SECONDS]     the link is configured for more than the service centre takes, which throttles

A noisy operator orders enables at twice the rate that the service centre takes; a quiet one asks for an audit now and then.
The quiet one is served as if it were alone, what has begun on a card is finished before more is begun, memory does not grow
with the queue, and when it is over all that was accepted has ended well.  Then the limits: an eUICC with too many orders
(1.2/4.4), a disk with too little room (503 with Retry-After)."""
import collections
import http.client
import os
import pathlib
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from abuse import FAILED, expect, rss_mib   # noqa: E402
from lab import Lab   # noqa: E402
from peers import Entity, outcome, profile_body   # noqa: E402

SUBMITS_PER_S = 40           # what the service centre takes; an enable takes two
CONFIGURED = int(os.environ.get('CONFIGURED', SUBMITS_PER_S))
ENABLES_PER_S = SUBMITS_PER_S // 2
QUIET_CARDS = 10
QUIET_BOUND_S = 5            # an audit in the middle of it all; alone it takes less than one second
QUEUE_MAX = 16               # the default of "limit queue-max"


class OverloadLab(Lab):
    def __init__(self, count):
        super().__init__(count=count, smsc_options=('--command', f'throttle {SUBMITS_PER_S + 5}/s', '-q'))
        self.card_options = ['--log-level', 'error']

    def write_config(self, entities, smsc, limits=None):
        path = super().write_config(entities, {**smsc, 'more': f'  rate {CONFIGURED}\n'}, limits)
        path.write_text(path.read_text().replace('logging level proc info', 'logging level proc notice'))
        return path


class Quiet(threading.Thread):
    """One audit after the other, each on a card that nobody else asks."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.over, self.times, self.n = lab, threading.Event(), [], 0
        self.outcomes = collections.Counter()
        self.notes = 0

    def audit(self):
        card = self.lab.cards[self.n % QUIET_CARDS]
        self.n += 1
        body = f'<rps:Eid>{card.eid}</rps:Eid><rps:Iccid>{card.bootstrap[0]}</rps:Iccid>'
        start = time.monotonic()
        status, text = self.lab.bootstrap.call('ES4-AuditEIS', body)
        if status != 202:
            self.outcomes[f'HTTP {status} {text}'] += 1
            return None
        while (message := self.lab.bootstrap.wait(120)) and 'Notification' in message.name:
            self.notes += 1
        self.outcomes[outcome(message.xml) if message else 'none'] += 1
        return time.monotonic() - start

    def run(self):
        while not self.over.is_set():
            self.times.append(self.audit())
            self.over.wait(0.5)


class Noisy(threading.Thread):
    """Orders at a steady rate, and collects the outcomes."""

    def __init__(self, lab, cards):
        super().__init__(daemon=True)
        self.lab, self.cards = lab, cards
        self.accepted, self.refused, self.took = 0, collections.Counter(), 0

    def run(self):
        operator, start = self.lab.operational, time.monotonic()
        connection = http.client.HTTPSConnection('127.0.0.1', self.lab.https_port, context=operator.client, timeout=60)
        for i, card in enumerate(self.cards):
            time.sleep(max(0, start + i / (2 * ENABLES_PER_S) - time.monotonic()))
            xml = operator.envelope('ES4-EnableProfile', profile_body(card.eid, card.operational[0]), f'noisy-{i}', True)
            connection.request('POST', '/ES4/ES4SmSrService', xml.encode(), {'Content-Type': 'application/soap+xml; charset=utf-8'})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 202:
                self.accepted += 1
            else:
                self.refused[answer.status] += 1
        self.took = time.monotonic() - start


def twice_the_rate(lab, seconds):
    pid = lab.smsr.popen.pid
    quiet, noisy = Quiet(lab), Noisy(lab, lab.cards[QUIET_CARDS:])
    alone = [quiet.audit() for _ in range(5)]
    before = rss_mib(pid)
    noisy.start()
    quiet.start()
    noisy.join()
    ended, outcomes, start = time.monotonic(), collections.Counter(), time.monotonic()
    while sum(outcomes.values()) < noisy.accepted:
        message = lab.operational.wait(60)
        if not message:
            break
        if 'Notification' not in message.name:
            outcomes[outcome(message.xml)] += 1
    recovered = time.monotonic() - ended
    quiet.over.set()
    quiet.join(150)
    expect('what was offered', noisy.accepted == len(noisy.cards),
           f'{noisy.accepted} enables accepted in {noisy.took:.1f} s, {dict(noisy.refused)} refused; the service centre takes '
           f'{ENABLES_PER_S} of them each second')
    expect('all that was accepted has ended well', outcomes['EXECUTED_SUCCESS'] == noisy.accepted, dict(outcomes))
    print(f'    last outcome {recovered:.1f} s after the last order; at full rate the backlog alone takes '
          f'{max(0, noisy.accepted / ENABLES_PER_S - noisy.took):.1f} s')
    print(f'    throttled {lab.smsr.text().count("throttled: pause of")} times')
    times = [t for t in quiet.times if t]
    expect('the quiet operator is served', times and len(times) == len(quiet.times) and max(times) < QUIET_BOUND_S,
           f'alone {statistics.median(alone):.2f} s; meanwhile {len(times)} audits, p50 {statistics.median(times):.2f} s, longest '
           f'{max(times):.2f} s, {dict(quiet.outcomes)}')
    expect('memory does not grow with the queue', rss_mib(pid) - before < 30, f'{before:.0f} MiB, then {rss_mib(pid):.0f} MiB')


def one_card(lab):
    """Orders for a card that is off: as many as the limit says, then 1.2/4.4."""
    card = lab.cards[0]
    lab.sim_control(f'power {card.eid} off')
    body = f'<rps:Eid>{card.eid}</rps:Eid><rps:Iccid>{card.bootstrap[0]}</rps:Iccid>'
    for _ in range(QUEUE_MAX + 3):
        lab.bootstrap.call('ES4-AuditEIS', body)
    told = []
    while len(told) < 2 and (message := lab.bootstrap.wait(10)):
        if 'Notification' not in message.name:
            told.append(outcome(message.xml))
    expect('too many orders for one eUICC', len(told) == 2 and all('1.2/4.4' in t for t in told), told)


def full_disk(lab):
    text = lab.config.read_text()
    lab.config.write_text(text.replace(' admin-socket', ' free-space-min 1048576\n admin-socket'))
    lab.smsr.popen.send_signal(1)
    time.sleep(2)
    card, operator = lab.cards[1], lab.operational
    connection = http.client.HTTPSConnection('127.0.0.1', lab.https_port, context=operator.client, timeout=60)
    xml = operator.envelope('ES4-DisableProfile', profile_body(card.eid, card.operational[0]), 'full', True)
    connection.request('POST', '/ES4/ES4SmSrService', xml.encode(), {'Content-Type': 'application/soap+xml; charset=utf-8'})
    answer = connection.getresponse()
    expect('a disk with too little room', answer.status == 503 and answer.getheader('Retry-After'),
           f'HTTP {answer.status}, Retry-After {answer.getheader("Retry-After")}')
    status, text = operator.call('ES4-GetEIS', f'<rps:Eid>{card.eid}</rps:Eid>', reply=False)
    expect('reading goes on', outcome(text) == 'EXECUTED_SUCCESS', outcome(text))
    expect('a line for the operator', 'the disk of the database is nearly full' in lab.smsr.text(), 'nearly full')


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with OverloadLab(QUIET_CARDS + seconds * 2 * ENABLES_PER_S) as lab:
        for card in lab.cards:
            lab.register(card)
        twice_the_rate(lab, seconds)
        one_card(lab)
        full_disk(lab)
    sys.exit(1 if FAILED else 0)


if __name__ == '__main__':
    main()
