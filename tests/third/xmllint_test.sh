#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# xmllint against our schema: the example bodies, and every body that our encoder can make; the WSDLs are well-formed.
set -eu
B=${B:-build/rel}
command -v xmllint >/dev/null || { echo "xmllint is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
xsd=schemas/esim-messaging-3.xsd
soap=http://www.w3.org/2003/05/soap-envelope

# Cut the body element out and give it the declarations of its envelope.
n=0
for f in tests/vectors/es/*.xml; do
	case $f in *makeconnection-request*|*soap-fault*) continue ;; esac
	/usr/bin/python3 - "$f" "$dir/example-$n.xml" <<-PY
		import sys, xml.etree.ElementTree as E
		body = E.parse(sys.argv[1]).getroot().find('{$soap}Body')[0]
		E.ElementTree(body).write(sys.argv[2])
	PY
	n=$((n + 1))
done
[ "$n" -eq 20 ]
"$B/tests/unit/soap_test" emit "$dir"
made=$(find "$dir" -name '*-*-?.xml' | wc -l)
[ "$made" -gt 150 ]
xmllint --noout --nonet --schema "$xsd" "$dir"/*.xml >"$dir/log" 2>&1 || { grep -v ' validates$' "$dir/log"; exit 1; }
xmllint --noout --nonet schemas/*.wsdl schemas/*.xsd
echo "$n examples and $made encoded bodies are valid"
