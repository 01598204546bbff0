#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A running smdp: what it serves over TLS, what it refuses and how, its console, and its end."""
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'lab' / 'demo'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from console_test import Ctrl   # noqa: E402
from peers import GROUPS, Entity, outcome   # noqa: E402
from smsr_lab import Process, free_port   # noqa: E402

BUILD = pathlib.Path(os.environ.get('B', 'build/rel'))
SMDP, OPERATOR, STRANGER = (f'1.3.6.1.4.1.32473.{n}' for n in (20, 42, 43))
EID = '89001012999900000000000000000007'
GET_EIS = f'<rps:Eid>{EID}</rps:Eid><rps:Smsr-id>1.3.6.1.4.1.32473.30</rps:Smsr-id>'
CONFIG = '''log stderr
 logging level set-all notice
line vty
 bind {address}
ctrl
 bind {address}
smdp
 entity-id {oid}
 uri https://127.0.0.1:{port}
 database {pki}/smdp.db
 master-key {pki}/master.key
 https
  listen 127.0.0.1 {port}
  ca {pki}/tls-ca.pem
  certificate {pki}/smdp.pem
  key {pki}/smdp.key
  threads 2
 peer operator
  entity-id {operator}
  right read
  right manage
  tls serial-number {operator}
'''


def make_pki(pki):
    for argv in (['ca', pki], ['peer', pki, 'smdp', SMDP], ['peer', pki, 'operator', OPERATOR],
                 ['peer', pki, 'stranger', STRANGER]):
        subprocess.run([BUILD / 'bin' / 'esim-pki', *argv], check=True, stdout=subprocess.DEVNULL)
    key = pki / 'master.key'
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)


def exchange(entity, method, path, body=None):
    connection = http.client.HTTPSConnection('127.0.0.1', entity.smsr_port, context=entity.client, timeout=20)
    try:
        connection.request(method, path, body, {'Content-Type': 'application/soap+xml; charset=utf-8'} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def call(entity, function, body, reply=False, change=lambda xml: xml):
    xml = change(entity.envelope(function, body, 'smdp-test', reply))
    return exchange(entity, 'POST', '/ES2/ES2SmDpService', xml.encode())


def documents(operator, port):
    status, wsdl = exchange(operator, 'GET', '/ES2/ES2SmDpService?wsdl')
    assert status == 200 and f'https://127.0.0.1:{port}/ES2/ES2SmDpService' in wsdl, (status, wsdl[-500:])
    xml.etree.ElementTree.fromstring(wsdl)
    status, schema = exchange(operator, 'GET', '/ES2/esim-messaging-3.xsd')
    assert status == 200 and 'ES2-GetEISRequest' in schema, status
    for path in ('/ES4/ES4SmSrService?wsdl', '/ES4/es4.wsdl', '/'):
        status, text = exchange(operator, 'GET', path)
        assert status == 404 and 'ES2SmDpService?wsdl' in text, (path, status, text)


def refusals(operator, stranger):
    enable = GET_EIS + '<rps:Iccid>8988299009000000005</rps:Iccid>'
    for function, body, code in (
            ('ES2-GetEIS', GET_EIS, '8.7/3.9'),
            ('ES2-EnableProfile', enable, '8.7/3.9'),
            ('ES2-SetFallBackAttribute', enable, '1.6/3.1'),
            ('ES2-DownloadProfile', f'<rps:Eid>{EID}</rps:Eid><rps:Sm-sr-id>1.2.3</rps:Sm-sr-id>'
             '<rps:ProfileType>x</rps:ProfileType><rps:EnableProfile>true</rps:EnableProfile>', '1.1/1.2'),
            ('ES2-GetEIS', '<rps:Nonsense/>', '1.6/2'),
            ('ES4-GetEIS', f'<rps:Eid>{EID}</rps:Eid>', '1.6/3.1')):
        status, text = call(operator, function, body)
        assert status == 200 and outcome(text).startswith(f'FAILED {code}'), (function, status, text)
        assert f'{function}Response' in text and f'EntityId={SMDP}' in text and 'smdp-test' not in text, text
    status, text = call(operator, 'ES2-GetEIS', GET_EIS, change=lambda xml: xml.replace(OPERATOR, STRANGER))
    assert status == 200 and outcome(text).startswith('FAILED 1.1/1.1'), (status, text)
    status, text = call(operator, 'ES2-GetEIS', GET_EIS, change=lambda xml: xml.replace(f'EntityId={SMDP}', 'EntityId=1.2.3'))
    assert status == 400 and 'another entity' in text, (status, text)
    status, text = call(operator, 'ES2-GetEIS', GET_EIS, change=lambda xml: xml[:200])
    assert status == 400 and 'Fault' in text, (status, text)
    status, text = call(stranger, 'ES2-GetEIS', GET_EIS)
    assert status == 403 and 'FailedAuthentication' in text and 'no peer' in text, (status, text)
    assert operator.wait(0.2) is None   # nobody was promised a callback


def without_certificate(port, pki):
    context = ssl.create_default_context(cafile=str(pki / 'tls-ca.pem'))
    try:
        with socket.create_connection(('127.0.0.1', port), 10) as plain, \
                context.wrap_socket(plain, server_hostname='127.0.0.1') as tls:
            tls.sendall(b'GET /ES2/ES2SmDpService?wsdl HTTP/1.1\r\nHost: x\r\n\r\n')
            answer = tls.recv(1000)
    except (ssl.SSLError, ConnectionError):
        return
    assert not answer, answer


def running_config(address):
    with socket.create_connection((address, 4292), 10) as s:
        for command, end in ((b'', b'> '), (b'enable\n', b'# '), (b'show running-config\n', b'end\r\nsmdp# ')):
            s.sendall(command)
            text = b''
            while not text.endswith(end):
                chunk = s.recv(65536)
                assert chunk, text
                text += chunk
    return text.decode(errors='replace').replace('\r', '')


def near_its_end(smdp, pki, address):
    """A certificate of five days: a trap tells."""
    ctrl = Ctrl(address, 4293)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
                    '/CN=soon', '-days', '5', '-keyout', pki / 'smdp.key', '-out', pki / 'smdp.pem'], check=True,
                   capture_output=True)
    smdp.popen.send_signal(signal.SIGHUP)
    trap = ctrl.line()
    assert re.match(r'TRAP 0 certificate-expiry TLS certificate .*ends within 7 days', trap), trap


def main(directory):
    pki, port = directory / 'pki', free_port()
    address = f'127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}'
    make_pki(pki)
    config = directory / 'smdp.cfg'
    config.write_text(CONFIG.format(address=address, oid=SMDP, port=port, pki=pki, operator=OPERATOR))
    argv = [BUILD / 'bin' / 'smdp', '-c', config]
    assert subprocess.run([*argv, '-C'], capture_output=True).returncode == 0
    wrong = directory / 'wrong.cfg'
    wrong.write_text(config.read_text().replace('smdp.key', 'nowhere.key'))
    checked = subprocess.run([argv[0], '-C', '-c', wrong], capture_output=True, text=True)
    assert checked.returncode == 1 and 'nowhere.key' in checked.stderr, checked

    smdp = Process(directory, 'smdp', argv)
    GROUPS['ES2'] = 'ProfileManagement'
    operator, stranger = (Entity(pki, name, oid, port, SMDP) for name, oid in (('operator', OPERATOR), ('stranger', STRANGER)))
    try:
        smdp.wait_for('serves ES2')
        documents(operator, port)
        refusals(operator, stranger)
        without_certificate(port, pki)
        shown = running_config(address)
        for line in CONFIG[CONFIG.index('smdp'):].format(oid=SMDP, port=port, pki=pki, operator=OPERATOR).splitlines():
            assert f'{line}\n' in shown, (line, shown)
        smdp.popen.send_signal(signal.SIGHUP)
        smdp.wait_for('certificates read again')
        assert call(operator, 'ES2-GetEIS', GET_EIS)[0] == 200
        near_its_end(smdp, pki, address)
        code = smdp.stop()
        assert code == 0 and 'left over' not in smdp.text(), code
    finally:
        smdp.stop()
        operator.close()
        stranger.close()
        print(smdp.text())


tmp = pathlib.Path(tempfile.mkdtemp(prefix='smdp-'))
try:
    main(tmp)
finally:
    shutil.rmtree(tmp, ignore_errors=True)
