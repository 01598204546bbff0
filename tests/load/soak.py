#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A steady rate on a fleet for a long time: does smsr grow?

  MINUTES=30 CARDS=10000 RATE=10 tests/load/soak.py [BUILD]     (BUILD: default build/rel)

Each order enables or disables the operational profile of the next card, over SMS, to its callback.  Every five seconds the
resident memory, the open descriptors and the blocks of talloc are read; in the end straight lines through them (least
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
from lab import Lab   # noqa: E402
from peers import outcome, profile_body   # noqa: E402

MINUTES, CARDS, RATE = (float(os.environ.get(name, value)) for name, value in (('MINUTES', 30), ('CARDS', 10000), ('RATE', 10)))
SAMPLE_S = 5
VTY_PORT = 4290


class SoakLab(Lab):
    def write_config(self, *args, **kwargs):
        path = super().write_config(*args, **kwargs)
        path.write_text(path.read_text().replace('logging level proc info', 'logging level proc notice')
                        .replace('logging level es info', 'logging level es notice'))
        return path


def talloc_blocks(lab):
    """Octets and blocks of the whole program, as the console tells."""
    with socket.create_connection((lab.own_address, VTY_PORT), 10) as s:
        text = b''
        for line, prompt in ((b'', b'> '), (b'enable\r\n', b'# '), (b'show talloc-context application brief\r\n', b'# ')):
            s.sendall(line)
            text = b''
            while not text.endswith(prompt):
                text += s.recv(65536)
    found = re.search(rb'total\s+(\d+) bytes in\s+(\d+) blocks', text) or re.search(rb'contains\s+(\d+) bytes in\s+(\d+) blocks', text)
    assert found, text
    return int(found.group(1)), int(found.group(2))


def sample(lab):
    pid = lab.smsr.popen.pid
    rss = int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024
    return (time.monotonic(), rss, len(os.listdir(f'/proc/{pid}/fd')), *talloc_blocks(lab))


def slope(points):
    """Of the least-squares line, each hour."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    under = sum((x - mx) ** 2 for x, _ in points)
    return 3600 * sum((x - mx) * (y - my) for x, y in points) / under if under else 0


class Caller:
    def __init__(self, lab, entity):
        self.entity = entity
        self.connection = http.client.HTTPSConnection('127.0.0.1', lab.https_port, context=entity.client, timeout=60)

    def call(self, path, function, body, call_id, reply):
        xml = self.entity.envelope(function, body, call_id, reply)
        self.connection.request('POST', path, xml.encode(), {'Content-Type': 'application/soap+xml; charset=utf-8'})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()


def register(lab):
    caller = Caller(lab, lab.eum)
    for i, card in enumerate(lab.cards):
        _, text = caller.call('/ES1/ES1SmSrService', 'ES1-RegisterEIS', lab.eis_file(card).read_text(), f'soak-{i}', False)
        assert outcome(text) == 'EXECUTED_SUCCESS', outcome(text)


def orders(lab, end, counts):
    caller, start, n = Caller(lab, lab.operational), time.monotonic(), 0
    while time.monotonic() < end:
        time.sleep(max(0, start + n / RATE - time.monotonic()))
        card = lab.cards[n % len(lab.cards)]
        function = ('ES4-EnableProfile', 'ES4-DisableProfile')[n // len(lab.cards) % 2]
        status, _ = caller.call('/ES4/ES4SmSrService', function, profile_body(card.eid, card.operational[0]), f'order-{n}', True)
        counts['accepted' if status == 202 else f'HTTP {status}'] = counts.get('accepted' if status == 202 else f'HTTP {status}', 0) + 1
        n += 1


def answers(lab, counts):
    while message := lab.operational.wait(60):
        if 'Notification' not in message.name:
            counts[outcome(message.xml)] = counts.get(outcome(message.xml), 0) + 1
    counts['over'] = True


def drain(entity):
    while entity.wait(120):
        pass


def main():
    with SoakLab(count=int(CARDS), smsc_options=('-q',)) as lab:
        start = time.monotonic()
        register(lab)
        print(f'{int(CARDS)} cards registered in {time.monotonic() - start:.0f} s; {MINUTES:g} minutes of {RATE:g} orders each second', flush=True)
        told, asked, samples = {}, {}, []
        end = time.monotonic() + MINUTES * 60
        for target, args in ((orders, (lab, end, asked)), (answers, (lab, told)), (drain, (lab.bootstrap,))):
            threading.Thread(target=target, args=args, daemon=True).start()
        while time.monotonic() < end:
            samples.append(sample(lab))
            time.sleep(SAMPLE_S)
        limit = time.monotonic() + 60
        while sum(v for k, v in told.items() if k != 'over') < asked.get('accepted', 0) and time.monotonic() < limit:
            time.sleep(0.5)
        time.sleep(3)
        last = sample(lab)
        steady = samples[len(samples) // 5:]
        for name, i, unit in (('resident memory', 1, 'MiB'), ('descriptors', 2, ''), ('talloc', 3, 'octets'), ('talloc', 4, 'blocks')):
            values = [s[i] for s in samples]
            print(f'{name}: first {values[0]:.6g}, least {min(values):.6g}, most {max(values):.6g}, when all was over {last[i]:.6g} {unit}; '
                  f'slope {slope([(s[0], s[i]) for s in steady]):+.4g} {unit} each hour')
        print(f'orders: {asked}; outcomes: {told}')
        size = sum(p.stat().st_size for p in lab.dir.glob('smsr.db*'))
        print(f'store and its log: {size / 2**20:.0f} MiB')
        lab.stop()
        shutil.rmtree(lab.dir, ignore_errors=True)
        sys.stdout.flush()
        os._exit(0 if told.get('EXECUTED_SUCCESS', 0) == asked.get('accepted', 0) else 1)   # threads still wait for messages


if __name__ == '__main__':
    main()
