#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Do the judges see a defect that is there?  Each patch of tests/sim/planted puts one into a copy of the tree, and the
# simulator has to find it.  Each line of the table is a patch and what a judge said.  tests/sim/planted.sh [PATTERN]
set -eu
cd "$(dirname "$0")/../.."
copy=$(mktemp -d "${TMPDIR:-/tmp}/smsr-planted-XXXXXX")
trap 'rm -rf "$copy"' EXIT
git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$copy"
# What is built already need not be built again: objects name their sources relatively.
if [ -d build/rel ]; then
	mkdir -p "$copy/build"
	cp -a build/rel "$copy/build/"
fi
build() { make -s -C "$copy" -j2 build/rel/tests/sim/main >"$copy/log" 2>&1 || { tail -20 "$copy/log"; return 1; }; }
row() { printf '%-40s %s\n' "$1" "$2" | tee -a "$copy/table"; }
build
missed=0
for patch in tests/sim/planted/*"${1:-}"*.patch; do
	name=$(basename "$patch" .patch)
	if ! patch -s -p1 -d "$copy" <"$patch"; then
		row "$name" "DOES NOT APPLY"
		exit 1
	fi
	build
	# What only rare runs show names its own: "# with: FLAGS" in the patch.
	read -ra with <<<"$(sed -n 's/^# with: //p' "$patch")"
	if "$copy/build/rel/tests/sim/main" -n 40 -f 10 -d 1 -k 0 -x 1 "${with[@]}" >"$copy/out"; then
		row "$name" MISSED
		missed=$((missed + 1))
	else
		row "$name" "$(grep '^seed [0-9]*: ' "$copy/out" | grep -v ': trace ' | head -n 1)"
	fi
	patch -s -R -p1 -d "$copy" <"$patch"
done
printf '\n%d patches, %d missed\n' "$(wc -l <"$copy/table")" "$missed"
[ "$missed" -eq 0 ]
