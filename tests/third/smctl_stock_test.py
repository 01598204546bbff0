#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""smctl fills the stock of a running smdp; Python reads it over the admin socket, before and after a kill."""
import base64
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'lab' / 'demo'))
from smsr_lab import Process, free_port   # noqa: E402

BUILD = pathlib.Path(os.environ.get('B', 'build/rel'))
TREE = pathlib.Path(__file__).resolve().parents[2]
PROFILES = TREE.parent / 'shared' / 'profiles'
SMDP, MNO = '1.3.6.1.4.1.32473.20', '1.3.6.1.4.1.32473.42'
KI, OPC = '465B5CE8B199B49FAA5F0A2EE238A6BC', 'CD63CB71954A9F4E48A5994E37A02BAF'   # TS 35.208, test set 1
CONFIG = '''log stderr
 logging level set-all notice
line vty
 bind {address}
ctrl
 bind {address}
smdp
 entity-id {oid}
 uri https://127.0.0.1:{port}
 database {dir}/smdp.db
 master-key {dir}/master.key
 admin-socket {dir}/admin.sock
 stock warn-below 3
 https
  listen 127.0.0.1 {port}
  ca {dir}/tls-ca.pem
  certificate {dir}/smdp.pem
  key {dir}/smdp.key
'''


def iccid(serial):
    digits = f'8900101{serial:012}'
    total = sum(int(d) if i % 2 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(reversed(digits)))
    return f'{digits}{-total % 10}'


def rows(first, n):
    head = 'iccid,imsi,ki,opc,msisdn,smsc\n'
    return head + ''.join(f'{iccid(i)},00101{i:010},{KI},{OPC},+49150{i:07},+4915790109999\n'
                          for i in range(first, first + n))


class Stock:
    def __init__(self, directory):
        self.socket = directory / 'admin.sock'
        (directory / 'smctl.conf').write_text('smdp-admin = admin.sock\n')   # beside the configuration file
        self.argv = [BUILD / 'bin' / 'smctl', '--config', directory / 'smctl.conf', 'stock']

    def run(self, *args, code=0):
        done = subprocess.run([*map(str, self.argv), *map(str, args)], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, (args, done)
        return done.stdout + done.stderr

    def json(self, *args, code=0):
        done = subprocess.run([*map(str, self.argv), *map(str, args), '--json'], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, (args, done)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, **request):
        """The last line of the answer, as another program sees it."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.socket))
            s.sendall(json.dumps(request).encode() + b'\n')
            for line in s.makefile():
                line = json.loads(line)
                if 'row' not in line:
                    return line
        raise AssertionError(request)


def fill(stock, directory):
    of = ['--mno', MNO]
    assert 'is no object identifier' in stock.run('type', 'm2m', '--mno', 'x', code=2)
    stock.run('type', 'm2m', *of, '--template', TREE / 'smdp/templates/m2m.tpl', '--memory', 65536)
    batch = directory / 'batch.csv'
    batch.write_text(rows(1, 500))
    assert '500 good, 0 refused' in stock.run('import', batch, '--type', 'm2m', *of, '--check')
    assert stock.json('levels')[0]['free'] == 0
    batch.write_text(rows(1, 500).replace(f'{KI},{OPC},+491500000300', f'{KI[:-1]},{OPC},+491500000300'))
    refused, end = stock.json('import', batch, '--type', 'm2m', *of, code=1)
    assert refused == {'line': 301, 'iccid': iccid(300), 'error': 'ki: 32 hexadecimal digits wanted'}, refused
    assert end == {'taken': 499, 'refused': 1}, end
    level, = stock.json('levels')
    assert (level['mno'], level['type'], level['free'], level['low']) == (MNO, 'm2m', 499, False), level


def packages(stock, directory):
    of = ['--mno', MNO, '--type', 'm2m']
    broken = directory / 'broken.der'
    broken.write_bytes(b'\xa0\x03\x80\x01\x02')
    assert 'error: PE 1 (header) cannot be read' in stock.run('check', broken, code=1)
    assert 'cannot be read' in stock.run('import-package', broken, *of, code=2)
    assert stock.ask(cmd='stock-check', package='%%%')['code'] == 'usage'
    ready = sorted(PROFILES.glob('*.der'))
    for path in ready:
        end = stock.json('check', path)[-1]
        assert end['errors'] == 0 and end['iccid'] == '89000123456789012341' and end['octets'] == path.stat().st_size, end
        assert stock.ask(cmd='stock-check', package=base64.b64encode(path.read_bytes()).decode())['elements'] >= 28
    if ready:   # the test profiles share an ICCID: it is taken once
        stock.run('import-package', ready[0], *of, '--msisdn', '+4912345')
        assert 'is, or was, in stock' in stock.run('import-package', ready[-1], *of, code=2)
        row, = stock.json('show', '89000123456789012341')
        assert (row['imsi'], row['msisdn'], row['state']) == ('001010123456063', '4912345', 'free'), row
    else:
        print('no test profiles of TS.48 beside the tree: not tried')
    return len(ready) > 0


def keep(stock, directory, smdp, start):
    stock.run('take-out', iccid(1))
    smdp.popen.send_signal(signal.SIGKILL)
    smdp.popen.wait()
    assert 'is smdp running' in stock.run('levels', code=3)
    smdp = start()
    level, = stock.json('levels')
    assert level['broken'] == 1 and level['free'] >= 498, level
    assert 'imported, 500 refused' in stock.run('import', directory / 'batch.csv', '--type', 'm2m', '--mno', MNO, code=1)
    end = stock.json('check', iccid(2))[-1]
    assert end['errors'] == end['warnings'] == 0 and end['services'] == ['usim', 'milenage'], end
    return smdp


def secrets(directory, log):
    """Neither the database nor the log has a key, a code or a package in clear (P6)."""
    with sqlite3.connect(f'file:{directory}/smdp.db?mode=ro', uri=True) as db:
        (n,) = db.execute('SELECT count(*) FROM stock_item').fetchone()
    assert n >= 499, n
    for path in (directory / 'smdp.db', directory / 'smdp.db-wal'):
        octets = path.read_bytes() if path.exists() else b''
        for secret in (bytes.fromhex(KI), bytes.fromhex(OPC), KI.encode(), bytes.fromhex('A0000000871002FFFFFFFF8907090000')):
            assert secret not in octets, (path, secret.hex())
    assert KI not in log and OPC not in log


def memory(pid):
    """Nor has the memory of the daemon, once an import is over.  Only root may look."""
    try:
        mem = open(f'/proc/{pid}/mem', 'rb', buffering=0)
    except PermissionError:
        return
    for line in pathlib.Path(f'/proc/{pid}/maps').read_text().splitlines():
        span, mode = line.split()[:2]
        if not mode.startswith('rw'):
            continue
        first, end = (int(x, 16) for x in span.split('-'))
        mem.seek(first)
        octets = mem.read(end - first)
        for secret in (bytes.fromhex(KI), KI.encode(), bytes.fromhex(OPC), OPC.encode()):
            assert secret not in octets, (line, secret)


def main(directory):
    port = free_port()
    address = f'127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}'
    for argv in (['ca', directory], ['peer', directory, 'smdp', SMDP], ['master', directory / 'master.key']):
        subprocess.run([BUILD / 'bin' / 'esim-pki', *argv], check=True, stdout=subprocess.DEVNULL)
    config = directory / 'smdp.cfg'
    config.write_text(CONFIG.format(address=address, oid=SMDP, port=port, dir=directory))
    count = iter(range(9))

    def start():
        smdp = Process(directory, f'smdp{next(count)}', [BUILD / 'bin' / 'smdp', '-c', config])
        smdp.wait_for('serves ES2')
        return smdp

    smdp, log = start(), ''
    try:
        stock = Stock(directory)
        assert stat.S_IMODE(stock.socket.stat().st_mode) == 0o600
        assert stock.ask(cmd='no such')['code'] == 'usage'
        fill(stock, directory)
        packages(stock, directory)
        log = smdp.text()
        smdp = keep(stock, directory, smdp, start)
        memory(smdp.popen.pid)
        assert smdp.stop() == 0
        assert not stock.socket.exists()
        log += smdp.text()
        secrets(directory, log)
    finally:
        smdp.stop()
        print(smdp.text())


tmp = pathlib.Path(tempfile.mkdtemp(prefix='stock-'))
try:
    main(tmp)
finally:
    shutil.rmtree(tmp, ignore_errors=True)
