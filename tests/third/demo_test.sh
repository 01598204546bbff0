#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# "make demo" works, and tells what happened in order.
set -eu
B=$(cd "${B:-build/rel}" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d /tmp/smsr-demo.XXXXXX)
trap 'rm -rf "$dir"' EXIT
# The demo leaves its files beside the build directory it is given.
mkdir -p "$dir/build/rel" && ln -s "$B/bin" "$dir/build/rel/bin"
cd "$dir"
"$here/lab/demo/run" "$dir/build/rel" >"$dir/told" 2>&1 || { cat "$dir/told"; cat "$dir"/build/demo/last/*.log; exit 1; }
cat "$dir/told"
python3 - "$dir/told" <<'PY'
import sys
told = open(sys.argv[1]).read()
at = 0
for line in ('ES1-RegisterEIS', 'EXECUTED_SUCCESS', 'ES4-EnableProfile: HTTP 202', 'EnableProfile A0', 'counter 2: 9000',
             'notification 1: profile change succeeded', 'HandleNotificationConfirmation', 'is Disabled', 'is Enabled',
             'outcome EXECUTED_SUCCESS', 'ES4-EnableProfileResponse: EXECUTED_SUCCESS',
             'ES2-DownloadProfile of', 'eUICC checked', 'from the stock', 'ISD-P created', 'certificate of the SM-DP is good',
             'key set agreed', 'trigger of an HTTPS session', 'PSK-AES128', 'installed', 'ES3-ProfileDownloadCompleted',
             'EnableProfile: 9000', 'REFRESH', 'ES2-DownloadProfileResponse: EXECUTED_SUCCESS', 'octets received, SHA-256',
             'attached and sent the notification', 'operator, SM-DP, SM-SR and card agree'):
    found = told.find(line, at)
    assert found >= 0, f'not told, or not in this order: {line}'
    at = found
PY
for file in smsr.log smdp.log euicc-sim.log smsc-sim.log smsr.db smdp.db smpp.pcap psk.keys; do
	[ -s "$dir/build/demo/last/$file" ] || { echo "the demo left no $file"; exit 1; }
done
