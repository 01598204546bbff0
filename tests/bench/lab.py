# SPDX-License-Identifier: AGPL-3.0-or-later
"""The figures that need whole processes: HTTPS, one enable end to end on a fleet, memory and start-up time."""
import http.client
import os
import pathlib
import queue
import re
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'lab' / 'demo'))
from peers import Entity, outcome, profile_body   # noqa: E402
from smsr_lab import EUM_OID, OPERATORS, SMSR_OID, LabError, Process, SmsrLab, short_socket   # noqa: E402

NUMBER = '12345'


def row(id_, what, measured, limit, ratio, goal, target):
    met = ratio <= target if goal == '<=' else ratio >= target
    print('\t'.join(['ROW', id_, what, measured, limit, f'{ratio:.2f}', f'{goal} {target:g}', 'met' if met else 'missed']), flush=True)


def detail(text):
    print(f'DETAIL\t{text}', flush=True)


def thread_seconds(pid):
    """CPU seconds of each thread of a process: {thread id: seconds}."""
    return {int(task.name): int((task / 'schedstat').read_text().split()[0]) / 1e9
            for task in pathlib.Path(f'/proc/{pid}/task').iterdir()}


def rss_mib(pid):
    return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024


class Https:
    """T9 and T10: the same client on smsr and on the bare server."""

    def __init__(self, lab, bench, quick):
        self.lab, self.bench, self.seconds = lab, bench, 1 if quick else 3
        self.files = [str(lab.pki / 'tls-ca.pem')]

    def load(self, port, connections, request):
        argv = [self.bench, 'client', port, *self.files, self.lab.pki / 'operational.pem', self.lab.pki / 'operational.key',
                '/ES4/ES4SmSrService', request, connections, self.seconds]
        out = subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True).stdout.split()
        if out[4] != '200' or out[5] != '0':
            raise LabError(f'HTTP status {out[4]}, {out[5]} bad answers')
        return float(out[0]), float(out[1]), int(out[3])

    def run(self, smsr, operator, card):
        request = self.lab.dir / 'geteis.xml'
        request.write_text(operator.envelope('ES4-GetEIS', f'<rps:Eid>{card.eid}</rps:Eid>', 'bench-geteis', False))
        _, _, octets = self.load(self.lab.https_port, 1, request)
        bare = Process(self.lab.dir, 'bare', [self.bench, 'server', *self.files, self.lab.pki / 'smsr.pem', self.lab.pki / 'smsr.key',
                                              ROOT / 'schemas' / 'esim-messaging-3.xsd', octets])
        self.lab.processes.append(bare)
        bare_port = bare.wait_for(r'port (\d+)').group(1)
        ours, limit, alone, bare_alone = [], [], [], []
        before = thread_seconds(smsr.popen.pid)
        bare_before = thread_seconds(bare.popen.pid)
        for _ in range(5):
            ours.append(self.load(self.lab.https_port, 32, request))
            limit.append(self.load(bare_port, 32, request))
        cpu = {t: s - before.get(t, 0) for t, s in thread_seconds(smsr.popen.pid).items()}
        bare_cpu = sum(thread_seconds(bare.popen.pid).values()) - sum(bare_before.values())
        for _ in range(3):
            alone.append(self.load(self.lab.https_port, 1, request))
            bare_alone.append(self.load(bare_port, 1, request))
        self.report(ours, limit, alone, bare_alone, request.stat().st_size, octets)
        n, n_bare = (sum(r[0] for r in x) * self.seconds for x in (ours, limit))
        core = cpu.pop(smsr.popen.pid)
        detail(f'T9 CPU for each request: core thread {core / n * 1e6:.0f} us, I/O thread {sum(cpu.values()) / n * 1e6:.0f} us; '
               f'bare server {bare_cpu / n_bare * 1e6:.0f} us')

    @staticmethod
    def report(ours, limit, alone, bare_alone, request, octets):
        rate, bare = (statistics.median(r[0] for r in x) for x in (ours, limit))
        row('T9', f'ES4-GetEIS, mutual TLS, 32 connections ({request} octets in, {octets} out)', f'{rate / 1000:.1f} k/s',
            f'{bare / 1000:.1f} k/s bare evhttp + libxml2', rate / bare, '>=', 0.7)
        p50, p50_32 = (statistics.median(r[1] for r in x) for x in (alone, ours))
        row('T10', 'keep-alive latency over TLS, one connection, p50', f'{p50 / 1000:.2f} ms', '5 ms', p50 / 5000, '<=', 1)
        detail(f'T10 p50 with 32 connections {p50_32 / 1000:.2f} ms; bare server: one connection '
               f'{statistics.median(r[1] for r in bare_alone) / 1000:.2f} ms, 32 connections '
               f'{statistics.median(r[1] for r in limit) / 1000:.2f} ms')


class Caller:
    """Keep-alive connection of an operator."""

    def __init__(self, entity, port):
        self.entity = entity
        self.connection = http.client.HTTPSConnection('127.0.0.1', port, context=entity.client, timeout=60)

    def enable(self, card, number):
        xml = self.entity.envelope('ES4-EnableProfile', profile_body(card.eid, card.operational[0]), f'bench-{number}', True)
        self.connection.request('POST', '/ES4/ES4SmSrService', xml.encode(), {'Content-Type': 'application/soap+xml; charset=utf-8'})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 202:
            raise LabError(f'EnableProfile: HTTP {answer.status}: {text}')


def register_all(lab, eum):
    """ES1-RegisterEIS of every card."""
    for card in lab.cards:
        status, answer = eum.call('ES1-RegisterEIS', (lab.pki / 'cards' / f'{card.eid}.xml').read_text(), reply=False)
        if outcome(answer) != 'EXECUTED_SUCCESS':
            raise LabError(f'registration: HTTP {status}, {outcome(answer)}')


class Fleet:
    """Everything around one smsr: service centre, cards, operators.  The cards are registered beforehand."""

    def __init__(self, lab, directory):
        self.lab, self.dir = lab, directory
        self.air = short_socket(directory, 'air')

    def start(self):
        lab = self.lab
        self.operators = {n: Entity(lab.pki, n, oid, lab.https_port, SMSR_OID) for n, oid in OPERATORS.items()}
        self.eum = Entity(lab.pki, 'eum-tls', EUM_OID, lab.https_port, SMSR_OID)
        self.cards = lab.start('euicc-sim', 'euicc-sim', '--seed', lab.seed, '--count', lab.count, '--socket', self.air,
                               '--smsr-number', f'+{NUMBER}', '--refresh-ms', '100', '--ecasd', lab.pki / 'cards',
                               '--log-level', 'error')
        self.smsc = lab.start('smsc-sim', 'smsc-sim', '--listen', '127.0.0.1:0', '--subscribers', self.dir / 'subscribers.csv',
                              '--air', self.air, '--number', NUMBER, '--account', 'smsr', '--password', 'secret')
        port = self.smsc.wait_for(r'127\.0\.0\.1 port (\d+)').group(1)
        config = lab.write_config(self.operators.values(), dict(name='bench', host='127.0.0.1', port=port, system_id='smsr',
                                                                password='secret', number=NUMBER, mode='store-and-forward', more=''))
        text = config.read_text().replace('logging level proc info', 'logging level proc notice')
        config.write_text(text.replace('logging level es info', 'logging level es notice'))
        self.smsr = lab.start_smsr(config)
        self.smsr.wait_for('bench is bound')

    def enable_all(self, threads):
        """One enable for each card; returns seconds until the last callback, and those until the last 202."""
        operator = self.operators['operational']
        todo = queue.Queue()
        for item in enumerate(self.lab.cards):
            todo.put(item)
        start = time.monotonic()

        def work():
            caller = Caller(operator, operator.smsr_port)
            while True:
                try:
                    number, card = todo.get_nowait()
                except queue.Empty:
                    return
                caller.enable(card, number)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        admitted = time.monotonic() - start
        good = 0
        for _ in self.lab.cards:
            message = operator.wait(60)
            if not message:
                raise LabError(f'{good} callbacks, then no more')
            good += 'EXECUTED_SUCCESS' in message.xml
        if good != len(self.lab.cards):
            raise LabError(f'{good} of {len(self.lab.cards)} succeeded')
        return time.monotonic() - start, admitted

    def shares(self, before):
        """CPU seconds by process since before; smsr split into its threads."""
        def cpu(pid):
            return sum(thread_seconds(pid).values())
        smsr = thread_seconds(self.smsr.popen.pid)
        now = {'smsr core': smsr.pop(self.smsr.popen.pid), 'smsr I/O': sum(smsr.values()), 'smsc-sim': cpu(self.smsc.popen.pid),
               'euicc-sim': cpu(self.cards.popen.pid), 'operators (python)': cpu('self')}
        return {k: v - before.get(k, 0) for k, v in now.items()} if before is not None else now


def end_to_end(fleet):
    before = fleet.shares(None)
    seconds, admitted = fleet.enable_all(8)
    used = fleet.shares(before)
    n, total = len(fleet.lab.cards), sum(used.values())
    detail(f'end to end, {n} enables on {n} cards (SOAP in, two commands and two answers and one notification by SMS, callback and '
           f'notification out): {n / seconds:.0f}/s; all admitted after {admitted:.1f} s, last callback after {seconds:.1f} s')
    detail('end to end, share of CPU time: ' + ', '.join(f'{k} {100 * v / total:.0f} % ({1000 * v / n:.2f} ms each)' for k, v in used.items()))
    detail(f'end to end, {total / seconds:.2f} of {os.cpu_count()} cores used; RSS: smsr {rss_mib(fleet.smsr.popen.pid):.0f} MiB, '
           f'smsc-sim {rss_mib(fleet.smsc.popen.pid):.0f} MiB, euicc-sim {rss_mib(fleet.cards.popen.pid):.0f} MiB')


def memory(lab, operator, push_bench, directory, config_text, quick):
    """Start-up and RSS with a large registry; then 1,000 pushes that reach no card (the profiles addressed are no longer
    enabled there), so that all of them stay in flight."""
    n = 10000 if quick else 100000
    store = directory / 'large'
    store.mkdir()
    subprocess.run([push_bench, 'fill', store, 'bench', str(n)], check=True, capture_output=True)
    big = SmsrLab(store, lab.bin.parent)
    text = config_text.replace(f'database {lab.dir}/smsr.db', f'database {store}/smsr.db')
    text = text.replace(f'master-key {lab.dir}/master.key', f'master-key {store}/master.key')
    text = text.replace(f'admin-socket {lab.dir}/admin.sock', f'admin-socket {store}/admin.sock')
    text = text.replace(lab.own_address, big.own_address).replace(str(lab.https_port), str(big.https_port))
    config = store / 'smsr.cfg'
    config.write_text(text)
    start = time.monotonic()
    smsr = big.start_smsr(config)
    lab.processes.append(smsr)
    smsr.wait_for('serves ES1 and ES4')
    ready = time.monotonic() - start
    rss = rss_mib(smsr.popen.pid)
    push(operator, big.https_port, store, 1000)
    detail(f'{n} eUICCs: database {(store / "smsr.db").stat().st_size / n:.0f} octets each; start to service {ready:.2f} s (with the check of '
           f'the configuration); RSS {rss:.0f} MiB, after 1000 pushes {rss_mib(smsr.popen.pid):.0f} MiB')
    smsr.stop()


def push(operator, port, store, n):
    """One order for each of the first n eUICCs in this store."""
    caller = Caller(operator, port)
    listing = subprocess.run(['sqlite3', '-readonly', '-separator', ' ', store / 'smsr.db',
                              'SELECT hex(e.eid), p.iccid FROM euicc e JOIN profile p ON p.euicc_id = e.id WHERE p.state = 2 '
                              f'ORDER BY e.id LIMIT {n}'], check=True, capture_output=True, text=True).stdout

    class Card:
        def __init__(self, eid, iccid):
            self.eid, self.operational = eid, (iccid,)

    for number, line in enumerate(listing.splitlines()):
        caller.enable(Card(*line.split()), number)
    time.sleep(2)


def main():
    build, directory, quick = sys.argv[1], pathlib.Path(sys.argv[2]), '--quick' in sys.argv
    lab = SmsrLab(directory, build, seed='bench', count=100 if quick else 1000)
    programs = pathlib.Path(build).resolve() / 'tests' / 'bench'
    try:
        lab.make_pki()
        (directory / 'subscribers.csv').write_text(''.join(f'{imsi},{msisdn}\n' for card in lab.cards
                                                           for _, imsi, msisdn in (card.bootstrap, card.operational)))
        fleet = Fleet(lab, directory)
        fleet.start()
        register_all(lab, fleet.eum)
        Https(lab, programs / 'https_bench', quick).run(fleet.smsr, fleet.operators['operational'], lab.cards[0])
        end_to_end(fleet)
        memory(lab, fleet.operators['operational'], programs / 'push_bench', directory, (directory / 'smsr.cfg').read_text(), quick)
    finally:
        lab.stop()
    os._exit(0)


if __name__ == '__main__':
    main()
