#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# tshark reads the capture of the demo: each short message is what SCP80 over SMS says.  3GPP TS 31.115.
set -eu
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
B=$(cd "${B:-build/rel}" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d /tmp/smsr-shark.XXXXXX)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/build/rel" && ln -s "$B/bin" "$dir/build/rel/bin"
cd "$dir"
"$here/lab/demo/run" "$dir/build/rel" >"$dir/told" 2>&1 || { cat "$dir/told"; exit 1; }
shark() {
	tshark -r "$dir/build/demo/last/smpp.pcap" -d tcp.port==2775,smpp "$@" 2>"$dir/shark.err" ||
		{ cat "$dir/shark.err" >&2; return 1; }
}

# One frame may hold several PDUs, so each dissection is taken on its own.
shark -T pdml -Y smpp >"$dir/pdml"
python3 - "$dir/pdml" <<'PY'
import re
import sys
import xml.etree.ElementTree as xml

SUBMIT, DELIVER = '0x00000004', '0x00000005'
seen, receipts = [], 0
for packet in xml.parse(sys.argv[1]).getroot():
    pdus = []
    for proto in packet:
        fields = {f.get('name'): f.get('show') for f in proto.iter('field')}
        if proto.get('name') == 'smpp':
            pdus.append(fields)
        elif proto.get('name') == 'gsm_sms_ud':
            pdus[-1].update(fields)
    for pdu in pdus:
        if pdu.get('smpp.command_id') not in (SUBMIT, DELIVER):
            continue
        if pdu['smpp.esm.submit.msg_type'] == '0x01':
            assert pdu['smpp.message_state'] == '2', pdu
            receipts += 1
            continue
        assert pdu['smpp.esm.submit.features'] == '0x01', pdu     # user data header
        assert pdu['smpp.protocol_id'] == '0x7f', pdu             # (U)SIM data download
        assert pdu['smpp.data_coding'] == '0xf6', pdu             # 8 bit, class 2
        seen.append((pdu['smpp.command_id'], pdu['gsm_sms.ie_identifier'], pdu['smpp.validity_period_r']))
        print(*seen[-1])

# C command, c a further part of it, P its PoR, N notification of the card.  A push, then one download or two: commands,
# the last of them enables; the card notifies and is confirmed.
letters = {(SUBMIT, '0x70'): 'C', (SUBMIT, '0x00'): 'c', (DELIVER, '0x71'): 'P', (DELIVER, '0x70'): 'N'}
text = ''.join(letters[message[:2]] for message in seen)
assert re.fullmatch('CPNCP((Cc*P){5}NCP){1,2}', text), text
assert seen[0][2].startswith('600.'), 'validity_period is not that of the operation'
assert receipts == text.count('C'), receipts
PY
shark -Y '_ws.malformed || _ws.expert.severity >= "Warning"' >"$dir/wrong"
[ ! -s "$dir/wrong" ] || { shark -V -Y '_ws.malformed || _ws.expert.severity >= "Warning"'; exit 1; }
echo "nothing malformed"
