# SPDX-License-Identifier: AGPL-3.0-or-later
"""The other ends of an SM-SR and an SM-DP, as far as the lab needs them: an entity (operator, EUM) that calls their
services over SOAP and mutual TLS, and takes in callbacks and notifications.  Standard library only."""
import http.client
import http.server
import queue
import re
import ssl
import threading
import time
import uuid

NS = 'http://namespaces.gsma.org/esim-messaging/3'
GROUPS = {'ES1': 'eUICCManagement', 'ES2': 'ProfileManagement', 'ES4': 'ProfileManagement'}
SERVERS = {'ES1': 'SmSr', 'ES2': 'SmDp', 'ES4': 'SmSr'}
ENVELOPE = '''<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://www.w3.org/2005/08/addressing"
 xmlns:rps="{ns}">
<soap:Header>
<wsa:From><wsa:Address>{uri}?EntityId={oid}</wsa:Address></wsa:From>
<wsa:To>{to}?EntityId={to_oid}</wsa:To>{reply_to}
<wsa:Action>{action}</wsa:Action>
<wsa:MessageID>//{oid}/urn:uuid:{uuid}?TransactionID=urn:uuid:{transaction}&amp;MessageDate={date}</wsa:MessageID>
</soap:Header>
<soap:Body><rps:{function}Request><rps:FunctionCallIdentifier>{call_id}</rps:FunctionCallIdentifier>{body}</rps:{function}Request></soap:Body>
</soap:Envelope>'''


def element(xml, name):
    """Text of the first element with this local name; None when there is none."""
    found = re.search(rf'<(?:[\w.-]+:)?{re.escape(name)}(?:\s[^>]*)?>([^<]*)<', xml)
    return found.group(1) if found else None


def outcome(xml):
    """"EXECUTED_SUCCESS" or "FAILED 8.2.3/3.8: text"."""
    status = element(xml, 'Status') or 'no status'
    if element(xml, 'Subject'):
        status += f' {element(xml, "Subject")}/{element(xml, "Reason")}'
    if element(xml, 'Message'):
        status += f': {element(xml, "Message")}'
    return status


class Message:
    """What was sent to an entity: an answer by callback, or a notification."""

    def __init__(self, path, xml):
        self.path, self.xml, self.at_s = path, xml, time.monotonic()
        body = re.search(r'Body[^>]*>\s*<(?:[\w.-]+:)?([\w-]+)', xml)
        self.name = body.group(1) if body else '?'


class Entity:
    """An operator or EUM: a TLS certificate, an object identifier, and a server for what is sent back."""

    def __init__(self, pki, name, oid, smsr_port, smsr_oid, smdp=None):
        """smdp: port and object identifier of the SM-DP that serves ES2."""
        self.name, self.oid, self.smsr_port, self.smsr_oid = name, oid, smsr_port, smsr_oid
        self.ends = {'SmSr': (smsr_port, smsr_oid), 'SmDp': smdp or (smsr_port, smsr_oid)}
        self.client = self.context(pki, ssl.PROTOCOL_TLS_CLIENT)
        self.inbox = queue.Queue()
        self.before_answer = lambda message: None
        self.server = self.start_server(self.context(pki, ssl.PROTOCOL_TLS_SERVER))
        self.url = f'https://127.0.0.1:{self.server.server_port}/{name}'

    def context(self, pki, protocol):
        context = ssl.SSLContext(protocol)
        context.load_verify_locations(pki / 'tls-ca.pem')
        context.load_cert_chain(pki / f'{self.name}.pem', pki / f'{self.name}.key')
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def start_server(self, context):
        entity = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                xml = self.rfile.read(int(self.headers['Content-Length'])).decode()
                message = Message(self.path, xml)
                entity.inbox.put(message)
                entity.before_answer(message)
                try:
                    self.send_response(202)
                    self.send_header('Content-Length', '0')
                    self.end_headers()
                except OSError:
                    self.close_connection = True   # the sender is gone, and will send it again

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def envelope(self, function, body, call_id, reply):
        interface = function.split('-')[0]
        reply_to = f'\n<wsa:ReplyTo><wsa:Address>{self.url}/callback?EntityId={self.oid}</wsa:Address></wsa:ReplyTo>'
        _, to_oid = self.ends[SERVERS[interface]]
        return ENVELOPE.format(ns=NS, uri=self.url, oid=self.oid, to=f'https://127.0.0.1/{interface}', to_oid=to_oid,
                               reply_to=reply_to if reply else '', uuid=uuid.uuid4(), transaction=uuid.uuid4(),
                               action=f'http://gsma.com/{interface}/{GROUPS[interface]}/{function}',
                               date=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), function=function, body=body,
                               call_id=call_id)

    def call(self, function, body, call_id=None, reply=True):
        """Returns the HTTP status and the answer's text."""
        interface = function.split('-')[0]
        xml = self.envelope(function, body, call_id or f'{self.name}-{uuid.uuid4()}', reply)
        server = SERVERS[interface]
        connection = http.client.HTTPSConnection('127.0.0.1', self.ends[server][0], context=self.client, timeout=30)
        try:
            connection.request('POST', f'/{interface}/{interface}{server}Service', xml.encode(),
                               {'Content-Type': 'application/soap+xml; charset=utf-8'})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait(self, seconds=30):
        """Next message; None when none comes."""
        try:
            return self.inbox.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def profile_body(eid, iccid, validity=600):
    return f'<rps:ValidityPeriod>{validity}</rps:ValidityPeriod><rps:Eid>{eid}</rps:Eid><rps:Iccid>{iccid}</rps:Iccid>'


def download_body(eid, smsr_oid, iccid=None, profile_type=None, enable=True, validity=600):
    what = f'<rps:Iccid>{iccid}</rps:Iccid>' if iccid else f'<rps:ProfileType>{profile_type}</rps:ProfileType>'
    return (f'<rps:ValidityPeriod>{validity}</rps:ValidityPeriod><rps:Eid>{eid}</rps:Eid><rps:Sm-sr-id>{smsr_oid}</rps:Sm-sr-id>'
            f'{what}<rps:EnableProfile>{str(enable).lower()}</rps:EnableProfile>')
