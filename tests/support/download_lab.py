# SPDX-License-Identifier: AGPL-3.0-or-later
"""The lab of lab.py with smdp, a stock, and cards that can be reached by HTTPS."""
import sqlite3
import threading
import time

from lab import OPERATORS, SMSR_OID, Lab
from download import ANSWER, Cards
from peers import download_body, outcome
from smdp_lab import MNO_OID, PROFILE_TYPE, NewProfile, SmdpLab, TestProfile

# A Created entry may be left only where a clean-up could not be delivered.
DELETED = r'ISD-P in slot \d+ deleted'


class DownloadLab(Lab, SmdpLab):
    def __init__(self, count=1, package=None, pieces=None, **kwargs):
        """package: a file of somebody else's, instead of profiles that smdp makes, one for each card; pieces: octets of a
        package in one SendData."""
        super().__init__(count, **kwargs)
        self.package, self.pieces = package, pieces
        self.smdp_limits, self.smdp = {'es3-retry-min-s': 1, 'callback-retry-min-s': 1}, None
        self.download, self.pol1 = {}, ''   # settings of smdp, POL1 of its profiles
        self.cards_control = Cards(self.dir / 'ctl')
        self.answers, self.lock = [], threading.Lock()

    def entity(self, name, oid):
        return SmdpLab.entity(self, name, oid)

    def start_radio(self):
        """The stock comes first: the network learns its subscribers from it."""
        self.card_options += ['--ci', self.pki / 'ci.gp', '--https-retry-ms', '300']
        config = self.write_smdp_config(self.operational.url, self.smdp_limits, self.download,
                                        smsr={'send-data-size': self.pieces} if self.pieces else None)
        self.smdp = self.start_smdp(config)
        self.smdp.wait_for('is running')
        if self.package:
            TestProfile(self.package, 1).add_to(self)
        else:
            self.fill_stock([NewProfile(number + 1, self.pol1) for number in range(self.count)])
        return super().start_radio()

    def __enter__(self):
        super().__enter__()
        for card in self.cards:
            status, text = self.register(card)
            assert status == 200 and outcome(text) == 'EXECUTED_SUCCESS', (status, text)
        return self

    def order(self, card, iccid, enable=True, call_id=None, validity=600):
        """Order a profile.  What is refused at once has an outcome, what is taken has none."""
        status, text = self.operational.call('ES2-DownloadProfile',
                                             download_body(card.eid, SMSR_OID, iccid, enable=enable, validity=validity), call_id)
        return None if status == 202 else outcome(text)

    def answer(self, iccid, seconds=20):
        """The answer to an order, whoever asks first."""
        end = time.monotonic() + seconds
        while True:
            with self.lock:
                while not self.operational.inbox.empty():
                    self.answers.append(self.operational.wait())
                mine = [m for m in self.answers if m.name == ANSWER and iccid in m.xml]
            if mine:
                return mine
            assert time.monotonic() < end, f'no answer about {iccid} within {seconds} s'
            time.sleep(0.02)

    def fault(self, card, *words):
        text = self.sim_control(f'fault {card.eid} {" ".join(map(str, words))}')
        assert text.endswith('ok\n\n'), text

    def events(self, card):
        """What the simulator told of a card."""
        return [line.split(' ', 2)[2] for line in (self.dir / 'euicc-sim.log').read_text().splitlines()
                if line.split(' ')[1:2] == [card.eid]]

    def rows(self, database, sql, *values):
        """Of a running daemon's database."""
        with sqlite3.connect(f'file:{self.dir}/{database}.db?mode=ro', uri=True, timeout=10) as db:
            return db.execute(sql, values).fetchall()


__all__ = ['ANSWER', 'DELETED', 'DownloadLab', 'MNO_OID', 'OPERATORS', 'PROFILE_TYPE', 'SMSR_OID']
