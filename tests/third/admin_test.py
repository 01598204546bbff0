#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The admin socket of a running smsr, spoken to by Python's json; also backup and restore, kill and start."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'lab' / 'demo'))
from smsr_lab import SmsrLab, free_port  # noqa: E402

BUILD = os.environ.get('B', 'build/rel')
SMSC = {'name': 'nowhere', 'host': '127.0.0.1', 'port': 1, 'system_id': 'x', 'password': 'pw', 'number': '1234',
        'mode': 'store-and-forward', 'more': ''}


class Admin:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(path))
        self.file = self.sock.makefile('r')

    def send(self, cmd, **args):
        self.sock.sendall(json.dumps({'cmd': cmd, **args}).encode() + b'\n')

    def line(self):
        return json.loads(self.file.readline())

    def rows(self):
        rows = []
        while 'row' in (line := self.line()):
            rows.append(line['row'])
        return rows, line

    def ask(self, cmd, **args):
        self.send(cmd, **args)
        return self.rows()

    def good(self, cmd, **args):
        rows, last = self.ask(cmd, **args)
        assert last['ok'] is True, last
        return rows, last

    def bad(self, code, cmd, **args):
        rows, last = self.ask(cmd, **args)
        assert last['ok'] is False and last['code'] == code and not rows, last
        return last['error']


def check_looking(a, eid, card):
    rows, _ = a.good('status')
    assert rows[0]['euiccs'] == 1 and rows[0]['epoch'] == 1 and rows[0]['links'] == 1 and rows[0]['links_up'] == 0, rows
    assert a.good('smpp')[0][0]['up'] is False
    assert any(r['name'].startswith('smsr.0.') for r in a.good('counters')[0])
    for key, value in (('eid', eid), ('iccid', card.operational[0]), ('imsi', card.operational[1]),
                       ('msisdn', card.operational[2])):
        row = a.good('eis', **{key: value})[0][0]
        assert row['eid'] == eid and row['verified'] is False and len(row['profiles']) == 2, row
    assert 'value' not in json.dumps(row)
    a.bad('not-found', 'eis', eid='89' + '0' * 30)
    a.bad('usage', 'eis', eid='1')
    a.bad('usage', 'eis')
    assert [r['eid'] for r in a.good('eis-list')[0]] == [eid]
    assert a.good('eis-list', after=eid)[0] == []
    assert a.good('audit-list')[0] == [] and a.good('ops')[0] == []
    assert a.good('trail')[0][0]['type'] == 'import' and a.good('trail', eid=eid)[0]
    a.bad('not-found', 'op', id=1)
    a.bad('usage', 'no such')


def check_levers(a, path, eid):
    _, last = a.good('counter', eid=eid, version=1, value=500)
    a.bad('usage', 'counter', eid=eid, version=1, value=500)
    a.bad('not-found', 'counter', eid=eid, version=77, value=500)
    assert a.good('eis', eid=eid)[0][0]['keysets'][0]['counter'] == 500
    for scope, name in (('all', None), ('drain', None), ('smsc', 'nowhere'), ('eid', eid), ('peer', 'eum')):
        args = {'scope': scope, 'name': name} if name else {'scope': scope}
        a.bad('not-found', 'resume', **args)
        a.good('pause', **args)
    assert len(a.good('pauses')[0]) == 5
    assert a.good('smpp')[0][0]['paused'] is True
    a.bad('busy', 'audit-bulk')
    a.bad('not-found', 'pause', scope='smsc', name='unknown')
    a.bad('usage', 'pause', scope='what')
    op = a.good('audit', eid=eid)[1]['op']
    assert a.good('op', id=op)[0][0]['state'] == 'QUEUED'
    for scope, name in (('all', None), ('drain', None), ('eid', eid), ('peer', 'eum')):
        a.good('resume', **({'scope': scope, 'name': name} if name else {'scope': scope}))
    # A second client follows until the operation ends.
    f = Admin(path)
    f.send('follow', id=op)
    assert f.line()['row']['step'] == 'accepted'
    end = time.monotonic() + 10
    while a.good('op', id=op)[0][0]['state'] != 'AUDIT':
        assert time.monotonic() < end
    assert a.good('cancel', id=op)[1]['state'] == 'DONE'
    a.bad('busy', 'cancel', id=op)
    rows, last = f.rows()
    assert last['ok'] and rows[-1]['step'] == 'outcome', rows
    f.send('follow', id=op)
    assert f.rows()[1]['ok']
    assert len(a.good('timeline', id=op)[0]) == len(rows) + 1
    assert a.good('outbox', id=op)[0] == [] and a.good('outbox')[0] == []
    assert a.good('outbox-retry')[1]['n'] == 0
    a.bad('not-found', 'outbox-retry', peer='nobody')
    # Cancelled with a command out: to be audited.
    assert [r['eid'] for r in a.good('audit-list')[0]] == [eid]
    assert a.good('audit-bulk')[1]['n'] == 1
    end = time.monotonic() + 10
    while len(a.good('ops')[0]) < 2:
        assert time.monotonic() < end
    a.good('cancel', id=a.good('ops')[0][0]['id'])


def check_types(path):
    """Members of every command with values of every type: an answer each time, and the daemon goes on."""
    a = Admin(path)
    commands = ('eis-list', 'eis', 'ops', 'op', 'timeline', 'outbox', 'outbox-retry', 'trail', 'pause', 'resume', 'audit',
                'audit-list', 'cancel', 'counter', 'import', 'backup', 'follow', 5, None, {}, '')
    members = ('eid', 'msisdn', 'id', 'after', 'before', 'max', 'scope', 'name', 'version', 'value', 'xml', 'path', 'peer',
               'requester', 'call_id')
    for value in (None, True, 5, -1, 2**62, 1.5, '', 'x', 'ü' * 50, [], {'a': 1}):
        for cmd in commands:
            a.send(cmd, **{m: value for m in members if (cmd, m) != ('follow', 'id') or value != 5})
            rows, last = a.rows()
            assert last['ok'] or last['code'] in ('usage', 'not-found', 'busy'), (cmd, value, last)
    a.sock.sendall(b'[' * 100000 + b'\n')
    assert a.rows()[1]['code'] == 'usage'


def check_limits(path):
    a = Admin(path)
    a.sock.sendall(b'nonsense\n[]\n{"cmd":"status"}\n{"cmd":"status","cmd":"smpp"}\n')
    got = [a.rows()[1] for _ in range(4)]
    assert [g['ok'] for g in got] == [False, False, True, False], got
    # A line that never ends is cut off.
    try:
        a.sock.sendall(b'x' * (3 << 20))
        assert a.sock.recv(10) == b''
    except (BrokenPipeError, ConnectionResetError):
        pass
    # Somebody who does not read stalls nobody.
    lazy = Admin(path)
    lazy.sock.setblocking(False)
    try:
        for _ in range(100000):
            lazy.sock.send(b'{"cmd":"counters"}\n')
    except BlockingIOError:
        pass
    assert Admin(path).good('status')
    crowd = []
    try:
        for _ in range(40):
            crowd.append(Admin(path))
            crowd[-1].good('status')
        raise AssertionError('no limit of connections')
    except (BrokenPipeError, ConnectionResetError, json.JSONDecodeError):
        pass
    assert len(crowd) > 20
    # Half closed: the answer comes all the same.
    del crowd, lazy
    time.sleep(0.2)
    a = Admin(path)
    a.send('status')
    a.sock.shutdown(socket.SHUT_WR)
    assert a.rows()[1]['ok'] and a.file.read() == ''


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix='smsr-admin-'))
    lab = SmsrLab(directory, BUILD, count=1)
    path = directory / 'admin.sock'
    try:
        lab.make_pki()
        config = lab.write_config([], dict(SMSC, port=free_port()))
        card = lab.cards[0]
        smsr = lab.start_smsr(config)
        smsr.wait_for('is running')
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        a = Admin(path)
        xml = (lab.pki / 'cards' / f'{card.eid}.xml').read_text()
        assert a.good('import', xml=xml)[1]['eid'] == card.eid
        a.bad('usage', 'import', xml=xml)
        a.bad('usage', 'import', xml='<x/>')
        check_looking(a, card.eid, card)
        check_levers(a, path, card.eid)
        check_types(path)
        check_limits(path)
        backup = directory / 'backup.db'
        a = Admin(path)
        a.good('backup', path=str(backup))
        a.bad('usage', 'backup', path=str(backup))
        a.bad('usage', 'backup', path='relative.db')
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        held = {'all': '', 'drain': '', 'eid': card.eid, 'peer': 'eum'}
        for scope, name in held.items():
            a.good('pause', scope=scope, name=name)
        # Kill: the socket file is left, the next start takes it; the pause of the link is still there.
        smsr.popen.send_signal(signal.SIGKILL)
        smsr.popen.wait()
        smsr = lab.start('smsr', 'smsr', '-c', config)
        smsr.wait_for('is running')
        a = Admin(path)
        for scope, what in (('all', 'no commands'), ('drain', 'no new op'), (f'eid {card.eid}', 'no op'), (r'peer [\d.]+', 'no op')):
            assert re.search(rf'NOTICE.* {scope} is paused since \S+Z: {what}.* "smctl resume {scope}" ', smsr.text()), smsr.text()
        for scope, name in held.items():
            a.good('resume', scope=scope, name=name)
        status = a.good('status')[0][0]
        assert status['epoch'] == 1 and status['paused'] == ['smsc nowhere'], status
        assert re.search(r'NOTICE.* smsc nowhere is paused since 20\d\d-\S+Z: no messages to this service centre; '
                         r'"smctl resume smsc nowhere" releases it', smsr.text()), smsr.text()
        assert a.good('smpp')[0][0]['paused'] is True
        # A stop, a backup put in its place: counters jump.
        assert smsr.stop() == 0
        assert not path.exists()
        shutil.copy(backup, directory / 'smsr.db')
        smsr = lab.start('smsr', 'smsr', '-c', config)
        smsr.wait_for('restored database')
        smsr.wait_for('is running')
        a = Admin(path)
        assert a.good('status')[0][0]['epoch'] == 2
        assert a.good('eis', eid=card.eid)[0][0]['keysets'][0]['counter'] >= 1000500
        assert a.good('status')[0][0]['audit_due'] == 1
        assert smsr.stop() == 0, smsr.text()
    finally:
        lab.stop()
        if sys.exc_info()[0]:
            print((directory / 'smsr.log').read_text()[-4000:])
        shutil.rmtree(directory, ignore_errors=True)
    print('admin socket: all as described')


main()
