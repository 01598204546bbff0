#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Telnet console, CTRL interface and SIGHUP of a running smsr."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'lab' / 'demo'))
from smsr_lab import SMSR_OID, SmsrLab, free_port  # noqa: E402

BUILD = os.environ.get('B', 'build/rel')


class Console:
    def __init__(self, address):
        self.sock = socket.create_connection((address, 4290), 10)
        self.read(b'> ')
        self.sock.sendall(b'enable\n')
        self.read(b'# ')

    def read(self, end):
        data = b''
        while not data.endswith(end):
            part = self.sock.recv(65536)
            assert part, data
            data += part
        return re.sub(rb'\xff[\xfb-\xfe].', b'', data).decode(errors='replace').replace('\r', '')

    def run(self, command):
        self.sock.sendall(command.encode() + b'\n')
        text = self.read(b'# ').split('\n', 1)[1].rsplit('\n', 1)[0]
        for line in text.splitlines():
            assert len(line) <= 120, line
        return text

    def expect(self, command, pattern):
        text = self.run(command)
        assert re.search(pattern, text), f'{command}: no "{pattern}" in:\n{text}'
        return text


class Ctrl:
    def __init__(self, address, port=4291):
        self.sock = socket.create_connection((address, port), 10)
        self.sock.settimeout(10)

    def send(self, text):
        data = b'\x00' + text.encode()
        self.sock.sendall(struct.pack('>HB', len(data), 0xee) + data)

    def exactly(self, n):
        data = b''
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            assert part
            data += part
        return data

    def line(self):
        length, proto = struct.unpack('>HB', self.exactly(3))
        assert proto == 0xee
        return self.exactly(length)[1:].decode()

    def get(self, name):
        self.send(f'GET 7 {name}')
        kind, _, rest = self.line().partition(' ')
        while kind == 'TRAP':
            kind, _, rest = self.line().partition(' ')
        assert kind == 'GET_REPLY', (name, rest)
        return int(rest.split()[2])

    def set(self, name, value, kind='SET_REPLY'):
        self.send(f'SET 8 {name} {value}')
        got = self.line()
        assert got.startswith(kind), got
        return got


def admin(path, **request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(path))
        s.sendall(json.dumps(request).encode() + b'\n')
        for line in s.makefile():
            answer = json.loads(line)
            if 'ok' in answer:
                assert answer['ok'], answer
                return answer


def check_console(c, card):
    c.expect('show smsr', rf'{SMSR_OID} .* epoch 1\n.*eUICCs +1, to be audited: 0')
    for by in (card.eid, f'iccid {card.operational[0]}', f'imsi {card.operational[1]}', f'msisdn {card.operational[2]}'):
        text = c.expect(f'show eis {by}', rf'EID {card.eid}(.|\n)*NOT verified(.|\n)*key set 1 SCP80')
        assert text.count('owner') == 2
    c.expect('show eis 1', '%.*form')
    c.expect('show eis ' + '8' * 32, '%.*no eUICC')
    c.expect('show eis list', card.eid)
    assert card.eid not in c.run(f'show eis list after {card.eid}')
    assert card.eid not in c.run('show audit-list')
    c.expect('show smpp', r'nowhere +127\.0\.0\.1 .* no ')
    c.expect('show certificates', 'TLS certificate')
    c.expect('show certificates', 'EUM certificate')
    c.expect('show certificates', 'certificate issuer')
    c.expect('show rate-counters', 'Operations ended EXECUTED_SUCCESS')
    for what, name in (('all', ''), ('drain', ''), ('smsc', 'nowhere'), ('eid', card.eid), ('peer', 'eum')):
        c.expect(f'pause {what} {name}', f'paused: {what}')
        c.expect('show pauses', what)
    c.expect('pause smsc unknown', '%')
    c.expect('audit-list run', '%.*paused')
    c.expect(f'audit {card.eid}', 'queued #1')
    c.expect('show operation 1', r'QUEUED(.|\n)*accepted')
    for what, name in (('all', ''), ('drain', ''), ('smsc', 'nowhere'), ('eid', card.eid), ('peer', 'eum')):
        c.expect(f'resume {what} {name}', f'resumed: {what}')
        c.expect(f'resume {what} {name}', '%.*not paused')
    c.expect('operation cancel 1', 'cancelled: operation #1')
    c.expect('operation cancel 1', '%.*done')
    c.expect('operation cancel 99', '%.*no operation')
    c.expect('show operations', rf'1 .* {card.eid} FAILED')
    c.expect(f'show operations {card.eid}', 'FAILED')
    c.expect('show timeline 1', 'outcome')
    c.expect('show outbox', '')
    c.expect(f'counter {card.eid} 1 1000', 'counter of key set 1')
    c.expect(f'counter {card.eid} 1 1000', '%.*never goes down')
    c.expect('smpp reconnect nowhere', 'connects again: smsc nowhere')
    c.expect('smpp reconnect unknown', '%.*no SMSC')
    c.expect('outbox retry', '0 messages')
    c.expect('outbox retry eum', '0 messages')
    c.expect('outbox retry nobody', '%')


def check_ctrl(x):
    assert x.get('euiccs') == 1 and x.get('links') == 1 and x.get('links-up') == 0
    for name in ('audit-due', 'outbox-waiting', 'outbox-delivered', 'outbox-given-up', 'parts-waiting',
                 *(f'operations-{s}' for s in ('queued', 'change', 'notif', 'confirm', 'delete', 'audit'))):
        x.get(name)
    assert x.get('operations-done') == 1
    x.set('euiccs', '5', 'ERROR')
    x.set('pause', 'what', 'ERROR')
    x.set('pause', 'smsc,unknown', 'ERROR')
    x.set('pause', 'smsc,nowhere')
    x.set('resume', 'smsc,nowhere')
    x.set('resume', 'smsc,nowhere', 'ERROR')
    x.set('pause', 'drain')
    x.set('resume', 'drain')


def server_serial(lab):
    context = ssl.create_default_context(cafile=str(lab.pki / 'tls-ca.pem'))
    context.check_hostname = False
    context.load_cert_chain(lab.pki / 'eum-tls.pem', lab.pki / 'eum-tls.key')
    with socket.create_connection(('127.0.0.1', lab.https_port), 10) as raw, context.wrap_socket(raw) as tls:
        return tls.getpeercert()['serialNumber']


def hup(smsr, pattern):
    before = len(smsr.text())
    smsr.popen.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while not re.search(pattern, smsr.text()[before:]):
        assert time.monotonic() < end, smsr.text()[before:]
        time.sleep(0.02)
    return smsr.text()[before:]


def check_reload(lab, smsr, config, c):
    text = config.read_text()
    first = server_serial(lab)
    # What is typed does not count before it is in the file and read again.
    for line in ('configure terminal', 'smsr', 'peer typed', 'entity-id 1.2.3', 'tls serial-number 1.2.3', 'end'):
        c.run(line)
    assert 'peer typed' in c.run('show running-config')
    c.expect('pause peer typed', '%')
    # New certificate, new peer.
    lab.tool('peer', lab.pki, 'again', SMSR_OID)
    for end in ('pem', 'key'):
        shutil.copy(lab.pki / f'again.{end}', lab.pki / f'smsr.{end}')
    config.write_text(text + ' peer added\n  entity-id 1.2.3.4\n  tls serial-number 1.2.3.4\n')
    hup(smsr, r'2 peers read again')
    second = server_serial(lab)
    assert first != second
    c.expect('pause peer added', 'paused: peer 1.2.3.4')
    assert 'typed' not in c.run('show running-config')
    # A mistake: all stays.
    (lab.pki / 'smsr.pem').write_text('nonsense')
    hup(smsr, r'smsr\.pem.*stays as it was')
    shutil.copy(lab.pki / 'again.pem', lab.pki / 'smsr.pem')
    config.write_text(text + ' nonsense\n')
    hup(smsr, r'cannot be parsed; everything stays as it was')
    assert server_serial(lab) == second
    c.expect('resume peer added', 'resumed')
    # What needs a restart is named and kept.
    changed = text.replace('smsr.db', 'other.db').replace('password-file', 'window 3\n  password-file')
    config.write_text(changed.replace(f'listen 127.0.0.1 {lab.https_port}', 'listen 127.0.0.1 1'))
    said = hup(smsr, r'1 peers read again')
    for what in ('database', 'https listen', 'smsc'):
        assert re.search(f'{what}.* needs a restart', said), said
    c.expect('show smsr', r'smsr\.db')
    assert server_serial(lab) == second
    config.write_text(text)
    assert 'needs a restart' not in hup(smsr, r'1 peers read again')


def check_link(lab, port, c, x):
    """A service centre comes up and goes away: two traps, and what CTRL and console say."""
    subscribers = lab.dir / 'subscribers.csv'
    subscribers.write_text('001010000000001,8829900000001\n')
    smsc = lab.start('smsc', 'smsc-sim', '-l', f'127.0.0.1:{port}', '-s', subscribers, '-P')
    assert x.line() == 'TRAP 0 smpp-link nowhere,up'
    c.expect('show smpp', 'nowhere .* BOUND')
    c.expect('show smsr', '1 of 1 are up')
    y = Ctrl(lab.own_address)
    assert y.get('links-up') == 1
    smsc.stop()
    assert x.line() == 'TRAP 0 smpp-link nowhere,down'
    assert y.get('links-up') == 0


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix='smsr-vty-'))
    lab = SmsrLab(directory, BUILD, count=1)
    try:
        lab.make_pki()
        port = free_port()
        config = lab.write_config([], {'name': 'nowhere', 'host': '127.0.0.1', 'port': port, 'system_id': 'x',
                                       'password': 'pw', 'number': '1234', 'mode': 'store-and-forward', 'more': ''})
        smsr = lab.start_smsr(config)
        smsr.wait_for('is running')
        card = lab.cards[0]
        admin(directory / 'admin.sock', cmd='import', xml=(lab.pki / 'cards' / f'{card.eid}.xml').read_text())
        c = Console(lab.own_address)
        check_console(c, card)
        check_ctrl(Ctrl(lab.own_address))
        check_reload(lab, smsr, config, c)
        c.expect(f'backup {directory}/b.db', 'runs')
        smsr.wait_for('backup in')
        x = Ctrl(lab.own_address)
        check_link(lab, port, c, x)
        # A certificate near its end: a trap.  The lab's own are long, so one of five days is put in.
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
                        '/CN=soon', '-days', '5', '-keyout', lab.pki / 'smsr.key', '-out', lab.pki / 'smsr.pem'],
                       check=True, capture_output=True)
        (lab.pki / 'smsr.key').chmod(0o600)
        hup(smsr, 'read again')
        trap = x.line()
        assert re.match(r'TRAP 0 certificate-expiry TLS certificate .*ends within 7 days', trap), trap
        c.expect('show rate-counters', r'cert:warnings: +1 ')
        c.expect('show certificates', 'ends within 7 days')
        assert smsr.stop() == 0, smsr.text()
        assert 'leak' not in smsr.text() and 'left behind' not in smsr.text(), smsr.text()
    finally:
        lab.stop()
        if sys.exc_info()[0]:
            print((directory / 'smsr.log').read_text()[-4000:])
        shutil.rmtree(directory, ignore_errors=True)
    print('console, CTRL and reload: all as described')


if __name__ == '__main__':
    main()
