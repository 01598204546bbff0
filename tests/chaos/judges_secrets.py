# SPDX-License-Identifier: AGPL-3.0-or-later
"""P6: no key in what was written or said: logs at level debug, captures, databases, messages to operators."""
import base64
import re
import subprocess
import tempfile

import capture

CARD_KEYS = {'SCP80 KIc': 16, 'SCP80 KID': 16, 'SCP80 KIK': 16, 'SCP81 PSK': 16, 'SCP81 DEK': 16, 'ECASD ECKA': 32}


def known_keys(e):
    """Name -> octets of all that must not be seen."""
    lab, known = e.lab, {}
    for card in lab.cards:
        for label, length in CARD_KEYS.items():
            known[f'{label} of {card.eid}'] = capture.derive(lab.seed, label, card.eid, length)
        # ISD-P keys, which card and smdp agreed on: the card has them in its file, under its KIc.
        state = lab.dir / 'cards' / card.eid
        kic = capture.derive(lab.seed, 'SCP80 KIc', card.eid)
        for found in re.finditer(rb'\x81\x03...\x82\x30(.{48})', state.read_bytes() if state.exists() else b'', re.S):
            for i, name in enumerate(('ENC', 'MAC', 'DEK')):
                clear = capture.aes_cbc_open(kic, found.group(1)[16 * i:16 * i + 16])
                known[f'SCP03 {name} at {found.start()} of {card.eid}'] = clear
    for profile in lab.profiles:
        known[f'Ki of {profile.iccid}'], known[f'OPc of {profile.iccid}'] = map(bytes.fromhex, (profile.ki, profile.opc))
    for name in ('master.key', 'smdp.key'):
        known[name] = bytes.fromhex((lab.dir / name).read_text())
    for name in ('smsr.key', 'smdp.key', 'smdp.dp.key'):
        text = subprocess.run(['openssl', 'pkey', '-in', lab.pki / name, '-noout', '-text'], capture_output=True, text=True,
                              check=True).stdout
        octets = re.search(r'priv:\s+([0-9a-f:\s]+)', text).group(1)
        known[f'private key {name}'] = bytes.fromhex(re.sub(r'[:\s]', '', octets))[-32:]
    known['password of the service centre'] = (lab.dir / 'smpp.password').read_text().strip().encode()
    return known


def heaps(e):
    """Name -> octets of all that is searched."""
    lab = e.lab
    places = [*lab.dir.glob('*.log')]
    for name in ('smsr', 'smdp'):
        places += [path for path in lab.disks[name].dir.iterdir() if path.is_file()]
    found = {path.name: path.read_bytes() for path in places}
    found |= {path.name: path.read_bytes() for path in lab.captures()}
    found['messages to operators'] = '\n'.join(e.ledger.texts).encode()
    return found


def grep(patterns, text):
    """All fixed strings that occur; grep is quick with thousands of them."""
    with tempfile.NamedTemporaryFile() as file:
        file.write('\n'.join(patterns).encode())
        file.flush()
        found = subprocess.run(['grep', '-aoF', '-f', file.name], input=text, capture_output=True, check=False,
                               env={'LC_ALL': 'C'}).stdout
    return set(found.decode(errors='replace').split('\n')) - {''}


def search(patterns, heap):
    """As text in either case and in base64, and as octets."""
    return grep(patterns, heap) | grep(patterns, heap.lower()) | grep(patterns, heap.hex().encode())


def forms(known):
    found = {}
    for what, octets in known.items():
        found |= {octets.hex(): what, base64.b64encode(octets).decode().rstrip('=')[:20]: what}
    return found


def secrets(e):
    """No key in any heap; and what must be there is found in the same way, or the search is blind."""
    # The password is octets of text: bind carries it over the line to the service centre, which is where it belongs.
    known = known_keys(e)
    password = known['password of the service centre'].decode()
    patterns = forms(known) | {password: 'password of the service centre'}
    public = forms({card.eid: bytes.fromhex(card.eid) for card in e.lab.cards})   # octets in databases
    public |= {iccid: iccid for card in e.lab.cards for iccid in (card.operational[0], card.bootstrap[0])}
    public |= {profile.iccid: profile.iccid for profile in e.lab.profiles}
    seen = {}
    for name, heap in heaps(e).items():
        for found in search(patterns, heap):
            if not (patterns[found].startswith('password') and name.endswith('.pcap')):
                yield f'P6: {patterns[found]} is in {name}'
        seen[name] = len(search(public, heap))
    for name in ('smsr.log', 'smdp.log', 'euicc-sim.log', 'smsr.db', 'smdp.db', 'messages to operators'):
        if not any(n for heap, n in seen.items() if heap.startswith(name)):   # smdp.db, smdp.db-wal
            yield f'the search for keys is blind: no EID and no ICCID in {name}'
    if not any('SCP03' in what for what in known):
        yield 'the search for keys is blind: no card has keys of an ISD-P'
