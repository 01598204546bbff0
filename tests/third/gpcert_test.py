#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""openssl verifies what esim-pki signs in the form of GlobalPlatform: CERT.DP.ECDSA under the CI, on both curves."""
import os
import subprocess
import sys
import tempfile

BIN = os.environ.get('B', 'build/rel') + '/bin/'


def run(*args, **more):
    return subprocess.run(args, check=True, capture_output=True, **more).stdout


def tlvs(data):
    """(tag, value, end) of each TLV of one level."""
    at = 0
    while at < len(data):
        n = 2 if data[at] & 0x1f == 0x1f else 1
        tag, at = data[at:at + n].hex(), at + n
        length, at = data[at], at + 1
        if length > 0x80:
            more = length - 0x80
            length, at = int.from_bytes(data[at:at + more], 'big'), at + more
        yield tag, data[at:at + length], at + length
        at += length


def integer(number):
    raw = number.lstrip(b'\0') or b'\0'
    raw = b'\0' + raw if raw[0] & 0x80 else raw
    return bytes((2, len(raw))) + raw


def check(folder, name, curve):
    run(BIN + 'esim-pki', 'dp', folder, name, '1.3.6.1.4.1.32473.20', curve)
    whole = bytes.fromhex(open(f'{folder}/{name}.dp', encoding='ascii').read())
    body = next(tlvs(whole))[1]
    ends = {tag: end for tag, _, end in tlvs(body)}
    values = {tag: value for tag, value, _ in tlvs(body)}
    sig = values['5f37']
    der = integer(sig[:32]) + integer(sig[32:])
    with open(folder + '/sig', 'wb') as f:
        f.write(bytes((0x30, len(der))) + der)
    with open(folder + '/tbs', 'wb') as f:
        f.write(body[:ends['7f49']])
    with open(folder + '/ci.pub', 'wb') as f:
        f.write(run('openssl', 'x509', '-in', folder + '/ci.pem', '-pubkey', '-noout'))
    run('openssl', 'dgst', '-sha256', '-verify', folder + '/ci.pub', '-signature', folder + '/sig', folder + '/tbs')
    point = {tag: value for tag, value, _ in tlvs(values['7f49'])}['b0']
    spki = run('openssl', 'pkey', '-in', f'{folder}/{name}.dp.key', '-pubout', '-outform', 'DER')
    assert spki.endswith(point), 'the certificate holds another key'
    text = run('openssl', 'x509', '-in', folder + '/ci.pem', '-noout', '-ext', 'subjectKeyIdentifier').decode()
    ski = bytes.fromhex(text.split('\n')[1].strip().replace(':', ''))
    fields = {tag: value for tag, value, _ in tlvs(values['73'])}
    assert fields['c8'] == b'\x01' and fields['c9'] == ski, 'role or issuer'
    assert values['95'] == b'\x82', 'usage'


def main():
    with tempfile.TemporaryDirectory() as folder:
        run(BIN + 'esim-pki', 'ca', folder)
        check(folder, 'one', 'p256')
        check(folder, 'two', 'brainpool')
        gp = bytes.fromhex(open(folder + '/ci.gp', encoding='ascii').read())
        spki = run('openssl', 'pkey', '-in', folder + '/ci.key', '-pubout', '-outform', 'DER')
        assert spki.endswith(dict((t, v) for t, v, _ in tlvs(next(tlvs(gp))[1]))['b0']), 'ci.gp'
    return 0


sys.exit(main())
