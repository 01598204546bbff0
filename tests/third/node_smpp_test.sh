#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# The npm module smpp as service centre for our link, and as ESME at smsc-sim.
set -eu
B=${B:-build/rel}
here=$(dirname "$0")
command -v node >/dev/null || { echo "node is not installed"; exit 77; }
NODE_PATH=${NODE_PATH:-$(npm root -g 2>/dev/null || true)}
export NODE_PATH
node -e 'require("smpp")' 2>/dev/null || { echo "npm module smpp is not installed (npm install -g smpp)"; exit 77; }
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null || true; rm -rf "$tmp"' EXIT
expect() { grep -q -- "$2" "$1" || { echo "missing in $1: $2"; cat "$1"; exit 1; }; }
await() { # file pattern
	for _ in $(seq 200); do grep -q -- "$2" "$1" 2>/dev/null && return; sleep 0.05; done
	echo "no \"$2\" in $1"; cat "$1"; exit 1
}

node "$here/node_smpp_smsc.js" >"$tmp/smsc" 2>&1 & pid=$!
await "$tmp/smsc" '^port '
port=$(sed -n 's/^port //p' "$tmp/smsc")
"$B/tests/scenario/smpp_exchange_test" 127.0.0.1 "$port" 20 40 >"$tmp/link" 2>&1 || { cat "$tmp/link" "$tmp/smsc"; exit 1; }
wait $pid || { cat "$tmp/smsc"; exit 1; }
pid=
expect "$tmp/smsc" '^bind smsr secret version 52$'
expect "$tmp/smsc" '^enquire_link answered$'
expect "$tmp/smsc" '^submit 12345 491700000001 64 127 246 1 7000 00050a0b0c0d0e$'
expect "$tmp/smsc" '^unbind submits 20 throttled [1-9][0-9]* acks 40$'
expect "$tmp/link" '^accepted [0-9]* node0020$'
expect "$tmp/link" '^receipt node0020 DELIVRD$'
expect "$tmp/link" '^deliver 491700000001 027100000014$'

echo 001010000000001,491700000001 >"$tmp/subscribers.csv"
"$B/bin/smsc-sim" -l 127.0.0.1:0 -s "$tmp/subscribers.csv" -P --account smsr --password secret --receipt tlv \
	>"$tmp/sim" 2>"$tmp/sim.err" & pid=$!
await "$tmp/sim" 'port '
port=$(sed -n 's/.* port //p' "$tmp/sim")
timeout 30 node "$here/node_smpp_esme.js" "$port" >"$tmp/esme" 2>&1 || { cat "$tmp/esme" "$tmp/sim.err"; exit 1; }
kill $pid
wait $pid
pid=
expect "$tmp/esme" '^bound to smsc-sim 0x0$'
expect "$tmp/esme" '^submitted 00B80001 0x0$'
expect "$tmp/esme" '^receipt 00B80001 state 2 from 491700000001$'
expect "$tmp/esme" '^enquire_link: 0x0$'
expect "$tmp/esme" '^unbind: 0x0$'
