# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cards, EIS and stock against each other: what an EIS claims, what a card did, and whose profile is where."""
import collections
import re

SUCCESS, WITHWARNING, FAILED = 0, 1, 2
CARD_STATES = {'SELECTABLE': (0, 1), 'PERSONALIZED': (0, 1), 'DISABLED': (2,), 'ENABLED': (3,)}   # and those of an EIS
FREE, RESERVED, USED = 0, 1, 2

# What a card tells, and the kinds of operation (smsr/store.h) that make it do so; the first one cannot succeed without.
DID = {r'EnableProfile: 9000': (1,), r'DisableProfile: 9000': (2, 3), r'ISD-P in slot \d+ deleted': (3,), r'ISD-P created': (6,)}
# Outcomes that leave open what the card did: no answer in time; and the change that the card took back by itself.
OPEN = {('1.6', '5.4'), ('8.4', '4.2')}


def eis_is_card(e, strict=False):
    """P5: the EIS says what the card says, or "to be audited"; strict: after the audits."""
    for eid, due in e.smsr.rows('SELECT hex(eid), audit_due FROM euicc'):
        eis = {aid: (state, iccid) for aid, state, iccid in e.smsr.rows(
            'SELECT hex(p.isdp_aid), p.state, p.iccid FROM profile p JOIN euicc e ON e.id = p.euicc_id WHERE hex(e.eid) = ?',
            eid)}
        card = {aid: CARD_STATES[state] for aid, (state, _) in e.cards[eid].profiles.items()}
        differs = [f'{aid}: EIS {eis.get(aid)}, card {e.cards[eid].profiles.get(aid)}' for aid in sorted(eis | card)
                   if eis.get(aid, (None,))[0] not in card.get(aid, ())]
        differs += [f'{aid}: EIS has ICCID {iccid}, card {e.cards[eid].iccids.get(aid)}' for aid, (state, iccid) in eis.items()
                    if state >= 2 and e.cards[eid].iccids.get(aid) != iccid.rstrip('F')]
        if differs and (strict or due is None):
            yield f'P5: eUICC {eid}: {"; ".join(differs)}'
        if strict and due is not None:
            yield f'P5: eUICC {eid} is still to be audited after an audit: {due}'


def outcomes_are_true(e):
    """P4, of each operation of smsr, whoever asked: no card did less often what was called a success, and no card did more
    often than was called a success or unknown.  "Expired" and definite failures are thus things that no card did."""
    said = collections.defaultdict(list)
    for eid, kind, status, subject, reason in e.smsr.rows(
            'SELECT hex(e.eid), o.kind, o.status, o.subject, o.reason FROM operation o JOIN euicc e ON e.id = o.euicc_id'):
        said[eid, kind].append((status, (subject, reason)))
    missing = 0
    for eid, events in e.events.items():
        for pattern, kinds in DID.items():
            did = sum(bool(re.match(pattern, text)) for text in events)
            good, maybe = [sum(status in (SUCCESS, WITHWARNING) for status, _ in said[eid, kind]) for kind in kinds], 0
            for kind in kinds:
                maybe += sum(status == FAILED and why in OPEN for status, why in said[eid, kind])
            missing += max(0, good[0] - did)
            if good[0] > did + e.is_log_torn:
                yield f'P4: eUICC {eid}: {good[0]} operations of kind {kinds[0]} succeeded, the card says {did} times "{pattern}"'
            if did > sum(good) + maybe:
                yield (f'P4: eUICC {eid} says {did} times "{pattern}"; {sum(good)} operations of kind {kinds} succeeded, of '
                       f'{maybe} that is unknown')
    # A card that is killed between its store and its log loses one line; more is no accident.
    if missing > e.is_log_torn:
        yield f'P4: {missing} successes that no card knows of'


def delivered_once(e):
    """An ICCID belongs to one card and to one order."""
    places, shas = collections.defaultdict(set), collections.defaultdict(set)
    for eid, events in e.events.items():
        for text in events:
            if found := re.match(r'profile (\d+) installed', text):
                places[found.group(1)].add(eid)
    for eid, card in e.cards.items():
        for aid, sha in card.packages.items():
            shas[sha].add((eid, aid))
        for imsi, n in collections.Counter(imsi for _, imsi in card.profiles.values() if imsi != '-').items():
            if n > 1:
                yield f'IMSI {imsi} is {n} times on eUICC {eid}'
    for imsi, eids in places.items():
        if len(eids) > 1:
            yield f'the profile with IMSI {imsi} was delivered to {len(eids)} cards'
    for sha, where in shas.items():
        if len(where) > 1:
            yield f'one package is in {len(where)} ISD-Ps: {sorted(where)}'
    imsi_of = {profile.iccid: profile.imsi for profile in e.lab.profiles}
    good = collections.Counter()
    for call in e.ledger.calls:
        if call.function == 'ES2-DownloadProfile' and any(a.outcome == 'EXECUTED_SUCCESS' for a in call.answers):
            good[call.iccid] += 1
            if call.card.eid not in places[imsi_of[call.iccid]] and not e.is_log_torn:
                yield f'P4: the order of {call.iccid} for eUICC {call.card.eid} succeeded, the card never installed it'
    for iccid, n in good.items():
        if n > 1:
            yield f'ICCID {iccid} was delivered for {n} orders'


def stock_agrees(e):
    """What the stock says of each profile, what became of its order, and, octet for octet, what is on the card."""
    orders = {op: (iccid, status) for op, iccid, status in
              e.smdp.rows('SELECT o.id, o.iccid, o.status FROM operation o JOIN download d ON d.op_id = o.id')}
    stock = {iccid: (state, order) for iccid, state, order in e.smdp.rows('SELECT iccid, state, order_id FROM stock_item')}
    for iccid, (state, order) in stock.items():
        if state == RESERVED:
            yield f'P8: ICCID {iccid} is still reserved for order {order}, and everything is at rest'
        if state == USED and orders.get(order, (None,))[0] != iccid:
            yield f'ICCID {iccid} is used by order {order}, which is for {orders.get(order)}'
    for order, (iccid, status) in orders.items():
        if status == SUCCESS and stock[iccid] != (USED, order):
            yield f'P4: order {order} succeeded, its profile {iccid} is {stock[iccid]} in stock'
    ours = {profile.imsi: profile for profile in e.lab.profiles}
    for eid, card in e.cards.items():
        for aid, (state, imsi) in card.profiles.items():
            if imsi in ours and state in ('DISABLED', 'ENABLED'):
                yield from profile_on_card(e, eid, card, aid, ours[imsi], stock)


def profile_on_card(e, eid, card, aid, profile, stock):
    where = f'ISD-P {aid} of eUICC {eid} with {profile.iccid}'
    if stock[profile.iccid][0] != USED:
        yield f'{where}: it is not "used" in stock'
    if card.iccids[aid] != profile.iccid:
        yield f'{where}: EF.ICCID is {card.iccids[aid]}'
    if (known := e.lab.in_stock(profile.iccid)['sha256'].lower()) != card.packages.get(aid):
        yield f'{where}: the package has SHA-256 {known} in stock and {card.packages.get(aid)} on the card'
    if not e.smdp.value('SELECT count(*) FROM isdp_keys WHERE hex(eid) = ? AND iccid = ? AND hex(aid) = ? AND installed = 1',
                        eid, profile.iccid, aid):
        yield f'{where}: smdp has no keys for it'


def leftovers(e):
    """An ISD-P without a profile is what one failed order left behind."""
    failed = collections.Counter(call.card.eid for call in e.ledger.calls if call.function == 'ES2-DownloadProfile'
                                 and not any(a.outcome == 'EXECUTED_SUCCESS' for a in call.answers))
    for eid, card in e.cards.items():
        if len(card.unfinished()) > failed[eid]:
            yield f'eUICC {eid} has {len(card.unfinished())} unfinished ISD-Ps, {failed[eid]} orders failed'
