#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Perl's Net::SMPP as service centre for our link, and as ESME at smsc-sim; tshark reads the capture of smsc-sim.
set -eu
B=${B:-build/rel}
here=$(dirname "$0")
perl -MNet::SMPP -e 1 2>/dev/null || { echo "libnet-smpp-perl is not installed"; exit 77; }
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null || true; rm -rf "$tmp"' EXIT
expect() { grep -q -- "$2" "$1" || { echo "missing in $1: $2"; cat "$1"; exit 1; }; }
await() { # file pattern
	for _ in $(seq 200); do grep -q -- "$2" "$1" 2>/dev/null && return; sleep 0.05; done
	echo "no \"$2\" in $1"; cat "$1"; exit 1
}

echo "our link at a service centre of Net::SMPP"
perl "$here/net_smpp_smsc.pl" >"$tmp/smsc" 2>"$tmp/smsc.err" & pid=$!
await "$tmp/smsc" '^port '
port=$(sed -n 's/^port //p' "$tmp/smsc")
"$B/tests/scenario/smpp_exchange_test" 127.0.0.1 "$port" 20 40 >"$tmp/link" 2>&1 || { cat "$tmp/link" "$tmp/smsc" "$tmp/smsc.err"; exit 1; }
wait $pid || { cat "$tmp/smsc" "$tmp/smsc.err"; exit 1; }
pid=
expect "$tmp/smsc" '^bind smsr secret version 52$'
expect "$tmp/smsc" '^enquire_link answered$'
expect "$tmp/smsc" '^submit 12345 491700000001 64 127 246 1 000000000100000R 02700000050a0b0c0d0e$'
expect "$tmp/smsc" '^unbind submits 20 throttled [1-9][0-9]* acks 40$'
expect "$tmp/link" '^accepted [0-9]* net0020$'
expect "$tmp/link" '^receipt net0020 DELIVRD$'
expect "$tmp/link" '^deliver 491700000001 027100000014$'
expect "$tmp/link" '^binds 1 accepted 20 refused [1-9][0-9]* unknown 0 delivers 40 receipts 20 stopped$'

echo "an ESME of Net::SMPP at smsc-sim"
echo 001010000000001,491700000001 >"$tmp/subscribers.csv"
"$B/bin/smsc-sim" -l 127.0.0.1:0 -s "$tmp/subscribers.csv" -P --account smsr --password secret -w "$tmp/smpp.pcap" \
	>"$tmp/sim" 2>"$tmp/sim.err" & pid=$!
await "$tmp/sim" 'port '
port=$(sed -n 's/.* port //p' "$tmp/sim")
timeout 60 perl "$here/net_smpp_esme.pl" "$port" >"$tmp/esme" 2>"$tmp/esme.err" || { cat "$tmp/esme" "$tmp/esme.err" "$tmp/sim.err"; exit 1; }
kill $pid
wait $pid
pid=
expect "$tmp/esme" '^wrong password: 0xe$'
expect "$tmp/esme" '^bound to smsc-sim$'
expect "$tmp/esme" '^ids 00B80001 00B80002 00B80003 00B80004 00B80005$'
expect "$tmp/esme" '^unknown number: 0xb$'
expect "$tmp/esme" '^receipt 00B80006 DELIVRD state 2 from 491700000001$'
expect "$tmp/esme" '^query_sm: 0x80000000 status 0x3 same seq$'
expect "$tmp/esme" '^enquire_link: 0x0$'
expect "$tmp/esme" '^unbind: 0x0$'
expect "$tmp/sim.err" 'refused: ESME_RINVPASWD'
expect "$tmp/sim.err" 'refused: ESME_RINVDSTADR (destination is no subscriber)'

command -v tshark >/dev/null || { echo "tshark is not installed: capture not read"; exit 77; }
echo "tshark reads the capture"
tshark -r "$tmp/smpp.pcap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -V >"$tmp/decoded" 2>"$tmp/tshark.err"
expect "$tmp/decoded" 'Operation: Bind_transceiver (0x00000009)'
expect "$tmp/decoded" 'Operation: Submit_sm (0x00000004)'
expect "$tmp/decoded" 'Result: Invalid password\|Result: Invalid Password'
expect "$tmp/decoded" 'Protocol id.*0x7f'
expect "$tmp/decoded" '(U)SIM Toolkit Security Headers'
expect "$tmp/decoded" 'Message id.*00B80003'
expect "$tmp/decoded" 'Message state: DELIVERED'
for bad in 'Malformed' 'Bad checksum\|Checksum Status: Bad' 'TCP Previous segment not captured' 'TCP Retransmission'; do
	if grep -q "$bad" "$tmp/decoded"; then echo "tshark: $bad"; exit 1; fi
done
grep -c 'Operation: ' "$tmp/decoded"
