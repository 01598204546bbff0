#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An operator whose software is somebody else's: zeep makes a client from the WSDL of ES2 that a running smdp serves, looks
at the card, orders a profile and looks again.  lxml and the served schema read the callback."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from download_lab import SMSR_OID, DownloadLab   # noqa: E402
from download import ANSWER   # noqa: E402

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
    url = f'https://127.0.0.1:{lab.smdp_port}/ES2/ES2SmDpService?wsdl'
    client = zeep.Client(url, transport=zeep.Transport(session=session))
    service = client.bind('ES2SmDpService', 'ES2SmDpServicePort')
    assert service._binding_options['address'] == url.removesuffix('?wsdl'), service._binding_options
    print('client made from', url)
    return client, service


def answer_of(client, operator):
    """The next answer to an order, read by the served schema; notifications may come before."""
    while True:
        callback = operator.wait(20)
        assert callback, 'no callback came'
        body = etree.fromstring(callback.xml.encode()).find(f'{{{SOAP}}}Body')[0]
        parsed = client.wsdl.types.get_element(body.tag).parse(body, client.wsdl.types)
        print('callback:', etree.QName(body).localname)
        if callback.name == ANSWER:
            return parsed


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
        client, service = client_of(lab)
        headers = [endpoint('From', f'{operator.url}?EntityId={operator.oid}'),
                   endpoint('ReplyTo', f'{operator.url}/callback?EntityId={operator.oid}')]
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
