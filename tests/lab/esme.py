# SPDX-License-Identifier: AGPL-3.0-or-later
"""SMPP 3.4 client of the self-test, written against the standard only: it must not share a mistake with smsr."""
import select
import socket
import struct
import time

BIND_TRX, SUBMIT, DELIVER, ENQUIRE, UNBIND = 0x09, 0x04, 0x05, 0x15, 0x06
RESP = 0x80000000
STORE, FORWARD = 0x40, 0x42   # esm_class: UDHI, and the two modes
UNKNOWN, ERROR = 0x0b, 0xfe   # command_status of osmo-msc for "no such subscriber" and "not delivered"
NUMBER = '8812345'            # of this client, under the routed prefix


class Esme:
    def __init__(self, host, port, system_id, password):
        self.sock = socket.create_connection((host, port), timeout=5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b''
        self.sequence = 0
        self.delivered = []   # (source address, user data, esm_class, protocol_id)
        self.responses = {}   # sequence number -> command_status
        seq = self.send(BIND_TRX, cstr(system_id) + cstr(password) + cstr('') + b'\x34\0\0\0')
        self.wait(lambda: seq in self.responses)
        assert self.responses[seq] == 0, f'bind refused: {self.responses[seq]:#x}'

    def send(self, command, body=b'', status=0, sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.sock.sendall(struct.pack('>IIII', 16 + len(body), command, status, sequence) + body)
        return sequence

    def submit(self, msisdn, user_data, esm_class):
        body = (cstr('') + b'\1\1' + cstr(NUMBER) + b'\1\1' + cstr(msisdn) + bytes([esm_class, 0x7f, 0]) + cstr('') +
                cstr('') + bytes([0, 0, 0xf6, 0, len(user_data)]) + user_data)
        return self.send(SUBMIT, body)

    def result(self, sequence, seconds=15):
        self.wait(lambda: sequence in self.responses, seconds)
        return self.responses.pop(sequence)

    def wait(self, predicate, seconds=15):
        end = time.monotonic() + seconds
        while not predicate():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise AssertionError(f'SMPP: nothing within {seconds} s')
            self.read()

    def read(self):
        more = self.sock.recv(65536)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if not more:
            raise AssertionError('SMPP: osmo-msc closed the connection')
        self.data += more
        while len(self.data) >= 4 and len(self.data) >= struct.unpack('>I', self.data[:4])[0]:
            length, command, status, sequence = struct.unpack('>IIII', self.data[:16])
            body, self.data = self.data[16:length], self.data[length:]
            if command == DELIVER:
                self.delivered.append(parse_deliver(body))
                self.send(DELIVER | RESP, b'\0', 0, sequence)
            elif command & RESP:
                self.responses[sequence] = status

    def close(self):
        self.sock.close()


def cstr(text):
    return text.encode() + b'\0'


def parse_deliver(body):
    at = 0

    def string():
        nonlocal at
        end = body.index(b'\0', at)
        text, at = body[at:end].decode('latin1'), end + 1
        return text

    def octet():
        nonlocal at
        at += 1
        return body[at - 1]

    string()
    octet(), octet()
    source = string()
    octet(), octet()
    string()
    esm_class, protocol_id, _ = octet(), octet(), octet()
    string(), string()
    for _ in range(4):
        octet()
    length = octet()
    return source, body[at:at + length], esm_class, protocol_id
