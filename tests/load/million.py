#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Operations that wait for devices which are off: how much memory they take, how long smsr takes to start with them after
SIGKILL, and whether a device that comes back is served at once.

  COUNT=1000000 DIR=/large/disk tests/load/million.py [BUILD] [--keep]     (BUILD: default build/rel)

DIR (a folder below build/ when it is not given) gets 5 kB for each operation; with --keep the store that lies there is used,
and left."""
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
ARGS = [a for a in sys.argv[1:] if a != '--keep']
KEEP = '--keep' in sys.argv
BUILD = pathlib.Path(ARGS[0] if ARGS else 'build/rel').resolve()
os.environ['B'] = str(BUILD)
from lab import NUMBER, Lab   # noqa: E402
from peers import outcome   # noqa: E402

COUNT = int(os.environ.get('COUNT', 1000000))
SEED = 'bench'
BACK = 10           # devices that come back
LIMIT_MIB = 500     # T7
START_S = 10
SERVED_S = 5


def memory(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return [int(re.search(rf'{name}:\s+(\d+)', status).group(1)) / 1024 for name in ('VmRSS', 'VmHWM', 'RssAnon')]


class MillionLab(Lab):
    """The cards of the store; only the first few of them exist."""

    def __init__(self, store):
        super().__init__(count=BACK, smsc_options=('-q',))
        self.seed, self.store = SEED, store

    def subscribers(self):
        run = subprocess.run([self.bin / 'euicc-sim', '--seed', SEED, '--count', str(BACK), '--socket', '/nowhere', '--print-subscribers'],
                             check=True, capture_output=True, text=True)
        return [line.split(',') for line in run.stdout.split()]

    def start_radio(self):
        self.card_options = ['--commands', self.dir / 'off']
        (self.dir / 'off').write_text('power all off\n')
        return super().start_radio()

    def write_config(self, *args, **kwargs):
        path = super().write_config(*args, **kwargs)
        path.write_text(path.read_text().replace(f'{self.dir}/smsr.db', f'{self.store}/smsr.db')
                        .replace(f'{self.dir}/master.key', f'{self.store}/master.key'))
        return path


def ready(lab, process, since):
    process.wait_for('serves ES1 and ES4', 120)
    return time.monotonic() - since


def put_off(store):
    """The first few are refused by the service centre, as it does for a phone that is off when it keeps nothing itself: their
    short messages wait for a later try, in an hour."""
    with sqlite3.connect(store / 'smsr.db') as db:
        db.execute('UPDATE part SET state = 0, maybe = 0, smsc = NULL, message_id = NULL, attempt = 1, due_ms = ? WHERE id <= ?',
                   (int(time.time() * 1000) + 3600000, BACK))
        db.execute('UPDATE command SET sent_ms = NULL WHERE id <= ?', (BACK,))
        waiting = db.execute('SELECT count(*) FROM operation WHERE state < 8').fetchone()[0]
    db.close()
    return waiting


def main():
    store = pathlib.Path(os.environ.get('DIR') or BUILD.parent / 'million')
    if not KEEP:
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir(parents=True)
        run = subprocess.run([BUILD / 'tests' / 'load' / 'million_fill', store, SEED, str(COUNT)], check=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
        print(run.stdout, end='', flush=True)
    waiting = put_off(store)
    size = sum(p.stat().st_size for p in store.glob('smsr.db*'))
    print(f'{waiting} operations in flight; store {size / 2**20:.0f} MiB, {size / waiting:.0f} octets each', flush=True)
    bad = []
    start = time.monotonic()
    with MillionLab(store) as lab:
        pid = lab.smsr.popen.pid
        print(f'first start, with the certificates and the cards of the lab: {time.monotonic() - start:.1f} s; RSS {memory(pid)[0]:.0f} MiB')
        time.sleep(3)
        lab.smsr.popen.send_signal(signal.SIGKILL)
        lab.smsr.popen.wait()
        start = time.monotonic()
        lab.smsr = lab.start('smsr-again', 'smsr', '-c', lab.config)
        seconds = ready(lab, lab.smsr, start)
        lab.smsr.wait_for('lab is bound', 60)
        bound = time.monotonic() - start
        rss, most, anon = memory(lab.smsr.popen.pid)
        print(f'after SIGKILL: serves after {seconds:.2f} s, bound to the service centre after {bound:.2f} s; RSS {rss:.0f} MiB '
              f'(anonymous {anon:.0f} MiB), most so far {most:.0f} MiB', flush=True)
        bad += ['start-up'] if seconds > START_S else []
        times = []
        for number in range(BACK):
            lab.sim_control(f'power #{number} on')
            start = time.monotonic()
            lab.smsr.wait_for(rf'#{number + 1} outcome: EXECUTED_SUCCESS', 60)
            times.append(time.monotonic() - start)
        times.sort()
        print(f'{BACK} devices came back: enabled, confirmed and told after {times[len(times) // 2]:.2f} s (longest {times[-1]:.2f} s)')
        bad += ['a device that comes back'] if times[-1] > SERVED_S else []
        start = time.monotonic()
        status, text = lab.operational.call('ES4-GetEIS', f'<rps:Eid>{lab.cards[0].eid}</rps:Eid>', reply=False)
        print(f'GetEIS: {outcome(text)} after {1000 * (time.monotonic() - start):.0f} ms')
        rss, most, anon = memory(lab.smsr.popen.pid)
        print(f'RSS {rss:.0f} MiB (anonymous {anon:.0f} MiB), most so far {most:.0f} MiB; T7 allows {LIMIT_MIB} MiB', flush=True)
        bad += ['memory'] if most > LIMIT_MIB else []
    if not KEEP:
        shutil.rmtree(store, ignore_errors=True)
    print('good' if not bad else f'BAD: {", ".join(bad)}')
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
