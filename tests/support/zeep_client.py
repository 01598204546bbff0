# SPDX-License-Identifier: AGPL-3.0-or-later
"""An operator whose software is somebody else's: a client that zeep makes from the WSDL of a running daemon.  Without zeep
the importing test ends as skipped."""
import sys

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


def headers_of(operator):
    """From and ReplyTo."""
    return [endpoint('From', f'{operator.url}?EntityId={operator.oid}'),
            endpoint('ReplyTo', f'{operator.url}/callback?EntityId={operator.oid}')]


def client_of(lab, port, interface, name):
    """Returns the client and its service."""
    session = requests.Session()
    session.verify = str(lab.pki / 'tls-ca.pem')
    session.cert = (str(lab.pki / 'operational.pem'), str(lab.pki / 'operational.key'))
    session.trust_env = False
    url = f'https://127.0.0.1:{port}/{interface}/{name}?wsdl'
    client = zeep.Client(url, transport=zeep.Transport(session=session))
    service = client.bind(name, f'{name}Port')
    assert service._binding_options['address'] == url.removesuffix('?wsdl'), service._binding_options
    print('client made from', url)
    return client, service


def parsed(client, callback):
    """Name and content of a callback's body, read by the served schema."""
    body = etree.fromstring(callback.xml.encode()).find(f'{{{SOAP}}}Body')[0]
    return etree.QName(body).localname, client.wsdl.types.get_element(body.tag).parse(body, client.wsdl.types)
