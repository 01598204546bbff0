#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# The HTTPS server as OpenSSL's command line and curl see it: versions, suites, certificates, renegotiation.
set -u
B=${B:-build/rel}
server=$B/tests/unit/http_server_test
command -v openssl >/dev/null || { echo "openssl is not installed"; exit 77; }
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
tmp=$(mktemp -d)
trap 'exec 9>&-; rm -rf "$tmp"' EXIT
mkfifo "$tmp/in" "$tmp/out"
"$server" serve <"$tmp/in" >"$tmp/out" &
exec 9>"$tmp/in"
read -r port ca cert key <"$tmp/out" || { echo "no server"; exit 1; }
fail=0

# judge WHAT EXPECTED (yes or no): whether the server answered the request in $tmp/answer
judge() {
	got=no
	grep -q 'HTTP/1.1 200 ' "$tmp/answer" && got=yes
	[ "$got" = "$2" ] && { echo "ok   $1"; return; }
	echo "FAIL $1: answered: $got, expected: $2"
	cat "$tmp/answer"
	fail=1
}

request='GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
# shellcheck disable=SC2059 # the request is a format
s_client() { # WHAT EXPECTED OPTIONS...
	what=$1 expected=$2
	shift 2
	{ printf "$request"; sleep 0.3; } |
		timeout 10 openssl s_client -connect "127.0.0.1:$port" -CAfile "$ca" -verify_return_error -ign_eof "$@" \
			>"$tmp/answer" 2>&1
	judge "$what" "$expected"
}

own="-cert $cert -key $key"
# shellcheck disable=SC2086 # options of two words
{
	s_client "TLS 1.3" yes $own -tls1_3
	s_client "TLS 1.2" yes $own -tls1_2
	grep -q 'Cipher is ECDHE-ECDSA-AES...-GCM' "$tmp/answer" || { echo "FAIL suite of TLS 1.2"; fail=1; }
	grep -q 'unexpected eof' "$tmp/answer" && { echo "FAIL the server closed without close_notify"; fail=1; }
	grep -q 'Compression: NONE' "$tmp/answer" || { echo "FAIL compression"; fail=1; }
	s_client "TLS 1.1" no $own -tls1_1 -cipher DEFAULT@SECLEVEL=0
	grep -q 'alert protocol version' "$tmp/answer" || { echo "FAIL TLS 1.1 ended otherwise"; cat "$tmp/answer"; fail=1; }
	s_client "CBC" no $own -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA
	s_client "no client certificate, TLS 1.3" no -tls1_3
	s_client "no client certificate, TLS 1.2" no -tls1_2
	request='R\n'$request
	s_client "renegotiation" no $own -tls1_2
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=client -days 1 \
	-keyout "$tmp/self.key" -out "$tmp/self.pem" 2>/dev/null
request='GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
s_client "self-signed client certificate" no -cert "$tmp/self.pem" -key "$tmp/self.key"

head -c 60000 /dev/zero | tr '\0' x >"$tmp/body"
{ printf 'POST /es4?x=y application/soap+xml A:b client '; cat "$tmp/body"; } >"$tmp/expected"
for how in "" "-H Transfer-Encoding:chunked" "-H Expect:100-continue"; do
	# shellcheck disable=SC2086
	curl -sS -D "$tmp/answer" -o "$tmp/echo" --max-time 10 --cacert "$ca" --cert "$cert" --key "$key" $how --data-binary "@$tmp/body" \
		-H 'Content-Type: application/soap+xml; action="A:b"' "https://127.0.0.1:$port/es4?x=y"
	judge "curl ${how:-plain}" yes
	cmp "$tmp/echo" "$tmp/expected" || { echo "FAIL the body did not come back"; fail=1; }
done
exit $fail
