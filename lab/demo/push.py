# SPDX-License-Identifier: AGPL-3.0-or-later
"""One push, told line by line: register a card, let its operator enable a profile, compare what everybody says
afterwards.  The demo and the Osmocom lab differ only in the network in between."""
import re
import time

from peers import element, outcome, profile_body
from smsr_lab import LabError

WORDS = {
    'accepted': 'smsr     operation stored:',
    'started': 'smsr     its turn',
    'sealed': 'smsr     sealed and stored:',
    'submitted': 'SMPP  ->',
    'SMSC': 'SMPP  <-',
    'receipt': 'SMPP  <- receipt:',
    'PoR': 'card  -> proof of receipt,',
    'HTTPS': 'HTTPS   ',
    'notification': 'card  -> notification',
    'confirmed': 'card  ->',
    'EIS': 'smsr     EIS:',
    'retry': 'smsr     again:',
    'outcome': 'smsr     outcome',
    'reported': 'smsr     report:',
}
SMDP_WORDS = {
    'ordered': 'smdp     order stored:',
    'started': 'smdp     its turn',
    'call': 'ES3   ->',
    'answer': 'ES3   <-',
    'retry': 'smdp     again:',
    'eligible': 'smdp     eUICC checked:',
    'reserved': 'smdp     from the stock:',
    'keys': 'smdp     keys:',
    'data': 'smdp     the card has',
    'clean-up': 'smdp     clean-up:',
    'outcome': 'smdp     outcome',
    'reported': 'smdp     report:',
}


class Story:
    """Tells the new lines of the logs of smsr, of the cards and of smdp."""

    def __init__(self, smsr, cards, say, smdp=None):
        self.say = say
        self.sources = [(smsr, self.smsr_line), (cards, self.card_line)]
        if smdp:
            self.sources.append((smdp, self.smdp_line))
        self.told = {process: 0 for process, _ in self.sources}

    @staticmethod
    def smsr_line(line):
        step = re.search(r'#\d+ ([\w ]+): (?!script ([2-9]|\d\d))(.*)', line)
        return f'{WORDS[step.group(1)]} {step.group(3)}' if step and step.group(1) in WORDS else None

    @staticmethod
    def smdp_line(line):
        step = re.search(r'order \d+: ([\w-]+): (.*)', line)
        return f'{SMDP_WORDS[step.group(1)]} {step.group(2)}' if step and step.group(1) in SMDP_WORDS else None

    @staticmethod
    def card_line(line):
        event = re.search(r'\b\d{32}:? (.*)', line)
        return f'eUICC    {event.group(1)}' if event else None

    def skip(self):
        """Forget what happened so far."""
        for process, _ in self.sources:
            self.told[process] = process.text().count('\n')

    def tell(self):
        """Lines of both logs in the order of their stamps."""
        new = []
        for process, words in self.sources:
            lines = process.text().split('\n')[:-1]
            new += [(line[:17], words(line)) for line in lines[self.told[process]:]]
            self.told[process] = len(lines)
        for _, text in sorted(new, key=lambda pair: pair[0]):
            if text:
                self.say(text)

    def until(self, done, seconds=60):
        end = time.monotonic() + seconds
        while not done():
            self.tell()
            if time.monotonic() > end:
                raise LabError(f'nothing more happened within {seconds} s')
            time.sleep(0.01)
        time.sleep(0.2)
        self.tell()


def register(lab, eum, say):
    card = lab.cards[0]
    eis = (lab.pki / 'cards' / f'{card.eid}.xml').read_text()
    status, answer = eum.call('ES1-RegisterEIS', eis, reply=False)
    say(f'EUM   -> ES1-RegisterEIS of eUICC {card.eid}: HTTP {status}, {outcome(answer)}')
    if outcome(answer) != 'EXECUTED_SUCCESS':
        raise LabError('the eUICC was not registered')
    return card


def enable(card, operators, story, say):
    """The push itself.  Returns the operator's callback."""
    operator, other = operators['operational'], operators['bootstrap']
    say(f'profile {card.bootstrap[0]} is enabled; the operator of {card.operational[0]} wants its own')
    status, answer = operator.call('ES4-EnableProfile', profile_body(card.eid, card.operational[0]))
    say(f'MNO   -> ES4-EnableProfile: HTTP {status}')
    if status != 202:
        raise LabError(f'refused: {outcome(answer)}')
    story.until(lambda: not operator.inbox.empty() and not other.inbox.empty())
    note, callback = other.wait(), operator.wait()
    say(f'MNO 2 <- {note.name} for {element(note.xml, "Iccid")}')
    say(f'MNO   <- {callback.name}: {outcome(callback.xml)}')
    return callback


def verify(card, operators, callback, cards_log, say):
    """Do operator, SM-SR and card tell the same?"""
    _, eis = operators['operational'].call('ES4-GetEIS', f'<rps:Eid>{card.eid}</rps:Eid>', reply=False)
    state = element(eis, 'State')
    say(f'MNO   -> ES4-GetEIS: profile {element(eis, "Iccid")} is {state}')
    attached = re.findall(r'in service as (\d{15})', cards_log)
    say(f'the card is on the network as {attached[-1] if attached else "?"}')
    return (outcome(callback.xml) == 'EXECUTED_SUCCESS' and state == 'Enabled' and attached
            and attached[-1] == card.operational[1])
