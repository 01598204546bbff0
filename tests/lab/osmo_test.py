#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Self-test of the Osmocom lab: vphone, the real osmo-msc and its SMPP port, with stand-ins for cards and server.

  osmo_test.py BUILD_DIR   in a network of its own
  osmo_test.py --lab DIR   in a network that lab/osmo/up started (it must have no other cards)

What is compared: every TP-UD submitted over SMPP with the TPDU at the card, every TP-UD from a card with deliver_sm."""
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / 'lab' / 'osmo')]
from cards import Cards          # noqa: E402
from esme import ERROR, FORWARD, NUMBER, STORE, UNKNOWN, Esme   # noqa: E402
from network import (DAEMONS, SMPP_PASSWORD, SMPP_PORT, SMPP_SYSTEM_ID, LabError, Network, wait_until)   # noqa: E402

FIRST, COUNT = 901, 4
SUBSCRIBERS = [(f'00101{i:010d}', f'88299{i:07d}') for i in range(FIRST, FIRST + COUNT)]
STRANGER = '001010000009999'     # not provisioned


def tp_address(number):
    digits = number + 'f' * (len(number) % 2)
    return bytes([len(number), 0x91]) + bytes.fromhex(''.join(b + a for a, b in zip(digits[::2], digits[1::2])))


def command_packet(size, counter):
    """SCP80 command packet without security: the lab network does not look inside."""
    head = bytes.fromhex('00210000b00010') + counter.to_bytes(5, 'big') + b'\0'
    data = bytes(i & 0xff for i in range(size - len(head) - 3))
    return (len(head) + 1 + len(data)).to_bytes(2, 'big') + bytes([len(head)]) + head + data


def segments(packet, reference):
    """TP-UD of each short message, TS 23.048: command header in the first segment only."""
    if len(packet) <= 137:
        return [bytes.fromhex('027000') + packet]
    parts = [packet[:132]] + [packet[i:i + 134] for i in range(132, len(packet), 134)]
    return [(bytes([7 if i == 0 else 5, 0, 3, reference, len(parts), i + 1]) + (b'\x70\0' if i == 0 else b'')) + part
            for i, part in enumerate(parts)]


def submit_tpdu(user_data, reference):
    return b'\x41' + bytes([reference]) + tp_address(NUMBER) + b'\x7f\xf6' + bytes([len(user_data)]) + user_data


def check_deliver(tpdu, user_data):
    head = b'\x40' + tp_address(NUMBER) + b'\x7f\xf6'
    assert tpdu[:len(head)] == head, f'SMS-DELIVER {tpdu.hex()} does not begin with {head.hex()}'
    rest = tpdu[len(head) + 7:]   # after the time stamp
    assert rest == bytes([len(user_data)]) + user_data, f'TP-UD {rest.hex()} is not {user_data.hex()}'


class Test:
    def __init__(self, net, say):
        self.net, self.say = net, say
        self.cards = Cards(net.air)
        self.esme = None
        self.card = []
        self.mr = 0

    def bind(self):
        self.esme = Esme(self.net.addr['MSC'], SMPP_PORT, SMPP_SYSTEM_ID, SMPP_PASSWORD)

    def send(self, card, user_data, esm_class=FORWARD):
        return self.esme.submit(dict(SUBSCRIBERS)[card.imsi], user_data, esm_class)

    def respond(self, card, octets):
        """One MO from the card; compares it with deliver_sm."""
        self.mr = (self.mr + 1) & 0xff
        user_data = bytes.fromhex('027100') + octets
        results = len(card.mo_results)
        self.cards.submit(card, submit_tpdu(user_data, self.mr))
        expected = (card.imsi, user_data, 0x41, 0x7f)
        self.esme.wait(lambda: expected in self.esme.delivered)
        self.esme.delivered.remove(expected)
        self.cards.wait('result of the MO', lambda: len(card.mo_results) > results)
        assert card.mo_results[-1] == 0, f'MO refused: {card.mo_results[-1]}'

    def push(self, card, octets=b'\1\2\3'):
        """One MT in forward mode; compares it at the card."""
        before = len(card.mt)
        user_data = segments(command_packet(30, 1), 1)[0] + octets
        status = self.esme.result(self.send(card, user_data))
        assert status == 0, f'submit_sm failed: {status:#x}'
        assert len(card.mt) == before + 1
        check_deliver(card.mt[-1], user_data)

    def switch_on(self, card):
        services = len(card.service)
        self.cards.attach(card.imsi)
        self.cards.wait(f'attach of {card.imsi}', lambda: card.service[services:] == [0])

    def switch_off(self, card):
        """Detach and wait until osmo-msc has seen it: it closes the connection of the IMSI DETACH."""
        self.cards.detach(card)
        wait_until(f'phone {card.imsi} gone', lambda: (
            card.imsi not in self.net.vty('vphone', 'show phones'), 'still listed'))
        status = self.esme.result(self.send(card, b'\2\x70\0\1'))
        assert status == UNKNOWN, f'submit_sm_resp {status:#x} for a detached phone'

    # --- the checks, in this order ----------------------------------------------------------------------------------

    def test_attach(self):
        self.card = [self.cards.attach(imsi) for imsi, _ in SUBSCRIBERS]
        for card in self.card:
            self.cards.wait(f'attach of {card.imsi}', lambda c=card: c.service == [0])
            self.say(f'phone {card.imsi}: attached as {dict(SUBSCRIBERS)[card.imsi]}')
        stranger = self.cards.attach(STRANGER)
        self.cards.wait('refusal of an unknown IMSI', lambda: stranger.service)
        assert stranger.service == [2], stranger.service   # IMSI unknown in HLR
        self.cards.detach(stranger)

    def test_mo_without_server(self):
        card = self.card[0]
        self.cards.submit(card, submit_tpdu(bytes.fromhex('02710000'), 1))
        self.cards.wait('RP-ERROR', lambda: card.mo_results)
        assert card.mo_results == [38], card.mo_results
        self.bind()

    def test_segments(self):
        card = self.card[0]
        for count, size in ((1, 40), (1, 137), (2, 180), (3, 400), (4, 500), (5, 640)):
            for mode in (FORWARD, STORE):
                before = len(card.mt)
                parts = segments(command_packet(size, size + mode), size & 0xff)
                assert len(parts) == count
                for part in parts:   # one at a time in forward mode, or they may overtake each other
                    sequence = self.send(card, part, mode)
                    assert self.esme.result(sequence) == 0
                self.cards.wait('segments', lambda: len(card.mt) == before + count)
                for tpdu, part in zip(card.mt[before:], parts):
                    check_deliver(tpdu, part)
                self.respond(card, size.to_bytes(2, 'big') + bytes(range(20)))
        return '1 to 5 segments in forward and store mode, MO back'

    def test_rp_error(self):
        card = self.card[1]
        card.mt_cause = 111
        status = self.esme.result(self.send(card, b'\2\x70\0\1'))
        assert status == ERROR, f'submit_sm_resp {status:#x} although the card refused'
        card.mt_cause = 0
        card.mt_report = bytes.fromhex('0271000005b000100000')
        self.push(card)
        card.mt_report = b''

    def test_detach(self):
        card = self.card[2]
        self.switch_off(card)
        before = len(card.mt)
        assert self.esme.result(self.send(card, b'\2\x70\0\2', STORE)) == 0
        self.cards.attach(card.imsi)
        self.cards.wait('stored message after attach', lambda: len(card.mt) > before)
        check_deliver(card.mt[-1], b'\2\x70\0\2')
        self.push(card)

    def test_profile_change(self):
        """What a card does that enables another profile: RP-ACK, detach, attach with the other IMSI, MO."""
        old, new = self.card[2], self.card[3]
        self.switch_off(new)
        self.push(old)
        self.cards.detach(old)
        self.switch_on(new)
        self.respond(new, b'notification')
        self.switch_on(old)

    def test_crossing(self):
        """MT and MO of the same phones at the same time: pages while busy, no leaked connection."""
        rounds = 15
        before = {card.imsi: (len(card.mt), len(card.mo_results)) for card in self.card}
        del self.esme.delivered[:]
        for i in range(rounds):
            sequences = []
            for card in self.card:
                user_data = b'\2\x71\0' + card.imsi.encode() + bytes([i])
                self.cards.submit(card, submit_tpdu(user_data, i))
                sequences.append(self.send(card, b'\2\x70\0' + bytes([i])))
            status = [self.esme.result(sequence) for sequence in sequences]
            assert not any(status), f'round {i}: submit_sm_resp {status}'
        self.esme.wait(lambda: len(self.esme.delivered) >= rounds * len(self.card))
        for card in self.card:
            mt, mo = before[card.imsi]
            self.cards.wait('MO results', lambda c=card, n=mo: len(c.mo_results) == n + rounds)
            assert not any(card.mo_results[mo:])
            assert [t[-1] for t in card.mt[mt:]] == list(range(rounds)), 'MT lost, doubled or out of order'
        del self.esme.delivered[:]
        return f'{rounds * len(self.card)} pairs'

    def test_msc_restart(self):
        self.esme.close()
        services = [len(card.service) for card in self.card]
        self.net.stop('osmo-msc', signal.SIGKILL)
        self.net.start_msc()
        for card, n in zip(self.card, services):
            self.cards.wait(f'{card.imsi} attached again', lambda c=card, m=n: c.service[m:] == ['lost', 0], 30)
        self.bind()
        for card in self.card:
            self.push(card)
            self.respond(card, b'after the restart')

    def test_cards_restart(self):
        services = [len(card.service) for card in self.card]
        self.cards.restart()
        for card, n in zip(self.card, services):
            self.cards.wait(f'{card.imsi} attached again', lambda c=card, m=n: c.service[m:] == [0])
        for card in self.card:
            self.push(card)

    def test_nothing_left(self):
        """No connection is left over in vphone or osmo-msc once all is quiet."""
        self.net.wait_vty('vphone', 'show vphone', r'connections 0,', 'connections closed')
        self.net.wait_vty('osmo-msc', 'show connection', r'^(?!.*\b00101\d{10}\b)', 'connections closed')
        assert 'repeated 0,' in self.net.vty('vphone', 'show vphone')

    def run(self):
        try:
            for name in [n for n in vars(Test) if n.startswith('test_')]:
                detail = getattr(self, name)()
                self.say(f'{name[5:].replace("_", " ")}: ok' + (f' ({detail})' if detail else ''))
        finally:
            self.cards.close()
            if self.esme:
                self.esme.close()


def check_capture(net, say, totals):
    """A third opinion: what tshark reads in the M3UA between the daemons."""
    capture = net.dir / 'm3ua.pcap'   # of the shim; a kernel with SCTP may put several messages into one frame
    if not capture.exists() or not shutil.which('tshark'):
        say('capture: not checked, for want of ' + ('tshark' if capture.exists() else 'a capture by the shim'))
        return
    mt, mo = (int(re.search(rf'^{kind} (\d+),', totals, re.MULTILINE).group(1)) for kind in ('MT', 'MO'))
    sms = 'gsm_sms.tp-pid == 127 && gsm_sms.tp-dcs == 246'
    seen = [len(tshark(capture, f'{sms} && gsm_a.rp.msg_type == {rp_data}', 'frame.number')) for rp_data in (1, 0)]
    # osmo-stp sees each message twice, coming and going
    assert seen == [2 * mt, 2 * mo], f'{mt} MT and {mo} MO, but tshark sees {seen} in {capture}'
    bad = tshark(capture, '_ws.malformed', 'frame.number')
    assert not bad, f'frames that tshark calls malformed in {capture}: {bad[:5]}'
    say(f'capture: tshark decodes all {mt} MT and {mo} MO of PID 127, DCS 246')


def tshark(capture, condition, *fields):
    command = ['tshark', '-r', str(capture), '-Y', condition, '-T', 'fields']
    for field in fields:
        command += ['-e', field]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f'tshark: {done.stderr.strip()}'
    return [line.split('\t') for line in done.stdout.splitlines()]


def self_test(net, say):
    csv = net.dir / 'self-test.csv'
    csv.write_text(''.join(f'{imsi},{msisdn}\n' for imsi, msisdn in SUBSCRIBERS))
    net.provision(csv)
    Test(net, say).run()
    check_capture(net, say, net.vty('vphone', 'show vphone'))


def own_network(build):
    directory = pathlib.Path(tempfile.mkdtemp(prefix='osmo-test-'))
    net = Network(directory, build)
    try:
        net.up()
        self_test(net, print)
    except BaseException:
        print(f'logs and captures are kept in {directory}')
        raise
    finally:
        net.down()
    shutil.rmtree(directory)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == '--lab':
        self_test(Network.load(sys.argv[2]), print)
    elif len(sys.argv) == 2:
        missing = [name for name in DAEMONS[:3] if not shutil.which(name)]
        if missing:
            print(f'{missing[0]} is not installed')
            return 77
        own_network(sys.argv[1])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (AssertionError, LabError) as error:
        print(f'FAIL: {error}')
        sys.exit(1)
