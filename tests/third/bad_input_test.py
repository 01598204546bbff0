#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What comes from outside and is wrong: a running smsr over real TLS says so, changes nothing, and stays (P7).  And what
is wrong with its own files: it ends with a sentence and the code that the manual page names."""
import http.client
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import warnings
from contextlib import closing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab   # noqa: E402
from peers import outcome, profile_body   # noqa: E402

SOAP_TYPE = 'application/soap+xml; charset=utf-8'
MIB = 1024 * 1024
FAILED = []


def expect(what, good, seen):
    print(f'{"ok " if good else "BAD"} {what}: {seen}')
    if not good:
        FAILED.append(what)


def eid_of(digits):
    """With its check digits (modulo 97)."""
    return f'{digits}{98 - int(digits) * 100 % 97:02}'


class Target:
    """A running smsr and what an operator sends to it."""

    def __init__(self, lab):
        self.lab, self.card, self.operator = lab, lab.cards[0], lab.operational
        self.iccid = self.card.operational[0]

    def post(self, body, content_type=SOAP_TYPE, context=None, path='/ES4/ES4SmSrService', method='POST', headers=()):
        connection = http.client.HTTPSConnection('127.0.0.1', self.lab.https_port, timeout=20,
                                                 context=context or self.operator.client)
        try:
            try:
                connection.request(method, path, body.encode() if isinstance(body, str) else body,
                                   {**({'Content-Type': content_type} if content_type else {}), **dict(headers)})
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                pass   # refused before all was sent: the answer may be there
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors='replace')
        finally:
            connection.close()

    def envelope(self, body=None, function='ES4-EnableProfile', call_id='bad'):
        body = profile_body(self.card.eid, self.iccid) if body is None else body
        return self.operator.envelope(function, body, call_id, False)

    def rows(self):
        with closing(sqlite3.connect(f'file:{self.lab.dir}/smsr.db?mode=ro', uri=True)) as db:
            return tuple(db.execute(f'SELECT count(*) FROM {table}').fetchone()[0]
                         for table in ('operation', 'euicc', 'profile', 'keyset', 'command', 'outbox'))

    def alive(self):
        status, answer = self.operator.call('ES4-GetEIS', f'<rps:Eid>{self.card.eid}</rps:Eid>', reply=False)
        return status == 200 and outcome(answer) == 'EXECUTED_SUCCESS'


def reason(text):
    """The sentence of a fault, or the status of a response."""
    found = re.search(r'<soap:Text[^>]*>([^<]*)', text)
    return found.group(1) if found else outcome(text) if 'Status>' in text else text.strip()


def messages(t):
    """Octets that are no message of ours: a fault or an HTTP status, and a sentence."""
    good = t.envelope()
    deep = ''.join(f'<a{i}>' for i in range(2000)) + ''.join(f'</a{i}>' for i in reversed(range(2000)))
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    entity = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    cases = (
        ('empty body', '', SOAP_TYPE, 400, None),
        ('cut in the middle', good[:len(good) // 2], SOAP_TYPE, 400, 'well-formed'),
        ('no XML', 'hello', SOAP_TYPE, 400, 'well-formed'),
        ('zeros', b'\0' * 1000, SOAP_TYPE, 400, None),
        ('deeply nested', good.replace('<soap:Body>', f'<soap:Body>{deep}'), SOAP_TYPE, 400, 'deep'),
        ('wide', good.replace('<soap:Body>', '<soap:Body>' + '<x/>' * 300000), SOAP_TYPE, 400, None),
        ('more than 8 MiB', good + ' ' * (8 * MIB), SOAP_TYPE, 413, None),
        ('entities that grow', good.replace('?>', f'?>{laughs}', 1).replace('>bad<', '>&b;<'), SOAP_TYPE, 400, 'document type'),
        ('entity from a file', good.replace('?>', f'?>{entity}', 1).replace('>bad<', '>&f;<'), SOAP_TYPE, 400, 'document type'),
        ('processing instruction', good.replace('?>', '?><?x y?>', 1), SOAP_TYPE, 400, None),
        ('no content type', good, None, 415, None),
        ('text/html', good, 'text/html', 415, None),
        ('other character set', good, 'application/soap+xml; charset=utf-7', 415, None),
        ('SOAP 1.1', good.replace('http://www.w3.org/2003/05/soap-envelope', 'http://schemas.xmlsoap.org/soap/envelope/'),
         SOAP_TYPE, 500, '1.2'),
        ('no MessageID', re.sub(r'<wsa:MessageID>.*?</wsa:MessageID>', '', good), SOAP_TYPE, 400, 'wsa:MessageID'),
        ('no From', re.sub(r'<wsa:From>.*?</wsa:From>', '', good), SOAP_TYPE, 400, 'wsa:From'),
        ('bad From', good.replace('EntityId=1.3', 'EntityId=one.3', 1), SOAP_TYPE, 400, 'wsa:From'),
        ('unknown header to be understood', good.replace('</soap:Header>',
         '<x:y xmlns:x="urn:x" soap:mustUnderstand="true"/></soap:Header>'), SOAP_TYPE, 500, 'understood'),
        ('unknown function', good.replace('ES4-EnableProfile', 'ES4-EnableEverything'), SOAP_TYPE, 400, None),
        ('another function in Action', good.replace('ProfileManagement/ES4-EnableProfile', 'ProfileManagement/ES4-DeleteProfile'),
         SOAP_TYPE, 400, 'Action'),
        ('to another SM-SR', good.replace('EntityId=1.3.6.1.4.1.32473.30', 'EntityId=1.3.6.1.4.1.32473.31'), SOAP_TYPE, 400,
         'another entity'),
    )
    for name, body, content_type, want, words in cases:
        status, text = t.post(body, content_type)
        expect(name, status == want and (not words or words in text) and 'root:' not in text, (status, reason(text)[:120]))
    for method, path in (('DELETE', '/ES4/ES4SmSrService'), ('GET', '/etc/passwd'), ('GET', '/../../etc/passwd?wsdl')):
        status, text = t.post('', None, path=path, method=method)
        expect(f'{method} {path}', status in (404, 405), (status, text.strip()[:60]))
    status, _ = t.post('', headers=[('X-Long', 'x' * 20000)])
    expect('20 kB of headers', status in (400, 431), status)


def requests(t):
    """Well-formed messages that ask for what does not exist or break the schema."""
    eid, iccid = t.card.eid, t.iccid
    stranger = eid_of('890010129999000000000000000000')
    cases = (
        ('unknown EID', profile_body(stranger, iccid), '8.1.1/3.9'),
        ('unknown ICCID', profile_body(eid, '8988299009000000005'), '8.2.1/3.9'),
        ('check digits of the EID', profile_body(eid[:30] + '00', iccid), 'Eid'),
        ('short EID', profile_body('8900', iccid), 'Eid'),
        ('EID with a quote', profile_body("' OR 1=1 --", iccid), 'Eid'),
        ('letters in the ICCID', profile_body(eid, 'x' * 19), 'Iccid'),
        ('no ICCID', f'<rps:Eid>{eid}</rps:Eid>', '1.6/2.2'),
        ('validity 0', profile_body(eid, iccid, 0), 'ValidityPeriod'),
        ('validity of 100 years', profile_body(eid, iccid, 3153600000), '1.2.1/3.8'),
        ('element too many', profile_body(eid, iccid) + '<rps:Extra>1</rps:Extra>', 'unknown element'),
    )
    for name, body, words in cases:
        status, text = t.post(t.envelope(body))
        expect(name, status == 200 and 'FAILED' in text and words in reason(text), (status, reason(text)[:120]))
    status, text = t.post(t.envelope(call_id='x' * 300))
    expect('call id of 300 characters', status == 200 and 'FunctionCallIdentifier' in text, reason(text)[:120])
    status, text = t.post(t.envelope('<rps:Eid>' + eid + '</rps:Eid><rps:Smsr-id>1.2.3</rps:Smsr-id>', 'ES4-SMSRChange'))
    expect('function not served', '1.6/3.1' in reason(text), (status, reason(text)))
    status, text = t.lab.bootstrap.call('ES4-EnableProfile', profile_body(eid, iccid), reply=False)
    expect('profile of another operator', 'FAILED 8.2.1/1.2' in outcome(text), (status, outcome(text)))
    status, text = t.lab.eum.call('ES4-GetEIS', f'<rps:Eid>{eid}</rps:Eid>', reply=False)
    expect('EUM on ES4', 'FAILED 1.1/1.2' in outcome(text), (status, outcome(text)))
    status, text = t.post(t.envelope().replace(t.operator.oid, '1.2.3.4'))
    expect('unknown sender', 'FAILED 1.1/1.1' in outcome(text), (status, outcome(text)))
    status, text = t.post(t.envelope().replace(t.operator.oid, t.lab.bootstrap.oid))
    expect('in another name', 'FAILED 1.1/1.2' in outcome(text), (status, outcome(text)))
    foreign = t.envelope().replace('</wsa:To>', '</wsa:To><wsa:ReplyTo><wsa:Address>https://127.0.0.1:1/x</wsa:Address></wsa:ReplyTo>')
    status, text = t.post(foreign)
    expect('ReplyTo elsewhere', status == 400 and 'ReplyTo' in text, (status, reason(text)))


def transport(t):
    """No certificate, one of another root, one of no peer, no TLS at all, half a request."""
    lab, port = t.lab, t.lab.https_port
    other = lab.dir / 'other'
    lab.tool('ca', other)
    lab.tool('peer', other, 'operational', '1.3.6.1.4.1.32473.42')
    lab.tool('peer', lab.pki, 'nobody', '1.3.6.1.4.1.32473.99')
    naked = ssl.create_default_context(cafile=str(lab.pki / 'tls-ca.pem'))
    foreign = ssl.create_default_context(cafile=str(lab.pki / 'tls-ca.pem'))
    foreign.load_cert_chain(other / 'operational.pem', other / 'operational.key')
    old = lab.client_context('operational')
    warnings.simplefilter('ignore', DeprecationWarning)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers('ALL:@SECLEVEL=0')
    for name, context in (('no certificate', naked), ('certificate of another root', foreign), ('TLS 1.1', old)):
        try:
            expect(name, False, t.post(t.envelope(), context=context))
        except (OSError, http.client.HTTPException) as error:
            expect(name, True, error)
    status, text = t.post(t.envelope(), context=lab.client_context('nobody'))
    expect('certificate of no peer', status == 403, (status, reason(text)))
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.sendall(b'POST /ES4/ES4SmSrService HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
        answer = s.recv(1000)
        expect('plain HTTP on the TLS port', b'200' not in answer[:20] and b'soap' not in answer, answer[:40])
    for octets in (b'', b'\x16\x03\x01', os.urandom(3000)):
        with socket.create_connection(('127.0.0.1', port), 10) as s:
            s.sendall(octets)
    head = f'POST /ES4/ES4SmSrService HTTP/1.1\r\nHost: x\r\nContent-Type: {SOAP_TYPE}\r\nContent-Length: 5000\r\n\r\n<a'
    for _ in range(20):
        with t.operator.client.wrap_socket(socket.create_connection(('127.0.0.1', port), 10), server_hostname='127.0.0.1') as s:
            s.sendall(head.encode())
    expect('noise, and requests that end half-way', True, 'sent')


def registration(t):
    """An EIS that its EUM did not sign so, or that contradicts itself."""
    eis = t.lab.eis_file(t.lab.cards[1]).read_text()
    kcv = re.search(r'kcv="(\w{6})"', eis).group(1)
    cases = (
        ('tampered signed part', eis.replace('software eUICC', 'softwarE eUICC'), 'digest'),
        ('tampered signature', re.sub(r'(<\w*:?SignatureValue>\s*)(.)', lambda m: m.group(1) + ('A' if m.group(2) != 'A' else 'B'), eis), 'signature'),
        ('another card\'s EID', eis.replace(t.lab.cards[1].eid, eid_of('890010129999000000000000000000')), ''),
        ('check digits', eis.replace(t.lab.cards[1].eid, t.lab.cards[1].eid[:30] + '00'), 'Eid'),
        ('wrong kcv', eis.replace(f'kcv="{kcv}"', 'kcv="000000"', 1), 'check value'),
        ('no KID', re.sub(r'<rps:Key kcv="\w+">\s*<rps:Index>2</rps:Index>.*?</rps:Key>', '', eis, count=1, flags=re.S), 'key'),
        ('no SCP80 and no SCP81 keys', re.sub(r'(<rps:Isd-r>.*?)<rps:Keyset>.*</rps:Keyset>', r'\1', eis, flags=re.S), 'Keyset'),
        ('no ISD-R', re.sub(r'<rps:Isd-r>.*</rps:Isd-r>', '', eis, flags=re.S), ''),
        ('two enabled profiles', eis.replace('>Disabled<', '>Enabled<'), ''),
    )
    for name, text, words in cases:
        assert text != eis, f'{name}: nothing was changed'
        status, answer = t.lab.eum.call('ES1-RegisterEIS', text, reply=False)
        secret = re.search(r'value="(\w{32})"', eis).group(1)
        expect(f'EIS: {name}', status == 200 and 'FAILED' in answer and words.lower() in outcome(answer).lower() and
               secret not in answer, (status, outcome(answer)[:150]))
    status, answer = t.lab.eum.call('ES1-RegisterEIS', eis, reply=False)
    expect('EIS: as it was signed', outcome(answer) == 'EXECUTED_SUCCESS', outcome(answer))


def outside():
    with Lab(count=2, sms=False) as lab:
        t = Target(lab)
        lab.register(t.card)
        for part in (messages, requests, transport, registration):
            before = t.rows()
            part(t)
            after = t.rows()
            if part is registration:
                expect('one eUICC more, nothing else', (after[0], after[1], after[4]) == (before[0], before[1] + 1, before[4]),
                       (before, after))
            else:
                expect('no new rows', after == before, after)
            expect('GetEIS still works', t.alive(), 'EXECUTED_SUCCESS')
        secrets = set(re.findall(r'<rps:KeyComponents type="\w+" value="(\w{32,})"', lab.eis_file(t.card).read_text()))
        log = lab.smsr.text().upper()
        expect('no key in the log', secrets and not any(s.upper() in log for s in secrets), f'{len(secrets)} keys')
        expect('ends in order', lab.smsr.stop() == 0, 'exit 0')


# ---- its own files ----

def start_fails(lab, what, code, words):
    run = subprocess.run([lab.bin / 'smsr', '-c', lab.config], capture_output=True, text=True, timeout=20)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if words in line]
    expect(what, run.returncode == code and lines, (run.returncode, re.sub(r'\x1b\[[\d;]*m', '', lines[-1]) if lines else run.stderr))


def database_file():
    with Lab(sms=False) as lab:
        path, t = lab.dir / 'smsr.db', Target(lab)
        lab.register(t.card)
        run = subprocess.run([lab.bin / 'smsr', '-c', lab.config], capture_output=True, text=True, timeout=20)
        expect('a second smsr on the same database', run.returncode in (3, 5), (run.returncode, run.stderr.splitlines()[-1]))
        lab.smsr.stop()
        shutil.copy(path, lab.dir / 'good.db')
        with closing(sqlite3.connect(path)) as db:
            db.execute('PRAGMA user_version = 999')
        start_fails(lab, 'schema from the future', 3, 'newer')
        path.write_bytes(b'this is no database at all\n' * 1000)
        start_fails(lab, 'no database', 3, 'smsr.db')
        shutil.copy(lab.dir / 'good.db', path)
        octets = bytearray(path.read_bytes())
        octets[100:8192] = bytes(8092)
        path.write_bytes(octets)
        start_fails(lab, 'first page overwritten', 3, 'smsr.db')
        shutil.copy(lab.dir / 'good.db', path)
        read_only(lab, path)
        lab.smsr = lab.start_smsr(lab.config)
        lab.smsr.wait_for('serves ES1')
        expect('the good one again', t.alive(), 'EXECUTED_SUCCESS')


def read_only(lab, path):
    """Root may write everything, so the file gets a mount or an attribute that says no; else an account without rights."""
    path.chmod(0o444)
    if os.geteuid():
        start_fails(lab, 'read-only file', 3, 'smsr.db')
    elif subprocess.run(['chattr', '+i', path], capture_output=True).returncode == 0:
        try:
            start_fails(lab, 'read-only file', 3, 'smsr.db')
        finally:
            subprocess.run(['chattr', '-i', path], check=True)
    elif subprocess.run(['mount', '--bind', '-o', 'ro', path, path], capture_output=True).returncode == 0:
        try:
            start_fails(lab, 'read-only file', 3, 'smsr.db')
        finally:
            subprocess.run(['umount', path], check=True)
    else:
        print('skip read-only file: root without mount and chattr')
    path.chmod(0o600)


class Full:
    """A disk that fills up: a small tmpfs where that is allowed, else a limit on the size of files."""

    def __init__(self, lab):
        self.dir = lab.dir / 'disk'
        self.dir.mkdir()
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=12m,mode=700', 'none', self.dir], capture_output=True).returncode == 0
        self.filler = self.dir / 'filler'

    def fill(self, process, leave=0):
        if not self.mounted:
            subprocess.run(['prlimit', f'--pid={process.popen.pid}', '--fsize=4096'], check=True)
            return
        size = shutil.disk_usage(self.dir).free - leave
        with self.filler.open('ab') as f:
            while size > 0:
                try:
                    size -= os.write(f.fileno(), bytes(min(size, 65536)))
                except OSError:
                    break

    def empty(self):
        self.filler.unlink(missing_ok=True)

    def close(self):
        if self.mounted:
            subprocess.run(['umount', '-l', self.dir], check=True)


def restart(lab):
    lab.smsr = lab.start_smsr(lab.config)
    lab.smsr.wait_for('serves ES1')


def disk_full():
    with Lab(sms=False) as lab:
        t, disk = Target(lab), Full(lab)
        try:
            lab.smsr.stop()
            text = lab.config.read_text().replace(f'database {lab.dir}/smsr.db', f'database {disk.dir}/smsr.db')
            lab.config.write_text(text.replace(' limit por-wait-s 20\n', ' limit por-wait-s 20\n free-space-min 4\n'))
            restart(lab)
            lab.register(t.card)
            if disk.mounted:
                disk.fill(lab.smsr, 2 * MIB)
                status, _ = t.post(t.envelope(call_id='reserve'))
                expect('below the reserve', status == 503 and t.alive(), (status, 'GetEIS still works'))
                disk.empty()
            lab.smsr.stop()
            lab.config.write_text(lab.config.read_text().replace('free-space-min 4', 'free-space-min 0'))
            restart(lab)
            status, _ = t.post(t.envelope(call_id='before'))
            expect('with room', status == 202, status)
            disk.fill(lab.smsr)
            answers = []
            for i in range(200):
                try:
                    answers.append(t.post(t.envelope(call_id=f'full-{i}'))[0])
                except (OSError, http.client.HTTPException):
                    break
            end = time.monotonic() + 10
            while lab.smsr.popen.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            expect('disk full: code 6', lab.smsr.popen.poll() == 6, (lab.smsr.popen.poll(), lab.smsr.text().splitlines()[-1]))
            disk.empty()
            restart(lab)
            expect('after the restart', t.alive(), 'EXECUTED_SUCCESS')
            with closing(sqlite3.connect(f'file:{disk.dir}/smsr.db?mode=ro', uri=True)) as db:
                stored = {row[0] for row in db.execute('SELECT call_id FROM call')}
                check = db.execute('PRAGMA integrity_check').fetchone()[0]
            accepted = {'before'} | {f'full-{i}' for i, status in enumerate(answers) if status == 202}
            expect('what was accepted is stored, and nothing else', stored >= accepted and 'reserve' not in stored and check == 'ok',
                   (len(accepted), len(stored), check))
            status, _ = t.post(t.envelope(call_id='after'))
            expect('goes on', status == 202, status)
            lab.smsr.stop()
        finally:
            disk.close()


outside()
database_file()
disk_full()
print('not as expected:', FAILED) if FAILED else print('all as expected')
sys.exit(1 if FAILED else 0)
