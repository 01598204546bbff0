#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Debian packages that the build, the tests and the lab need.
#   deps.sh            install what is missing, silent when nothing is
#   deps.sh --install  the same, and say so when nothing is missing
set -eu
packages="
build-essential pkg-config git
libosmocore-dev libosmo-sigtran-dev libosmo-netif-dev libtalloc-dev libssl-dev libsqlite3-dev libxml2-dev libevent-dev
libjansson-dev libhttp-parser-dev libcmocka-dev libsctp-dev
openssl curl sqlite3 libxml2-utils xmlsec1 tshark python3 python3-zeep libnet-smpp-perl
osmo-msc osmo-hlr osmo-stp
clang libclang-rt-14-dev clang-format cppcheck shellcheck universal-ctags valgrind gcovr
"
missing=
for p in $packages; do
	dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
if [ -z "$missing" ]; then
	[ "${1:-}" != --install ] || echo "deps: all packages are installed"
	exit 0
fi
echo "deps: missing:$missing"
if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif command -v sudo >/dev/null 2>&1; then
	sudo=sudo
else
	echo "deps: installing needs root and there is no sudo; as root, run: apt-get install$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the list is meant to be split
if ! { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends $missing; }; then
	echo "deps: apt-get failed; as root, run: apt-get update && apt-get install$missing" >&2
	exit 1
fi
