#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A running smdp, paused by smctl and by CTRL; and a backup of it put back after its orders had gone on: what was loaded is
not loaded again, what nobody knows is on hold until it is released."""
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from console_test import Ctrl   # noqa: E402
from download_lab import DownloadLab   # noqa: E402
from peers import outcome   # noqa: E402

SUCCESS = 'EXECUTED_SUCCESS'


def until(what, check, seconds=20):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return found


def status(lab):
    return lab.smdp_ctl('smdp', 'status')[0]


def restore(lab, copy):
    lab.smdp.popen.send_signal(signal.SIGKILL)
    lab.smdp.popen.wait()
    for suffix in ('-wal', '-shm'):
        pathlib.Path(f'{lab.dir}/smdp.db{suffix}').unlink(missing_ok=True)
    copy.replace(lab.dir / 'smdp.db')
    lab.smdp = lab.start('smdp-restored', 'smdp', '-c', lab.dir / 'smdp.cfg')
    lab.smdp.wait_for('is running')


def isdps(lab):
    """ISD-Ps that were ever asked of the SM-SR."""
    return lab.rows('smsr', "SELECT count(DISTINCT op_id) FROM timeline WHERE text LIKE '%CreateISDP%'")[0][0]


def main():
    with DownloadLab(count=2) as lab:
        first, second = (profile.iccid for profile in lab.profiles)
        ctrl = Ctrl(lab.own_address, 4293)
        assert (ctrl.get('stock-free'), ctrl.get('orders-running'), ctrl.get('paused'), ctrl.get('sm-srs')) == (2, 0, 0, 1)
        ctrl.set('pause', 'all')
        assert lab.order(lab.cards[0], first) is None
        time.sleep(1)
        now = status(lab)
        assert now['paused'] and now['orders']['running'] == 1 and now['calls_waiting'] == 1, now
        assert ctrl.get('orders-running') == 1 and ctrl.get('paused') == 1

        # The copy has one order that waits, and a pause.
        copy = lab.dir / 'copy.db'
        done = lab.smdp_ctl('smdp', 'backup', copy)
        assert 'backup in' in done[-1]['done'], done
        lab.smdp_ctl('smdp', 'resume', 'all')
        assert outcome(lab.answer(first)[0].xml) == SUCCESS
        assert lab.order(lab.cards[1], second) is None
        assert outcome(lab.answer(second)[0].xml) == SUCCESS
        assert isdps(lab) == 2

        restore(lab, copy)
        assert re.search(r'restored database .*1 orders and 2 profiles of the stock are on hold', lab.smdp.text()), lab.smdp.text()
        assert re.search(r'NOTICE.* all is paused since 20\d\d-\S+Z: no calls to SM-SRs; "smctl smdp resume all"', lab.smdp.text())
        now = status(lab)
        assert now['paused'] and now['orders']['on_hold'] == 1 and now['stock']['held'] == 2 and now['epoch'] == 2, now
        lab.smdp_ctl('smdp', 'resume', 'all')
        until('no second answer', lambda: len(lab.answer(first)) == 2)
        assert outcome(lab.answer(first)[1].xml) == SUCCESS
        until('in doubt', lambda: status(lab)['euiccs_in_doubt'] == 0)
        assert lab.in_stock(first)['state'] == 'used' and lab.in_stock(second)['state'] == 'held'
        print('ok   an order that was done does not run again')

        # The copy knows nothing of the second card, and so nothing of its profile.
        assert lab.order(lab.cards[1], second) is None
        refused = until('no refusal', lambda: lab.answer(second)[1:])[0]
        assert outcome(refused.xml).startswith('FAILED') and 'was delivered' in refused.xml, refused.xml
        assert isdps(lab) == 2
        assert lab.in_stock(second)['state'] == 'used', lab.in_stock(second)
        print('ok   a profile that is found on a card is not given out again')
        lab.smdp.stop()


if __name__ == '__main__':
    main()
