# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real Osmocom core network on loopback: osmo-stp, osmo-hlr, osmo-msc, and vphone for the phones.

Every network has loopback addresses of its own (127.a.b.1 and so on, a and b by chance), so that several run side by
side without root and without namespaces.  Its directory holds configuration, logs, databases and captures; the file
network.json there is what a later "down" needs.  A kernel without SCTP gets the shim (sctpshim.c)."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
DAEMONS = ('osmo-stp', 'osmo-hlr', 'osmo-msc', 'vphone')
HOSTS = {'STP': 1, 'HLR': 2, 'MSC': 3, 'VPHONE': 4, 'SMSR': 5}
VTY_PORT = {'osmo-stp': 4239, 'osmo-hlr': 4258, 'osmo-msc': 4254, 'vphone': 4299}
SMPP_PORT = 2775
SMPP_SYSTEM_ID, SMPP_PASSWORD = 'ota', 'ota123'
SMSR_PREFIX = '88'
IPPROTO_SCTP = 132
UNIX_PATH_MAX = 100


class LabError(Exception):
    """Something the reader of the output can act on."""


def kernel_has_sctp():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP).close()
        return True
    except OSError:
        return False


def wait_until(what, predicate, seconds=10.0):
    """Poll until predicate() is true.  It returns (done, detail); the last detail goes into the error."""
    end = time.monotonic() + seconds
    while True:
        done, detail = predicate()
        if done:
            return detail
        if time.monotonic() > end:
            raise LabError(f'{what}: not within {seconds:g} s ({detail})')
        time.sleep(0.05)


class Vty:
    """Telnet console of an Osmocom program, in enable mode."""
    PROMPT = re.compile(rb'(^|\n)[\w-]+(\([^)]*\))?[>#] $')

    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port), timeout=5)
        self.read()
        self.run('enable')

    def read(self):
        data = b''
        while not self.PROMPT.search(data):
            more = self.sock.recv(65536)
            if not more:
                raise LabError('VTY closed')
            data = re.sub(rb'\xff[\xfb-\xfe].|\r', b'', data + more, flags=re.DOTALL)
        return data.decode('latin1')

    def run(self, command):
        self.sock.sendall(command.encode() + b'\n')
        return '\n'.join(self.read().split('\n')[1:-1])

    def close(self):
        self.sock.close()


class Network:
    def __init__(self, directory, build=None, say=print):
        self.dir = pathlib.Path(directory).resolve()
        self.say = say
        self.build = build and pathlib.Path(build).resolve()
        self.children = {}
        self.pids = {}
        self.addr = {}
        self.air = str(self.dir / 'air')
        self.scratch = None
        self.sctp = kernel_has_sctp()

    @classmethod
    def load(cls, directory, say=print):
        net = cls(directory, say=say)
        try:
            state = json.loads((net.dir / 'network.json').read_text())
        except OSError as e:
            raise LabError(f'no network in {net.dir}: {e.strerror}') from e
        net.pids, net.addr, net.air, net.scratch = (state[k] for k in ('pids', 'addr', 'air', 'scratch'))
        net.build = pathlib.Path(state['build'])
        return net

    def save(self):
        state = {'pids': self.pids, 'addr': self.addr, 'air': self.air, 'scratch': self.scratch,
                 'build': str(self.build)}
        (self.dir / 'network.json').write_text(json.dumps(state, indent=1) + '\n')

    # --- up -------------------------------------------------------------------------------------------------------

    def up(self):
        """Start the daemons in order and wait for each; the phones come later, with their cards."""
        for name in DAEMONS:
            self.program(name)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.choose_addresses()
        self.write_configs()
        self.say('kernel has SCTP: real M3UA over it' if self.sctp else
                 'kernel has no SCTP: real M3UA over the shim')
        self.start_capture()
        self.start('osmo-stp')
        self.say(f'osmo-stp: listening, M3UA {self.addr["STP"]}:2905')
        self.start('osmo-hlr')
        self.say(f'osmo-hlr: listening, GSUP {self.addr["HLR"]}:4222')
        self.start_msc()
        self.start('vphone')
        self.wait_bsc()

    def program(self, name):
        path = self.build / 'bin' / name if name == 'vphone' else shutil.which(name)
        if not path or not os.access(path, os.X_OK):
            raise LabError(f'{name} is not ' + (f'built: {path} is missing' if path else 'installed: run "make deps"'))
        return str(path)

    def choose_addresses(self):
        for _ in range(20):
            net = f'127.{random.randint(1, 254)}.{random.randint(1, 254)}'
            try:
                with socket.socket() as probe:
                    probe.bind((f'{net}.{HOSTS["STP"]}', VTY_PORT['osmo-stp']))
                break
            except OSError:
                continue
        else:
            raise LabError('no free loopback addresses')
        self.addr = {name: f'{net}.{host}' for name, host in HOSTS.items()}
        self.addr['NET'] = net
        if len(self.air) > UNIX_PATH_MAX:
            self.scratch = tempfile.mkdtemp(prefix='lab-')
            self.air = self.scratch + '/air'

    def write_configs(self):
        values = dict(self.addr, DIR=str(self.dir), AIR=self.air, SMSR_PREFIX=SMSR_PREFIX)
        for name in DAEMONS:
            text = (HERE / f'{name}.cfg.in').read_text()
            (self.dir / f'{name}.cfg').write_text(re.sub(r'@(\w+)@', lambda m: values[m.group(1)], text))

    def environment(self, name):
        env = dict(os.environ)
        if self.sctp or name == 'osmo-hlr':
            return env
        shim = self.build / 'lib' / 'sctpshim.so'
        if not shim.exists():
            raise LabError(f'{shim} is missing: run "make"')
        env['LD_PRELOAD'] = str(shim)
        env['ASAN_OPTIONS'] = 'verify_asan_link_order=0:' + env.get('ASAN_OPTIONS', '')
        if name == 'osmo-stp':
            env['SCTPSHIM_PCAP'] = str(self.dir / 'm3ua.pcap')
        return env

    def spawn(self, name, command, env=None):
        with open(self.dir / f'{name}.log', 'ab') as log:
            child = subprocess.Popen(command, cwd=self.dir, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log, start_new_session=True)
        self.children[name] = child
        self.pids[name] = child.pid
        self.save()
        return child

    def start(self, name):
        command = [self.program(name), '-c', str(self.dir / f'{name}.cfg')]
        if name == 'osmo-hlr':
            command += ['-l', str(self.dir / 'hlr.db')]
        self.spawn(name, command, self.environment(name))
        self.wait_port(name, VTY_PORT[name])

    def start_msc(self):
        self.start('osmo-msc')
        self.wait_port('osmo-msc', SMPP_PORT)
        self.say(f'osmo-msc: listening, SMPP {self.addr["MSC"]}:{SMPP_PORT}')
        self.wait_vty('osmo-stp', 'show cs7 instance 0 as all', r'AS_ACTIVE', 'application server of osmo-msc active')
        self.say('osmo-stp: application server of osmo-msc is active')

    def host(self, name):
        return self.addr[name.removeprefix('osmo-').upper()]

    def wait_port(self, name, port):
        def ready():
            self.check_alive(name)
            with socket.socket() as probe:
                return probe.connect_ex((self.host(name), port)) == 0, f'port {port} closed'
        wait_until(f'{name}: start', ready)

    def check_alive(self, name):
        child = self.children.get(name)
        if child and child.poll() is not None:
            tail = (self.dir / f'{name}.log').read_text(errors='replace').splitlines()[-5:]
            raise LabError('\n  '.join([f'{name}: ended with code {child.returncode}; its log ends with', *tail]))

    def wait_vty(self, name, command, pattern, what, seconds=10.0):
        def ready():
            self.check_alive(name)
            answer = self.vty(name, command)
            return bool(re.search(pattern, answer)), f'"{command}" says: {answer.strip() or "nothing"}'
        return wait_until(f'{name}: {what}', ready, seconds)

    def wait_bsc(self):
        self.wait_vty('vphone', 'show vphone', r'MSC up', 'RESET answered by osmo-msc')
        self.say('vphone: osmo-msc answers, base station controller ready')

    def vty(self, name, *commands):
        """Run commands on the console of a daemon.  Returns the answer to the last."""
        console = Vty(self.host(name), VTY_PORT[name])
        try:
            for command in commands:
                answer = console.run(command)
        finally:
            console.close()
        return answer

    # --- subscribers and phones -------------------------------------------------------------------------------------

    def provision(self, csv):
        """Create the subscribers of a file with lines imsi,msisdn in osmo-hlr; those it has keep their record."""
        rows = read_subscribers(csv)
        console = Vty(self.host('osmo-hlr'), VTY_PORT['osmo-hlr'])
        for imsi, msisdn in rows:
            console.run(f'subscriber imsi {imsi} create')
            answer = console.run(f'subscriber imsi {imsi} update msisdn {msisdn}')
            if 'Updated' not in answer:
                raise LabError(f'osmo-hlr: subscriber {imsi} not provisioned: {answer.strip()}')
        console.close()
        self.say(f'osmo-hlr: {len(rows)} subscribers provisioned')
        return rows

    def wait_phones(self, count, seconds=20.0):
        """Wait until so many phones are attached.  Returns their IMSIs."""
        def ready():
            self.check_alive('vphone')
            phones = self.vty('vphone', 'show phones')
            attached = re.findall(r'^(\d+) +\w+ +attached,', phones, re.MULTILINE)
            return len(attached) == count, attached if len(attached) == count else f'{len(attached)} of {count}'
        return wait_until('vphone: all phones attached', ready, seconds)

    # --- down -------------------------------------------------------------------------------------------------------

    def stop(self, name, sig=signal.SIGTERM):
        """End one process and wait for it; by force when it takes longer than 3 s."""
        pid = self.pids.pop(name, None)
        child = self.children.pop(name, None)
        if pid is None or not self.is_ours(pid):
            return
        os.kill(pid, sig)
        end = time.monotonic() + 3
        while self.is_ours(pid) and not (child and child.poll() is not None):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                end += 3
            time.sleep(0.02)
        self.save()

    def is_ours(self, pid):
        """The process still exists and its number was not given to another one: a path of ours is in its command line."""
        try:
            command = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
        except OSError:
            return False
        return str(self.dir).encode() in command or self.air.encode() in command

    def down(self):
        for name in reversed(list(self.pids)):
            self.stop(name)
        self.merge_captures()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
        if (self.dir / 'network.json').exists():
            (self.dir / 'network.json').unlink()
        self.say('network stopped')

    # --- captures ---------------------------------------------------------------------------------------------------

    def start_capture(self):
        """SMPP and GSUP (and SCTP, where the kernel has it) with dumpcap, when this user may capture."""
        dumpcap = shutil.which('dumpcap')
        if not dumpcap:
            return
        child = self.spawn('dumpcap', [dumpcap, '-q', '-P', '-i', 'lo', '-f', f'net {self.addr["NET"]}.0/24',
                                       '-w', str(self.dir / 'loopback.pcap')])
        end = time.monotonic() + 2
        while child.poll() is None and time.monotonic() < end and not (self.dir / 'loopback.pcap').exists():
            time.sleep(0.05)
        if child.poll() is None:
            self.say('dumpcap: capturing loopback')
        else:
            del self.pids['dumpcap'], self.children['dumpcap']
            self.say('dumpcap: no right to capture, going on without')

    def merge_captures(self):
        parts = [str(p) for p in (self.dir / 'loopback.pcap', self.dir / 'm3ua.pcap') if p.exists()]
        if parts and shutil.which('mergecap'):
            subprocess.run(['mergecap', '-w', str(self.dir / 'lab.pcapng'), *parts], check=False)


def read_subscribers(csv):
    rows = []
    for number, line in enumerate(pathlib.Path(csv).read_text().splitlines(), 1):
        line = line.split('#')[0].strip()
        if not line or line.lower().startswith('imsi'):
            continue
        match = re.fullmatch(r'(\d{6,15}),(\d{1,15})', line)
        if not match:
            raise LabError(f'{csv}:{number}: not imsi,msisdn: {line}')
        rows.append(match.groups())
    return rows
