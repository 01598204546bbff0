#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Do the judges of chaos see anything?  Each patch of planted/, and some of those of the simulator, puts one bug into a
# copy of the sources; chaos has to report violations with every one of them, and none of them may need luck: the second
# seed is the last.
#
#   tests/chaos/planted.sh [PATCH...]
#
# Ends with 0 when every bug was caught.
set -u
cd "$(dirname "$0")/../.." || exit 2
kills=${KILLS:-30}
patches=("$@")
[ $# -gt 0 ] || {
	patches=(tests/chaos/planted/*.patch)
	for name in counter-not-reserved key-in-the-log time-out-taken-for-success time-out-taken-for-expiry; do
		patches+=("tests/sim/planted/$name.patch")
	done
}
scratch=$(mktemp -d /tmp/smsr-planted-XXXXXX) || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 143' TERM INT HUP
missed=0
for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	copy=$scratch/$name
	mkdir "$copy"
	git ls-files -co --exclude-standard | tar -cf - -T - | tar -xf - -C "$copy" || exit 2
	# What is built already need not be built again: objects name their sources relatively.
	[ ! -d build/rel ] || { mkdir "$copy/build" && cp -a build/rel "$copy/build/"; } || exit 2
	patch -s -p1 -d "$copy" <"$patch" || {
		echo "$name: does not apply"
		missed=$((missed + 1))
		continue
	}
	make -s -j2 -C "$copy" all >"$copy/build.log" 2>&1 || {
		tail -20 "$copy/build.log"
		exit 2
	}
	caught=
	for seed in 1 2; do
		"$copy/tests/chaos/run" --kills "$kills" --seed "$seed" "$copy/build/rel" >"$copy/chaos.log" 2>&1 && continue
		grep -q '^kills .* violations [1-9]' "$copy/chaos.log" || continue
		caught="seed $seed: $(grep -c VIOLATION "$copy/chaos.log") violations, first: $(grep -m 1 -o 'VIOLATION.*' "$copy/chaos.log")"
		break
	done
	kept=$(sed -n 's/^kept: \([^ ]*\) .*/\1/p' "$copy/chaos.log")
	[ -z "$kept" ] || rm -rf "$kept"
	if [ -n "$caught" ]; then
		echo "$name: caught, $caught"
	else
		echo "$name: NOT caught"
		tail -5 "$copy/chaos.log"
		missed=$((missed + 1))
	fi
	rm -rf "$copy"
done
echo "${#patches[@]} planted bugs, $missed not caught"
[ "$missed" -eq 0 ]
