#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Administration sessions of euicc-sim with openssl s_server: suites, identity, octets of HTTP, end of a connection.

This script is the radio, the operator, and a relay in front of s_server that looks at the records.  The PSK comes from
the EIS that esim-pki writes.
"""
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml

B = os.environ.get("B", "build/rel")
ATTACH, DETACH, ATTACHED = 1, 2, 3
ALERT, HANDSHAKE = 21, 22
SIMS = []
HEAD = ("Host: 127.0.0.1\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
        "X-Admin-From: //se-id/eid/%s;//aa-id/aid/A000000559/1010FFFFFFFF8900000100\r\n")
RESULT = "Content-Type: application/vnd.globalplatform.card-content-mgt-response;version=1.0\r\n"
OK = b"HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
END = b"HTTP/1.1 204 No Content\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"
LAST_CHUNK = b"\r\n0\r\n\r\n"
GET = bytes.fromhex("AE80220580CA005A000000")


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def card_of_seed(folder):
    """EID, ISD-P that is disabled, and PSK of card 0."""
    for args in (["ca", folder], ["card", folder, "--seed", "test"]):
        subprocess.run([B + "/bin/esim-pki", *args], check=True, stdout=subprocess.DEVNULL)
    name, = [f for f in os.listdir(folder + "/cards") if f.endswith(".xml")]
    tree = xml.parse(folder + "/cards/" + name)
    tag = lambda e: e.tag.rpartition("}")[2]
    for keyset in (e for e in tree.iter() if tag(e) == "Keyset"):
        texts = {tag(e): e.text for e in keyset}
        if texts.get("Type") == "SCP81":
            assert texts["Version"] == "64", texts
            key = next(e for e in keyset if tag(e) == "Key" and e[0].text == "1")
            return name[:32], key[1].get("value")
    raise AssertionError("no SCP81 key set")


class Sim:
    """euicc-sim and its radio."""

    def __init__(self, folder, port, *more):
        self.folder = tempfile.mkdtemp(dir=folder)
        with open(self.folder + "/log", "wb") as log:
            self.proc = subprocess.Popen(
                [B + "/bin/euicc-sim", "--seed", "test", "--socket", self.folder + "/air", "--control",
                 self.folder + "/ctl", "--refresh-ms", "50", "--https-host", "127.0.0.1", "--https-port", str(port),
                 "--https-retry-ms", "300", *more], stderr=log)
        SIMS.append(self)
        self.radio = self.connect("/air", socket.SOCK_SEQPACKET)
        got = self.radio.recv(1024)
        assert got[0] == ATTACH
        self.radio.send(bytes([ATTACHED, 0]) + got[2:])
        wait_for(lambda: "in service" in self.command("show #0"))

    def connect(self, name, kind):
        def attempt():
            sock = socket.socket(socket.AF_UNIX, kind)
            sock.settimeout(20)
            try:
                sock.connect(self.folder + name)
                return sock
            except OSError:
                sock.close()
                return None
        return wait_for(attempt)

    def command(self, line):
        with self.connect("/ctl", socket.SOCK_STREAM) as sock:
            sock.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n\n"):
                answer += sock.recv(65536)
            return answer.decode()[:-1]

    def log(self):
        with open(self.folder + "/log", errors="replace") as f:
            return f.read()

    def idle(self):
        return "session" not in self.command("show #0")

    def stop(self):
        self.proc.terminate()
        assert self.proc.wait(20) == 0


class Server:
    """openssl s_server: what comes from the card is on its standard output, what it says on its standard input."""

    def __init__(self, psk, cipher):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.psk, self.cipher, self.text = psk, cipher, b""
        self.start()

    def start(self):
        self.proc = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:%d" % self.port, "-nocert", "-psk", self.psk, "-cipher",
             self.cipher, "-tls1_2", "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)

        def listening():
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", self.port))
                    return False
                except OSError:
                    return True
        wait_for(listening)

    def request(self, stop=b"\r\n\r\n"):
        """What the card says, up to an end that the caller knows."""
        end = time.monotonic() + 10
        self.text = b""
        while not self.text.endswith(stop):
            assert time.monotonic() < end, self.text
            if select.select([self.proc.stdout], [], [], 0.1)[0]:
                got = os.read(self.proc.stdout.fileno(), 65536)
                assert got, "s_server ended"
                self.text += got
        return self.text

    def say(self, octets):
        self.proc.stdin.write(octets)
        self.proc.stdin.flush()

    def script(self, body, uri):
        self.say(OK + b"X-Admin-Next-URI: " + uri +
                 b"\r\nContent-Type: application/vnd.globalplatform.card-content-mgt;version=1.0\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n%X\r\n" % len(body) + body + b"\r\n0\r\n\r\n")

    def kill(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()


class Relay:
    """Octets from the card, connection by connection, and how it ended."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.conns = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            card = self.listener.accept()[0]
            conn = {"card": b"", "end": None}
            self.conns.append(conn)
            try:
                up = socket.create_connection(("127.0.0.1", self.server.port))
            except OSError:
                card.close()
                continue
            self.pump(conn, card, up)
            card.close()
            up.close()

    @staticmethod
    def pump(conn, card, up):
        while conn["end"] is None:
            for sock in select.select([card, up], [], [])[0]:
                try:
                    got = sock.recv(65536)
                except OSError as e:
                    conn["end"] = type(e).__name__
                    break
                if not got:
                    conn["end"] = "card" if sock is card else "server"
                    break
                if sock is card:
                    conn["card"] += got
                try:
                    (up if sock is card else card).sendall(got)
                except OSError as e:
                    conn["end"] = type(e).__name__
                    break


def records(octets):
    while octets:
        kind, _, length = struct.unpack(">BHH", octets[:5])
        yield kind, octets[5:5 + length]
        octets = octets[5 + length:]


def check_hello(octets, suites, fragment):
    (kind, hello), (kind2, exchange) = list(records(octets))[:2]
    assert kind == kind2 == HANDSHAKE and hello[0] == 1 and exchange[0] == 16
    at = 4 + 2 + 32
    at += 1 + hello[at]
    n, = struct.unpack(">H", hello[at:at + 2])
    offered = struct.unpack(">%dH" % (n // 2), hello[at + 2:at + 2 + n])
    assert [s for s in offered if s != 0xFF] == suites, [hex(s) for s in offered]
    at += 2 + n
    at += 1 + hello[at] + 2
    extensions = {}
    while at < len(hello):
        kind, n = struct.unpack(">HH", hello[at:at + 4])
        extensions[kind] = hello[at + 4:at + 4 + n]
        at += 4 + n
    assert extensions.get(1) == fragment, extensions
    assert 35 not in extensions, "session ticket"
    return exchange[6:].decode()


def check_session(folder, eid, psk):
    server = Server(psk, "PSK-AES128-GCM-SHA256")
    relay = Relay(server)
    sim = Sim(folder, relay.port)
    head = HEAD % eid
    assert sim.command("trigger #0") == "ok\n"
    assert server.request() == ("POST /gsma/adminagent HTTP/1.1\r\n%s\r\n" % head).encode()
    assert sim.command("trigger #0").startswith("error: a session is open")
    server.script(GET, b"/gsma/adminagent?tid=1&s=1")
    want = ("POST /gsma/adminagent?tid=1&s=1 HTTP/1.1\r\n" + head + RESULT + "X-Admin-Script-Status: ok\r\n"
            "Transfer-Encoding: chunked\r\n\r\n8\r\n").encode()
    want += bytes.fromhex("AF8023026A880000") + b"\r\n0\r\n\r\n"
    assert server.request(LAST_CHUNK) == want, server.text
    # a change of profiles: the result, the end of the session, and then the REFRESH
    aid = re.search(r"profile ([0-9A-F]{32}) DISABLED", sim.command("show #0")).group(1)
    server.script(bytes.fromhex("AE80221A80E28800153A03124F10%s0000" % aid), b"/gsma/adminagent?tid=1&s=2")
    assert b"\xaf\x80\x23\x02\x90\x00\x00\x00" in server.request(LAST_CHUNK)
    assert "session open" in sim.command("show #0")
    server.say(END)
    assert sim.radio.recv(1024)[0] == DETACH
    conn, = relay.conns
    wait_for(lambda: conn["end"])
    assert conn["end"] in ("card", "server"), conn["end"]  # who is first is chance; a reset is not
    assert [kind for kind, _ in records(conn["card"])][-1] == ALERT, "no close_notify"
    identity = check_hello(conn["card"], [0x00A8, 0x00AE], None)
    assert identity == "8001028110%s4F10A0000005591010FFFFFFFF8900000100820101830140" % eid, identity
    assert "PSK-AES128-GCM-SHA256" in sim.log() and psk not in sim.log()
    sim.stop()
    server.kill()


def check_options(folder, psk):
    server = Server(psk, "PSK-AES128-CBC-SHA256:PSK-AES128-GCM-SHA256")
    relay = Relay(server)
    sim = Sim(folder, relay.port, "--https-suite", "00AE", "--https-fragment", "512", "--https-length")
    sim.command("trigger #0")
    server.request()
    server.script(GET, b"/x?y")
    answer = bytes.fromhex("AF8023026A880000")
    assert b"Content-Length: 8\r\n\r\n" + answer in server.request(answer)
    server.say(END)
    wait_for(sim.idle)
    check_hello(relay.conns[0]["card"], [0x00AE], b"\x01")
    sim.stop()
    server.kill()


def check_breaks(folder, psk):
    """A wrong key, then a server that dies in the middle of its answer."""
    server = Server(psk, "PSK-AES128-GCM-SHA256")
    relay = Relay(server)
    sim = Sim(folder, relay.port, "--fault", "https-wrong-psk", "--https-retries", "100")
    sim.command("trigger #0")
    wait_for(lambda: "next attempt" in sim.log())
    assert server.text == b""
    sim.command("fault #0 none")
    assert b"X-Admin-Resume" not in server.request()
    server.say(OK + b"X-Admin-Next-URI: /half?")
    time.sleep(0.1)
    server.kill()
    wait_for(lambda: "session waiting" in sim.command("show #0"))
    server.start()
    assert b"POST /gsma/adminagent HTTP/1.1" in server.request() and b"X-Admin-Resume: true" in server.text
    server.script(GET, b"/x?y")
    assert b"X-Admin-Resume" not in server.request(LAST_CHUNK)
    # no session survives the phone
    sim.command("power #0 off")
    assert sim.idle()
    sim.stop()
    server.kill()


def check_usage(folder):
    for args in (["--https-suite", "002F"], ["--https-fragment", "77"], ["--https-host", "no such host"]):
        run = subprocess.run([B + "/bin/euicc-sim", "--seed", "test", "--socket", folder + "/air", *args],
                             capture_output=True, timeout=20)
        assert run.returncode == 1, (args, run)
    for args in (["--https-kvn", "39"], ["--https-port", "0"], ["--https-port", "65536"]):
        run = subprocess.run([B + "/bin/euicc-sim", "--seed", "test", "--socket", folder + "/air", *args],
                             capture_output=True, timeout=20)
        assert run.returncode == 2, (args, run)


if not shutil.which("openssl"):
    print("no openssl")
    sys.exit(77)
work = tempfile.mkdtemp(prefix="euicc-https-")
try:
    card_eid, card_psk = card_of_seed(work + "/pki")
    check_usage(work)
    check_session(work, card_eid, card_psk)
    check_options(work, card_psk)
    check_breaks(work, card_psk)
except BaseException:
    for s in SIMS:
        sys.stderr.write(s.log()[-3000:])
    raise
finally:
    for s in SIMS:
        s.proc.kill()
    shutil.rmtree(work)
