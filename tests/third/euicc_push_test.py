#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One profile change over the lab's air: this script is the SM-SR, behind smsc-sim's SMPP, in front of euicc-sim.

Packets are sealed and opened by otatool.  What is under test are the two simulators together; keys are derived here once
more (HKDF, RFC 5869), so the seed is checked as well.
"""
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

B = os.environ.get("B", "build/rel")
SEED = "push test"
SERVER = b"12345"
BIND, BIND_RSP, SUBMIT, SUBMIT_RSP, DELIVER, DELIVER_RSP = 9, 0x80000009, 4, 0x80000004, 5, 0x80000005


def hkdf(label, name):
    prk = hmac.new(bytes(32), SEED.encode(), hashlib.sha256).digest()
    return hmac.new(prk, label.encode() + b"\0" + name.encode() + b"\1", hashlib.sha256).digest()[:16].hex()


class Esme:
    """As much SMPP 3.4 as one push needs."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.seq = 0
        self.delivered = []
        self.request(BIND, b"smsr\0secret\0\0\x34\0\0\0")

    def read(self):
        head = self.sock.recv(16, socket.MSG_WAITALL)
        assert len(head) == 16, "SMPP link closed"
        length, command, status, seq = struct.unpack(">IIII", head)
        body = self.sock.recv(length - 16, socket.MSG_WAITALL) if length > 16 else b""
        if command == DELIVER:
            self.delivered.append(body)
            self.sock.sendall(struct.pack(">IIII", 17, DELIVER_RSP, 0, seq) + b"\0")
        return command, status, body

    def request(self, command, body):
        self.seq += 1
        self.sock.sendall(struct.pack(">IIII", 16 + len(body), command, 0, self.seq) + body)
        while True:
            got = self.read()
            if got[0] == command | 0x80000000:
                assert got[1] == 0, "SMPP status %#x" % got[1]
                return got[2]

    def submit(self, msisdn, ud):
        self.request(SUBMIT, b"\0" + b"\0\1" + SERVER + b"\0" + b"\1\1" + msisdn.encode() + b"\0" +
                     bytes([0x40, 0x7f, 0]) + b"\0\0" + bytes([0, 0, 0xf6, 0]) + bytes([len(ud)]) + ud)

    def deliver(self):
        """Source address and user data of the next message from a phone."""
        while not self.delivered:
            self.read()
        body = self.delivered.pop(0)
        fields = re.match(rb"[^\0]*\0..([^\0]*)\0..([^\0]*)\0(.)(.).", body, re.S)
        esm, rest = fields.group(3)[0], body[fields.end():]
        assert fields.group(2) == SERVER and esm & 0x40, body
        rest = re.match(rb"[^\0]*\0[^\0]*\0....", rest, re.S)
        at = fields.end() + rest.end()
        return fields.group(1).decode(), body[at + 1:at + 1 + body[at]]


def otatool(command, **what):
    run = subprocess.run([B + "/bin/otatool", command], input=json.dumps(what), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout)


class Card:
    def __init__(self, esme, eid, msisdn):
        self.esme, self.msisdn, self.cntr = esme, msisdn, 0
        self.keys = {"key_kic": hkdf("SCP80 KIc", eid), "key_kid": hkdf("SCP80 KID", eid)}
        self.header = {"spi": "1639", "kic": "12", "kid": "12", "tar": "000001"}

    def send(self, capdu):
        self.cntr += 1
        script = "AA%02X22%02X%s" % (len(capdu) // 2 + 2, len(capdu) // 2, capdu)
        sealed = otatool("seal", **self.header, **self.keys, cntr="%010X" % self.cntr, secured_data=script)
        for ud in sealed["expected_sms_tpdu_user_data"]:
            self.esme.submit(self.msisdn, bytes.fromhex(ud))

    def answer(self):
        source, ud = self.esme.deliver()
        assert source.lstrip("+") == self.msisdn and ud[:3] == b"\x02\x71\x00", (source, ud.hex())
        por = otatool("open", **self.keys, type="response", command_spi="1639", kic="12", kid="12", packet=ud[3:].hex())
        assert por["verified"] == "cc" and int(por["cntr"], 16) == self.cntr, por
        assert int(str(por["status"]), 16) == 0, por
        return por["response_data"].upper()

    def notification(self, msisdn):
        source, ud = self.esme.deliver()
        assert source.lstrip("+") == msisdn and ud[:3] == b"\x02\x70\x00", (source, ud.hex())
        opened = otatool("open", **self.keys, packet=ud[3:].hex())
        assert len(opened["checksum"]) == 16, opened  # a wrong one is refused
        self.msisdn = msisdn
        return opened["secured_data"].upper()


def push(esme, eid, msisdn, new_msisdn, aid):
    card = Card(esme, eid, msisdn)
    card.send("80E28800153A03124F10" + aid)
    assert card.answer() == "AB0780010123029000"
    e1 = card.notification(new_msisdn)
    assert e1.startswith("E1354C10" + eid + "4D01024E0200012F10" + aid), e1
    card.send("80E28900073A08044E02000100")
    assert card.answer() == "AB09800101230480009000"
    card.send("80F24002174F10" + aid + "5C039F705300")
    assert card.answer() == "AB108001" + "01230BE3079F70013F5301009000"


def start(*args):
    return subprocess.Popen([B + "/bin/" + args[0], *args[1:]], stdout=subprocess.PIPE, stderr=log, text=True)


def subscribers():
    run = subprocess.run([B + "/bin/euicc-sim", "--seed", SEED, "--count", "3", "--print-subscribers"],
                         capture_output=True, text=True, check=True)
    return run.stdout


def control(path, line):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        sock.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n\n"):
            answer += sock.recv(65536)
        return answer.decode()


def wait_for_service(path):
    for _ in range(500):
        try:
            if "service 3 " in control(path, "stats"):
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError("the cards find no service")


work = tempfile.mkdtemp(prefix="euicc-push-")
log = open(work + "/log", "wb")
running = []
try:
    with open(work + "/subscribers.csv", "w") as csv:
        csv.write(subscribers())
    numbers = dict(line.split(",") for line in subscribers().split())
    running.append(start("euicc-sim", "--seed", SEED, "--count", "3", "--socket", work + "/air", "--control",
                         work + "/ctl", "--refresh-ms", "20"))
    running.append(start("smsc-sim", "--listen", "127.0.0.1:0", "--air", work + "/air", "--subscribers",
                         work + "/subscribers.csv"))
    link = Esme(int(re.search(r"port (\d+)", running[1].stdout.readline()).group(1)))
    wait_for_service(work + "/ctl")
    for number in range(3):
        show = control(work + "/ctl", "show #%d" % number)
        first = re.search(r"ENABLED imsi (\d+)", show).group(1)
        aid_new, second = re.search(r"profile ([0-9A-F]{32}) DISABLED imsi (\d+)", show).groups()
        push(link, re.search(r"eid (\d+)", show).group(1), numbers[first], numbers[second], aid_new)
    assert "pending 0 on-fallback-profile 0" in control(work + "/ctl", "stats")
except BaseException:
    with open(work + "/log", errors="replace") as f:
        sys.stderr.write("".join(f.readlines()[-40:]))
    raise
finally:
    for process in running:
        process.kill()
    log.close()
    shutil.rmtree(work)
