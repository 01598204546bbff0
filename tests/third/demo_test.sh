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
             'outcome EXECUTED_SUCCESS', 'ES4-EnableProfileResponse: EXECUTED_SUCCESS', 'operator, SM-SR and card agree'):
    found = told.find(line, at)
    assert found >= 0, f'not told, or not in this order: {line}'
    at = found
PY
for file in smsr.log euicc-sim.log smsc-sim.log smsr.db smpp.pcap; do
	[ -s "$dir/build/demo/last/$file" ] || { echo "the demo left no $file"; exit 1; }
done
