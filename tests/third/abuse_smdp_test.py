#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A running smdp among those who mean it harm: strangers at its HTTPS server, and on the other side an SM-SR and an operator
who answer its own calls with noise, without end, or an octet now and then.  Meanwhile an operator is served, memory stays
bounded, each order ends, and the log names who it was."""
import contextlib
import itertools
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / 'support'),
                str(pathlib.Path(__file__).resolve().parents[2] / 'lab' / 'demo')]
from abuse import ATTACKER, FAILED, MIB, Target, Watch, close, descriptors, expect, half_open, large_bodies, refusals, trickle   # noqa: E402
from peers import download_body, outcome   # noqa: E402
from smdp_lab import MNO_OID, SMSR_OID, NewProfile, SmdpLab   # noqa: E402

HTTPS_CONNS = 60
RSS_GROWTH_MIB = 150
ORDERS = 24
VALIDITY_S = 12
LIMITS = {'es3-retry-min-s': 1, 'es3-retry-max-s': 2, 'es3-timeout-s': 2, 'grace-s': 1, 'sync-wait-s': 3, 'callback-retry-min-s': 1,
          'callback-retry-max-s': 2, 'callback-timeout-s': 2, 'callback-give-up-s': 20}
BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b''.join(
    b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % ((98 + i,) + (97 + i,) * 8) for i in range(9)) + b']><a>&j;</a>'
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n'


class NoisePeer:
    """Answers every request in another way, none of them good."""

    def __init__(self, pki, name, port=0):
        self.served, self.kinds, self.over = 0, itertools.cycle(self.answers), False
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pki / f'{name}.pem', pki / f'{name}.key')
        self.listener = socket.create_server(('127.0.0.1', port), backlog=100)
        self.url = f'https://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(s, next(self.kinds)), daemon=True).start()

    def serve(self, plain, answer):
        self.served += 1
        with contextlib.suppress(OSError):
            plain.settimeout(10)
            if answer is None:   # no handshake either
                plain.recv(10000)
                time.sleep(8)
            with self.context.wrap_socket(plain, server_side=True) as s:
                s.recv(100000)
                if answer is not None:
                    answer(s)

    @staticmethod
    def trickle(s):
        for octet in OK + b'X: ' + b'x' * 1000:
            s.sendall(bytes([octet]))
            time.sleep(0.1)

    @staticmethod
    def without_end(head, chunk):
        def answer(s):
            s.sendall(head)
            while True:
                s.sendall(chunk)
        return answer

    @staticmethod
    def once(octets):
        return lambda s: s.sendall(octets)

    answers = (
        once(random.Random(1).randbytes(3000)),
        without_end(b'HTTP/1.1 200 OK\r\n', b'X: ' + b'x' * 60000 + b'\r\n'),
        without_end(OK + b'Transfer-Encoding: chunked\r\n\r\n', b'10000\r\n' + b'<' * 65536 + b'\r\n'),
        without_end(OK + b'Content-Length: 99999999999\r\n\r\n', b'<' * 65536),
        without_end(OK + b'\r\n', b'<a>' * 20000),
        without_end(b'', b'HTTP/1.1 100 Continue\r\n\r\n' * 100),
        once(OK + b'Content-Length: -1\r\n\r\n'),
        once(OK + b'Content-Length: %d\r\n\r\n' % len(BOMB) + BOMB),
        once(OK + b'Content-Length: 3000\r\n\r\n' + random.Random(2).randbytes(3000)),
        once(b'HTTP/1.1 301 Gone\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'),
        once(b'HTTP/1.1 503 Later\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n'),
        once(b''),
        trickle,
        None,
    )


def orders(lab, operator):
    """Downloads, whose first step asks the SM-SR; each ends, whatever it answers."""
    for profile, card in zip(lab.profiles, lab.cards):
        status, text = operator.call('ES2-DownloadProfile', download_body(card.eid, SMSR_OID, profile.iccid, validity=VALIDITY_S))
        assert status == 202, (status, text)


def open_orders(lab):
    with sqlite3.connect(f'file:{lab.dir}/smdp.db?mode=ro', uri=True, timeout=10) as db:
        return db.execute("SELECT count(*) FROM operation WHERE ended_ms IS NULL").fetchone()[0]


def ask(operator, card):
    """A request that smdp answers by itself.  Returns what went wrong."""
    status, text = operator.call('ES2-GetEIS', f'<rps:Eid>{card.eid}</rps:Eid><rps:Smsr-id>1.3.6.1.4.1.32473.99</rps:Smsr-id>', reply=False)
    return None if status == 200 and outcome(text).startswith('FAILED 8.7/3.9') else f'HTTP {status} {outcome(text)}'


def noise_is_judged(lab, watch, smsr, mno):
    end = time.monotonic() + 60
    while (left := open_orders(lab)) and time.monotonic() < end:
        time.sleep(0.5)
    expect('noise of an SM-SR: every order ends', left == 0, f'{ORDERS} orders, {left} open; {smsr.served} calls were answered with noise')
    while mno.served < 2 * len(NoisePeer.answers) and time.monotonic() < end:
        time.sleep(0.5)
    expect('noise of an operator: callbacks are repeated', mno.served >= len(NoisePeer.answers), f'{mno.served} were answered with noise')
    time.sleep(0.5)
    watch.part('noise of an SM-SR and an operator')


def main(directory):
    lab = SmdpLab(directory, os.environ.get('B', 'build/rel'), seed='test', count=ORDERS)
    try:
        lab.make_pki()
        smsr, mno = NoisePeer(lab.pki, 'smsr', lab.https_port), NoisePeer(lab.pki, 'operational')
        config = lab.write_smdp_config(mno.url, LIMITS)
        config.write_text(config.read_text().replace(f'  listen 127.0.0.1 {lab.smdp_port}\n',
                                                     f'  listen 127.0.0.1 {lab.smdp_port}\n  max-connections {HTTPS_CONNS}\n'))
        smdp = lab.start_smdp(config)
        smdp.wait_for('is running')
        lab.fill_stock([NewProfile(n + 1) for n in range(ORDERS)])
        operator = lab.entity('operational', MNO_OID)
        operator.url = mno.url
        pid = smdp.popen.pid
        fds = descriptors(pid)
        watch = Watch(smdp, lambda: ask(operator, lab.cards[0]))
        orders(lab, operator)
        target = Target(smdp, lab.smdp_port, HTTPS_CONNS, operator.client, b'/ES2/ES2SmDpService')
        crowd = r'HTTPS: all \d+ connections are taken .* of them by ' + re.escape(ATTACKER)
        close(half_open(target, watch, crowd, 'half-open TLS'))
        trickle(target, watch)
        large_bodies(target, watch)
        refusals(target, watch, 400)
        noise_is_judged(lab, watch, smsr, mno)
        watch.over.set()
        watch.join()
        expect('memory is bounded', watch.rss - watch.before < RSS_GROWTH_MIB, f'{watch.before:.0f} MiB before, at most {watch.rss:.0f} MiB')
        smdp.popen.send_signal(signal.SIGHUP)
        smdp.wait_for('certificates read again')
        time.sleep(3)
        expect('no descriptor stays', descriptors(pid) <= fds + 12, f'{fds} before, {descriptors(pid)} after')
        expect('the log is no victim', len(smdp.text()) < MIB, f'{len(smdp.text())} octets')
        expect('ends in order', smdp.stop() == 0, 'exit 0')
    finally:
        lab.stop()
        if FAILED:
            print((lab.dir / 'smdp.log').read_text()[-6000:])
    sys.stdout.flush()
    os._exit(1 if FAILED else 0)   # threads still answer with noise


tmp = pathlib.Path(tempfile.mkdtemp(prefix='smdp-'))
try:
    main(tmp)
finally:
    shutil.rmtree(tmp, ignore_errors=True)
