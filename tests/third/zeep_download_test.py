#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An operator whose software is somebody else's: zeep makes a client from the WSDL of ES2 that a running smdp serves, looks
at the card, orders a profile and looks again.  lxml and the served schema read the callback."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from download_lab import SMSR_OID, DownloadLab   # noqa: E402
from download import ANSWER   # noqa: E402
from zeep_client import client_of, headers_of, parsed   # noqa: E402


def answer_of(client, operator):
    """The next answer to an order, read by the served schema; notifications may come before."""
    while True:
        callback = operator.wait(20)
        assert callback, 'no callback came'
        name, body = parsed(client, callback)
        print('callback:', name)
        if callback.name == ANSWER:
            return body


def profiles_of(service, lab, headers, call_id):
    answer = service['ES2-GetEIS'](FunctionCallIdentifier=call_id, Eid=lab.cards[0].eid, **{'Smsr-id': SMSR_OID},
                                   _soapheaders=headers[:1])
    assert answer.FunctionExecutionStatus.Status == 'EXECUTED_SUCCESS', answer
    return {info.Iccid: info.State for info in answer.Eis.ProfileInfo}


def order(service, lab, headers, call_id, what):
    answer = service['ES2-DownloadProfile'](FunctionCallIdentifier=call_id, ValidityPeriod=60, Eid=lab.cards[0].eid,
                                            EnableProfile=True, _soapheaders=headers, **{'Sm-sr-id': SMSR_OID}, **what)
    assert answer is None, answer


def main():
    with DownloadLab() as lab:
        operator, profile = lab.operational, lab.profiles[0]
        client, service = client_of(lab, lab.smdp_port, 'ES2', 'ES2SmDpService')
        headers = headers_of(operator)
        before = profiles_of(service, lab, headers, 'zeep-1')
        assert profile.iccid not in before, before

        order(service, lab, headers, 'zeep-2', {'ProfileType': 'machines'})
        answer = answer_of(client, operator)
        assert answer.FunctionExecutionStatus.Status == 'EXECUTED_SUCCESS', answer
        assert answer.Iccid == profile.iccid, answer
        print('DownloadProfile:', answer.Iccid)

        after = profiles_of(service, lab, headers, 'zeep-3')
        assert after == {**before, profile.iccid: 'Enabled'}, after
        print('GetEIS: Enabled')

        order(service, lab, headers, 'zeep-4', {'ProfileType': 'machines'})
        code = answer_of(client, operator).FunctionExecutionStatus.StatusCodeData
        assert (code.Subject, code.Reason) == ('8.2.5', '3.7'), code
        print('DownloadProfile: none is left')


main()
