#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# smsr -C: the example configuration with a lab PKI is fine; each thing that may be wrong is named.
set -u
B=${B:-build/rel}
smsr=$B/bin/smsr pki=$B/bin/esim-pki
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail=0

sed "s#/etc/smsr#$tmp#; s#/var/lib/smsr#$tmp#; s#/run/smsr#$tmp#" docs/examples/smsr.cfg >"$tmp/smsr.cfg"
{
	"$pki" ca "$tmp/pki"
	"$pki" peer "$tmp/pki" tls 1.3.6.1.4.1.32473.30
	"$pki" peer "$tmp/pki" other 1.3.6.1.4.1.32473.31
	"$pki" master "$tmp/master.key"
} >/dev/null || { echo "esim-pki failed"; exit 1; }
restore() {
	cp "$tmp"/pki/ci.pem "$tmp"/pki/tls-ca.pem "$tmp"/pki/eum.pem "$tmp"/pki/tls.pem "$tmp"/pki/tls.key "$tmp"
	cp "$tmp/pki/tls-ca.pem" "$tmp/smsc-ca.pem"
	echo secret >"$tmp/smpp.password"
	chmod 600 "$tmp"/*.key
	rm -f "$tmp/smsr.db"
}

# expect WHAT CODE PATTERN: run the check, look at its exit code and words
expect() {
	out=$("$smsr" -C -c "$tmp/${cfg:-smsr.cfg}" 2>&1)
	code=$?
	if [ $code = "$2" ] && echo "$out" | grep -q -- "$3"; then
		echo "ok   $1"
	else
		echo "FAIL $1: exit code $code, wanted $2 and \"$3\":"
		echo "$out"
		fail=1
	fi
	case $out in *secret*) echo "FAIL $1: a password in the output"; fail=1 ;; esac
	cfg=smsr.cfg
	restore
}
# change WHAT CODE PATTERN SED: the same with a changed configuration
change() {
	sed "$4" "$tmp/smsr.cfg" >"$tmp/changed.cfg"
	cfg=changed.cfg
	expect "$1" "$2" "$3"
}

restore
cfg=smsr.cfg
expect "example" 0 ""
cp "$tmp/pki/other.key" "$tmp/tls.key"; expect "key of another certificate" 1 "tls.key"
chmod 644 "$tmp/tls.key"; expect "readable key" 1 "tls.key"
rm "$tmp/tls.pem"; expect "no certificate" 1 "tls.pem"
echo nonsense >"$tmp/tls-ca.pem"; expect "roots that are none" 1 "tls-ca.pem"
# req and x509 make no certificate of the past; ca does.
printf '[ca]\ndefault_ca=a\n[a]\ndatabase=%s/index\nnew_certs_dir=%s\nserial=%s/serial\npolicy=p\ndefault_md=sha256\n[p]\nCN=supplied\n' \
	"$tmp" "$tmp" "$tmp" >"$tmp/ca.cnf"
: >"$tmp/index"
echo 01 >"$tmp/serial"
{
	openssl req -new -key "$tmp/pki/tls.key" -subj /CN=old -out "$tmp/old.csr" &&
	openssl ca -batch -config "$tmp/ca.cnf" -in "$tmp/old.csr" -out "$tmp/tls.pem" -selfsign -keyfile "$tmp/pki/tls.key" \
	-startdate 20200101000000Z -enddate 20200201000000Z -notext
} >"$tmp/ca.log" 2>&1 || { cat "$tmp/ca.log"; echo "FAIL openssl made no expired certificate"; fail=1; }
expect "expired certificate" 1 "tls.pem: certificate has expired"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=soon -days 5 -keyout "$tmp/tls.key" \
	-out "$tmp/tls.pem" >"$tmp/ca.log" 2>&1 || { cat "$tmp/ca.log"; echo "FAIL openssl made no certificate"; fail=1; }
chmod 600 "$tmp/tls.key"
expect "certificate that ends soon" 0 "ends within 7 days"
cp "$tmp/pki/other.pem" "$tmp/eum.pem"; expect "EUM certificate that is none" 1 "eum.pem"
cp "$tmp/pki/tls-ca.pem" "$tmp/ci.pem"; expect "EUM certificate of another issuer" 1 "eum.pem"
rm "$tmp/ci.pem"; expect "no issuers" 1 "ci.pem"
chmod 640 "$tmp/master.key"; expect "readable master key" 1 "master.key"
mv "$tmp/master.key" "$tmp/kept"; echo short >"$tmp/master.key"; chmod 600 "$tmp/master.key"
expect "short master key" 1 "master.key"
mv "$tmp/kept" "$tmp/master.key"
rm "$tmp/smpp.password"; expect "no SMSC password" 1 "smpp.password"
: >"$tmp/smpp.password"; expect "empty SMSC password" 1 "smpp.password"
echo nonsense >"$tmp/smsc-ca.pem"; rm "$tmp/smsc-ca.pem"; expect "no roots of the SMSC" 1 "smsc example"
echo "no database of anybody, but long enough to be looked at as one" >"$tmp/smsr.db"
expect "a file that is no database" 3 "smsr.db"
rm "$tmp/tls.pem" "$tmp/smpp.password"; expect "two things at once, first" 1 "tls.pem"
rm "$tmp/tls.pem" "$tmp/smpp.password"; expect "two things at once, second" 1 "smpp.password"
change "a folder that is not there" 3 "nowhere" "s#database .*#database $tmp/nowhere/smsr.db#"
change "no entity-id" 1 "entity-id is missing" "/^ entity-id/d"
change "a peer twice" 1 "same entity-id" "s#32473.42#32473.20#"
change "no TLS identity of a peer" 1 "example-operator" "/tls fingerprint/d"
change "callback without TLS" 1 "callback-prefix" "s#callback-prefix https://mno#callback-prefix http://mno#"
change "unknown cipher suites" 1 "https-bearer" "s#cipher-suites .*#cipher-suites NONE-OF-THESE#"
change "a trigger with a name for an address" 1 "fleet example" "s#trigger address .*#trigger address smsr.example.net#"
change "a fleet without a listener" 1 "nothing to listen on" "/^  listen .* 8444/d"
change "unknown word" 1 "changed.cfg" "s#^ uri .*# uro x#"
change "no file" 1 "changed.cfg" "s#^smsr#nonsense#"
sqlite3 "$tmp/smsr.db" "PRAGMA application_id=1397902675; PRAGMA user_version=99; CREATE TABLE x (y)"
expect "a newer database" 3 "schema"
exit $fail
