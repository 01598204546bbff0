#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
# Waits most of its time.
"""A backup put back over a running fleet: "smctl backup" in the middle of the work, SIGKILL some orders later, the copy in
the place of the database.  The cards have gone on, the store has not.  On the air, as the capture of the service centre
shows and otatool reads it with the keys of the cards, no counter of a card is used for two packets, and the first that
each card is asked after the restore is what state it is in."""
import collections
import json
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kill_test import Capture, hkdf   # noqa: E402
from lab import Lab   # noqa: E402
from peers import outcome, profile_body   # noqa: E402

CARDS = 4
AUDIT = '80F240'   # GET STATUS


class FleetLab(Lab):
    def __init__(self):
        super().__init__(count=CARDS)
        self.smsc_options = ('--pcap', self.dir / 'smpp.pcap')

    def order(self, function, cards):
        """Of each card, to its end."""
        for card in cards:
            status, _ = self.operational.call(function, profile_body(card.eid, card.operational[0]))
            assert status == 202, status
        for _ in cards:
            while not (message := self.operational.wait(30)).name.startswith(function):
                pass
            assert 'EXECUTED_SUCCESS' in message.xml, outcome(message.xml)

    def on_air(self):
        """Of each card, in order: counter, packet, first octets of the script."""
        found = collections.defaultdict(list)
        numbers = {msisdn: card for card in self.cards for _, _, msisdn in (card.bootstrap, card.operational)}
        for dest, ud in Capture(self.dir / 'smpp.pcap').submits:
            card = numbers[dest]
            keys = {f'key_{key.lower()}': hkdf(self.seed, f'SCP80 {key}', card.eid) for key in ('KIc', 'KID')}
            run = subprocess.run([self.bin / 'otatool', 'open'], capture_output=True, text=True, check=True,
                                 input=json.dumps([{**keys, 'packet': ud[3:].hex()}]))
            opened = json.loads(run.stdout)[0]
            found[card.eid].append((int(opened['cntr'], 16), ud, json.dumps(opened).upper()))
        return found

    def restore(self):
        """The copy in the place of what the kill left."""
        self.smsr.popen.send_signal(signal.SIGKILL)
        self.smsr.popen.wait()
        for suffix in ('-wal', '-shm'):
            pathlib.Path(f'{self.dir}/smsr.db{suffix}').unlink(missing_ok=True)
        (self.dir / 'copy.db').replace(self.dir / 'smsr.db')
        self.smsr = self.start('restored', 'smsr', '-c', self.config)
        self.smsr.wait_for('lab is bound')


def main():
    with FleetLab() as lab:
        lab.write_smctl_conf()
        for card in lab.cards:
            lab.register(card)
        lab.order('ES4-EnableProfile', lab.cards)
        code, _, err = lab.smctl('backup', 'copy.db', cwd=lab.dir)
        assert code == 0, err
        lab.order('ES4-DisableProfile', lab.cards[:2])
        lab.order('ES4-EnableProfile', lab.cards[:1])
        before = {eid: len(sent) for eid, sent in lab.on_air().items()}
        lab.restore()
        assert re.search(r'restored database .*counters raised', lab.smsr.text()), lab.smsr.text()[-2000:]
        lab.order('ES4-DisableProfile', [lab.cards[0], *lab.cards[2:]])
        lab.order('ES4-EnableProfile', lab.cards[1:])
        for eid, sent in lab.on_air().items():
            packets = collections.defaultdict(set)
            for counter, octets, _ in sent:
                packets[counter].add(octets)
            again = [counter for counter, octets in packets.items() if len(octets) > 1]
            assert not again, f'{eid}: counters {again} with two packets'
            highest = max(counter for counter, _, _ in sent[:before[eid]])
            first = sent[before[eid]]
            assert first[0] > highest + 1000, f'{eid}: counter {first[0]} after {highest}'
            assert AUDIT in first[2], f'{eid}: the first after the restore was {first[2]}'
            print(f'ok   {eid}: {before[eid]} packets before the restore up to counter {highest}, {len(sent) - before[eid]} after it '
                  f'from {first[0]} on, an audit first')


if __name__ == '__main__':
    main()
