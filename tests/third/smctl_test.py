#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""smctl against a running lab: what it prints and the exit codes that scripts rely on."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab   # noqa: E402

OK, REFUSED, USAGE, UNREACHABLE, RUNNING = range(5)
MISTYPED = '89001012000000000000000000009999'


def expect(what, got, want):
    if got != want:
        raise AssertionError(f'{what}: got {got!r}, want {want!r}')
    print(f'ok {what}')


def eid_of(digits):
    """With its check digits (modulo 97)."""
    return f'{digits}{98 - int(digits) * 100 % 97:02}'


def soap(lab, card):
    code, out, _ = lab.smctl('register', *(lab.eis_file(c) for c in lab.cards))
    expect('register', (code, out.count('EXECUTED_SUCCESS')), (OK, 2))
    code, out, _ = lab.smctl('register', lab.eis_file(card))
    expect('register twice is refused', (code, '8.1.1/3.3' in out), (REFUSED, True))

    code, answers = lab.smctl_json('get-eis', card.eid)
    expect('get-eis', (code, [p['state'] for p in answers[0]['eis']['profiles']]), (OK, ['Disabled']))
    code, out, _ = lab.smctl('get-eis', '--xml', card.eid)
    expect('get-eis --xml', (code, '<rps:EumSignedInfo' in out, '</rps:Eis>' in out), (OK, True, True))

    iccid = card.operational[0]
    code, answers = lab.smctl_json('enable', card.eid, iccid, '--call-id', 'one')
    expect('enable is accepted', (code, answers[0]['status'], answers[0]['call_id']), (OK, 'accepted', 'one'))
    code, answers = lab.smctl_json('enable', card.eid, iccid, '--call-id', 'one', '--wait')
    expect('the same call again gives the outcome', (code, answers[-1]['status']), (OK, 'EXECUTED_SUCCESS'))
    code, answers = lab.smctl_json('enable', card.eid, iccid, '--call-id', 'one')
    expect('and again, at once', (code, answers[-1]['status']), (OK, 'EXECUTED_SUCCESS'))
    code, answers = lab.smctl_json('enable', card.eid, iccid, '--wait')
    expect('enable what is enabled', (code, answers[-1]['subject'], answers[-1]['reason']), (REFUSED, '8.2.1', '3.5'))
    code, answers = lab.smctl_json('audit', card.eid, '--wait')
    expect('audit', (code, answers[-1]['eis']['profiles'][0]['state']), (OK, 'Enabled'))

    expect('set-pol2', lab.smctl('set-pol2', card.eid, iccid, 'disable:not-allowed')[0], OK)
    code, answers = lab.smctl_json('disable', card.eid, iccid, '--wait')
    expect('POL2 forbids', (code, answers[-1]['subject'], answers[-1]['reason']), (REFUSED, '8.2.3', '3.8'))
    expect('set-pol2 none', lab.smctl('set-pol2', card.eid, iccid, 'none')[0], OK)
    code, answers = lab.smctl_json('set-address', card.eid, iccid, '--imsi', card.operational[1], '--msisdn', card.operational[2])
    expect('set-address', (code, answers[0]['status']), (OK, 'EXECUTED_SUCCESS'))


def callback(lab, card):
    """smctl in the operator's place, at the operator's address."""
    operator = lab.operational
    port, url = operator.server.server_port, operator.url
    operator.close()
    code, answers = lab.smctl_json('disable', card.eid, card.operational[0], '--wait', '--timeout', 20,
                                   '--listen', f'127.0.0.1:{port}', '--callback-url', url)
    expect('outcome by callback', (code, answers[-1]['function'], answers[-1]['status']),
           (OK, 'ES4-DisableProfile', 'EXECUTED_SUCCESS'))
    code, _, err = lab.smctl('disable', card.eid, card.operational[0], '--listen', '127.0.0.1:0')
    expect('callback elsewhere is refused', (code, 'ReplyTo' in err), (REFUSED, True))


def errors(lab, card):
    eid, iccid = card.eid, card.operational[0]
    for name, argv, code, words in (
            ('unknown EID', ('get-eis', eid_of('890010129999000000000000000000')), REFUSED, '8.1.1/3.9'),
            ('wrong check digits', ('get-eis', MISTYPED), REFUSED, 'check digits'),
            ('unknown ICCID', ('enable', eid, '8988299009000000005', '--wait'), REFUSED, '8.2.1/3.9'),
            ('not a peer', ('get-eis', eid, '--oid', '1.2.3'), REFUSED, '1.1/1.1'),
            ('another\'s certificate', ('register', lab.eis_file(card), '--as', 'es4'), REFUSED, '1.1/1.2'),
            ('wrong SM-SR', ('get-eis', eid, '--to-oid', '1.2.3'), REFUSED, 'another entity'),
            ('no command', (), USAGE, 'smctl --help'),
            ('unknown command', ('enabel',), USAGE, 'enabel'),
            ('missing argument', ('enable', eid), USAGE, 'enable --help'),
            ('option of another command', ('get-eis', eid, '--wait'), USAGE, 'wait'),
            ('bad number', ('enable', eid, iccid, '--validity', '-1'), USAGE, 'validity'),
            ('bad rule', ('set-pol2', eid, iccid, 'disable'), USAGE, 'not-allowed'),
            ('no such file', ('register', '/nonexistent'), USAGE, 'No such file'),
            ('no EIS', ('register', lab.config), USAGE, 'no EIS'),
            ('no such section', ('get-eis', eid, '--as', 'nobody'), USAGE, '[nobody]'),
            ('nobody listens', ('get-eis', eid, '--url', 'https://127.0.0.1:1'), UNREACHABLE, 'is smsr running'),
            ('another root', ('get-eis', eid, '--ca', lab.pki / 'ci.pem'), UNREACHABLE, '--ca'),
            ('no admin socket', ('status', '--admin', '/nonexistent'), UNREACHABLE, 'admin-socket')):
        got, out, err = lab.smctl(*argv)
        expect(name, (got, words in out + err), (code, True))


def slow_card(lab, card):
    """A card that is off: no outcome in time, and one after it came back."""
    iccid = card.operational[0]
    lab.sim_control(f'power {card.eid} off')
    code, answers = lab.smctl_json('enable', card.eid, iccid, '--call-id', 'slow', '--wait', '--timeout', 1)
    expect('no outcome in time', (code, answers[-1]['status']), (RUNNING, 'accepted'))
    lab.sim_control(f'power {card.eid} on')
    code, answers = lab.smctl_json('enable', card.eid, iccid, '--call-id', 'slow', '--wait', '--timeout', 30)
    expect('outcome later', (code, answers[-1]['status']), (OK, 'EXECUTED_SUCCESS'))


def admin(lab, card):
    """The same with the admin socket: what it shows, and the levers."""
    eid, iccid = card.eid, card.operational[0]
    code, rows = lab.smctl_json('list')
    expect('list', (code, [r['eid'] for r in rows]), (OK, [c.eid for c in lab.cards]))
    code, rows = lab.smctl_json('list', '--max', 1)
    expect('list --max 1', (code, rows[0]['eid'], rows[1]), (OK, lab.cards[0].eid, {'more': True}))
    code, rows = lab.smctl_json('list', '--max', 1, '--after', lab.cards[0].eid)
    expect('list --after', (code, rows[0]['eid']), (OK, lab.cards[1].eid))
    code, out, err = lab.smctl('list', '--max', 1)
    expect('list says how to go on', (code, out.count('\n'), f'--after {lab.cards[0].eid}' in err), (OK, 2, True))
    for option, value in (('--iccid', iccid), ('--imsi', card.operational[1]), ('--msisdn', card.operational[2])):
        code, rows = lab.smctl_json('show', option, value)
        expect(f'show {option}', (code, rows[0]['eid']), (OK, eid))
    code, rows = lab.smctl_json('smpp')
    expect('smpp', (code, rows[0]['name'], rows[0]['state']), (OK, 'lab', 'BOUND'))
    code, rows = lab.smctl_json('status')
    expect('status', (code, rows[0]['links_up'], rows[0]['euiccs']), (OK, 1, 2))
    code, out, _ = lab.smctl('status')
    expect('status for people', (code, 'links_up' in out), (OK, True))

    code, rows = lab.smctl_json('disable', eid, iccid, '--wait')
    steps = [r['step'] for r in rows if 'step' in r]
    expect('--wait shows the steps', (code, steps[0], 'notification' in steps, 'confirmed' in steps, rows[-1]['status']),
           (OK, 'accepted', True, True, 'EXECUTED_SUCCESS'))
    code, rows = lab.smctl_json('ops', eid, '--max', 1)
    op = rows[0]['id']
    expect('ops', (code, rows[0]['kind'], rows[0]['status']), (OK, 'DisableProfile', 'EXECUTED_SUCCESS'))
    expect('op', lab.smctl_json('op', op)[1][0]['id'], op)
    code, rows = lab.smctl_json('timeline', op)
    first = rows[0]['id']
    expect('timeline', (code, [r['step'] for r in rows][:2]), (OK, ['accepted', 'started']))
    code, rows = lab.smctl_json('timeline', op, '--after', first)
    expect('timeline --after', (code, rows[0]['step']), (OK, 'started'))
    code, rows = lab.smctl_json('trail', eid, '--max', 2)
    expect('trail', (code, 'DisableProfile' in [r.get('type') for r in rows]), (OK, True))


def levers(lab, card):
    eid, iccid = card.eid, card.operational[0]
    expect('pause', lab.smctl('pause', 'eid', eid)[0], OK)
    expect('pauses', [(r['scope'], r['name']) for r in lab.smctl_json('pauses')[1]], [('eid', eid)])
    code, rows = lab.smctl_json('enable', eid, iccid, '--wait', '--timeout', 1)
    expect('nothing happens while it is paused', (code, [r['step'] for r in rows if 'step' in r]), (RUNNING, ['accepted']))
    op = lab.smctl_json('ops', eid, '--max', 1)[1][0]['id']
    with subprocess.Popen([lab.bin / 'smctl', '--config', lab.dir / 'smctl.conf', 'follow', str(op)],
                          stdout=subprocess.PIPE, text=True) as follower:
        expect('follow begins with what was', 'accepted' in follower.stdout.readline(), True)
        expect('resume', lab.smctl('resume', 'eid', eid)[0], OK)
        text = follower.communicate(timeout=30)[0]
    expect('follow goes on and ends', (follower.returncode, 'EXECUTED_SUCCESS' in text, 'notification' in text), (OK, True, True))
    code, rows = lab.smctl_json('cancel', op)
    expect('cancel what is done', (code, rows[0]['ok']), (REFUSED, False))
    expect('no such operation', lab.smctl('op', 9999)[0], REFUSED)
    expect('drain', (lab.smctl('drain')[0], lab.smctl_json('status')[1][0]['paused']), (OK, ['drain']))
    expect('resume drain', lab.smctl('resume', 'drain')[0], OK)
    expect('unknown scope', lab.smctl('pause', 'moon')[0], USAGE)
    counter = lab.smctl_json('show', eid)[1][0]['keysets'][0]['counter']
    expect('counter', lab.smctl('counter', eid, 1, counter + 100)[0], OK)
    expect('counter never goes down', lab.smctl('counter', eid, 1, counter)[0] != OK, True)
    code, rows = lab.smctl_json('audit-card', eid)
    code = lab.smctl('follow', rows[0]['op'])[0]
    expect('audit-card, with the raised counter', (code, lab.smctl_json('op', rows[0]['op'])[1][0]['status']), (OK, 'EXECUTED_SUCCESS'))
    expect('audit-list', lab.smctl('audit-list')[:2], (OK, 'none\n'))
    expect('audit-bulk', lab.smctl_json('audit-bulk')[1][0]['n'], 0)
    expect('backup', (lab.smctl('backup', 'copy.db', cwd=lab.dir)[0], (lab.dir / 'copy.db').exists()), (OK, True))
    expect('import of a known eUICC', lab.smctl('import', lab.eis_file(card))[0] != OK, True)


with Lab(count=2) as lab:
    lab.write_smctl_conf(admin=False)
    soap(lab, lab.cards[0])
    callback(lab, lab.cards[0])
    errors(lab, lab.cards[0])
    slow_card(lab, lab.cards[1])
    lab.write_smctl_conf()
    admin(lab, lab.cards[1])
    levers(lab, lab.cards[1])
    lab.smsr.stop()
    expect('after the end of smsr', (lab.smctl('status')[0], lab.smctl('get-eis', lab.cards[0].eid)[0]), (UNREACHABLE, UNREACHABLE))
