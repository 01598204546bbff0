#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A steady rate on a fleet for a long time: does smsr grow, does smdp?

  MINUTES=30 CARDS=10000 RATE=10 tests/load/soak.py [BUILD]     (BUILD: default build/rel)
  MINUTES=10 RATE=1 DOWNLOADS=1 tests/load/soak.py [BUILD]      (a download to each card, through smdp)

Each order enables or disables the operational profile of the next card, over SMS, to its callback.  Every five seconds the
resident memory, the open descriptors and what "show memory" tells are read; in the end straight lines through them (least
squares, without the first fifth) and whether every order was answered."""
import http.client
import os
import pathlib
import re
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
if len(sys.argv) > 1:
    os.environ['B'] = sys.argv[1]
from download_lab import SMSR_OID, DownloadLab   # noqa: E402
from lab import Lab   # noqa: E402
from peers import download_body, outcome, profile_body   # noqa: E402

MINUTES, CARDS, RATE = (float(os.environ.get(name, value)) for name, value in (('MINUTES', 30), ('CARDS', 10000), ('RATE', 10)))
DOWNLOADS = bool(int(os.environ.get('DOWNLOADS', 0)))
if DOWNLOADS:
    CARDS = MINUTES * 60 * RATE
SAMPLE_S = 5
VTY_PORTS = {'smsr': 4290, 'smdp': 4292}
COLUMNS = (('resident memory', 'MiB'), ('descriptors', ''), ('allocator, in use', 'MiB'), ('allocator, kept free', 'MiB'),
           ('talloc', 'octets'), ('talloc', 'blocks'), ('page cache of SQLite', 'MiB'), ('allocator, in use without that cache', 'MiB'))
MIB = 2 ** 20


def quiet(path):
    path.write_text(re.sub(r'logging level (proc|es) info', r'logging level \1 notice', path.read_text()))
    return path


class SoakLab(DownloadLab if DOWNLOADS else Lab):
    def write_config(self, *args, **kwargs):
        return quiet(super().write_config(*args, **kwargs))

    def write_smdp_config(self, *args, **kwargs):
        return quiet(super().write_smdp_config(*args, **kwargs))


def show_memory(address, port):
    """The numbers of "show memory", in order."""
    with socket.create_connection((address, port), 10) as s:
        text = b''
        for line, prompt in ((b'', b'> '), (b'enable\r\n', b'# '), (b'show memory\r\n', b'# ')):
            s.sendall(line)
            text = b''
            while not text.endswith(prompt):
                text += s.recv(65536)
    return [int(n) for n in re.findall(rb'\b\d+\b', text)]


def sample(lab, process, port):
    """When, and a value for each of COLUMNS."""
    pid = process.popen.pid
    rss = int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024
    used, free, large, _, octets, blocks, pages, *_ = show_memory(lab.own_address, port)
    return (time.monotonic(), rss, len(os.listdir(f'/proc/{pid}/fd')), (used + large) / MIB, free / MIB, octets, blocks, pages / MIB,
            (used + large - pages) / MIB)


def report(name, samples, last):
    steady = samples[len(samples) // 5:]
    for i, (what, unit) in enumerate(COLUMNS, 1):
        values = [s[i] for s in samples]
        print(f'{name}, {what}: first {values[0]:.6g}, least {min(values):.6g}, most {max(values):.6g}, when all was over {last[i]:.6g} '
              f'{unit}; slope {slope([(s[0], s[i]) for s in steady]):+.4g} {unit} each hour')


def slope(points):
    """Of the least-squares line, each hour."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    under = sum((x - mx) ** 2 for x, _ in points)
    return 3600 * sum((x - mx) * (y - my) for x, y in points) / under if under else 0


class Caller:
    def __init__(self, entity, port):
        self.entity = entity
        self.connection = http.client.HTTPSConnection('127.0.0.1', port, context=entity.client, timeout=60)

    def call(self, path, function, body, call_id, reply):
        xml = self.entity.envelope(function, body, call_id, reply)
        self.connection.request('POST', path, xml.encode(), {'Content-Type': 'application/soap+xml; charset=utf-8'})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()


def register(lab):
    caller = Caller(lab.eum, lab.https_port)
    for i, card in enumerate(lab.cards):
        _, text = caller.call('/ES1/ES1SmSrService', 'ES1-RegisterEIS', lab.eis_file(card).read_text(), f'soak-{i}', False)
        assert outcome(text) == 'EXECUTED_SUCCESS', outcome(text)


def toggle(lab, n):
    """The n-th order: path, function, body."""
    card = lab.cards[n % len(lab.cards)]
    return ('/ES4/ES4SmSrService', ('ES4-EnableProfile', 'ES4-DisableProfile')[n // len(lab.cards) % 2],
            profile_body(card.eid, card.operational[0]))


def download(lab, n):
    """A profile of its own for each card; enabled at the end."""
    return '/ES2/ES2SmDpService', 'ES2-DownloadProfile', download_body(lab.cards[n].eid, SMSR_OID, lab.profiles[n].iccid)


def orders(lab, end, counts):
    caller = Caller(lab.operational, lab.smdp_port if DOWNLOADS else lab.https_port)
    start, n = time.monotonic(), 0
    while time.monotonic() < end and not (DOWNLOADS and n == len(lab.cards)):
        time.sleep(max(0, start + n / RATE - time.monotonic()))
        status, _ = caller.call(*(download if DOWNLOADS else toggle)(lab, n), f'order-{n}', True)
        what = 'accepted' if status == 202 else f'HTTP {status}'
        counts[what] = counts.get(what, 0) + 1
        n += 1


def answers(lab, counts):
    while message := lab.operational.wait(60):
        if message.name.endswith('Response'):
            counts[outcome(message.xml)] = counts.get(outcome(message.xml), 0) + 1
    counts['over'] = True


def drain(entity):
    while entity.wait(120):
        pass


def main():
    with SoakLab(count=int(CARDS), smsc_options=('-q',)) as lab:
        start = time.monotonic()
        if not DOWNLOADS:   # there every card is registered at the start
            register(lab)
        print(f'{int(CARDS)} cards registered in {time.monotonic() - start:.0f} s; {MINUTES:g} minutes of {RATE:g} orders each second', flush=True)
        told, asked = {}, {}
        daemons = {name: getattr(lab, name) for name in VTY_PORTS if getattr(lab, name, None)}
        samples = {name: [] for name in daemons}
        end = time.monotonic() + MINUTES * 60
        for target, args in ((orders, (lab, end, asked)), (answers, (lab, told)), (drain, (lab.bootstrap,))):
            threading.Thread(target=target, args=args, daemon=True).start()
        while time.monotonic() < end:
            for name, process in daemons.items():
                samples[name].append(sample(lab, process, VTY_PORTS[name]))
            time.sleep(SAMPLE_S)
        limit = time.monotonic() + 60
        while sum(v for k, v in told.items() if k != 'over') < asked.get('accepted', 0) and time.monotonic() < limit:
            time.sleep(0.5)
        time.sleep(3)
        last = {name: sample(lab, process, VTY_PORTS[name]) for name, process in daemons.items()}
        for name, process in daemons.items():
            report(name, samples[name], last[name])
        print(f'orders: {asked}; outcomes: {told}')
        for name in daemons:
            print(f'store and log of {name}: {sum(p.stat().st_size for p in lab.dir.glob(f"{name}.db*")) / MIB:.0f} MiB')
        lab.stop()
        shutil.rmtree(lab.dir, ignore_errors=True)
        sys.stdout.flush()
        os._exit(0 if told.get('EXECUTED_SUCCESS', 0) == asked.get('accepted', 0) else 1)   # threads still wait for messages


if __name__ == '__main__':
    main()
