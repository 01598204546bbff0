#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""euicc-sim as a program: this script is its radio and its operator.

A fleet attaches, one card changes its profile, the program is killed and started again, and the card goes on where it
was.  FLEET=10000 prints the figures of a large fleet.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

B = os.environ.get("B", "build/rel")
FLEET = int(os.environ.get("FLEET", "300"))
ATTACH, DETACH, ATTACHED, MT, MT_ACK, MO, MO_RESULT, LOST = range(1, 9)


def msg(kind, imsi, payload=b"", cause=0):
    return bytes([kind, cause, len(imsi)]) + imsi.encode() + payload


def parse(data):
    n = data[2]
    return data[0], data[1], data[3:3 + n].decode(), data[3 + n:]


class Sim:
    started = []

    def __init__(self, folder, *more):
        self.air = os.path.join(folder, "air")
        self.ctl = os.path.join(folder, "ctl")
        for path in (self.air, self.ctl):
            if os.path.exists(path):
                os.unlink(path)
        self.begun = time.monotonic()
        with open(os.path.join(folder, "log"), "ab") as log:
            self.proc = subprocess.Popen(
                [B + "/bin/euicc-sim", "--seed", "test", "--count", str(FLEET), "--socket", self.air, "--control",
                 self.ctl, "--state", os.path.join(folder, "state"), "--refresh-ms", "50", "--attach-rate", "100000",
                 *more], stderr=log)
        self.early = []  # messages of cards that were faster than the last attach
        self.started.append(self.proc)
        self.radio = self.connect(self.air, socket.SOCK_SEQPACKET)
        self.ready_s = time.monotonic() - self.begun

    def connect(self, path, kind):
        for _ in range(1000):
            sock = socket.socket(socket.AF_UNIX, kind)
            sock.settimeout(20)
            try:
                sock.connect(path)
                return sock
            except OSError:
                sock.close()
                assert self.proc.poll() is None, "euicc-sim ended with %s" % self.proc.returncode
                time.sleep(0.01)
        raise AssertionError("no " + path)

    def command(self, line):
        with self.connect(self.ctl, socket.SOCK_STREAM) as sock:
            sock.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n\n"):
                got = sock.recv(65536)
                assert got, "control socket closed"
                answer += got
            return answer.decode()[:-1]

    def recv(self):
        return self.early.pop(0) if self.early else parse(self.radio.recv(1024))

    def expect(self, kind, imsi=None):
        got = self.recv()
        assert got[0] == kind and imsi in (None, got[2]), got
        return got

    def attach_all(self):
        """Answer each attach at once, as a network does."""
        seen = set()
        early = []
        while len(seen) < FLEET:
            got = self.recv()
            if got[0] != ATTACH:
                early.append(got)
                continue
            seen.add(got[2])
            self.radio.send(msg(ATTACHED, got[2]))
        self.early = early
        return seen

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()

    def rss_kib(self):
        with open("/proc/%d/status" % self.proc.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def program(*args):
    return subprocess.run([B + "/bin/euicc-sim", *args], capture_output=True, text=True, timeout=20)


def check_usage():
    assert program("--help").returncode == 0 and "--print-subscribers" in program("--help").stdout
    assert program().returncode == 2 and program("--seed", "x", "--socket", "y", "--kvn", "16").returncode == 2
    assert program("--seed", "x", "--socket", "y", "--fault", "nonsense").returncode == 2
    assert program("--seed", "x", "--socket", "/nonexistent/y").returncode == 1
    rows = program("--seed", "x", "--count", "5", "--print-subscribers").stdout.split()
    assert len(rows) == 10 and len(set(rows)) == 10, rows
    assert all(re.fullmatch(r"\d{15},\d{5,15}", row) for row in rows), rows


def check_start(sim, state):
    imsis = sim.attach_all()
    wait_for(lambda: "service %d " % FLEET in sim.command("stats"))
    print("%d cards: socket open after %.2f s, all in service after %.2f s, %d KiB resident"
          % (FLEET, sim.ready_s, time.monotonic() - sim.begun, sim.rss_kib()))
    assert os.listdir(state) == ["lock"], "a card that did nothing needs no file"
    return imsis


def check_rubbish(sim, boot):
    for junk in (b"\0", b"\x04\0\x03123", msg(MT, "001019999999999", b"x"), os.urandom(600)):
        sim.radio.send(junk)
    sim.radio.send(msg(MT, boot, b"\x44\x05\x81"))
    assert sim.expect(MT_ACK, boot)[1] == 111
    assert sim.command("bogus").startswith("error")
    assert sim.command("fault #0 no-such").startswith("error")
    assert sim.command("show #%d" % FLEET).startswith("error")
    assert len(sim.command("list all").splitlines()) == FLEET + 1
    assert "fault EID" in sim.command("help")


def check_killed_in_a_change(sim, folder, boot):
    aid, oper = re.search(r"profile ([0-9A-F]{32}) DISABLED imsi (\d+)", sim.command("show #0")).groups()
    assert sim.command("apdu #0 80E28800153A03124F10" + aid) == "9000\nok\n"
    sim.expect(DETACH, boot)
    sim.expect(ATTACH, oper)
    sim.kill()
    sim = Sim(folder)
    assert oper in sim.attach_all()
    notification = sim.expect(MO, oper)[3]
    assert b"\x4d\x01\x02\x4e\x02\x00\x01" in notification, notification.hex()
    sim.radio.send(msg(MO_RESULT, oper))
    wait_for(lambda: "sent 1 times" in sim.command("show #0"))
    assert sim.command("apdu #0 80E28900073A08044E02000100") == "80009000\nok\n"
    assert "pending 00" in sim.command("list #0")
    return sim, oper


def check_switches(sim, oper):
    assert sim.command("coverage %s off" % oper) == "ok\n"
    sim.expect(DETACH, oper)
    assert sim.command("coverage %s on" % oper) == "ok\n"
    assert sim.command("power #1 off") == "ok\n"
    assert sim.recv()[0] == DETACH
    sim.radio.close()
    wait_for(lambda: "radio down" in sim.command("stats"))
    assert "powered 0 " in sim.command("stats")
    sim.radio = sim.connect(sim.air, socket.SOCK_SEQPACKET)
    assert len({sim.expect(ATTACH)[2] for _ in range(FLEET - 1)}) == FLEET - 1, "card 1 is switched off"
    second = sim.connect(sim.air, socket.SOCK_SEQPACKET)
    assert second.recv(10) == b"", "a second radio is turned away"


def check_state_folder(folder):
    state = folder + "/state"
    sim = Sim(folder)
    other = program("--seed", "test", "--socket", folder + "/air2", "--state", state)
    assert other.returncode == 1, "the state directory is in use"
    sim.proc.terminate()
    assert sim.proc.wait(20) == 0
    victim = next(f for f in os.listdir(state) if f != "lock")
    with open(os.path.join(state, victim), "r+b") as f:
        f.truncate(20)
    other = program("--seed", "test", "--count", str(FLEET), "--socket", folder + "/air2", "--state", state)
    assert other.returncode == 1 and victim in other.stderr, "a damaged state must not become a new life"


def check_commands_file(folder):
    with open(folder + "/commands", "w") as f:
        f.write("# faults of the fleet\nfault all slow 200\n\nfault #1 silent\n")
    sim = Sim(folder, "--state", folder + "/fresh", "--commands", folder + "/commands", "--fault", "drop-por=2")
    assert "faults silent slow drop-por" in sim.command("show #1")
    assert "faults slow drop-por" in sim.command("show #0")
    sim.kill()


def check_certificate(folder):
    """CERT.ECASD.ECKA of the stored vectors, made out to card 0 (nobody on the card's side checks the signature)."""
    with open("tests/vectors/es8.json") as f:
        vector = json.load(f)
    cert = bytes.fromhex(vector["es5_commands"]["GetData_BF30_response"])[4:-2]
    os.mkdir(folder + "/ecasd")
    sim = Sim(folder, "--state", folder + "/fresh", "--ecasd", folder + "/ecasd")
    eid = sim.command("list #0").split()[0]
    path = "%s/ecasd/%s.ecasd" % (folder, eid)
    read = lambda: sim.command("apdu #0 " + vector["es5_commands"]["GetData_BF30_ECASD_certificate"])
    assert read() == "6A88\nok\n"
    with open(path, "w") as f:
        f.write(cert.hex() + "\n")
    assert read() == "6A88\nok\n", "certificate of another card"
    own = cert.replace(bytes.fromhex(vector["eid"]["digits"]), bytes.fromhex(eid))
    with open(path, "w") as f:
        f.write(own.hex())
    assert read() == "BF3081%02X%s9000\nok\n" % (len(own), own.hex().upper())
    sim.kill()


def check_sm_dp(folder):
    """The first half of a key establishment: the card knows the CI, and nothing but its certificates."""
    pki = [B + "/bin/esim-pki"]
    for which in ("pki", "other"):
        subprocess.run([*pki, "ca", folder + "/" + which], check=True)
        subprocess.run([*pki, "dp", folder + "/" + which, "dp", "1.3.6.1.4.1.32473.20"], check=True)
    sim = Sim(folder, "--state", folder + "/fresh", "--ci", folder + "/pki/ci.gp")
    with open("tests/vectors/es8.json") as f:
        vectors = json.load(f)
    aid = "A0000005591010FFFFFFFF8900007700"
    create = vectors["es5_commands"]["CreateISDP"].replace("A0000005591010FFFFFFFF8900001000", aid)
    assert sim.command("apdu #0 " + create) == "009000\nok\n"
    for which, good in (("other", False), ("pki", True)):
        with open("%s/%s/dp.dp" % (folder, which)) as f:
            cert = f.read().strip()
        assert sim.command("apdu #0 80E6200016000010" + aid + "00000000") == "009000\nok\n"
        dgi = "3A01%02X%s" % (len(cert) // 2, cert)
        answer = sim.command("apdu #0 80E20900%02X%s00" % (len(dgi) // 2, dgi))
        assert re.fullmatch("8510[0-9A-F]{32}9000\nok\n" if good else "6A80\nok\n", answer), answer
    assert sim.command("package #0") == "ok\n"
    sim.kill()


def check_life(folder):
    sim = Sim(folder)
    imsis = check_start(sim, folder + "/state")
    boot = re.search(r"ENABLED imsi (\d+)", sim.command("show #0")).group(1)
    assert boot in imsis
    check_rubbish(sim, boot)
    sim, oper = check_killed_in_a_change(sim, folder, boot)
    check_switches(sim, oper)
    sim.proc.terminate()
    assert sim.proc.wait(20) == 0
    check_state_folder(folder)
    check_commands_file(folder)
    check_certificate(folder)
    check_sm_dp(folder)


work = tempfile.mkdtemp(prefix="euicc-sim-")
try:
    check_usage()
    check_life(work)
except BaseException:
    if os.path.exists(work + "/log"):
        with open(work + "/log", errors="replace") as log_file:
            sys.stderr.write("".join(log_file.readlines()[-30:]))
    raise
finally:
    for process in Sim.started:
        process.kill()
    shutil.rmtree(work)
