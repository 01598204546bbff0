#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""SIGKILL to a running smsr at each step of a push; it is started again on what it left behind.

  kill_test.py [NAME...]   scenarios by name, here and now; without names: all of them, several at a time

At the moment of each kill the store has to explain all that had left by then (P1).  In the end every submit_sm in the
capture of the service centre is the packet of one row, one counter has one packet (P2), the operator knows one outcome,
the one that card and EIS tell (P4), and the operation came to its end by itself (P8)."""
import collections
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab   # noqa: E402
from peers import element, outcome, profile_body   # noqa: E402

SETTLE_S = 12   # an operation that still stands still after this has lost something
AT_ONCE = 5     # scenarios
SUCCESS = 'EXECUTED_SUCCESS'
SMPP_PORT, FIN, SYN = 2775, 1, 2
SUBMIT_SM = 4
# bind_transceiver, submit_sm, unbind, enquire_link and the answers to what a service centre sends
ALLOWED = {0x9, SUBMIT_SM, 0x6, 0x15, 0x80000005, 0x80000006, 0x80000015, 0x80000103}

# A kill: a line of the log, which one since the start of that process, and how long after it.  Lines are written while the
# event is handled.  The disk is slow (slow_disk.c): BEFORE falls in front of the commit of that event, AFTER behind it.  When a
# busy machine makes it fall elsewhere, nothing of what is checked changes.
BEFORE, AFTER = 15, 70
Kill = collections.namedtuple('Kill', 'line nth after_ms', defaults=(1, BEFORE))
CALLBACK = 'callback'   # not a line: the operator has it and has not answered
TAKEN = r'reported: ES4-\w+Profile to .*: taken'
Scenario = collections.namedtuple('Scenario', 'function kills')

STEPS = {
    'accepted': ('accepted', 1),
    'submitted': ('submitted', 1),
    'taken by the SMSC': ('SMSC', 1),
    'PoR': ('PoR', 1),
    'notification': ('notification', 1),
    'second taken': ('SMSC', 2),
    'confirmed': ('confirmed', 1),
    'callback not answered': (CALLBACK, 1),
    'callback answered': (TAKEN, 1),
}
SCENARIOS = {
    **{f'{name}, {when}': Scenario('EnableProfile', [Kill(*at, after_ms)])
       for name, at in STEPS.items() for when, after_ms in (('before', BEFORE), ('after', AFTER))},
    'again and again': Scenario('EnableProfile', [
        Kill('accepted'), Kill('SMSC', 1, AFTER), Kill('PoR'), Kill('notification'), Kill('submitted|SMSC'),
        Kill('confirmed'), Kill(CALLBACK)]),
    'disable': Scenario('DisableProfile', [Kill('PoR'), Kill('SMSC')]),
    'delete': Scenario('DeleteProfile', [Kill('SMSC'), Kill('confirmed'), Kill('submitted|SMSC')]),
}

# What the card has executed in the end, and its profiles: bootstrap, operational.
CONFIRM = 'HandleNotificationConfirmation'
ENABLED = ['EnableProfile', CONFIRM]
EXECUTED = {
    'EnableProfile': ENABLED,
    'DisableProfile': ENABLED + ['DisableProfile', CONFIRM],
    'DeleteProfile': ENABLED + ['DisableProfile', CONFIRM, 'deleted'],
}
STATES = {
    'EnableProfile': ['Disabled', 'Enabled'],
    'DisableProfile': ['Enabled', 'Disabled'],
    'DeleteProfile': ['Enabled', None],
}
NOTES = {
    'EnableProfile': ['ES4-HandleProfileDisabledNotification'],
    'DisableProfile': ['ES4-HandleProfileDisabledNotification', 'ES4-HandleProfileEnabledNotification'],
    'DeleteProfile': ['ES4-HandleProfileDisabledNotification', 'ES4-HandleProfileEnabledNotification'],
}


def until(done, what, seconds=SETTLE_S):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f'{what}: not within {seconds} s'
        time.sleep(0.01)


# ---- the capture ----

class Capture:
    """What smsr sent to the service centre, from a pcap file that may still grow."""

    def __init__(self, path):
        data = path.read_bytes()
        self.open, self.submits = 0, []
        streams, at = collections.defaultdict(bytes), 24
        while at + 16 <= len(data):
            length = struct.unpack_from('>8xI', data, at)[0]
            packet = data[at + 16:at + 16 + length]
            if len(packet) < length:
                break
            at += 16 + length
            source, flags = struct.unpack_from('>20xH11xB', packet)
            if source == SMPP_PORT:
                self.open -= flags & FIN
            else:
                self.open += flags & SYN == SYN
                streams[source] += packet[40:]
        for stream in streams.values():
            self.read(stream)

    def read(self, stream):
        while len(stream) >= 16:
            length, command = struct.unpack_from('>II', stream)
            if len(stream) < length:
                break   # the kill cut it; a service centre drops it
            assert command in ALLOWED, f'command_id {command:#x} went out'
            if command == SUBMIT_SM:
                self.submits.append(self.submit(stream[16:length]))
            stream = stream[length:]

    @staticmethod
    def submit(body):
        """Destination and user data."""
        fields = re.match(rb'[^\0]*\0..[^\0]*\0..([^\0]*)\0...[^\0]*\0[^\0]*\0....(.)', body, re.S)
        length = fields.group(2)[0]
        assert length, 'submit_sm without short_message'
        return fields.group(1).decode(), body[fields.end():fields.end() + length]


# ---- what the store says ----

class Store:
    """Rows of a database that nobody writes to."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.commands = self.db.execute('SELECT packet, dest, cntr, keyset_id FROM command ORDER BY cntr').fetchall()
        self.envelopes = {row[0] for row in self.db.execute('SELECT envelope FROM outbox')}
        self.operations = self.db.execute('SELECT state, status FROM operation ORDER BY id').fetchall()

    def explain(self, capture, messages):
        """P1: nothing has left that is not here."""
        rows = {(dest, b'\x02\x70\x00' + packet) for packet, dest, _, _ in self.commands}
        for submit in capture.submits:
            assert submit in rows, f'P1: a packet to {submit[0]} went out, no row explains it: {submit[1].hex()}'
        for message in messages:
            assert message.xml.encode() in self.envelopes, f'P1: {message.name} was sent, no row explains it'

    def one_counter_one_packet(self):
        """P2, and that the store itself refuses another one."""
        assert len({(keyset, cntr) for _, _, cntr, keyset in self.commands}) == len(self.commands), 'P2'
        try:
            self.db.execute('UPDATE command SET cntr = (SELECT max(cntr) FROM command)')
        except sqlite3.IntegrityError:
            return
        raise AssertionError('P2: the store takes a counter twice')

    def value(self, sql):
        return self.db.execute(sql).fetchone()[0]


# ---- smsr, mortal ----

class Daemon:
    """Reads the log of smsr through a pipe and kills it by its lines."""

    def __init__(self, lab, config):
        self.lab, self.config, self.log = lab, config, lab.dir / 'smsr.log'
        self.kills, self.count, self.deaths, self.errors, self.lines = [], 0, [], [], []
        self.killed_s = time.monotonic()
        library = lab.dir / 'slow_disk.so'
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', library, pathlib.Path(__file__).with_name('slow_disk.c')],
                       check=True)
        # Sanitizers want to be loaded first, and need not be.
        self.environment = {**os.environ, 'LD_PRELOAD': str(library),
                            'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}
        self.start()

    def start(self):
        self.count, self.born = 0, len(self.lines)
        self.popen = subprocess.Popen([self.lab.bin / 'smsr', '-c', self.config], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment)
        threading.Thread(target=self.read, args=(self.popen,), daemon=True).start()

    def read(self, popen):
        for raw in popen.stdout:
            line = raw.decode(errors='replace')
            self.lines.append(line)
            kill = self.kills[0] if self.kills and popen is self.popen else None
            if not kill or not re.search(rf'#\d+ ({kill.line})', line):
                continue
            self.count += 1
            if self.count == kill.nth:
                self.die(kill)

    def callback(self):
        if self.kills and self.kills[0].line == CALLBACK:
            self.die(self.kills[0])

    def die(self, kill):
        popen = self.popen
        time.sleep(kill.after_ms / 1000)
        told = self.lab.told
        popen.send_signal(signal.SIGKILL)
        popen.wait()
        try:
            self.deaths.append((kill, self.examine(told)))
        except Exception as error:   # pylint: disable=broad-except
            self.errors.append(f'killed at "{kill.line}": {error}')
        self.killed_s = time.monotonic()
        self.start()
        self.kills.pop(0)

    def examine(self, told):
        """The files as the kill left them, beside: whoever opens them changes them.  Returns the state of the operation."""
        pcap, copy = self.lab.dir / 'smpp.pcap', self.lab.dir / f'dead{len(self.deaths)}.db'
        until(lambda: not Capture(pcap).open, 'end of the SMPP session')
        messages = list(self.lab.messages)
        for suffix in ('', '-wal'):
            if pathlib.Path(f'{self.lab.dir}/smsr.db{suffix}').exists():
                shutil.copy(f'{self.lab.dir}/smsr.db{suffix}', f'{copy}{suffix}')
        store = Store(copy)
        store.explain(Capture(pcap), messages)
        assert len(store.operations) >= told, 'P1: 202 was said, no operation is stored'
        return store.operations[-1][0] if store.operations else None

    def text(self):
        return ''.join(self.lines)

    def wait_for(self, pattern):
        until(lambda: re.search(pattern, self.text()), pattern, 15)

    def is_up(self):
        return 'is bound' in ''.join(self.lines[self.born:])

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.popen.wait(20)


class KillLab(Lab):
    def __init__(self):
        super().__init__(limits={'por-wait-s': 3})
        self.smsc_options = ('--pcap', self.dir / 'smpp.pcap', '--retry-ms', '200', '-x', 'delay 150ms')
        self.messages, self.told = [], 0

    def start_smsr(self, config):
        daemon = Daemon(self, config)
        self.processes.append(daemon)
        self.operational.before_answer = self.callback
        self.bootstrap.before_answer = self.messages.append
        return daemon

    def callback(self, message):
        self.messages.append(message)
        self.smsr.callback()

    def order(self, function):
        """As an operator does: without an answer the same call again."""
        card = self.cards[0]
        body = profile_body(card.eid, card.operational[0])

        def call():
            try:
                status, answer = self.operational.call(f'ES4-{function}', body, call_id=function)
            except (OSError, http.client.HTTPException):
                return False
            assert status == 202, outcome(answer)
            return True

        until(call, f'202 to {function}')
        self.told += 1

    def settled(self):
        if self.smsr.kills or self.smsr.errors:
            return bool(self.smsr.errors)
        try:
            db = sqlite3.connect(f'file:{self.dir}/smsr.db?mode=ro', uri=True, timeout=1)
            left, done = db.execute('SELECT (SELECT count(*) FROM operation WHERE state < 8) + (SELECT count(*) FROM outbox '
                                    'WHERE state = 0), (SELECT count(*) FROM operation)').fetchone()
            db.close()
        except sqlite3.OperationalError:
            return False   # just starting
        return left == 0 and done == self.told and self.smsr.is_up()

    def run(self, function, kills):
        self.smsr.count = 0
        self.smsr.kills = list(kills)
        self.order(function)
        until(self.settled, f'P8: end of {function}', SETTLE_S + len(kills))
        assert not self.smsr.errors, self.smsr.errors


# ---- afterwards ----

def hkdf(seed, label, name):
    prk = hmac.new(bytes(32), seed.encode(), hashlib.sha256).digest()
    return hmac.new(prk, label.encode() + b'\0' + name.encode() + b'\1', hashlib.sha256).digest()[:16].hex()


def counters_inside(lab, packets):
    """As otatool reads them with the keys of the card."""
    keys = {f'key_{key.lower()}': hkdf(lab.seed, f'SCP80 {key}', lab.cards[0].eid) for key in ('KIc', 'KID')}
    run = subprocess.run([lab.bin / 'otatool', 'open'], capture_output=True, text=True, check=True,
                         input=json.dumps([{**keys, 'packet': packet.hex()} for packet in packets]))
    return [int(packet['cntr'], 16) for packet in json.loads(run.stdout)]


def check_packets(lab, store):
    """P1 and P2 over the whole run.  Returns how many submit_sm were copies."""
    capture = Capture(lab.dir / 'smpp.pcap')
    store.explain(capture, lab.messages)
    store.one_counter_one_packet()
    packets = [packet for packet, _, _, _ in store.commands]
    assert {ud[3:] for _, ud in capture.submits} == set(packets), 'a sealed packet never left'
    assert counters_inside(lab, packets) == [cntr for _, _, cntr, _ in store.commands], 'P2: counter of another packet'
    return len(capture.submits) - len(packets)


def check_card(lab, function):
    """The card executed each command once, and has the profiles that the function promises."""
    log = (lab.dir / 'euicc-sim.log').read_text()
    executed = re.findall(r'\d{32} (\w+): 9000|ISD-P in slot 1 (deleted)', log)
    executed = [name or what for name, what in executed]
    assert executed == EXECUTED[function], executed
    show = lab.sim_control('show #0')
    states = [re.search(rf' (\w+) imsi {imsi}', show) for _, imsi, _ in (lab.cards[0].bootstrap, lab.cards[0].operational)]
    states = [state and state.group(1).capitalize() for state in states]
    assert states == STATES[function] and 'phone in service' in show, show
    return int(re.search(r'counter (\d+)', show).group(1))


def check_eis(lab, function):
    states = [element(entity.call('ES4-GetEIS', f'<rps:Eid>{lab.cards[0].eid}</rps:Eid>', reply=False)[1], 'State')
              for entity in (lab.bootstrap, lab.operational)]
    assert states == STATES[function], states


def check_reports(lab, function):
    """P4.  A call that was repeated because a kill swallowed the 202 may be answered by a callback of its own."""
    answers, notes = collections.defaultdict(set), collections.defaultdict(set)
    for message in lab.messages:
        if message.name.endswith('Notification'):
            notes[message.name].add(element(message.xml, 'MessageID'))
            continue
        assert outcome(message.xml) == SUCCESS, message.xml
        answers[message.name, element(message.xml, 'RelatesTo')].add(element(message.xml, 'MessageID'))
    assert sorted(notes) == NOTES[function], notes
    assert {name for name, _ in answers} == {f'ES4-{name}Response' for name in {'EnableProfile', function}}, answers
    for what, identifiers in (*answers.items(), *notes.items()):
        assert len(identifiers) == 1, f'P4: {what} came as {len(identifiers)} messages'


def check_store(lab, store, function, counter):
    assert store.operations == [(8, 0)] * lab.told, store.operations
    assert store.value('SELECT count(*) FROM command WHERE state = 0') == 0, 'a command is still open'
    assert store.value('SELECT audit_due IS NULL AND active_op IS NULL FROM euicc'), 'the eUICC is not at rest'
    assert store.value('SELECT epoch FROM meta') == 1, 'a kill was taken for a restore'
    assert store.value('SELECT count(*) FROM outbox WHERE state <> 1') == 0, 'not every message was taken'
    assert store.value('SELECT max(cntr) FROM command') == counter, 'card and SM-SR differ about the counter'
    assert len(store.commands) == len(EXECUTED[function]), 'sealed more often than needed'


def run(name):
    scenario = SCENARIOS[name]
    with KillLab() as lab:
        assert lab.register(lab.cards[0])[0] == 200
        if scenario.function != 'EnableProfile':
            lab.run('EnableProfile', ())
        lab.run(scenario.function, scenario.kills)
        took = time.monotonic() - lab.smsr.killed_s
        check_eis(lab, scenario.function)
        counter = check_card(lab, scenario.function)
        assert lab.smsr.stop() == 0
        store = Store(lab.dir / 'smsr.db')
        copies = check_packets(lab, store)
        check_reports(lab, scenario.function)
        check_store(lab, store, scenario.function, counter)
        states = ', '.join(str(state) for _, state in lab.smsr.deaths)
        assert len(lab.smsr.deaths) == len(scenario.kills)
        print(f'{name}: killed in states {states}; ended {took:.2f} s later, {copies} copies, {len(lab.messages)} messages')


def run_apart(name):
    return name, subprocess.run([sys.executable, __file__, name], capture_output=True, text=True)


def main():
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            run(name)
        return
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, done in pool.map(run_apart, SCENARIOS):
            bad += done.returncode != 0
            print(done.stdout.strip() if done.returncode == 0 else f'--- {name}\n{done.stdout}{done.stderr}', flush=True)
    print(f'{len(SCENARIOS) - bad} of {len(SCENARIOS)} scenarios good')
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
