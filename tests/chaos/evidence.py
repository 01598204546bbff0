# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the judges look at: databases, captures, what cards say of themselves and what was logged of them."""
import collections
import re
import sqlite3

import capture

WHOLE = ('DISABLED', 'ENABLED')


class Store:
    """A database of a daemon, read only."""

    def __init__(self, path):
        self.db = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=10)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def value(self, sql, *values):
        return self.db.execute(sql, values).fetchone()[0]

    def close(self):
        self.db.close()


class Evidence:
    """Everything that the judges look at, collected once."""

    def __init__(self, lab, traffic):
        self.lab, self.ledger = lab, traffic.ledger
        self.keys = {card.eid: tuple(capture.derive(lab.seed, f'SCP80 {key}', card.eid) for key in ('KIc', 'KID'))
                     for card in lab.cards}
        self.smsr, self.smdp = Store(lab.database('smsr')), Store(lab.database('smdp'))
        self.packets = capture.packets(lab.captures())
        self.cards = {card.eid: Card(lab, card.eid) for card in lab.cards}
        self.events = collections.defaultdict(list)
        for line in (lab.dir / 'euicc-sim.log').read_text().splitlines():
            words = line.split(' ', 2)
            if len(words) == 3 and words[1] in self.cards:
                self.events[words[1]].append(words[2])
        self.is_log_torn = lab.euicc.kills > 0   # a card stores first, and then tells

    def close(self):
        self.smsr.close()
        self.smdp.close()


class Card:
    """What a card says of itself."""

    def __init__(self, lab, eid):
        text = lab.sim_control(f'show {eid}')
        self.counter = int(re.search(r'^counter (\d+)', text, re.M).group(1))
        rows = re.findall(r'^profile (\w+) (\w+) imsi (\S+) iccid (\w+)', text, re.M)
        self.profiles = {aid.upper(): (state, imsi) for aid, state, imsi, _ in rows}
        self.iccids = {aid.upper(): swapped(iccid) for aid, _, _, iccid in rows}
        self.packages = {aid.upper(): sha.lower() for aid, _, sha in
                         re.findall(r'^package (\w+) (\d+) (\w+)', lab.sim_control(f'package {eid}'), re.M)}

    def unfinished(self):
        return {aid for aid, (state, _) in self.profiles.items() if state not in WHOLE}


def swapped(text):
    """EF.ICCID in hex -> digits."""
    return ''.join(text[i + 1] + text[i] for i in range(0, len(text), 2)).rstrip('Ff')
