# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong, and when: drawn from a seed before the run starts."""
import collections
import random
import time

VICTIMS = {'smsr': 45, 'smdp': 38, 'smsc-sim': 17}
LINES = {'operators-smsr': 2, 'operators-smdp': 2, 'smsr-smdp': 3, 'smdp-smsr': 3, 'cards-smsr': 3, 'smsr-smsc': 3,
         'to-operational': 2, 'to-bootstrap': 1}
CUTS = ('reset', 'stall', 'after')
FULL_S = (2.0, 4.0)

Fault = collections.namedtuple('Fault', 'at_s kind who arg length_s')


def kill_times(chance, n):
    """Some fall into the start of what was just killed."""
    at, times = 1.0, []
    for _ in range(n):
        at += chance.uniform(0.05, 0.5) if chance.random() < 0.25 else chance.uniform(0.5, 3.2)
        times.append(at)
    return times


def schedule(seed, kills, cards):
    """All faults of a run, in order of time."""
    chance = random.Random(f'{seed}/faults')
    faults = []
    for at in kill_times(chance, kills):
        who = chance.choices(list(VICTIMS), VICTIMS.values())[0]
        faults.append(Fault(at, 'kill', who, None, chance.choice((0.01, 0.05, 0.3, 1.0))))
    end = faults[-1].at_s if faults else 10
    at = 0.5
    while (at := at + chance.uniform(0.5, 4)) < end:
        kind = chance.choice(CUTS)
        faults.append(Fault(at, 'cut', chance.choices(list(LINES), LINES.values())[0],
                            (kind, chance.randrange(20, 6000) if kind == 'after' else 0), chance.uniform(0.1, 4)))
    at = 0.5
    while (at := at + chance.uniform(1, 6)) < end:
        faults.append(Fault(at, 'power', chance.choice(cards).eid, None, chance.uniform(0.5, 4)))
    for i in range(max(2, int(end / 40))):
        faults.append(Fault(end * (i + 1) / (max(2, int(end / 40)) + 1), 'full', ('smsr', 'smdp')[i % 2], None,
                            chance.uniform(*FULL_S)))
    return sorted(faults)


class Injector:
    def __init__(self, lab, faults, say):
        self.lab, self.faults, self.say = lab, faults, say
        self.counts = collections.Counter()
        self.later = []     # (when, what)

    def run(self):
        start = time.monotonic()
        for fault in self.faults:
            while (now := time.monotonic() - start) < fault.at_s:
                self.undo(now)
                time.sleep(0.01)
            self.do(fault, now)
        for when, _ in list(self.later):
            time.sleep(max(0, when - (time.monotonic() - start)))
            self.undo(when)

    def undo(self, now):
        for entry in [e for e in self.later if e[0] <= now]:
            self.later.remove(entry)
            entry[1]()

    def do(self, fault, now):
        lab, net = self.lab, self.lab.net
        if fault.kind == 'kill':
            process = lab.mortals()[fault.who]
            end = time.monotonic() + 15
            while not process.kill(fault.length_s):
                if time.monotonic() > end:
                    self.counts['kill missed'] += 1
                    return
                time.sleep(0.005)
            self.counts[f'kill {fault.who}'] += 1
        elif fault.kind == 'cut':
            net.cut(fault.who, *fault.arg)
            self.later.append((now + fault.length_s, lambda: net.cut(fault.who, 'heal')))
            self.counts[f'cut {fault.who}'] += 1
        elif fault.kind == 'power':
            lab.sim_control(f'power {fault.who} off')
            self.later.append((now + fault.length_s, lambda: lab.sim_control(f'power {fault.who} on')))
            self.counts['device off'] += 1
        elif lab.disks[fault.who].is_small:
            lab.fill_disk(fault.who)
            self.later.append((now + fault.length_s, lambda: lab.clear_disk(fault.who)))
            self.counts[f'disk of {fault.who} full'] += 1
        else:
            self.counts[f'skipped: full disk of {fault.who}'] += 1

    def heal(self):
        """Everything works again."""
        self.lab.net.heal()
        for name in self.lab.disks:
            self.lab.clear_disk(name)
        self.lab.sim_control('power all on')

    def total(self, kind):
        return sum(n for what, n in self.counts.items() if what.startswith(kind))
