# SPDX-License-Identifier: AGPL-3.0-or-later
"""An SM-DP with a stock of profiles, beside the SM-SR of smsr_lab.py, and cards that can be reached by HTTPS.  Used by the
demo, the Osmocom lab and tests."""
import hashlib
import json
import pathlib
import random
import subprocess

from peers import Entity
from smsr_lab import EUM_OID, LabError, OPERATORS, SMSR_OID, SmsrLab, free_port

SMDP_OID = '1.3.6.1.4.1.32473.20'
ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / 'smdp' / 'templates' / 'm2m.tpl'
TEST_PROFILES = ROOT.parent / 'shared' / 'profiles'
MNO_OID = OPERATORS['operational']   # owns what is in stock
PROFILE_TYPE, TEST_TYPE = 'machines', 'ts48'
SMSC = '+8829909999999'

# smsr: its SM-DP, and the bearer of what is too long for short messages.
SMSR_MORE = ''' https-bearer
  listen 127.0.0.1 {card_port}
  lab-key-log {dir}/psk.keys
  fleet software
   eum {eum_oid}
   bearer auto
   trigger address 127.0.0.1
   trigger port {card_port}
{fleet} peer smdp
  entity-id {oid}
  role sm-dp
  tls serial-number {oid}
  callback-prefix https://127.0.0.1:{smdp_port}/
  notification-url https://127.0.0.1:{smdp_port}/ES3/ES3SmDpService
  acts-for {mno}
'''

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
smdp
 entity-id {oid}
 entity-name Lab
 uri https://127.0.0.1:{smdp_port}
 database {dir}/smdp.db
 master-key {dir}/smdp.key
 admin-socket {dir}/smdp.sock
 certificate-issuers {pki}/ci.pem
 dp-certificate {pki}/smdp.dp
 dp-key {pki}/smdp.dp.key
{limits} https
  listen 127.0.0.1 {smdp_port}
  ca {pki}/tls-ca.pem
  certificate {pki}/smdp.pem
  key {pki}/smdp.key
 eum eum
  entity-id {eum_oid}
  certificate {pki}/eum.pem
 sm-sr smsr
  entity-id {smsr_oid}
  tls serial-number {smsr_oid}
  es3-url https://127.0.0.1:{https_port}/ES3/ES3SmSrService
{smsr} peer operational
  entity-id {mno}
  right read
  right manage
  right download
  tls serial-number {mno}
  callback-prefix {mno_url}
  notification-url {mno_url}/notification
'''


class NewProfile:
    """Data of a subscriber whose profile the SM-DP prepares; the keys are drawn by chance."""
    COLUMNS = ('iccid', 'imsi', 'ki', 'opc', 'msisdn', 'smsc', 'pol1')

    def __init__(self, number, pol1=''):
        """pol1: in hex; 02 = may not be deleted."""
        self.pol1 = pol1
        self.iccid = with_check_digit(f'8988299002{number:08}')
        self.imsi, self.msisdn = f'001012{number:09}', f'882992{number:07}'
        self.ki, self.opc = random.randbytes(16).hex(), random.randbytes(16).hex()

    def row(self):
        values = {**vars(self), 'msisdn': f'+{self.msisdn}', 'smsc': SMSC}
        return ','.join(values[column] for column in self.COLUMNS) + '\n'


class TestProfile:
    """A profile package that somebody else made (GSMA TS.48), for a subscriber of the lab."""

    def __init__(self, path, number):
        package = path.read_bytes()
        self.path, self.octets, self.sha256 = path, len(package), hashlib.sha256(package).hexdigest()
        self.msisdn, self.iccid, self.imsi = f'882992{number:07}', None, None

    def add_to(self, lab):
        """To the stock, which finds its numbers."""
        self.iccid = lab.add_package(self.path, TEST_TYPE, self.msisdn)
        self.imsi = lab.in_stock(self.iccid)['imsi']
        lab.profiles.append(self)


def test_profiles():
    """Files that may be there beside the project; the last one is the newest."""
    return sorted(TEST_PROFILES.glob('*.der'))


def with_check_digit(digits):
    """Luhn."""
    total = sum(d if i % 2 else d // 5 + d * 2 % 10 for i, d in enumerate(map(int, reversed(digits))))
    return f'{digits}{-total % 10}'


class SmdpLab(SmsrLab):
    def __init__(self, directory, build, seed='demo', count=1):
        super().__init__(directory, build, seed, count)
        self.smdp_port, self.card_port = free_port(), free_port()
        self.fleet = ''       # further lines of the fleet
        self.profiles = []    # what is in stock: NewProfile, TestProfile

    def make_pki(self):
        super().make_pki()
        self.tool('peer', self.pki, 'smdp', SMDP_OID)
        self.tool('dp', self.pki, 'smdp', SMDP_OID)
        self.tool('master', self.dir / 'smdp.key')

    def entity(self, name, oid):
        return Entity(self.pki, name, oid, self.https_port, SMSR_OID, (self.smdp_port, SMDP_OID))

    def more_config(self):
        return SMSR_MORE.format(dir=self.dir, card_port=self.card_port, eum_oid=EUM_OID, oid=SMDP_OID, mno=MNO_OID,
                                smdp_port=self.smdp_port, fleet=self.fleet)

    def write_smdp_config(self, mno_url, limits=None, download=None, smsr=None):
        """Settings by name: limits, download, and of the SM-SR."""
        lines = ''.join(f' limit {name} {value}\n' for name, value in (limits or {}).items())
        lines += ''.join(f' download {name} {value}\n' for name, value in (download or {}).items())
        config = CONFIG.format(own_address=self.own_address, oid=SMDP_OID, smdp_port=self.smdp_port, dir=self.dir, pki=self.pki,
                               limits=lines, eum_oid=EUM_OID, smsr_oid=SMSR_OID, https_port=self.https_port,
                               smsr=''.join(f'  {name} {value}\n' for name, value in (smsr or {}).items()), mno=MNO_OID,
                               mno_url=mno_url)
        path = self.dir / 'smdp.cfg'
        path.write_text(config)
        return path

    def start_smdp(self, config):
        return self.start_daemon('smdp', config)

    # ---- stock, by smctl ----

    def smdp_ctl(self, *argv):
        """smctl on the machine of the SM-DP.  Returns the objects printed."""
        run = subprocess.run([self.bin / 'smctl', '--json', '--smdp-admin', self.dir / 'smdp.sock', *map(str, argv)],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            raise LabError(f'smctl {" ".join(map(str, argv))}: exit {run.returncode}\n{run.stdout}{run.stderr}')
        return [json.loads(line) for line in run.stdout.splitlines()]

    def subscribers(self):
        return super().subscribers() + [(profile.imsi, profile.msisdn) for profile in self.profiles]

    def fill_stock(self, profiles, kind=PROFILE_TYPE, rules=None):
        """A profile type made from the template, and a profile for each subscriber."""
        self.profiles += profiles
        csv = self.dir / f'{kind}.csv'
        csv.write_text(','.join(NewProfile.COLUMNS) + '\n' + ''.join(p.row() for p in profiles))
        csv.chmod(0o600)
        self.smdp_ctl('stock', 'type', kind, '--mno', MNO_OID, '--template', TEMPLATE)
        done = self.smdp_ctl('stock', 'import', csv, '--type', kind, '--mno', MNO_OID, *(('--pol2', rules) if rules else ()))
        if done[-1]['taken'] != len(profiles):
            raise LabError(f'smctl stock import: {done}')

    def add_package(self, path, kind, msisdn):
        """A package that somebody else made.  Returns its ICCID."""
        self.smdp_ctl('stock', 'type', kind, '--mno', MNO_OID)
        return self.smdp_ctl('stock', 'import-package', path, '--type', kind, '--mno', MNO_OID, '--msisdn', msisdn)[-1]['iccid']

    def in_stock(self, iccid):
        return self.smdp_ctl('stock', 'show', iccid)[0]

