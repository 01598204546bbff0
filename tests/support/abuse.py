# SPDX-License-Identifier: AGPL-3.0-or-later
"""What those do who mean harm to an HTTPS server of ours, and the operator who goes on working meanwhile."""
import collections
import contextlib
import os
import pathlib
import re
import select
import socket
import threading
import time

ATTACKER = '127.0.0.66'
PATIENCE_S = 10   # an operator's request under attack; a busy machine included
MIB = 1024 * 1024
FAILED = []

# process: a lab Process; conns: its cap on connections; context: of TLS, with a good certificate; path: of a service
Target = collections.namedtuple('Target', 'process port conns context path')


def expect(what, good, seen):
    print(f'{"ok " if good else "BAD"} {what}: {seen}', flush=True)
    if not good:
        FAILED.append(what)


def rss_mib(pid):
    return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


class Watch(threading.Thread):
    """The operator who goes on working, each time by a new connection; and how large the daemon is meanwhile."""

    def __init__(self, process, ask):
        """ask: makes a request; returns what went wrong, or None."""
        super().__init__(daemon=True)
        self.ask, self.over = ask, threading.Event()
        self.pid = process.popen.pid
        self.before, self.rss, self.times, self.errors = rss_mib(self.pid), 0, [], []
        self.start()

    def run(self):
        while not self.over.is_set():
            start = time.monotonic()
            error = self.look()
            for _ in range(2):   # who is cut in the middle of a flood comes again a moment later, as any client does
                if error:
                    time.sleep(0.2)
                    error = self.look()
            if error:
                self.errors.append(error)
            self.times.append(time.monotonic() - start)
            self.rss = max(self.rss, rss_mib(self.pid))
            self.over.wait(0.05)

    def look(self):
        """Returns what went wrong."""
        try:
            return self.ask()
        except OSError as error:
            return str(error)

    def part(self, what):
        """Judge what came since the last part."""
        times, errors = self.times, self.errors
        self.times, self.errors = [], []
        worst = max(times, default=0)
        expect(f'{what}: the operator is served', times and not errors and worst < PATIENCE_S,
               f'{len(times)} requests, the longest {1000 * worst:.0f} ms, {len(errors)} failed {errors[:1]}')


def raw(port):
    s = socket.socket()
    s.setblocking(False)
    s.bind((ATTACKER, 0))
    with contextlib.suppress(BlockingIOError):
        s.connect(('127.0.0.1', port))
    return s


def connect(target):
    plain = socket.create_connection(('127.0.0.1', target.port), 10, (ATTACKER, 0))
    return target.context.wrap_socket(plain, server_hostname='127.0.0.1')


def push(sockets, octets):
    """What the other end takes.  Returns those that it has closed."""
    for s in sockets:
        with contextlib.suppress(OSError):
            s.send(octets)
    return [s for s in select.select(sockets, [], [], 0)[0] if closed(s)]


def closed(s):
    try:
        return s.recv(10000) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


def close(sockets):
    for s in sockets:
        s.close()


def half_open(target, watch, line, what):
    """Connections that say nothing, and some that begin a handshake: several times the cap, and again."""
    found = []
    for octets in (b'', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'):
        found += [raw(target.port) for _ in range(min(4 * target.conns, 400))]
        time.sleep(0.3)
        if octets:
            push(found, octets)
    time.sleep(0.5)
    ended = sum(closed(s) for s in found)
    expect(f'{what}: the cap holds', len(found) - ended <= target.conns + 1 + 512, f'{len(found)} opened, {ended} of them cut')
    expect(f'{what}: a line for the operator', re.search(line, target.process.text()), line)
    watch.part(what)
    return found


def trickle(target, watch):
    """With a good certificate, an octet now and then: more of these than there is room for."""
    found = []
    for _ in range(target.conns + 20):
        s = connect(target)
        s.setblocking(False)
        s.send(b'POST %s HTTP/1.1\r\nHost: x\r\nX: ' % target.path)
        found.append(s)
    for _ in range(10):
        for s in found:
            with contextlib.suppress(OSError):
                s.send(b'x')
        time.sleep(0.1)
    watch.part('octet by octet')
    close(found)


def large_bodies(target, watch):
    """Bodies just below the limit, none of them finished."""
    head = (b'POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n' %
            (target.path, 8 * MIB))
    found, chunk = [], b'<' * MIB
    for _ in range(24):
        s = connect(target)
        found.append(s)
        with contextlib.suppress(OSError):
            s.sendall(head)
            for _ in range(7):
                s.sendall(chunk)
    time.sleep(0.5)
    line = r'unfinished requests hold \d+ MiB: cut the largest, \d+ octets so far, of ' + ATTACKER.replace('.', r'\.')
    expect('large bodies: a line for the operator', re.search(line, target.process.text()), line)
    watch.part('large bodies')
    close(found)


def refusals(target, watch, status):
    """Heads (400) or bodies (413) that are too large: told so, and a line says who it was."""
    what = {400: b'POST / HTTP/1.1\r\nX-A: ' + b'a' * 15000 + b'\r\nX-B: ' + b'b' * 200000,
            413: b'POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % (target.path, 9 * MIB)}
    refused = 0
    for _ in range(20):
        with contextlib.suppress(OSError), connect(target) as s:
            s.sendall(what[status])
            refused += b' %d ' % status in s.recv(1000)[:20]
    expect(f'too large: refused with {status}', refused > 0, f'{refused} of 20 told so, the others cut')
    time.sleep(0.2)
    lines = re.findall(rf'refused a request of {re.escape(ATTACKER)} \((.*)\) with status {status}', target.process.text())
    expect('too large: a line for the operator', len(lines) == 1, lines)
    watch.part('too large')
