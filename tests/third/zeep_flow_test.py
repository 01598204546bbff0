#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An operator whose software is somebody else's: zeep makes a client from the WSDL that a running smsr serves, asks for an
EIS and has a profile enabled.  lxml and the served schema read the callback."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from lab import Lab   # noqa: E402

try:
    import requests
    import zeep
    from lxml import etree
except ImportError as e:
    print(f'{e.name} is not installed')
    sys.exit(77)

WSA = 'http://www.w3.org/2005/08/addressing'
SOAP = 'http://www.w3.org/2003/05/soap-envelope'


def endpoint(name, address):
    header = etree.Element(f'{{{WSA}}}{name}')
    etree.SubElement(header, f'{{{WSA}}}Address').text = address
    return header


def client_of(lab):
    session = requests.Session()
    session.verify = str(lab.pki / 'tls-ca.pem')
    session.cert = (str(lab.pki / 'operational.pem'), str(lab.pki / 'operational.key'))
    session.trust_env = False
    url = f'https://127.0.0.1:{lab.https_port}/ES4/ES4SmSrService?wsdl'
    client = zeep.Client(url, transport=zeep.Transport(session=session))
    service = client.bind('ES4SmSrService', 'ES4SmSrServicePort')
    assert service._binding_options['address'] == url.removesuffix('?wsdl'), service._binding_options
    print('client made from', url)
    return client, service


def outcome(client, operator):
    """Of the next callback, read by the served schema."""
    callback = operator.wait(15)
    assert callback, 'no callback came'
    body = etree.fromstring(callback.xml.encode()).find(f'{{{SOAP}}}Body')[0]
    status = client.wsdl.types.get_element(body.tag).parse(body, client.wsdl.types).FunctionExecutionStatus
    print('callback:', etree.QName(body).localname, status.Status)
    assert etree.QName(body).localname == 'ES4-EnableProfileResponse', body.tag
    return status


def main():
    with Lab() as lab:
        card, operator = lab.cards[0], lab.operational
        status, _ = lab.register(card)
        assert status == 200
        client, service = client_of(lab)
        sender = endpoint('From', f'{operator.url}?EntityId={operator.oid}')
        reply_to = endpoint('ReplyTo', f'{operator.url}/callback?EntityId={operator.oid}')

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
