#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An operator whose software is somebody else's: zeep makes a client from the WSDL that a running smsr serves, asks for an
EIS and has a profile enabled.  lxml and the served schema read the callback."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab   # noqa: E402
from zeep_client import client_of, headers_of, parsed   # noqa: E402


def outcome(client, operator):
    """Of the next callback, read by the served schema."""
    callback = operator.wait(15)
    assert callback, 'no callback came'
    name, body = parsed(client, callback)
    status = body.FunctionExecutionStatus
    print('callback:', name, status.Status)
    assert name == 'ES4-EnableProfileResponse', name
    return status


def main():
    with Lab() as lab:
        card, operator = lab.cards[0], lab.operational
        status, _ = lab.register(card)
        assert status == 200
        client, service = client_of(lab, lab.https_port, 'ES4', 'ES4SmSrService')
        sender, reply_to = headers_of(operator)

        answer = service['ES4-GetEIS'](FunctionCallIdentifier='zeep-1', Eid=card.eid, _soapheaders=[sender])
        profile = answer.Eis.ProfileInfo[0]
        assert answer.FunctionExecutionStatus.Status == 'EXECUTED_SUCCESS', answer
        assert (profile.Iccid, profile.State) == (card.operational[0], 'Disabled'), profile
        print('GetEIS:', profile.Iccid, profile.State)

        answer = service['ES4-EnableProfile'](FunctionCallIdentifier='zeep-2', ValidityPeriod=60, Eid=card.eid,
                                              Iccid=card.operational[0], _soapheaders=[sender, reply_to])
        assert answer is None, answer
        status = outcome(client, operator)
        assert status.Status == 'EXECUTED_SUCCESS', status

        answer = service['ES4-GetEIS'](FunctionCallIdentifier='zeep-3', Eid=card.eid, _soapheaders=[sender])
        assert answer.Eis.ProfileInfo[0].State == 'Enabled', answer
        print('GetEIS: Enabled')

        service['ES4-EnableProfile'](FunctionCallIdentifier='zeep-4', Eid=card.eid, Iccid='8988299009000000005',
                                     _soapheaders=[sender, reply_to])
        code = outcome(client, operator).StatusCodeData
        assert (code.Subject, code.Reason) == ('8.2.1', '3.9'), code


main()
