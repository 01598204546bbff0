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
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from abuse import (ATTACKER, FAILED, MIB, Target, Watch, close, descriptors, expect, half_open, large_bodies, refusals,   # noqa: E402
                   trickle)
from lab import Lab, free_port   # noqa: E402
from peers import outcome, profile_body   # noqa: E402

HTTPS_CONNS, CARD_CONNS = 60, 40
RSS_GROWTH_MIB = 150   # eight bodies of 8 MiB, and what else the attacks hold
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


def ask(lab):
    """The operator who goes on working.  Returns what went wrong."""
    status, text = lab.operational.call('ES4-GetEIS', f'<rps:Eid>{lab.cards[0].eid}</rps:Eid>', reply=False)
    return None if status == 200 and outcome(text) == 'EXECUTED_SUCCESS' else f'HTTP {status} {outcome(text)}'


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
        watch = Watch(lab.smsr, lambda: ask(lab))
        context = lab.client_context('bootstrap')
        target = Target(lab.smsr, lab.https_port, HTTPS_CONNS, context, b'/ES4/ES4SmSrService')
        crowd = r'HTTPS: all \d+ connections are taken .* of them by ' + ATTACKER.replace('.', r'\.')
        open_now = half_open(target, watch, crowd, 'half-open TLS')
        card_is_served(lab, 'half-open TLS')
        close(open_now)
        trickle(target, watch)
        large_bodies(target, watch)
        refusals(target, watch, 413)
        crowd = r'PSK-TLS: all \d+ connections are taken .*shown no key so far: ' + ATTACKER.replace('.', r'\.')
        open_now = half_open(target._replace(port=lab.bearer_port, conns=CARD_CONNS), watch, crowd, 'half-open PSK-TLS')
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
