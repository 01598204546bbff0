#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# SMPP over TLS: certificates by the openssl command line, s_client as a witness, our link with the right and the wrong CA,
# and the capture of smsc-sim in plain text.
set -eu
B=${B:-build/rel}
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null || true; rm -rf "$tmp"' EXIT
expect() { grep -q -- "$2" "$1" || { echo "missing in $1: $2"; tail -n 40 "$1"; exit 1; }; }
await() { # file pattern
	for _ in $(seq 200); do grep -q -- "$2" "$1" 2>/dev/null && return; sleep 0.05; done
	echo "no \"$2\" in $1"; cat "$1"; exit 1
}
ca() { # name
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$tmp/$1.key" \
		-out "$tmp/$1.pem" 2>/dev/null
}
ca root
ca stranger
server() { # name in the certificate
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=smsc -keyout "$tmp/$1.key" \
		-out "$tmp/$1.csr" 2>/dev/null
	echo "subjectAltName=DNS:$1" >"$tmp/ext"
	openssl x509 -req -in "$tmp/$1.csr" -CA "$tmp/root.pem" -CAkey "$tmp/root.key" -CAcreateserial -days 2 \
		-extfile "$tmp/ext" -out "$tmp/$1.pem" 2>/dev/null
}
start() { # name in the certificate
	"$B/bin/smsc-sim" -l 127.0.0.1:0 -s "$tmp/subscribers.csv" -P --account smsr --password secret \
		--tls-cert "$tmp/$1.pem" --tls-key "$tmp/$1.key" -w "$tmp/$1.pcap" >"$tmp/sim" 2>"$tmp/sim.err" & pid=$!
	await "$tmp/sim" 'SMPP over TLS on'
	port=$(sed -n 's/.* port //p' "$tmp/sim")
}
stop() {
	kill $pid
	wait $pid
	pid=
}
refused() { # what, CA
	echo "our link, $1"
	if timeout 2 "$B/tests/scenario/smpp_exchange_test" 127.0.0.1 "$port" 1 0 "$2" >"$tmp/refused" 2>&1; then
		echo "accepted"; exit 1
	fi
	expect "$tmp/refused" 'certificate verify failed'
	if grep -q '^accepted' "$tmp/refused"; then echo "submitted to a stranger"; exit 1; fi
}
server smsc.example
server other.example
echo 001010000000001,491700000001 >"$tmp/subscribers.csv"
start smsc.example

echo "witness: s_client verifies the server"
openssl s_client -connect "127.0.0.1:$port" -CAfile "$tmp/root.pem" -verify_return_error -verify_hostname smsc.example \
	</dev/null >"$tmp/witness" 2>&1 || { cat "$tmp/witness"; exit 1; }
expect "$tmp/witness" 'Verify return code: 0 (ok)'
# Level 0, so that the witness itself would speak it: the refusal has to be the server's.
if openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher DEFAULT@SECLEVEL=0 -CAfile "$tmp/root.pem" \
	</dev/null >"$tmp/old" 2>&1; then
	echo "TLS 1.1 was accepted"; exit 1
fi
expect "$tmp/old" 'alert protocol version'

echo "our link, right CA"
"$B/tests/scenario/smpp_exchange_test" 127.0.0.1 "$port" 50 50 "$tmp/root.pem" >"$tmp/link" 2>&1 || { cat "$tmp/link" "$tmp/sim.err"; exit 1; }
expect "$tmp/link" '^binds 1 accepted 50 refused 0 unknown 0 delivers 50 receipts 50 stopped$'

refused "wrong CA" "$tmp/stranger.pem"
stop
start other.example
refused "wrong name" "$tmp/root.pem"
stop

command -v tshark >/dev/null || { echo "tshark is not installed: capture not read"; exit 77; }
tshark -r "$tmp/smsc.example.pcap" -Y 'smpp.command_id == 0x00000004' >"$tmp/decoded" 2>/dev/null
[ "$(wc -l <"$tmp/decoded")" -ge 1 ]
tshark -r "$tmp/smsc.example.pcap" -T fields -e smpp.message_id 2>/dev/null | grep -q 00B80032
