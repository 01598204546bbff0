#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What our decoder read and our encoder wrote again is, to Python's own canonical XML, the body that came in."""
import glob
import os
import subprocess
import xml.etree.ElementTree as E

PROGRAM = os.path.join(os.environ.get("B", "build/rel"), "tests/unit/soap_test")
SOAP = "http://www.w3.org/2003/05/soap-envelope"


def canonical(element):
    """Without the white space between elements, prefixes made equal."""
    return E.canonicalize(E.tostring(element), strip_text=True, rewrite_prefixes=True)


count = 0
for path in sorted(glob.glob("tests/vectors/es/*.xml")):
    body = E.parse(path).getroot().find(f"{{{SOAP}}}Body")[0]
    # A UsernameToken that must be understood is refused.
    if "esim-messaging" not in body.tag or "usernametoken" in path:
        continue
    with open(path, "rb") as f:
        out = subprocess.run([PROGRAM, "recode"], stdin=f, stdout=subprocess.PIPE, check=True).stdout
    assert canonical(E.fromstring(out)) == canonical(body), (path, out)
    count += 1
assert count == 19, count
print(count, "bodies came back as they were")
