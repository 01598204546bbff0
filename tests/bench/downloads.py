#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Downloads of a profile of 150 KB to many cards at the same time, over HTTPS, through smsr and smdp as processes.

  tests/bench/downloads.py BUILD_DIR DIR [COUNT]

All orders are given at once; behind them one order of a small profile, which must not wait for the large ones.  The
cards are not told to enable what they got.  Prints lines for tests/bench/run."""
import os
import pathlib
import random
import re
import sqlite3
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / 'lab' / 'demo')]
from lab import Caller, detail, register_all, row, rss_mib, thread_seconds   # noqa: E402
from peers import download_body, element, outcome   # noqa: E402
from smdp_lab import MNO_OID, NewProfile, SmdpLab, TEMPLATE   # noqa: E402
from smsr_lab import EUM_OID, OPERATORS, SMSR_OID, LabError, short_socket   # noqa: E402

NUMBER = '12345'
PIECES, PIECE = 3, 50456   # elements of filler: the package has 150 KB, to some octets
ANSWER = 'ES2-DownloadProfileResponse'


class DpCaller(Caller):
    """Keep-alive connection to the SM-DP."""

    def order(self, card, iccid):
        xml = self.entity.envelope('ES2-DownloadProfile', download_body(card.eid, SMSR_OID, iccid, enable=False, validity=3600),
                                   f'bench-{iccid}', True)
        self.connection.request('POST', '/ES2/ES2SmDpService', xml.encode(), {'Content-Type': 'application/soap+xml; charset=utf-8'})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 202:
            raise LabError(f'DownloadProfile: HTTP {answer.status}: {outcome(text)}')


def peak_mib(pid):
    return int(re.search(r'VmHWM:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024


def written_mb(pid):
    return int(re.search(r'write_bytes: (\d+)', pathlib.Path(f'/proc/{pid}/io').read_text()).group(1)) / 1e6


class Downloads:
    def __init__(self, directory, build, count):
        self.dir, self.count = directory, count
        self.lab = SmdpLab(directory, build, seed='bench', count=count + 1)
        self.lab.fleet = '   script-max 1024\n'
        self.large = [NewProfile(i) for i in range(count)]
        self.small = NewProfile(count)

    # ---- the scene ----

    def start(self):
        lab, air = self.lab, short_socket(self.dir, 'air')
        lab.make_pki()
        self.operators = {name: lab.entity(name, oid) for name, oid in OPERATORS.items()}
        self.operator = self.operators['operational']
        self.cards = lab.start('euicc-sim', 'euicc-sim', '--seed', lab.seed, '--count', lab.count, '--socket', air,
                               '--smsr-number', f'+{NUMBER}', '--ecasd', lab.pki / 'cards', '--ci', lab.pki / 'ci.gp',
                               '--log-level', 'error')
        subscribers = self.dir / 'subscribers.csv'
        subscribers.write_text(''.join(f'{imsi},{msisdn}\n' for imsi, msisdn in lab.subscribers()))
        self.smsc = lab.start('smsc-sim', 'smsc-sim', '--listen', '127.0.0.1:0', '--subscribers', subscribers, '--air', air,
                              '--number', NUMBER, '--account', 'smsr', '--password', 'secret')
        port = self.smsc.wait_for(r'127\.0\.0\.1 port (\d+)').group(1)
        self.smsr = lab.start_smsr(self.quiet(lab.write_config(
            self.operators.values(), dict(name='bench', host='127.0.0.1', port=port, system_id='smsr', password='secret',
                                          number=NUMBER, mode='store-and-forward', more='  window 100\n'),
            limits={'por-wait-s': 600})))
        self.smdp = lab.start_smdp(self.quiet(lab.write_smdp_config(self.operator.url)))
        self.smsr.wait_for('bench is bound')
        self.smdp.wait_for('is running')
        register_all(lab, lab.entity('eum-tls', EUM_OID))

    @staticmethod
    def quiet(config):
        text = re.sub(r'logging level (proc|es) info', r'logging level \1 notice', config.read_text())
        config.write_text(re.sub(r'  lab-key-log .*\n', '', text))
        return config

    def stock(self):
        """Large profiles of a template with filler, and a small one."""
        template, filler = TEMPLATE.read_text(), f'A9 {{ A0 {{ 80; 81 $pe }}; 06 oid:2.23.143.1; 04 00 pad:{PIECE} }}\n'
        head, mark, tail = template.rpartition('AA {')
        large = self.dir / 'large.tpl'
        large.write_text(head + PIECES * filler + mark + tail)
        rows = self.dir / 'large.csv'
        rows.write_text(','.join(NewProfile.COLUMNS) + '\n' + ''.join(p.row() for p in self.large))
        rows.chmod(0o600)
        self.lab.smdp_ctl('stock', 'type', 'large', '--mno', MNO_OID, '--template', large)
        done = self.lab.smdp_ctl('stock', 'import', rows, '--type', 'large', '--mno', MNO_OID)
        if done[-1]['taken'] != self.count:
            raise LabError(f'smctl stock import: {done}')
        self.lab.fill_stock([self.small])
        return self.lab.in_stock(self.large[0].iccid)['octets']

    # ---- the run ----

    def order(self, profiles, cards, threads):
        """Orders of all of them; when each was taken."""
        taken, todo, lock = {}, list(zip(profiles, cards)), threading.Lock()

        def work():
            caller = DpCaller(self.operator, self.lab.smdp_port)
            while True:
                with lock:
                    if not todo:
                        return
                    profile, card = todo.pop(0)
                taken[profile.iccid] = time.monotonic()
                caller.order(card, profile.iccid)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        return taken

    def answers(self, n, seconds):
        """ICCID -> when its answer came."""
        came, bad = {}, []
        while len(came) + len(bad) < n:
            message = self.operator.wait(seconds)
            if not message:
                raise LabError(f'{len(came)} of {n} downloads, then no more')
            if message.name == ANSWER:
                if 'EXECUTED_SUCCESS' in message.xml:
                    came[element(message.xml, 'Iccid')] = time.monotonic()
                else:
                    bad.append(outcome(message.xml))
        if bad:
            raise LabError(f'{len(bad)} of {n} downloads failed, the first: {bad[0]}')
        return came

    def cpu(self):
        """CPU seconds by process; the daemons split into their threads."""
        used = {}
        for name, process in (('smsr', self.smsr), ('smdp', self.smdp)):
            threads = thread_seconds(process.popen.pid)
            used[f'{name} core'] = threads.pop(process.popen.pid)
            used[f'{name} I/O'] = sum(threads.values())
        for name, pid in (('smsc-sim', self.smsc.popen.pid), ('euicc-sim', self.cards.popen.pid), ('operator (python)', 'self')):
            used[name] = sum(thread_seconds(pid).values())
        return used

    def transfers(self):
        """Seconds from the first piece of each package to the card's last answer, out of the timelines of smdp."""
        db = sqlite3.connect(f'file:{self.dir}/smdp.db?mode=ro', uri=True)
        rows = db.execute('SELECT op_id, min(CASE WHEN step = 8 THEN stamp_ms END), max(CASE WHEN step = 3 AND text LIKE '
                          '"ES3-ProfileDownloadCompleted%" THEN stamp_ms END) FROM timeline GROUP BY op_id').fetchall()
        db.close()
        return sorted((end - start) / 1000 for _, start, end in rows if start and end)

    def run(self):
        lab = self.lab
        octets = self.stock()
        alone = self.one(NewProfile(self.count + 1), 'alone')
        idle = {p.name: rss_mib(p.popen.pid) for p in (self.smsr, self.smdp)}
        for p in (self.smsr, self.smdp):
            pathlib.Path(f'/proc/{p.popen.pid}/clear_refs').write_text('5')   # the peak begins anew
        written = {p.name: written_mb(p.popen.pid) for p in (self.smsr, self.smdp)}
        before, start = self.cpu(), time.monotonic()
        taken = self.order(self.large, lab.cards, 8)
        admitted = time.monotonic() - start
        taken |= self.order([self.small], lab.cards[self.count:], 1)
        came = self.answers(self.count + 1, 300)
        seconds = max(came.values()) - start
        used = {k: v - before[k] for k, v in self.cpu().items()}
        peak = {p.name: peak_mib(p.popen.pid) for p in (self.smsr, self.smdp)}
        self.report(octets, seconds, admitted, {k: came[k] - taken[k] for k in taken}, alone)
        n = self.count
        detail(f'downloads, {n}: memory at the peak less idle, for each session: ' +
               ', '.join(f'{k} {(peak[k] - idle[k]) * 1024 / n:.0f} KB ({idle[k]:.0f} to {peak[k]:.0f} MiB)' for k in idle))
        detail(f'downloads, {n}: written to disk for each: ' +
               ', '.join(f'{p.name} {(written_mb(p.popen.pid) - written[p.name]) / n:.1f} MB' for p in (self.smsr, self.smdp)))
        detail(f'downloads, {n}: CPU time of each: ' + ', '.join(f'{k} {1000 * v / n:.1f} ms' for k, v in used.items()) +
               f'; {sum(used.values()) / seconds:.2f} of {os.cpu_count()} cores used')

    def one(self, profile, kind):
        """A small profile to the last card but one, with nothing else going on; seconds."""
        rows = [profile]
        self.lab.fill_stock(rows, kind)
        taken = self.order(rows, self.lab.cards[-1:], 1)
        return max(self.answers(1, 60).values()) - taken[profile.iccid]

    def report(self, octets, seconds, admitted, durations, alone):
        small = durations.pop(self.small.iccid)
        d, t, n = sorted(durations.values()), self.transfers()[-self.count:], self.count
        detail(f'downloads, {n} at the same time, {octets} octets each: {n * octets / seconds / 1e6:.2f} MB/s, {n / seconds:.1f} '
               f'each second; all ordered after {admitted:.1f} s, done after {seconds:.1f} s')
        median = statistics.median(d)
        row('D1', f'{n} downloads of 150 KB at the same time, longest from order to answer', f'{d[-1]:.2f} s', f'{median:.2f} s median',
            d[-1] / median, '<=', 2)
        row('D2', f'a small profile ordered behind these {n}', f'{small:.2f} s', f'{median:.2f} s median of the large', small / median,
            '<=', 1)
        detail(f'downloads, {n}: from order to answer, shortest {d[0]:.2f} s; the package alone {t[0]:.2f} s, {statistics.median(t):.2f} s, '
               f'{t[-1]:.2f} s (shortest, median, longest); a small profile with nothing else going on {alone:.2f} s')


def main():
    build, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    random.seed(1)
    directory.mkdir(parents=True, exist_ok=True)
    bench = Downloads(directory, build, count)
    try:
        bench.start()
        bench.run()
    finally:
        bench.lab.stop()
    os._exit(0)


if __name__ == '__main__':
    main()
