# SPDX-License-Identifier: AGPL-3.0-or-later
"""Operators that never rest.  Each call and each message that came back is written into a ledger, for the judges."""
import collections
import random
import threading
import time

from world import SMSR_OID, download_body, element, outcome, profile_body

WORKERS = 6
PAUSE_S = (0.05, 0.8)
AGAIN_S = (0.1, 0.7)
WEIGHTS = {'enable': 26, 'disable': 18, 'delete': 10, 'audit': 12, 'download': 22, 'bootstrap': 12}
VALIDITY_S, SHORT_VALIDITY_S = 100, 4      # the short one in one call of twelve
LOADED_MAX = 3            # profiles that a card may have from downloads
SUCCESS = 'EXECUTED_SUCCESS'


class Call:
    """One call of an operator: one FunctionCallIdentifier, as many messages as it took."""

    def __init__(self, operator, function, card, iccid, call_id):
        self.operator, self.function, self.card, self.iccid, self.call_id = operator, function, card, iccid, call_id
        self.attempts = []      # (MessageID without query, HTTP status or None)
        self.state = 'open'     # accepted, refused: outcome says why
        self.outcome = None
        self.answers = []       # Answer

    def is_accepted(self):
        return any(status == 202 for _, status in self.attempts)


Answer = collections.namedtuple('Answer', 'message_id relates_to name outcome xml')


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.calls, self.by_base, self.strangers, self.notes, self.texts = [], {}, [], {}, []

    def call(self, call):
        with self.lock:
            self.calls.append(call)

    def attempt(self, call, base):
        with self.lock:
            self.by_base[base] = call

    def message(self, message):
        """Before it is answered.  A cut may have left half of it; then its sender gets no answer either."""
        if not message.xml.rstrip().endswith('Envelope>'):
            return
        with self.lock:
            self.texts.append(message.xml)
            message_id = element(message.xml, 'MessageID').split('?')[0]
            if message.name.endswith('Notification'):
                self.notes[message_id] = message.xml
                return
            relates_to = (element(message.xml, 'RelatesTo') or '').split('?')[0]
            answer = Answer(message_id, relates_to, message.name, outcome(message.xml).split(':')[0], message.xml)
            call = self.by_base.get(relates_to)
            (call.answers if call else self.strangers).append(answer)

    def open_calls(self):
        with self.lock:
            return [call for call in self.calls if call.is_accepted() and not call.answers]


class Traffic:
    def __init__(self, lab, seed):
        self.lab, self.seed, self.ledger = lab, seed, Ledger()
        self.is_over, self.lock, self.number = threading.Event(), threading.Lock(), 0
        self.free = [profile.iccid for profile in lab.profiles]
        self.orders = {card.eid: [] for card in lab.cards}    # calls of downloads
        for operator in (lab.operational, lab.bootstrap):
            operator.before_answer = self.ledger.message
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(WORKERS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        """No new calls; those under way go on until they are answered."""
        self.is_over.set()
        for thread in self.threads:
            thread.join(90)
        return not any(thread.is_alive() for thread in self.threads)

    def work(self, number):
        chance = random.Random(f'{self.seed}/{number}')
        while not self.is_over.is_set():
            card = chance.choice(self.lab.cards)
            what = chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
            validity = SHORT_VALIDITY_S if chance.random() < 1 / 12 else VALIDITY_S
            self.do(what, card, validity, chance)
            time.sleep(chance.uniform(*PAUSE_S))

    def loaded(self, card):
        """ICCIDs of downloads that may be there."""
        return [call.iccid for call in list(self.orders[card.eid])
                if not call.answers or any(answer.outcome == SUCCESS for answer in call.answers)]

    def do(self, what, card, validity, chance):
        if what == 'download':
            if len(self.loaded(card)) < LOADED_MAX:
                self.order(card, validity, chance)
        elif what == 'audit':
            self.call(self.lab.operational, 'ES4-AuditEIS', card, None, f'<rps:Eid>{card.eid}</rps:Eid>', chance)
        elif what == 'bootstrap':
            self.profile(self.lab.bootstrap, 'ES4-EnableProfile', card, card.bootstrap[0], validity, chance)
        else:
            mine = [card.operational[0]] * (what != 'delete' or chance.random() < 0.1) + self.loaded(card)
            if mine:
                iccid = chance.choice(mine)
                self.profile(self.lab.operational, f'ES4-{what.capitalize()}Profile', card, iccid, validity, chance)
                if what == 'delete':
                    self.forget(card, iccid)

    def forget(self, card, iccid):
        """Once asked to be deleted it does not count any more."""
        self.orders[card.eid] = [call for call in self.orders[card.eid] if call.iccid != iccid]

    def profile(self, operator, function, card, iccid, validity, chance):
        return self.call(operator, function, card, iccid, profile_body(card.eid, iccid, validity), chance)

    def order(self, card, validity, chance):
        with self.lock:
            if not self.free:
                return None
            iccid = self.free.pop(0)
        body = download_body(card.eid, SMSR_OID, iccid, enable=chance.random() < 0.5, validity=validity)
        return self.call(self.lab.operational, 'ES2-DownloadProfile', card, iccid, body, chance, self.orders[card.eid])

    def call(self, operator, function, card, iccid, body, chance, known=None):
        """The same call again until there is an answer to it."""
        with self.lock:
            self.number += 1
            call = Call(operator, function, card, iccid, f'{function}-{self.number}')
        self.ledger.call(call)
        if known is not None:
            known.append(call)
        end = None
        while call.state == 'open':
            base, status, text = operator.attempt(function, body, call.call_id, lambda base: self.ledger.attempt(call, base))
            if status == 202:
                call.state = 'accepted'
            elif status is not None and status != 503:
                call.state, call.outcome = 'refused', outcome(text) if '<' in text else f'HTTP {status}'
            else:
                if self.is_over.is_set():
                    end = end or time.monotonic() + 60
                    if time.monotonic() > end:
                        call.state = 'unanswered'
                        break
                time.sleep(chance.uniform(*AGAIN_S))
            call.attempts.append((base, status))
        return call
