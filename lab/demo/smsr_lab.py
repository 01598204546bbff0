# SPDX-License-Identifier: AGPL-3.0-or-later
"""An SM-SR with everything it needs on this machine: certificates, keys, configuration, processes.  Used by the demo and
by the Osmocom lab."""
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import time

from peers import Entity

SMSR_OID = '1.3.6.1.4.1.32473.30'
EUM_OID = '1.3.6.1.4.1.32473.10'
OPERATORS = {'bootstrap': '1.3.6.1.4.1.32473.41', 'operational': '1.3.6.1.4.1.32473.42'}
LIMITS = {'por-wait-s': 20}
STEP = re.compile(r'#(\d+) ([\w ]+): (.*)')

CONFIG = '''log stderr
 logging level set-all notice
 logging level proc info
 logging level es info
 logging timestamp 0
 logging print extended-timestamp 1
line vty
 bind {own_address}
ctrl
 bind {own_address}
smsr
 entity-id {oid}
 entity-name Lab
 uri https://127.0.0.1:{https_port}
 database {dir}/smsr.db
 master-key {dir}/master.key
 certificate-issuers {pki}/ci.pem
 admin-socket {dir}/admin.sock
{limits} https
  listen 127.0.0.1 {https_port}
  ca {pki}/tls-ca.pem
  certificate {pki}/smsr.pem
  key {pki}/smsr.key
{more}{peers}{smsc}'''

PEER = ''' peer {name}
  entity-id {oid}
  role {role}
  tls serial-number {oid}
{more}'''

SMSC = ''' smsc {name}
  remote {host} {port}
  system-id {system_id}
  password-file {dir}/smpp.password
  source 1 1 {number}
  destination-type 1 1
  mode {mode}
{more}'''


class LabError(Exception):
    """Something the reader of the output can act on."""


claims = []   # sockets that hold the names of this process's ports


def free_port():
    """Below the range of outgoing connections: nobody takes it while its owner is started, or started again.  Labs side by
    side keep off each other's ports by a name each, which goes with the process."""
    while True:
        port = random.randint(20000, 32000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f'\0esim-lab-port-{port}')
            with socket.socket() as s:
                s.bind(('127.0.0.1', port))
        except OSError:
            claim.close()
        else:
            claims.append(claim)
            return port


class Process:
    """A program of the lab; its output goes to DIR/NAME.log."""

    def __init__(self, directory, name, argv):
        self.name, self.log = name, directory / f'{name}.log'
        with self.log.open('wb') as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def text(self):
        return self.log.read_text(errors='replace')

    def wait_for(self, pattern, seconds=15):
        """Wait for a line in the log.  Returns the match."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text())
            if found:
                return found
            if self.popen.poll() is not None:
                raise LabError(f'{self.name} ended with code {self.popen.returncode}; see {self.log}')
            if time.monotonic() > end:
                raise LabError(f'{self.name}: no "{pattern}" within {seconds} s; see {self.log}')
            time.sleep(0.02)

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        return self.popen.returncode


class Card:
    """A line of "esim-pki card"."""

    def __init__(self, line):
        (self.eid, boot_iccid, boot_imsi, boot_msisdn, iccid, imsi, msisdn) = line.split()
        self.bootstrap = (boot_iccid, boot_imsi, boot_msisdn)
        self.operational = (iccid, imsi, msisdn)


class SmsrLab:
    """Directory, certificates and processes around one smsr."""

    def __init__(self, directory, build, seed='demo', count=1):
        self.dir, self.bin = pathlib.Path(directory), pathlib.Path(build).resolve() / 'bin'
        self.pki, self.seed, self.count = self.dir / 'pki', seed, count
        self.https_port = free_port()
        # VTY and CTRL have fixed ports: an address of its own keeps parallel runs apart.
        self.own_address = f'127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}'
        self.processes = []
        self.cards = []

    def tool(self, *argv):
        return subprocess.run([self.bin / 'esim-pki', *map(str, argv)], check=True, capture_output=True, text=True).stdout

    def make_pki(self):
        self.tool('ca', self.pki)
        for name, oid in (('smsr', SMSR_OID), ('eum-tls', EUM_OID), *OPERATORS.items()):
            self.tool('peer', self.pki, name, oid)
        lines = self.tool('card', self.pki, '--seed', self.seed, '--count', self.count).splitlines()
        self.cards = [Card(line) for line in lines]
        self.tool('master', self.dir / 'master.key')

    def start(self, name, *argv):
        process = Process(self.dir, name, [self.bin / argv[0], *argv[1:]])
        self.processes.append(process)
        return process

    def peer(self, name, oid, role, more=''):
        return PEER.format(name=name, oid=oid, role=role, more=more)

    def entity(self, name, oid):
        """The end of an operator or EUM."""
        return Entity(self.pki, name, oid, self.https_port, SMSR_OID)

    def subscribers(self):
        """IMSI and MSISDN of all that the network knows."""
        return [(imsi, msisdn) for card in self.cards for _, imsi, msisdn in (card.bootstrap, card.operational)]

    def more_config(self):
        """Further nodes of smsr."""
        return ''

    def write_config(self, entities, smsc, limits=None):
        """entities: the operators' ends (peers.Entity), smsc: settings of the service centre, limits: what the "limit"
        lines say."""
        peers = self.peer('eum', EUM_OID, 'eum', f'  eum-certificate {self.pki}/eum.pem\n')
        for e in entities:
            peers += self.peer(e.name, e.oid, 'mno', f'  callback-prefix {e.url}\n  notification-url {e.url}/notification\n')
        (self.dir / 'smpp.password').write_text(smsc.pop('password') + '\n')
        config = CONFIG.format(oid=SMSR_OID, dir=self.dir, pki=self.pki, peers=peers, more=self.more_config(),
                               smsc=SMSC.format(dir=self.dir, **smsc), https_port=self.https_port,
                               own_address=self.own_address,
                               limits=''.join(f' limit {name} {value}\n' for name, value in (limits or LIMITS).items()))
        path = self.dir / 'smsr.cfg'
        path.write_text(config)
        return path

    def start_daemon(self, name, config):
        """smsr or smdp, after it has looked through its configuration."""
        check = subprocess.run([self.bin / name, '-C', '-c', config], capture_output=True, text=True)
        if check.returncode:
            raise LabError(f'{name} -C -c {config}: exit {check.returncode}\n{check.stdout}{check.stderr}')
        return self.start(name, name, '-c', config)

    def start_smsr(self, config):
        return self.start_daemon('smsr', config)

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes = []


def programs(argument):
    """The build directory: the argument, $B, or the usual one.  Ends the program when nothing is built there."""
    build = pathlib.Path(argument or os.environ.get('B') or pathlib.Path(__file__).resolve().parents[2] / 'build' / 'rel')
    if not (build / 'bin' / 'smsr').is_file():
        raise SystemExit(f'{build} is no build directory: it has no bin/smsr.  Run make, and name build/rel, or nothing')
    return build


def run_directory(build, kind):
    """A new directory beside the build directory; KIND/last points to it."""
    base = pathlib.Path(build).resolve().parent / kind
    directory = base / f'{time.strftime("%Y%m%d-%H%M%S")}-{os.getpid()}'
    directory.mkdir(parents=True)
    last = base / 'last'
    if last.is_symlink() or not last.exists():
        last.unlink(missing_ok=True)
        last.symlink_to(directory.name)
    return directory


def short_socket(directory, name):
    """Path for a UNIX socket: these must be short, and the run directory may not be."""
    path = directory / name
    if len(str(path)) < 100:
        return path
    return pathlib.Path(f'/tmp/{os.getpid()}-{name}')


def clean(path):
    shutil.rmtree(path, ignore_errors=True)
