#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""zeep, a SOAP client library, reads our WSDLs and makes messages from them that our decoder takes; and it reads what our
encoder makes."""
import os
import subprocess
import sys
import tempfile

try:
    import zeep
    from lxml import etree
except ImportError as e:
    print(f"{e.name} is not installed")
    sys.exit(77)

DECODER = os.path.join(os.environ.get("B", "build/rel"), "tests/unit/soap_test")
WSA = "http://www.w3.org/2005/08/addressing"
EID, ICCID = "89044045211812345678901234567853", "8988211123456789018"


def from_header():
    sender = etree.Element(f"{{{WSA}}}From")
    etree.SubElement(sender, f"{{{WSA}}}Address").text = "https://mno1.example.net/ES4?EntityId=1.3.6.1.4.1.32473.40"
    return sender


def message(client, service, operation, **args):
    """The envelope that zeep would post; it adds WS-Addressing headers by itself, because the WSDL names Actions."""
    proxy = client.bind(service, f"{service}Port")
    return etree.tostring(client.create_message(proxy, operation, **args, _soapheaders=[from_header()]))


def accepted(envelope, words):
    run = subprocess.run([DECODER, "decode"], input=envelope, stdout=subprocess.PIPE, check=False)
    out = run.stdout.decode().strip()
    print(out)
    assert run.returncode == 0 and out == words, (out, envelope.decode())


def read(client, folder, name, variant):
    """A body that our encoder made, as zeep gives it to its user."""
    body = etree.parse(os.path.join(folder, f"{name}-{variant}.xml")).getroot()
    return client.wsdl.types.get_element(body.tag).parse(body, client.wsdl.types)


def read_answers(client):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([DECODER, "emit", folder], check=True)
        answer = read(client, folder, "ES4-GetEIS", "1-1")
        assert answer.FunctionExecutionStatus.StatusCodeData.Message == 'a <text> & "more"'
        assert answer.Eis.EumSignedInfo.Eid == EID
        profile = answer.Eis.ProfileInfo[1]
        assert profile.State == "Enabled" and profile.Iccid == ICCID and profile.FallbackAttribute is True
        assert profile.pol2.Rule[0].Action == "DELETE" and profile.AllocatedMemory == 524288
        note = read(client, folder, "ES4-HandleProfileEnabledNotification", "2-0")
        assert note.CompletionTimestamp.isoformat() == "2026-03-02T09:10:05+00:00"
    print("answers read")


def main():
    clients = {n: zeep.Client(f"schemas/{n}.wsdl") for n in ("es1", "es2", "es3", "es4")}
    for name, client in clients.items():
        for service in client.wsdl.services.values():
            for port in service.ports.values():
                print(name, service.name, len(port.binding._operations), "operations")
                assert port.binding._operations
    es4, es3 = clients["es4"], clients["es3"]
    mno = "from 1.3.6.1.4.1.32473.40"
    accepted(message(es4, "ES4SmSrService", "ES4-GetEIS", FunctionCallIdentifier="z1", Eid=EID),
             f"ES4-GetEIS {mno} call z1")
    accepted(message(es4, "ES4SmSrService", "ES4-EnableProfile", FunctionCallIdentifier="z2", ValidityPeriod=60,
                     Eid=EID, Iccid=ICCID), f"ES4-EnableProfile {mno} call z2")
    accepted(message(es4, "ES4SmSrService", "ES4-UpdatePolicyRules", FunctionCallIdentifier="z3", Eid=EID,
                     Iccid=ICCID, pol2={"Rule": [{"Subject": "PROFILE", "Action": "DELETE",
                                                  "Qualification": "Not-Allowed"}]}),
             f"ES4-UpdatePolicyRules {mno} call z3")
    accepted(message(es3, "ES3SmSrService", "ES3-SendData", FunctionCallIdentifier="z4", Eid=EID,
                     **{"Sd-aid": "A0000005591010FFFFFFFF8900000100", "Data": "2200"}),
             f"ES3-SendData {mno} call z4")
    accepted(message(es4, "ES4MnoService", "ES4-EnableProfileCallBack",
                     FunctionExecutionStatus={"Status": "EXECUTED_SUCCESS"}), f"ES4-EnableProfile {mno} call -")
    read_answers(es4)


main()
