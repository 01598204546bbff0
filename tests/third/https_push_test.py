#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
# Waits most of its time.
"""Changes over HTTPS, all programs of ours on loopback: smsr triggers by SMS, euicc-sim connects with its pre-shared key.
Once with what the card has stored, once with all that a trigger can say; connections that break; a card that cannot."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab, free_port  # noqa: E402
from peers import outcome, profile_body  # noqa: E402

BEARER = ''' https-bearer
  listen 127.0.0.1 {port}
  fleet software
   bearer https
   trigger-wait 2 2 2 2
{more}'''
TRIGGER = '''   trigger address 127.0.0.1
   trigger port {port}
   trigger bearer-description 03
   trigger buffer-size 1024
   trigger apn m2m.example.net
   trigger host smsr.example.net
   trigger agent-id
   trigger psk-identity
   trigger retry 3 1
'''


class HttpsLab(Lab):
    def __init__(self, sim, trigger):
        super().__init__()
        self.bearer_port, self.trigger = free_port(), trigger
        self.sim = [option.format(port=self.bearer_port) for option in sim]

    def start(self, name, *argv):
        return super().start(name, *argv, *(self.sim if name == 'euicc-sim' else ()))

    def write_config(self, *args, **kwargs):
        path = super().write_config(*args, **kwargs)
        more = self.trigger.format(port=self.bearer_port)
        path.write_text(path.read_text() + BEARER.format(port=self.bearer_port, more=more))
        return path

    def change(self, function, told, *events):
        """A change of the operational profile, to its end.  events: what the log says on the way."""
        before = len(self.smsr.text())
        card = self.cards[0]
        status, _ = self.operational.call(function, profile_body(card.eid, card.operational[0]))
        assert status == 202, status
        while (message := self.operational.wait(60)) and not message.name.startswith(function):
            pass
        assert message, f'no outcome of {function}'
        got = outcome(message.xml)
        assert got.startswith(told), got
        log = self.smsr.text()[before:]
        for event in events:
            assert event in log, f'"{event}" is not in {log}'
        return log

    def begin(self):
        status, text = self.register(self.cards[0])
        assert status == 200 and 'EXECUTED_SUCCESS' in text, text
        return self.cards[0]


STORED = ['--https-host', '127.0.0.1', '--https-port', '{port}', '--https-retry-ms', '300', '--https-retries', '5']


def stored_parameters():
    with HttpsLab(STORED, '') as lab:
        card = lab.begin()
        log = lab.change('ES4-EnableProfile', 'EXECUTED_SUCCESS', 'trigger of an HTTPS session',
                         'script 1 answered: 9000')
        assert log.count('trigger of an HTTPS session') == 1, log
        lab.sim_control(f'fault {card.eid} https-cut 700')   # inside of the first exchange
        lab.change('ES4-DisableProfile', 'EXECUTED_SUCCESS', 'the connection is lost', 'script 1 answered: 9000')
        print('ok   stored parameters; a connection that breaks')


def full_trigger():
    with HttpsLab(['--notify-https', *STORED], TRIGGER) as lab:
        lab.begin()
        log = lab.change(
            'ES4-EnableProfile', 'EXECUTED_SUCCESS', '3 short messages', 'script 1 answered: 9000')
        confirmation = log[log.index(' notification: '):]
        assert 'script 1 to the card' in confirmation, confirmation  # it goes back as it came
        print('ok   a trigger that says all; a notification by HTTPS is confirmed by HTTPS')


def cannot_connect():
    with HttpsLab(STORED, '') as lab:
        card = lab.begin()
        lab.sim_control(f'fault {card.eid} https-wrong-psk')
        log = lab.change('ES4-EnableProfile', 'EXECUTED_SUCCESS', 'the card did not connect: another trigger',
                         'the card did not connect: by SMS')
        assert log.count('sealed: trigger of an HTTPS session') == 4, log  # one for each "trigger-wait"
        assert log.count('the card did not connect: another trigger') == 3, log
        lab.sim_control(f'fault {card.eid} https-wrong-psk off')
        lab.sim_control(f'fault {card.eid} https-wrong-eid')
        lab.change('ES4-DisableProfile', 'EXECUTED_SUCCESS', 'X-Admin-From names another eUICC',
                   'the card did not connect: by SMS')
        print('ok   a card that is not let in is reached by SMS')


def main():
    for part in (stored_parameters, full_trigger, cannot_connect):
        part()
    return 0


if __name__ == '__main__':
    sys.exit(main())
