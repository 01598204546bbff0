# SPDX-License-Identifier: AGPL-3.0-or-later
"""The lab for chaos: real processes that are killed and started again, a proxy in each line between them, small disks."""
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
from lab import NUMBER, OPERATORS, SMSR_OID, free_port   # noqa: E402
from download_lab import DownloadLab   # noqa: E402
from peers import Entity, download_body, element, outcome, profile_body   # noqa: E402
from smdp_lab import SMDP_OID, NewProfile   # noqa: E402
from disk import Disk   # noqa: E402
from proxy import Net   # noqa: E402

WRITE_US = 12000     # a commit takes so long before it is in the file: kills fall in front of it as well as behind it
RESERVE_MIB = 8      # of a disk, below which no order is taken
LOUD = ('logging level set-all notice\n', 'logging level set-all debug\n')   # so that keys would be seen
CALL_TIMEOUT_S = 8
END_S = 15           # within which a daemon ends when it is asked to
BIRTHS = 5           # kills of a daemon that has no store yet
SMPP_PASSWORD = 'Vjq7rTz2'   # one that is found in a log when it is there
SMSR_LIMITS = {'por-wait-s': 2, 'por-copies': 6, 'audit-validity-s': 120, 'sms-retry-min-s': 1, 'sms-retry-max-s': 2, 'undelivered-s': 3, 'grace-s': 5,
               'callback-retry-min-s': 1, 'callback-retry-max-s': 2, 'callback-timeout-s': 4}
SMDP_LIMITS = {'es3-retry-min-s': 1, 'es3-retry-max-s': 2, 'es3-timeout-s': 6, 'ask-again-s': 6, 'grace-s': 5,
               'callback-retry-min-s': 1, 'callback-retry-max-s': 2, 'callback-timeout-s': 4}


class Mortal:
    """A process that is started again whenever it ends; its output goes to one file."""

    def __init__(self, lab, name, argv, environment=None):
        self.lab, self.name, self.argv, self.environment = lab, name, argv, environment
        self.log = lab.dir / f'{name}.log'
        self.lives, self.kills, self.stops, self.odd = 0, 0, [], []
        self.pause_s, self.is_killed, self.is_over, self.is_stalled = 0.0, False, False, False
        self.asked_s = None     # when it was asked to end
        self.lock = threading.Lock()
        self.popen = None
        self.start()
        threading.Thread(target=self.look_after, daemon=True).start()

    def start(self):
        self.lives += 1
        with self.log.open('ab') as out:
            self.popen = subprocess.Popen([str(a) for a in self.argv(self.lives)], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=out, env=self.environment)

    def look_after(self):
        """The service manager."""
        while True:
            code = self.popen.wait()
            with self.lock:
                if self.is_over:
                    return
                if not self.is_killed:
                    self.ended(code)
                pause, self.pause_s, self.is_killed = self.pause_s or 0.3, 0, False
                self.asked_s, self.is_stalled = None, False
            time.sleep(pause)
            with self.lock:
                if self.is_over:
                    return
                self.start()

    def ended(self, code):
        """By itself: a full disk is a reason, and so is SIGTERM, in good time and with a good code."""
        disk = self.lab.disks.get(self.name)
        if code > 0 and disk and time.monotonic() - self.lab.full_s[self.name] < 6:
            self.stops.append(f'life {self.lives} ended by itself with {code}')
        elif self.asked_s is None:
            self.odd.append(f'life {self.lives} ended by itself with {code}')
        # A signal that comes before main() has its handlers ends the process as signals do.
        elif code not in (0, -signal.SIGTERM) or time.monotonic() - self.asked_s > END_S:
            self.odd.append(f'life {self.lives} ended {time.monotonic() - self.asked_s:.1f} s after SIGTERM with {code}')

    def kill(self, pause_s):
        """SIGKILL; it stays away for pause_s.  False: there is nothing to kill at the moment."""
        with self.lock:
            if self.popen.poll() is not None:
                return False
            self.pause_s, self.is_killed = pause_s, True
            self.popen.send_signal(signal.SIGKILL)
            self.popen.wait()
            self.kills += 1
        return True

    def stall(self):
        with self.lock:
            if self.popen.poll() is not None or self.asked_s is not None:
                return False
            self.is_stalled = True
            self.popen.send_signal(signal.SIGSTOP)
        return True

    def go_on(self):
        with self.lock:
            if self.is_stalled and self.popen.poll() is None:
                self.popen.send_signal(signal.SIGCONT)
            self.is_stalled = False

    def ask_to_end(self, pause_s):
        """SIGTERM.  False: not now."""
        with self.lock:
            if self.popen.poll() is not None or self.is_stalled or self.asked_s is not None:
                return False
            self.pause_s, self.asked_s = pause_s, time.monotonic()
            self.popen.send_signal(signal.SIGTERM)
        return True

    def text(self):
        return self.log.read_text(errors='replace')

    def wait_for(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text())):
            if time.monotonic() > end:
                raise TimeoutError(f'{self.name}: no "{pattern}" within {seconds} s; see {self.log}')
            time.sleep(0.05)
        return found

    def stop(self):
        with self.lock:
            self.is_over = True
            if self.popen.poll() is None:
                self.popen.send_signal(signal.SIGCONT)
                self.popen.terminate()
        try:
            return self.popen.wait(20)
        except subprocess.TimeoutExpired:
            self.odd.append('does not end at SIGTERM')
            self.popen.kill()
            return self.popen.wait()


class Operator(Entity):
    """Its calls go through one proxy, what it is sent comes through another."""

    def __init__(self, lab, name, oid):
        super().__init__(lab.pki, name, oid, lab.https_port, SMSR_OID, (lab.order_port, SMDP_OID))
        self.server.handle_error = lambda *_: None   # a cut
        self.url = f'https://127.0.0.1:{lab.net.add(f"to-{name}", self.server.server_port)}/{name}'

    def attempt(self, function, body, call_id, before):
        """One POST; before: called with the MessageID (without its query) before it leaves.  Returns that, the HTTP status
        or None, and the answer's text."""
        xml = self.envelope(function, body, call_id, True)
        base = element(xml, 'MessageID').split('?')[0]
        before(base)
        interface = function.split('-')[0]
        server = 'SmDp' if interface == 'ES2' else 'SmSr'
        connection = http.client.HTTPSConnection('127.0.0.1', self.ends[server][0], context=self.client,
                                                 timeout=CALL_TIMEOUT_S)
        try:
            connection.request('POST', f'/{interface}/{interface}{server}Service', xml.encode(),
                               {'Content-Type': 'application/soap+xml; charset=utf-8'})
            answer = connection.getresponse()
            return base, answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return base, None, ''
        finally:
            connection.close()


class ChaosLab(DownloadLab):
    def __init__(self, build, fleet, stock, seed):
        os.environ['B'] = build
        super().__init__(fleet, limits=SMSR_LIMITS)
        self.net, self.disks, self.full_s = Net(), {}, {'smsr': -60.0, 'smdp': -60.0}
        self.chance, self.births, self.healed_ms = random.Random(f'{seed}/births'), 0, None
        self.stock_size = stock
        self.smsr_inner, self.smdp_inner, self.card_inner, self.smsc_port = (free_port() for _ in range(4))
        self.https_port = self.net.add('operators-smsr', self.smsr_inner)
        self.order_port = self.net.add('operators-smdp', self.smdp_inner)
        self.smdp_port = self.net.add('smsr-smdp', self.smdp_inner)
        self.es3_port = self.net.add('smdp-smsr', self.smsr_inner)
        self.card_port = self.net.add('cards-smsr', self.card_inner)
        self.smpp_port = self.net.add('smsr-smsc', self.smsc_port)
        self.download = {'isdp-tries': 5, 'session-tries': 5}
        self.fleet = '   trigger-wait 3 3 5 5\n'
        self.smsc = self.euicc = None

    def __enter__(self):
        for name in ('smsr', 'smdp'):
            self.disks[name] = Disk(self.dir / f'disk-{name}')
        library = self.dir / 'slow_disk.so'
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', f'-DWRITE_US={WRITE_US}', '-o', library,
                        ROOT / 'tests' / 'third' / 'slow_disk.c'], check=True)
        self.environment = {**os.environ, 'LD_PRELOAD': str(library)}
        return super().__enter__()

    def entity(self, name, oid):
        return Operator(self, name, oid)

    # ---- configuration: daemons listen behind the proxies, databases are on the small disks ----

    def rewrite(self, path, pairs):
        text = path.read_text()
        for old, new in pairs:
            assert old in text, f'{path}: no "{old}"'
            text = text.replace(old, new)
        path.write_text(text)
        return path

    def write_config(self, *args, **kwargs):
        args[1].update(port=self.smpp_port, more='', password=SMPP_PASSWORD)
        return self.rewrite(super().write_config(*args, **kwargs), (
            (f'listen 127.0.0.1 {self.https_port}\n', f'listen 127.0.0.1 {self.smsr_inner}\n'),
            (f'listen 127.0.0.1 {self.card_port}\n', f'listen 127.0.0.1 {self.card_inner}\n'),
            (f'  lab-key-log {self.dir}/psk.keys\n', '  timeout handshake 5\n  timeout request 5\n  timeout session 60\n'),
            (f'database {self.dir}/', f'free-space-min {RESERVE_MIB}\n database {self.disks["smsr"].dir}/'), LOUD))

    def write_smdp_config(self, *args, **kwargs):
        return self.rewrite(super().write_smdp_config(*args, **kwargs), (
            (f'listen 127.0.0.1 {self.smdp_port}\n', f'listen 127.0.0.1 {self.smdp_inner}\n'),
            (f'es3-url https://127.0.0.1:{self.https_port}/', f'es3-url https://127.0.0.1:{self.es3_port}/'),
            (f'database {self.dir}/', f'free-space-min {RESERVE_MIB}\n database {self.disks["smdp"].dir}/'), LOUD))

    # ---- processes ----

    def mortal(self, name, argv, environment=None):
        process = Mortal(self, name, argv, environment)
        self.processes.append(process)
        return process

    def start_daemon(self, name, config):
        subprocess.run([self.bin / name, '-C', '-c', config], check=True, capture_output=True)
        self.bear(name, config)
        return self.mortal(name, lambda life: [self.bin / name, '-c', config], self.environment)

    def bear(self, name, config):
        """The first start makes the store: it is killed a few times before it gets there."""
        for _ in range(BIRTHS):
            with (self.dir / f'births-{name}.log').open('ab') as out, subprocess.Popen(
                    [self.bin / name, '-c', config], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    env=self.environment) as popen:
                time.sleep(self.chance.uniform(0.01, 0.35))
                assert popen.poll() is None, f'{name} ended with {popen.poll()} while its store was made'
                popen.kill()
            self.births += 1

    def start_radio(self):
        config = self.write_smdp_config(self.operational.url, SMDP_LIMITS, self.download, smsr={'send-data-size': 1000})
        self.smdp = self.start_smdp(config)
        self.smdp.wait_for('is running')
        self.fill_stock([NewProfile(number + 1) for number in range(self.stock_size)])
        air = self.dir / 'air'
        self.euicc = self.mortal('euicc-sim', lambda life: [
            self.bin / 'euicc-sim', '--seed', self.seed, '--count', self.count, '--socket', air, '--control', self.dir / 'ctl',
            '--state', self.dir / 'cards', '--smsr-number', f'+{NUMBER}', '--refresh-ms', '100', '--ecasd', self.pki / 'cards',
            '--ci', self.pki / 'ci.gp', '--https-retry-ms', '500', '--https-retries', '6', '--notify-wait-ms', '3000',
            '--notify-tries', '20', '--mo-retry-ms', '500', '--https-open-ms', '4000', '--https-wait-ms', '8000'])
        subscribers = self.dir / 'subscribers.csv'
        subscribers.write_text(''.join(f'{imsi},{msisdn}\n' for imsi, msisdn in self.subscribers()))
        self.smsc = self.mortal('smsc-sim', lambda life: [
            self.bin / 'smsc-sim', '--listen', f'127.0.0.1:{self.smsc_port}', '--subscribers', subscribers, '--air', air,
            '--number', NUMBER, '--account', 'smsr', '--password', SMPP_PASSWORD, '--pcap', self.dir / f'smpp-{life}.pcap',
            '--control', self.dir / 'smsc', '--retry-ms', '500', '-x', 'delay 30ms'])
        self.smsc.wait_for(r'127\.0\.0\.1 port (\d+)')
        return self.smpp_port

    def mortals(self):
        return {'smsr': self.smsr, 'smdp': self.smdp, 'smsc-sim': self.smsc, 'euicc-sim': self.euicc}

    @staticmethod
    def told(path, line, seconds):
        """Answer of a control socket, whose owner may be about to start again; '' when there was none."""
        end = time.monotonic() + seconds
        while True:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                    s.settimeout(10)
                    s.connect(str(path))
                    s.sendall(line.encode() + b'\n')
                    text = b''
                    while not text.endswith(b'\n\n') and (more := s.recv(65536)):
                        text += more
                if text.endswith(b'\n\n'):
                    return text.decode()
            except OSError:
                pass
            if time.monotonic() > end:
                return ''
            time.sleep(0.05)

    def sim_control(self, line):
        return self.told(self.dir / 'ctl', line, 15)

    def smsc_control(self, line):
        answer = self.told(self.dir / 'smsc', line, 10)
        assert not answer or answer.startswith('ok'), f'smsc-sim: {line}: {answer}'
        return answer

    @staticmethod
    def operator_oids():
        return set(OPERATORS.values())

    def captures(self):
        return sorted(self.dir.glob('smpp-*.pcap'), key=lambda path: int(path.stem.split('-')[1]))

    def database(self, name):
        return self.disks[name].dir / f'{name}.db'

    def fill_disk(self, name, how):
        """full: to the last octet; low: below the reserve, where a daemon takes no more orders, and stays."""
        if how == 'full':
            self.full_s[name] = time.monotonic() + 3600
        self.disks[name].fill(0 if how == 'full' else RESERVE_MIB - 1)

    def clear_disk(self, name):
        self.disks[name].clear()
        self.full_s[name] = min(self.full_s[name], time.monotonic())

    def __exit__(self, *_):
        raise NotImplementedError   # use stop_all() and remove()

    def stop_all(self):
        for entity in (self.eum, self.bootstrap, self.operational):
            if entity:
                threading.Thread(target=entity.close, daemon=True).start()
        self.stop()

    def remove(self, keep):
        for name, disk in self.disks.items():
            kept = self.dir / f'kept-{name}' if keep else None
            disk.close(kept)
        self.net.close()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)



__all__ = ['ChaosLab', 'SMSR_OID', 'download_body', 'outcome', 'profile_body']
