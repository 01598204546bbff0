# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong, and when: drawn from a seed before the run starts."""
import collections
import queue
import random
import threading
import time

VICTIMS = {'smsr': 36, 'smdp': 30, 'smsr smdp': 10, 'smsc-sim': 12, 'euicc-sim': 12}
DAEMONS = ('smsr', 'smdp')
LINES = {'operators-smsr': 2, 'operators-smdp': 2, 'smsr-smdp': 3, 'smdp-smsr': 3, 'cards-smsr': 3, 'smsr-smsc': 3,
         'to-operational': 2, 'to-bootstrap': 1}
CUTS = ('reset', 'stall', 'after')
DISK_S = (2.0, 4.0)
# A command of smsc-sim, and what ends it.
AIR = (('drop 15%', 'drop off'), ('dup 30%', 'dup off'), ('reorder 20%', 'reorder off'), ('throttle 4/s', 'throttle off'),
       ('error 0x58 40%', 'error 0x58 off'), ('silent on', 'silent off'), ('hold on', 'hold off'), ('restart', None),
       ('restart lost', None))

Fault = collections.namedtuple('Fault', 'at_s kind who arg length_s')


def kills(chance, n):
    """Of some the start that follows is killed as well, once or twice; others come shortly after another one."""
    at, done, faults = 1.0, 0, []
    while done < n:
        at += chance.uniform(0.05, 0.5) if chance.random() < 0.2 else chance.uniform(0.5, 3.2)
        who = chance.choices(list(VICTIMS), VICTIMS.values())[0]
        again = chance.choices((0, 1, 2), (70, 20, 10))[0]
        again = [chance.uniform(0, 0.25) for _ in range(again)]
        pause = chance.choice((0.01, 0.05, 0.3, 1.0))
        faults.append(Fault(at, 'kill', who, again, pause))
        done += len(who.split()) * (1 + len(again))
        at += len(again) * 0.4
    return faults


def every(chance, end, shortest, longest):
    at = 0.5
    while (at := at + chance.uniform(shortest, longest)) < end:
        yield at


def schedule(seed, n_kills, cards):
    """All faults of a run, in order of time."""
    chance = random.Random(f'{seed}/faults')
    faults = kills(chance, n_kills)
    end = faults[-1].at_s if faults else 20
    for at in every(chance, end, 0.5, 4):
        kind = chance.choice(CUTS)
        faults.append(Fault(at, 'cut', chance.choices(list(LINES), LINES.values())[0],
                            (kind, chance.randrange(20, 6000) if kind == 'after' else 0), chance.uniform(0.1, 4)))
    for at in every(chance, end, 1, 5):
        length = chance.uniform(0.02, 0.3) if chance.random() < 0.4 else chance.uniform(0.5, 4)
        faults.append(Fault(at, 'power', chance.choice(cards).eid, None, length))
    for at in every(chance, end, 2, 8):
        faults.append(Fault(at, 'air', 'smsc-sim', chance.choice(AIR), chance.uniform(0.5, 3)))
    for at in every(chance, end, 3, 12):
        faults.append(Fault(at, 'stall', chance.choice(('smsr', 'smdp', 'smsr', 'smdp', 'smsc-sim', 'euicc-sim')), None,
                            chance.uniform(0.3, 7)))
    for at in every(chance, end, 4, 12):
        faults.append(Fault(at, 'stop', chance.choice(('smsr', 'smdp', 'smsr smdp', 'euicc-sim')), None, 0.05))
    disks = [(name, how) for how in ('full', 'low') for name in DAEMONS]
    n = max(len(disks), int(end / 20))
    for i in range(n):
        name, how = disks[i % len(disks)]
        faults.append(Fault(end * (i + 1) / (n + 1), 'disk', name, how, chance.uniform(*DISK_S)))
    return sorted(faults, key=lambda fault: fault.at_s)


class Line:
    """Commands for a control socket, in order.  Whoever stands still keeps waiting only them."""

    def __init__(self, send):
        self.send, self.queue, self.failures = send, queue.Queue(), []
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            command = self.queue.get()
            try:
                self.send(command)
            except Exception as error:   # pylint: disable=broad-except
                self.failures.append(f'{command}: {type(error).__name__}: {error}')
            self.queue.task_done()

    def put(self, command):
        self.queue.put(command)


class Injector:
    def __init__(self, lab, faults, say):
        self.lab, self.faults, self.say = lab, faults, say
        self.counts = collections.Counter()
        self.later = []     # (when, what)
        self.start_s = 0
        self.cards, self.smsc = Line(lab.sim_control), Line(lab.smsc_control)

    def now(self):
        return time.monotonic() - self.start_s

    def run(self):
        self.start_s = time.monotonic()
        for fault in self.faults:
            while self.now() < fault.at_s:
                self.undo(self.now())
                time.sleep(0.01)
            getattr(self, fault.kind)(fault)
        while self.later:
            self.undo(self.now())
            time.sleep(0.01)

    def undo(self, now):
        for entry in [e for e in self.later if e[0] <= now]:
            self.later.remove(entry)
            entry[1]()

    def after(self, fault, what):
        self.later.append((self.now() + fault.length_s, what))

    def kill_one(self, name, pause_s):
        """As soon as it is there."""
        end = time.monotonic() + 15
        while not self.lab.mortals()[name].kill(pause_s):
            if time.monotonic() > end:
                self.counts[f'missed: kill {name}'] += 1
                return
            self.undo(self.now())
            time.sleep(0.002)
        self.counts[f'kill {name}'] += 1

    def kill(self, fault):
        names = fault.who.split()
        for name in names:
            self.kill_one(name, fault.length_s)
        self.counts['both killed at once'] += len(names) > 1
        for delay in fault.arg:
            lives = self.lab.mortals()[names[0]].lives
            end = time.monotonic() + 5
            while self.lab.mortals()[names[0]].lives == lives and time.monotonic() < end:
                time.sleep(0.002)
            time.sleep(delay)
            for name in names:
                self.kill_one(name, 0.01)
                self.counts['killed while it started'] += 1

    def cut(self, fault):
        net = self.lab.net
        net.cut(fault.who, *fault.arg)
        self.after(fault, lambda: net.cut(fault.who, 'heal'))
        self.counts[f'cut {fault.who}'] += 1

    def power(self, fault):
        self.cards.put(f'power {fault.who} off')
        self.after(fault, lambda: self.cards.put(f'power {fault.who} on'))
        self.counts['device off'] += 1

    def air(self, fault):
        begin, end = fault.arg
        self.smsc.put(begin)
        if end:
            self.after(fault, lambda: self.smsc.put(end))
        self.counts[f'air: {begin}'] += 1

    def stall(self, fault):
        """A machine that stands still."""
        process = self.lab.mortals()[fault.who]
        if process.stall():
            self.after(fault, process.go_on)
            self.counts[f'stall {fault.who}'] += 1

    def stop(self, fault):
        """SIGTERM."""
        for name in fault.who.split():
            self.counts[f'stop {name}'] += self.lab.mortals()[name].ask_to_end(fault.length_s)

    def disk(self, fault):
        lab = self.lab
        if not lab.disks[fault.who].is_small:
            self.counts[f'skipped: {fault.arg} disk of {fault.who}'] += 1
            return
        lab.fill_disk(fault.who, fault.arg)
        self.after(fault, lambda: lab.clear_disk(fault.who))
        self.counts[f'disk of {fault.who} {fault.arg}'] += 1

    def heal(self):
        """Everything works again."""
        self.lab.net.heal()
        for name in self.lab.disks:
            self.lab.clear_disk(name)
        for process in self.lab.mortals().values():
            process.go_on()
        for _, end in AIR:
            if end:
                self.smsc.put(end)
        self.cards.put('power all on')
        self.cards.queue.join()
        self.smsc.queue.join()

    def total(self, kind):
        return sum(n for what, n in self.counts.items() if what.startswith(kind))
