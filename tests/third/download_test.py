#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Downloads with real daemons: profiles that smdp made and GSMA test profiles, byte for byte; and cards that refuse, run
out of memory, doubt a MAC or lose the connection: what the operator is told, and what is left on card and in stock."""
import concurrent.futures
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from download_lab import DELETED, DownloadLab   # noqa: E402
from download import compare, get_eis, profile_in_eis   # noqa: E402
from peers import element, outcome   # noqa: E402
from smdp_lab import test_profiles   # noqa: E402

SUCCESS = 'EXECUTED_SUCCESS'


def agreed(lab, card, profile, answers, state='Enabled'):
    lines = compare(lab, lab.operational, lab.cards_control, card, profile, answers, state)
    assert all(good for _, good in lines), '\n'.join(text for text, good in lines if not good)


def foreign(path):
    """A package that is not ours, in pieces."""
    with DownloadLab(package=path, pieces=4096) as lab:
        card, profile = lab.cards[0], lab.profiles[0]
        assert lab.order(card, profile.iccid) is None
        agreed(lab, card, profile, lab.answer(profile.iccid))
        assert lab.in_stock(profile.iccid)['sha256'].lower() == profile.sha256
        assert f'in service as {profile.imsi}' in lab.events(card)
        return f'{path.name}: {profile.octets} octets, SHA-256 {profile.sha256[:16]}... on the card'


# ---- one card each, all at once ----

def plain(lab, card, profile):
    assert lab.order(card, profile.iccid) is None
    agreed(lab, card, profile, lab.answer(profile.iccid))


def not_enabled(lab, card, profile):
    assert lab.order(card, profile.iccid, enable=False) is None
    agreed(lab, card, profile, lab.answer(profile.iccid), 'Disabled')
    assert not any('EnableProfile' in event for event in lab.events(card)), lab.events(card)


def refuses(fault, said):
    """The card refuses the package: it is cleaned up, the operator hears why, the ICCID is not used again."""
    def run(lab, card, profile):
        lab.fault(card, *fault)
        assert lab.order(card, profile.iccid) is None
        answers = lab.answer(profile.iccid)
        assert len(answers) == 1 and outcome(answers[0].xml).startswith('FAILED 8.'), outcome(answers[0].xml)
        assert re.search(said, outcome(answers[0].xml)), outcome(answers[0].xml)
        assert element(answers[0].xml, 'Iccid') == profile.iccid, answers[0].xml
        events = '\n'.join(lab.events(card))
        assert len(re.findall(DELETED, events)) == events.count('ISD-P created') > 0, events
        assert len(lab.cards_control.profiles(card.eid)) == 2, 'an ISD-P is left on the card'
        assert lab.in_stock(profile.iccid)['state'] == 'used', lab.in_stock(profile.iccid)
        assert lab.order(card, profile.iccid) is None
        again = [a for a in lab.answer(profile.iccid) if a is not answers[0]]
        while not again:
            again = [a for a in lab.answer(profile.iccid) if a is not answers[0]]
        assert outcome(again[0].xml).startswith('FAILED 8.2.1/3.3'), outcome(again[0].xml)
        return outcome(answers[0].xml)
    return run


def no_memory_at_all(lab, card, profile):
    """Before there was an ISD-P the profile stays what it was: free."""
    lab.fault(card, 'memory')
    assert lab.order(card, profile.iccid) is None
    said = outcome(lab.answer(profile.iccid)[0].xml)
    assert said.startswith('FAILED 8.'), said
    assert len(lab.cards_control.profiles(card.eid)) == 2
    assert lab.in_stock(profile.iccid)['state'] == 'free', lab.in_stock(profile.iccid)
    lab.fault(card, 'none')
    with lab.lock:
        lab.answers = [m for m in lab.answers if profile.iccid not in m.xml]
    plain(lab, card, profile)
    return said


def cut(octets):
    """The connection breaks; the card comes again and goes on where it was."""
    def run(lab, card, profile):
        lab.fault(card, 'https-cut', octets)
        plain(lab, card, profile)
        events = '\n'.join(lab.events(card))
        assert 'next attempt' in events and events.count('ISD-P created') == 1, events
    return run


def enabling_fails(lab, card, profile):
    """The profile before may not be disabled: the new one is there, but not enabled."""
    assert lab.sim_control(f'pol1 {card.eid} A0000005591010FFFFFFFF8900001000 1').endswith('ok\n\n')
    assert lab.order(card, profile.iccid) is None
    answers = lab.answer(profile.iccid)
    assert outcome(answers[0].xml).startswith('EXECUTED_WITHWARNING 8.2.2/3.8'), outcome(answers[0].xml)
    agreed_but(lab, card, profile)
    return outcome(answers[0].xml)


def with_fault(*words):
    """It makes no difference in the end."""
    def run(lab, card, profile):
        lab.fault(card, *words)
        plain(lab, card, profile)
        assert sum('ISD-P created' in event for event in lab.events(card)) == 1, lab.events(card)
    return run


def no_session(lab, card, profile):
    """The card has another PSK: it never comes, but what short messages can do is done."""
    lab.fault(card, 'https-wrong-psk')
    assert lab.order(card, profile.iccid) is None
    answers = lab.answer(profile.iccid, 30)
    events = '\n'.join(lab.events(card))
    assert outcome(answers[0].xml) == 'EXPIRED 1.6/5.3: the card did not connect', outcome(answers[0].xml)
    assert len(re.findall(DELETED, events)) == events.count('ISD-P created') == 1, events
    assert lab.in_stock(profile.iccid)['state'] == 'used'
    return outcome(answers[0].xml)


def no_network(lab, card, profile):
    """Nobody takes the new subscription: the card rolls back."""
    lab.fault(card, 'no-coverage')
    assert lab.order(card, profile.iccid) is None
    answers = lab.answer(profile.iccid)
    assert outcome(answers[0].xml).startswith('EXECUTED_WITHWARNING'), outcome(answers[0].xml)
    agreed_but(lab, card, profile)
    return outcome(answers[0].xml)


def agreed_but(lab, card, profile):
    """Installed, not enabled."""
    assert lab.in_stock(profile.iccid)['state'] == 'used'
    assert lab.cards_control.profiles(card.eid)[profile.imsi][1] == 'DISABLED'
    assert element(profile_in_eis(get_eis(lab.operational, card), profile.iccid), 'State') == 'Disabled'


CASES = {
    'a profile of ours': plain,
    'not to be enabled': not_enabled,
    'an element is refused': refuses(['bad-pe', 5], 'PE'),
    'memory runs out': refuses(['package-memory', 1000], 'not-enough-memory|memory'),
    'a MAC seems wrong': refuses(['scp03t-mac', 2], 'SCP03t'),
    'no memory for an ISD-P': no_memory_at_all,
    'connection lost after 0 octets': cut(0),
    'connection lost after 500 octets': cut(500),
    'connection lost after 1500 octets': cut(1500),
    'a proof of receipt is lost': with_fault('drop-por', 1),
    'proofs of receipt come twice': with_fault('duplicate-por'),
    'a slow card': with_fault('slow', 300),
    'the counter of the card is ahead': with_fault('counter-ahead', 1000),
    'another PSK in the card': no_session,
    'POL1 forbids the change': enabling_fails,
    'no network for the new subscription': no_network,
}


def ours():
    lab = DownloadLab(count=len(CASES), pieces=1000, limits={'por-wait-s': 3})
    lab.fleet = '   trigger-wait 2 2 2 2\n'
    lab.card_options += ['--rollback-ms', '700', '--https-retries', '2']
    with lab:
        with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
            runs = {pool.submit(case, lab, card, profile): name
                    for (name, case), card, profile in zip(CASES.items(), lab.cards, lab.profiles)}
            failed = []
            for run, name in runs.items():
                try:
                    print(f'ok: {name}: {run.result() or "installed"}', flush=True)
                except Exception as error:   # pylint: disable=broad-except
                    print(f'FAIL: {name}: {error}', flush=True)
                    failed.append(name)
        assert not failed, failed


def main():
    files = test_profiles()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(foreign, path) for path in files]
        ours()
        for run in runs:
            print(f'ok: {run.result()}')
    if not files:
        print('skip GSMA test profiles (TS.48): none in ../shared/profiles')


main()
