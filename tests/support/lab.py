# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole lab on loopback for tests: smsr, smsc-sim, euicc-sim and the entities around them."""
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'lab' / 'demo'))
from download import Cards   # noqa: E402
from smsr_lab import EUM_OID, OPERATORS, SMSR_OID, SmsrLab, free_port   # noqa: E402,F401

NUMBER = '12345'


class Lab(SmsrLab):
    """With a directory of its own below /tmp: sockets need short paths."""

    def __init__(self, count=1, sms=True, smsc_options=(), limits=None):
        directory = pathlib.Path(tempfile.mkdtemp(prefix='smsr-'))
        super().__init__(directory, os.environ.get('B', 'build/rel'), seed='test', count=count)
        self.sms, self.smsc_options, self.limits = sms, smsc_options, limits
        self.eum = self.bootstrap = self.operational = self.config = self.smsr = None
        self.card_options = []

    def __enter__(self):
        self.make_pki()
        self.eum = self.entity('eum-tls', EUM_OID)
        self.bootstrap = self.entity('bootstrap', OPERATORS['bootstrap'])
        self.operational = self.entity('operational', OPERATORS['operational'])
        port = self.start_radio() if self.sms else 1
        self.config = self.write_config((self.bootstrap, self.operational), dict(
            name='lab', host='127.0.0.1', port=port, system_id='smsr', password='secret', number=NUMBER,
            mode='store-and-forward', more=''), self.limits)
        self.smsr = self.start_smsr(self.config)
        self.smsr.wait_for('lab is bound' if self.sms else 'serves ES1')
        return self

    def start_radio(self):
        """Cards and service centre.  Returns the port of SMPP."""
        air = self.dir / 'air'
        self.start('euicc-sim', 'euicc-sim', '--seed', self.seed, '--count', self.count, '--socket', air, '--control',
                   self.dir / 'ctl', '--state', self.dir / 'cards', '--smsr-number', f'+{NUMBER}', '--refresh-ms', '100',
                   '--ecasd', self.pki / 'cards', *self.card_options)
        subscribers = self.dir / 'subscribers.csv'
        subscribers.write_text(''.join(f'{imsi},{msisdn}\n' for imsi, msisdn in self.subscribers()))
        smsc = self.start('smsc-sim', 'smsc-sim', '--listen', '127.0.0.1:0', '--subscribers', subscribers, '--air', air,
                          '--number', NUMBER, '--account', 'smsr', '--password', 'secret', *self.smsc_options)
        return smsc.wait_for(r'127\.0\.0\.1 port (\d+)').group(1)

    def __exit__(self, kind, *_):
        for entity in (self.eum, self.bootstrap, self.operational):
            entity.close()
        if kind:
            for process in self.processes:
                print(f'--- {process.log}\n{process.text()[-3000:]}')
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def eis_file(self, card):
        return self.pki / 'cards' / f'{card.eid}.xml'

    def register(self, card):
        return self.eum.call('ES1-RegisterEIS', self.eis_file(card).read_text(), reply=False)

    def sim_control(self, line):
        """A command for euicc-sim.  Returns its answer."""
        return Cards(self.dir / 'ctl').run(line)

    def client_context(self, name):
        context = ssl.create_default_context(cafile=str(self.pki / 'tls-ca.pem'))
        context.load_cert_chain(self.pki / f'{name}.pem', self.pki / f'{name}.key')
        return context

    def smctl(self, *argv, timeout=60, cwd=None):
        """Returns exit code, stdout, stderr."""
        run = subprocess.run([self.bin / 'smctl', '--config', self.dir / 'smctl.conf', *map(str, argv)],
                             capture_output=True, text=True, timeout=timeout, cwd=cwd)
        return run.returncode, run.stdout, run.stderr

    def smctl_json(self, *argv, timeout=60):
        """Returns exit code and the objects printed."""
        code, out, _ = self.smctl('--json', *argv, timeout=timeout)
        return code, [json.loads(line) for line in out.splitlines()]

    def write_smctl_conf(self, admin=True):
        identity = '[{name}]\noid = {oid}\ncert = pki/{file}.pem\nkey = pki/{file}.key\n'
        text = f'# lab\nurl = https://127.0.0.1:{self.https_port}/\nto-oid = {SMSR_OID}\nca = pki/tls-ca.pem\n'
        if admin:
            text += 'admin = admin.sock\n'
        text += identity.format(name='es1', oid=EUM_OID, file='eum-tls')
        text += identity.format(name='es4', oid=OPERATORS['operational'], file='operational')
        text += identity.format(name='bootstrap', oid=OPERATORS['bootstrap'], file='bootstrap')
        (self.dir / 'smctl.conf').write_text(text)
