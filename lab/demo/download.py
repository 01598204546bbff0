# SPDX-License-Identifier: AGPL-3.0-or-later
"""A download, told line by line: an operator orders a profile, the SM-DP loads it into a card through the SM-SR, and it is
enabled.  Afterwards operator, SM-DP, SM-SR and card are compared, by the demo, the Osmocom lab and tests."""
import datetime
import re
import socket

from peers import download_body, element, outcome
from smsr_lab import LabError, SMSR_OID

SUCCESS = 'EXECUTED_SUCCESS'
ANSWER = 'ES2-DownloadProfileResponse'


def swapped(text):
    """EF.ICCID in hex -> digits."""
    return ''.join(text[i + 1] + text[i] for i in range(0, len(text), 2)).rstrip('F')


class Cards:
    """The control socket of euicc-sim."""

    def __init__(self, path):
        self.path = path

    def run(self, line):
        """One command.  Returns its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(str(self.path))
            s.sendall(line.encode() + b'\n')
            text = b''
            while not text.endswith(b'\n\n'):
                chunk = s.recv(65536)
                if not chunk:
                    break
                text += chunk
        return text.decode()

    def profiles(self, eid):
        """IMSI -> (AID, state, ICCID) of each ISD-P; what has no IMSI is called by its AID."""
        found = re.findall(r'^profile (\w+) (\w+) imsi (\S+) iccid (\w+)', self.run(f'show {eid}'), re.M)
        return {aid if imsi == '-' else imsi: (aid, state, swapped(iccid)) for aid, state, imsi, iccid in found}

    def packages(self, eid):
        """AID -> (octets, SHA-256 in lower-case hex) of what was installed by download."""
        found = re.findall(r'^package (\w+) (\d+) (\w+)', self.run(f'package {eid}'), re.M)
        return {aid: (int(size), sha.lower()) for aid, size, sha in found}


def order(operator, card, story, say, iccid, enable=True):
    """Order and wait for the answer.  Returns it."""
    status, answer = operator.call('ES2-DownloadProfile', download_body(card.eid, SMSR_OID, iccid, enable=enable))
    say(f'MNO   -> ES2-DownloadProfile of {iccid}{", to be enabled" if enable else ""}: HTTP {status}')
    if status != 202:
        raise LabError(f'refused: {outcome(answer)}')
    answers = []

    def answered():
        while not operator.inbox.empty():
            message = operator.wait()
            answers.append(message)
            say(f'MNO   <- {message.name}: {told(message)}')
        return any(message.name == ANSWER for message in answers)

    story.until(answered)
    answered()
    return [message for message in answers if message.name == ANSWER]


def told(message):
    return outcome(message.xml) if message.name.endswith('Response') else f'for {element(message.xml, "Iccid")}'


def profile_in_eis(eis, iccid):
    """ProfileInfo of a profile in an EIS; empty when there is none."""
    found = re.findall(r'<(?:[\w.-]+:)?ProfileInfo>.*?</(?:[\w.-]+:)?ProfileInfo>', eis, re.S)
    return next((info for info in found if element(info, 'Iccid') == iccid), '')


def get_eis(operator, card):
    """As the operator sees it through its SM-DP."""
    body = f'<rps:Eid>{card.eid}</rps:Eid><rps:Smsr-id>{SMSR_OID}</rps:Smsr-id>'
    return operator.call('ES2-GetEIS', body, reply=False)[1]


def compare(lab, operator, cards, card, profile, answers, state='Enabled'):
    """What the four of them say about a profile that was loaded.  Returns sentences, each with whether it is as it must be."""
    info = profile_in_eis(get_eis(operator, card), profile.iccid)
    item = lab.in_stock(profile.iccid)
    aid, on_card, iccid = cards.profiles(card.eid).get(profile.imsi, ('', 'not there', ''))
    octets, sha = cards.packages(card.eid).get(aid, (0, 'none'))
    got = answers[0].xml if answers else ''
    return [
        (f'operator: {len(answers)} answer, {outcome(got)}, ICCID {element(got, "Iccid")}',
         len(answers) == 1 and outcome(got) == SUCCESS and element(got, 'Iccid') == profile.iccid),
        (f'smdp: in stock the profile is {item["state"]}, by order {item["order"]}; its package has {item["octets"]} octets',
         item['state'] == 'used'),
        (f'smsr: ICCID {profile.iccid} is {element(info, "State")} in ISD-P {element(info, "Isd-p-aid")}',
         element(info, 'State') == state and element(info, 'Isd-p-aid') == aid),
        (f'card: ICCID {iccid} with IMSI {profile.imsi} is {on_card.capitalize()} in ISD-P {aid}',
         on_card == state.upper() and iccid == profile.iccid),
        (f'card: {octets} octets received, SHA-256 {sha}', (octets, sha) == (item['octets'], (item['sha256'] or '').lower())),
    ]


STAGES = (
    ('the card was checked', 'eligible'),
    ('it has an ISD-P', 'answer: ES3-CreateISDP'),
    ('keys were agreed', 'keys'),
    ('the package was loaded', 'call: ES3-ProfileDownloadCompleted'),
    ('the profile was enabled', 'answer: ES3-EnableProfile'),
)


def stages(smdp_log, number):
    """When an order reached what, in milliseconds from its beginning, by the log of smdp."""
    stamps = {}
    for line in smdp_log.splitlines():
        found = re.search(rf'(\d{{17}}) .*order {number}: (.*)', line)
        if found:
            at = datetime.datetime.strptime(found.group(1), '%Y%m%d%H%M%S%f')
            stamps.setdefault('ordered', at)
            for name, pattern in STAGES:
                if found.group(2).startswith(pattern):
                    stamps.setdefault(name, at)
    began = stamps.pop('ordered', None)
    return [(name, round((at - began).total_seconds() * 1000)) for name, at in stamps.items()]


def told_all(lines, say):
    """Say them.  Returns whether all is as it must be."""
    for text, good in lines:
        say(text if good else f'WRONG {text}')
    return all(good for _, good in lines)
