#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A running smsr among those who mean it harm: slow clients, half-open TLS, more connections than it has room for, large
bodies, pre-shared keys that nobody has, noise from a service centre and on its admin socket.  Meanwhile an operator and a
card are served, memory stays bounded, and the log names who it was and what to do."""
import contextlib
import os
import pathlib
import random
import re
import select
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab, free_port   # noqa: E402
from peers import outcome, profile_body   # noqa: E402

HTTPS_CONNS, CARD_CONNS = 60, 40
ATTACKER = '127.0.0.66'
PATIENCE_S = 10   # an operator's request under attack; a busy machine included
RSS_GROWTH_MIB = 150   # eight bodies of 8 MiB, and what else the attacks hold
MIB = 1024 * 1024
PSK_FAILURES = 100   # of one address in a minute
UNKNOWN_PSK_IDENTITY = 115
BEARER = ''' https-bearer
  listen 127.0.0.1 {port}
  max-connections {conns}
  timeout handshake 60
  timeout request 2
  fleet software
   bearer https
   trigger-wait 4 4 4 4
 smsc noise
  remote 127.0.0.1 {noise}
  system-id smsr
  password-file {dir}/smpp.password
  source 1 1 12345
  destination-type 1 1
'''
FAILED = []


def expect(what, good, seen):
    print(f'{"ok " if good else "BAD"} {what}: {seen}', flush=True)
    if not good:
        FAILED.append(what)


def rss_mib(pid):
    return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


class Noise(socketserver.ThreadingTCPServer):
    """A service centre that answers anything with anything."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        self.sent = 0
        super().__init__(('127.0.0.1', 0), None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        heads = (b'\xff\xff\xff\xff', struct.pack('>IIII', 16, 0x80000009, 0, 1), struct.pack('>IIII', 8, 9, 0, 1),
                 b'HTTP/1.1 400 Bad Request\r\n\r\n')
        with contextlib.suppress(OSError):
            request.settimeout(2)
            request.recv(1000)
            request.sendall(heads[self.sent % len(heads)] + random.Random(self.sent).randbytes(3000))
            self.sent += 1
            while request.recv(1000):
                pass


class AbuseLab(Lab):
    def __init__(self):
        super().__init__()
        self.bearer_port, self.noise = free_port(), Noise()

    def start(self, name, *argv):
        more = ('--https-host', '127.0.0.1', '--https-port', self.bearer_port, '--https-retries', '5', '--https-retry-ms', '300')
        return super().start(name, *argv, *(more if name == 'euicc-sim' else ()))

    def write_config(self, *args, **kwargs):
        path = super().write_config(*args, **kwargs)
        text = path.read_text().replace(f'  listen 127.0.0.1 {self.https_port}\n',
                                        f'  listen 127.0.0.1 {self.https_port}\n  max-connections {HTTPS_CONNS}\n')
        path.write_text(text + BEARER.format(port=self.bearer_port, conns=CARD_CONNS, dir=self.dir,
                                             noise=self.noise.server_address[1]))
        return path


class Watch(threading.Thread):
    """The operator who goes on working, each time by a new connection; and how large smsr is meanwhile."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.over = lab, threading.Event()
        self.pid = lab.smsr.popen.pid
        self.before, self.rss, self.times, self.errors = rss_mib(self.pid), 0, [], []
        self.start()

    def run(self):
        while not self.over.is_set():
            start = time.monotonic()
            error = self.look()
            for _ in range(2):   # who is cut in the middle of a flood comes again a moment later, as any client does
                if error:
                    time.sleep(0.2)
                    error = self.look()
            if error:
                self.errors.append(error)
            self.times.append(time.monotonic() - start)
            self.rss = max(self.rss, rss_mib(self.pid))
            self.over.wait(0.05)

    def look(self):
        """Returns what went wrong."""
        try:
            status, text = self.lab.operational.call('ES4-GetEIS', f'<rps:Eid>{self.lab.cards[0].eid}</rps:Eid>', reply=False)
        except OSError as error:
            return str(error)
        return None if status == 200 and outcome(text) == 'EXECUTED_SUCCESS' else f'HTTP {status} {outcome(text)}'

    def part(self, what):
        """Judge what came since the last part."""
        times, errors = self.times, self.errors
        self.times, self.errors = [], []
        worst = max(times, default=0)
        expect(f'{what}: the operator is served', times and not errors and worst < PATIENCE_S,
               f'{len(times)} requests, the longest {1000 * worst:.0f} ms, {len(errors)} failed {errors[:1]}')


def raw(port):
    s = socket.socket()
    s.setblocking(False)
    s.bind((ATTACKER, 0))
    with contextlib.suppress(BlockingIOError):
        s.connect(('127.0.0.1', port))
    return s


def push(sockets, octets):
    """What the other end takes.  Returns those that it has closed."""
    for s in sockets:
        with contextlib.suppress(OSError):
            s.send(octets)
    return [s for s in select.select(sockets, [], [], 0)[0] if closed(s)]


def closed(s):
    try:
        return s.recv(10000) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


def close(sockets):
    for s in sockets:
        s.close()


def half_open(lab, watch, port, conns, line, what):
    """Connections that say nothing, and some that begin a handshake: several times the cap, and again."""
    found = []
    for octets in (b'', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'):
        found += [raw(port) for _ in range(min(4 * conns, 400))]
        time.sleep(0.3)
        if octets:
            push(found, octets)
    time.sleep(0.5)
    ended = sum(closed(s) for s in found)
    expect(f'{what}: the cap holds', len(found) - ended <= conns + 1 + 512, f'{len(found)} opened, {ended} of them cut')
    expect(f'{what}: a line for the operator', re.search(line, lab.smsr.text()), line)
    watch.part(what)
    return found


def trickle(lab, watch):
    """With a good certificate, an octet now and then: more of these than there is room for."""
    context = lab.client_context('bootstrap')
    found = []
    for _ in range(HTTPS_CONNS + 20):
        s = context.wrap_socket(socket.create_connection(('127.0.0.1', lab.https_port), 10, (ATTACKER, 0)), server_hostname='127.0.0.1')
        s.setblocking(False)
        s.send(b'POST /ES4/ES4SmSrService HTTP/1.1\r\nHost: x\r\nX: ')
        found.append(s)
    for _ in range(10):
        for s in found:
            with contextlib.suppress(OSError):
                s.send(b'x')
        time.sleep(0.1)
    watch.part('octet by octet')
    close(found)


def large_bodies(lab, watch):
    """Bodies just below the limit, none of them finished."""
    context = lab.client_context('bootstrap')
    head = b'POST /ES4/ES4SmSrService HTTP/1.1\r\nHost: x\r\nContent-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n' % (8 * MIB)
    found, chunk = [], b'<' * MIB
    for _ in range(24):
        s = context.wrap_socket(socket.create_connection(('127.0.0.1', lab.https_port), 10, (ATTACKER, 0)), server_hostname='127.0.0.1')
        found.append(s)
        with contextlib.suppress(OSError):
            s.sendall(head)
            for _ in range(7):
                s.sendall(chunk)
    time.sleep(0.5)
    line = r'unfinished requests hold \d+ MiB: cut the largest, \d+ octets so far, of ' + ATTACKER.replace('.', r'\.')
    expect('large bodies: a line for the operator', re.search(line, lab.smsr.text()), line)
    watch.part('large bodies')
    close(found)


def large_heads(lab, watch):
    context = lab.client_context('bootstrap')
    refused = 0
    for _ in range(20):
        with contextlib.suppress(OSError), context.wrap_socket(
                socket.create_connection(('127.0.0.1', lab.https_port), 10, (ATTACKER, 0)), server_hostname='127.0.0.1') as s:
            s.sendall(b'POST / HTTP/1.1\r\n' + b'X-A: ' + b'a' * 15000 + b'\r\nX-B: ' + b'b' * 200000)
            refused += b' 400 ' in s.recv(1000)[:20]
    expect('large heads: refused', refused > 0, f'{refused} of 20 told so, the others cut')
    watch.part('large heads')


# ---- pre-shared keys ----

def record(kind, body):
    return bytes([kind]) + b'\x03\x03' + struct.pack('>H', len(body)) + body


def handshake(kind, body):
    return record(22, bytes([kind]) + struct.pack('>I', len(body))[1:] + body)


HELLO = handshake(1, b'\x03\x03' + bytes(32) + b'\0' + b'\0\x02\0\xa8' + b'\x01\0')


def try_identity(port, identity):
    """Returns the alert; None when nobody listens to us."""
    with socket.create_connection(('127.0.0.1', port), 10, (ATTACKER, 0)) as s:
        s.settimeout(10)
        try:
            s.sendall(HELLO + handshake(16, struct.pack('>H', len(identity)) + identity))
            text = b''
            while chunk := s.recv(1000):
                text += chunk
        except ConnectionResetError:
            return None
    return text[-1] if text else None


def strangers(lab, watch):
    """Identities that no card has, from one address, until it is not listened to any more; the fleet is elsewhere."""
    alerts = [try_identity(lab.bearer_port, b'8001028110%030dFF4F10A0000005591010FFFFFFFF8900000100820101830140' % i)
              for i in range(PSK_FAILURES + 30)]
    expect('unknown identities: told so up to the limit, then unheard',
           alerts[:PSK_FAILURES] == [UNKNOWN_PSK_IDENTITY] * PSK_FAILURES and alerts[PSK_FAILURES:] == [None] * 30,
           f'{alerts.count(UNKNOWN_PSK_IDENTITY)} alerts, {alerts.count(None)} closed unheard')
    time.sleep(0.5)   # lines of I/O threads come by way of the core
    line = f'{PSK_FAILURES} handshakes of {ATTACKER} failed within 60 s, the last one: unknown identity'
    expect('unknown identities: one line for the operator', lab.smsr.text().count(line) == 1, line)
    watch.part('unknown identities')


def slow_card(lab, watch):
    """A card with its key that begins a request and stops."""
    card = lab.cards[0]
    psk = next(re.search(r'value="(\w+)"', keyset).group(1) for keyset in
               re.findall(r'<rps:Keyset>.*?</rps:Keyset>', lab.eis_file(card).read_text(), re.S) if '>SCP81<' in keyset)
    identity = f'8001028110{card.eid}4F10A0000005591010FFFFFFFF8900000100820101830140'
    with subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{lab.bearer_port}', '-tls1_2', '-cipher', 'PSK-AES128-GCM-SHA256',
                           '-psk_identity', identity, '-psk', psk, '-quiet'],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        client.stdin.write(b'POST /gsma/adminagent HTTP/1.1\r\nHost: x\r\n')
        client.stdin.flush()
        start = time.monotonic()
        try:
            client.wait(15)
            expect('a card that stops half-way: cut', time.monotonic() - start < 15, f'after {time.monotonic() - start:.1f} s')
        except subprocess.TimeoutExpired:
            client.kill()
            expect('a card that stops half-way: cut', False, 'still open after 15 s')
    watch.part('a slow card')


def card_is_served(lab, what):
    """An enable by HTTPS, to its end."""
    card, lab.step = lab.cards[0], getattr(lab, 'step', 0) + 1
    function = ('ES4-EnableProfile', 'ES4-DisableProfile')[(lab.step - 1) % 2]
    start = time.monotonic()
    status, _ = lab.operational.call(function, profile_body(card.eid, card.operational[0]))
    message = None
    while status == 202 and (message := lab.operational.wait(40)) and not message.name.startswith(function):
        pass
    expect(f'{what}: a card is served', message and outcome(message.xml) == 'EXECUTED_SUCCESS',
           f'{function} {outcome(message.xml) if message else "no outcome"} after {time.monotonic() - start:.1f} s')


# ---- its own side ----

def admin_socket(lab, watch):
    path = str(lab.dir / 'admin.sock')
    lab.write_smctl_conf()

    def connect():
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        while True:
            try:
                s.connect(path)
            except BlockingIOError:   # as many wait already as may
                time.sleep(0.01)
            else:
                s.settimeout(10)
                return s

    noise = random.Random(1)
    for octets in (noise.randbytes(100000), b'\n' * 100000, b'[' * 500000 + b'\n', b'{"cmd":' * 1000 + b'\n', b'x' * (2 * MIB)):
        with connect() as s, contextlib.suppress(OSError):
            s.sendall(octets)
            s.shutdown(socket.SHUT_WR)
            while s.recv(100000):
                pass
    idle = [connect() for _ in range(40)]
    time.sleep(0.2)
    text = lab.smsr.text()
    for line in (f'admin socket: process {os.getpid()} sent a line of more than {MIB} octets: closed',
                 f'admin socket: process {os.getpid()} was refused: 32 connections are open already'):
        expect('admin socket: a line for the operator', line in text, line)
    close(idle)
    time.sleep(0.2)
    code, _, err = lab.smctl('status')
    expect('admin socket: smctl works afterwards', code == 0, (code, err.strip()))
    watch.part('noise on the admin socket')


def service_centre(lab):
    port = lab.noise.server_address[1]
    line = rf'127\.0\.0\.1 port {port}.*next try in'
    found = re.findall(rf'.*noise.*{line}', lab.smsr.text())
    expect('noise from a service centre: a line for the operator', found, found[-1] if found else line)
    expect('noise from a service centre: the link comes again, not at once', 1 < lab.noise.sent < 60, f'{lab.noise.sent} connections')


def main():
    with AbuseLab() as lab:
        lab.register(lab.cards[0])
        pid = lab.smsr.popen.pid
        fds = descriptors(pid)
        watch = Watch(lab)
        crowd = r'HTTPS: all \d+ connections are taken .* of them by ' + ATTACKER.replace('.', r'\.')
        open_now = half_open(lab, watch, lab.https_port, HTTPS_CONNS, crowd, 'half-open TLS')
        card_is_served(lab, 'half-open TLS')
        close(open_now)
        trickle(lab, watch)
        large_bodies(lab, watch)
        large_heads(lab, watch)
        crowd = r'PSK-TLS: all \d+ connections are taken .*shown no key so far: ' + ATTACKER.replace('.', r'\.')
        open_now = half_open(lab, watch, lab.bearer_port, CARD_CONNS, crowd, 'half-open PSK-TLS')
        card_is_served(lab, 'half-open PSK-TLS')
        close(open_now)
        strangers(lab, watch)
        card_is_served(lab, 'an address that is shut out')
        slow_card(lab, watch)
        admin_socket(lab, watch)
        service_centre(lab)
        watch.over.set()
        watch.join()
        expect('memory is bounded', watch.rss - watch.before < RSS_GROWTH_MIB, f'{watch.before:.0f} MiB before, at most {watch.rss:.0f} MiB')
        time.sleep(1)
        expect('no descriptor stays', descriptors(pid) <= fds + 10, f'{fds} before, {descriptors(pid)} after')
        lab.smsr.popen.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        expect('the report of memory shows no password', 'talloc report' in lab.smsr.text() and 'secret' not in lab.smsr.text(), 'SIGUSR1')
        expect('ends in order', lab.smsr.stop() == 0, 'exit 0')
        expect('the log is no victim', len(lab.smsr.text()) < 1000000, f'{len(lab.smsr.text())} octets')
    sys.exit(1 if FAILED else 0)


if __name__ == '__main__':
    main()
