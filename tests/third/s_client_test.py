#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole change over HTTPS with `openssl s_client -psk` as the card: first POST, script, result, 204; the notification
the same way, and its confirmation.  Who is not that card is sent away.  tshark reads the capture with the key log: GSMA
SGP.02, GlobalPlatform Amendment B."""
import os
import pathlib
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab, free_port  # noqa: E402
from peers import outcome, profile_body  # noqa: E402

ISDR = 'A0000005591010FFFFFFFF8900000100'
BEARER = ''' https-bearer
  listen 127.0.0.1 {port}
  lab-key-log {keylog}
  fleet software
   eum 1.3.6.1.4.1.32473.10
   bearer https
'''


class Relay:
    """Between the card and smsr, on a port of its own: what passes is written as a capture of TCP over IPv4."""

    def __init__(self, path, port):
        self.out = open(path, 'wb')
        self.out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))  # LINKTYPE_RAW
        self.lock, self.target, self.sport = threading.Lock(), port, 40000
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.sport += 1
            threading.Thread(target=self.relay, args=(client, self.sport), daemon=True).start()

    def packet(self, sport, to_server, seq, ack, flags, data=b''):
        a, b = (sport, 443) if to_server else (443, sport)
        tcp = struct.pack('>HHIIBBHHH', a, b, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65535, 0, 0) + data
        src, dst = (b'\x0a\0\0\1', b'\x0a\0\0\2') if to_server else (b'\x0a\0\0\2', b'\x0a\0\0\1')
        frame = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + src + dst + tcp
        now = time.time()
        with self.lock:
            self.out.write(struct.pack('<IIII', int(now), int(now % 1 * 1e6), len(frame), len(frame)) + frame)
            self.out.flush()

    def relay(self, client, sport):
        server = socket.create_connection(('127.0.0.1', self.target))
        seq = {client: 1, server: 1}
        self.packet(sport, True, 0, 0, 0x02)
        self.packet(sport, False, 0, 1, 0x12)
        self.packet(sport, True, 1, 1, 0x10)
        open_ends = {client: server, server: client}
        while open_ends:
            for s in select.select(list(open_ends), [], [])[0]:
                other = server if s is client else client
                try:
                    data = s.recv(65536)
                except OSError:
                    data = b''
                self.packet(sport, s is client, seq[s], seq[other], 0x18 if data else 0x11, data)
                seq[s] += len(data) or 1
                try:
                    other.sendall(data) if data else other.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                if not data:
                    del open_ends[s]
        client.close()
        server.close()


class Answer:
    def __init__(self, head, body):
        self.status = int(head.split()[1])
        self.headers = {k.lower(): v for k, v in re.findall(r'^([\w-]+): *(.*?)\r?$', head, re.M)}
        self.body = body


class Card:
    """openssl s_client, fed with HTTP."""

    def __init__(self, port, eid, psk, suite='PSK-AES128-GCM-SHA256', kvn='40'):
        self.eid = eid
        identity = f'8001028110{eid}4F10{ISDR}8201018301{kvn}'
        self.popen = subprocess.Popen(
            ['openssl', 's_client', '-connect', f'127.0.0.1:{port}', '-psk', psk, '-psk_identity', identity, '-tls1_2',
             '-cipher', suite, '-quiet'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.buffer = b''

    def more(self):
        if not select.select([self.popen.stdout], [], [], 15)[0]:
            raise AssertionError(f'nothing came; so far: {self.buffer}')
        data = os.read(self.popen.stdout.fileno(), 65536)
        if not data:
            raise EOFError(self.popen.stderr.read().decode())
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line(self):
        while b'\r\n' not in self.buffer:
            self.more()
        data, self.buffer = self.buffer.split(b'\r\n', 1)
        return data

    def post(self, uri, body=None, from_eid=None):
        head = (f'POST {uri} HTTP/1.1\r\nHost: smsr.example\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n'
                f'X-Admin-From: //se-id/eid/{from_eid or self.eid};//aa-id/aid/{ISDR[:10]}/{ISDR[10:]}\r\n')
        if body is None:
            return self.send(head.encode() + b'\r\n')
        head += ('Content-Type: application/vnd.globalplatform.card-content-mgt-response;version=1.0\r\n'
                 'X-Admin-Script-Status: ok\r\nTransfer-Encoding: chunked\r\n\r\n')
        return self.send(head.encode() + b'%X\r\n%s\r\n0\r\n\r\n' % (len(body), body))

    def send(self, octets):
        self.popen.stdin.write(octets)
        lines = []
        while (line := self.line()):
            lines.append(line.decode())
        body = b''
        if 'Transfer-Encoding: chunked' in lines:
            while (n := int(self.line(), 16)):
                body += self.take(n)
                self.line()
            self.line()
        return Answer('\r\n'.join(lines), body)

    def expect_end(self):
        """We did not close: smsr did."""
        try:
            self.more()
        except EOFError:
            return self.popen.wait(10)
        raise AssertionError(f'not closed, but {self.buffer}')

    def expect_refused(self, alert):
        try:
            self.more()
        except EOFError as e:
            assert alert in str(e), str(e)
            return
        raise AssertionError('the handshake succeeded')


def psk_of(eis):
    """Value of the PSK in the EIS that the EUM sent."""
    keyset = re.search(r'Version>64<.*?type="85" value="(\w+)"', eis, re.S)
    return keyset.group(1)


def rapdu(sw):
    return bytes.fromhex(f'AF802302{sw}0000')


def enable(lab, relay, card, psk):
    status, _ = lab.operational.call('ES4-EnableProfile', profile_body(card.eid, card.operational[0]))
    assert status == 202, status
    lab.smsr.wait_for('trigger of an HTTPS session')
    c = Card(relay.port, card.eid, psk)
    a = c.post('/gsma/adminagent')
    assert a.status == 200, a.status
    assert a.headers['content-type'].startswith('application/vnd.globalplatform.card-content-mgt;version=1.0'), a.headers
    assert a.body.hex().upper().startswith('AE80221D80E28800163A03') or b'\x3a\x03' in a.body, a.body.hex()
    assert '?' in a.headers['x-admin-next-uri'] and len(a.headers['x-admin-next-uri']) <= 64, a.headers
    a = c.post(a.headers['x-admin-next-uri'], rapdu('9000'))
    assert a.status == 204 and 'x-admin-next-uri' not in a.headers, a.status
    c.expect_end()


def confirm(lab, relay, card, psk):
    e1 = f'4C10{card.eid}4D01024E020001'
    c = Card(relay.port, card.eid, psk, suite='PSK-AES128-CBC-SHA256')
    a = c.post(f'/gsma/adminagent?msg=E1{len(e1) // 2:02X}{e1}')
    assert a.status == 200 and b'\x3a\x08' in a.body and b'\x4e\x02\x00\x01' in a.body, a.body.hex()
    a = c.post(a.headers['x-admin-next-uri'], rapdu('9000'))
    assert a.status == 204, a.status
    c.expect_end()
    message = lab.operational.wait()
    assert message and outcome(message.xml) == 'EXECUTED_SUCCESS', message and message.xml


def others(lab, port, card, psk):
    """Who is not that card, or does not speak its language."""
    other = '89' + card.eid[2:30] + '99'
    c = Card(port, card.eid, psk)
    a = c.post('/gsma/adminagent', from_eid=other)
    assert a.status == 403, a.status
    c.expect_end()
    Card(port, other, psk).expect_refused('unknown psk identity')
    Card(port, card.eid, psk, kvn='41').expect_refused('unknown psk identity')
    Card(port, card.eid, '00' * 16).expect_refused('bad record mac')
    c = Card(port, card.eid, psk)
    assert c.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n').status == 405
    c.expect_end()
    c = Card(port, card.eid, psk)
    assert c.send(b'nonsense\r\n\r\n').status == 400
    c.expect_end()


def console(lab, command):
    s = socket.create_connection((lab.own_address, 4290), 5)
    text = b''
    s.sendall(command.encode() + b'\r\n')
    while b'unknown identity' not in text and b'% ' not in text:
        data = s.recv(4096)
        if not data:
            break
        text += data
    s.close()
    return text.decode(errors='replace')


def dissect(capture, keylog):
    """The capture in clear: requests and answers in order."""
    run = subprocess.run(['tshark', '-r', str(capture), '-o', f'tls.keylog_file:{keylog}', '-d', 'tcp.port==443,tls', '-Y',
                          'http', '-T', 'fields', '-E', 'separator=|', '-e', 'http.request.method', '-e',
                          'http.request.uri', '-e', 'http.response.code', '-e', 'http.content_type'],
                         capture_output=True, text=True, check=True)
    rows = [line.split('|') for line in run.stdout.splitlines()]
    kinds = [row[0] or row[2] for row in rows]
    assert kinds == ['POST', '200', 'POST', '204'] * 2, run.stdout + run.stderr
    assert rows[0][1] == '/gsma/adminagent' and 'tid=' in rows[2][1] and '?msg=E1' in rows[4][1], run.stdout
    assert 'card-content-mgt' in rows[1][3], run.stdout


class HttpsLab(Lab):
    def write_config(self, *args, **kwargs):
        path = super().write_config(*args, **kwargs)
        self.bearer_port, self.keylog = free_port(), self.dir / 'keys.log'
        path.write_text(path.read_text() + BEARER.format(port=self.bearer_port, keylog=self.keylog))
        return path


def main():
    with HttpsLab(sms=False) as lab:
        card = lab.cards[0]
        status, text = lab.register(card)
        assert status == 200 and 'EXECUTED_SUCCESS' in text, text
        psk = psk_of(lab.eis_file(card).read_text())
        relay = Relay(lab.dir / 'https.pcap', lab.bearer_port)
        enable(lab, relay, card, psk)
        confirm(lab, relay, card, psk)
        others(lab, lab.bearer_port, card, psk)
        told = console(lab, 'show https')
        assert '2 unknown identity, 1 wrong key' in told, told
        assert psk not in lab.smsr.text().upper(), 'the PSK is in the log'
        print('ok   openssl s_client was the card')
        if not shutil.which('tshark'):
            print('tshark is not installed: the capture was not read')
            return 77
        time.sleep(0.2)
        dissect(lab.dir / 'https.pcap', lab.keylog)
        print('ok   tshark reads the capture with the key log')
    return 0


if __name__ == '__main__':
    sys.exit(main())
