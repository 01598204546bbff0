#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# xmlsec1 checks what we sign, and we check what xmlsec1 signs, with several keys, digests and canonical forms; a changed
# document fails on both sides.  The openssl command line checks the chains that esim-pki makes.
set -u
command -v xmlsec1 >/dev/null || { echo "xmlsec1 is not installed"; exit 77; }
pki=$B/bin/esim-pki
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
node=http://namespaces.gsma.org/esim-messaging/3:EumSignedInfo
n=0

fail() { echo "FAIL: $*"; exit 1; }
good() { n=$((n + 1)); "$@" >"$dir/log" 2>&1 || { cat "$dir/log"; fail "$@"; }; }
bad() { n=$((n + 1)); "$@" >"$dir/log" 2>&1 && fail "should have failed:" "$@"; return 0; }

good "$pki" ca "$dir/p"
good "$pki" card "$dir/p" --count 2 --index 41 --xmldsig
good "$pki" peer "$dir/p" operator 1.3.6.1.4.1.32473.41
good openssl verify -x509_strict -CAfile "$dir/p/ci.pem" "$dir/p/eum.pem"
good openssl verify -x509_strict -purpose sslserver -verify_hostname localhost -CAfile "$dir/p/tls-ca.pem" "$dir/p/operator.pem"
good openssl verify -x509_strict -purpose sslclient -verify_ip 127.0.0.1 -CAfile "$dir/p/tls-ca.pem" "$dir/p/operator.pem"
bad openssl verify -CAfile "$dir/p/ci.pem" "$dir/p/operator.pem"

for eis in "$dir"/p/cards/*.xmldsig.xml; do
	good xmlsec1 --verify --id-attr:Id $node --pubkey-cert-pem "$dir/p/eum.pem" "$eis"
	sed 's/<rps:PlatformVersion>1/<rps:PlatformVersion>2/' "$eis" >"$dir/changed.xml"
	bad xmlsec1 --verify --id-attr:Id $node --pubkey-cert-pem "$dir/p/eum.pem" "$dir/changed.xml"
	bad "$pki" verify "$dir/p/eum.pem" "$dir/changed.xml"
	good "$pki" verify "$dir/p/eum.pem" "$eis"
done
bad "$pki" verify "$dir/p/ci.pem" "$eis"

selfsigned() { # NAME KEY-OPTIONS...
	name=$1
	shift
	good openssl req -x509 -nodes -newkey "$@" -keyout "$dir/$name.key" -out "$dir/$name.pem" -subj "/CN=$name" -days 2 -sha256
}
selfsigned p256 ec -pkeyopt ec_paramgen_curve:P-256
selfsigned p384 ec -pkeyopt ec_paramgen_curve:P-384
selfsigned rsa3072 rsa:3072
selfsigned rsa2048 rsa:2048

exclusive=http://www.w3.org/2001/10/xml-exc-c14n#
inclusive=http://www.w3.org/TR/2001/REC-xml-c14n-20010315
inclusive11=http://www.w3.org/2006/12/xml-c14n11
more=http://www.w3.org/2001/04/xmldsig-more
enc=http://www.w3.org/2001/04/xmlenc

template() { # C14N SIGNATURE DIGEST [CHILD-OF-TRANSFORM]
	cat <<EOF
<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:rps="http://namespaces.gsma.org/esim-messaging/3"
 xmlns:unused="urn:unused" xmlns="urn:default"><rps:Eis>
<rps:EumSignedInfo Id="eis"><rps:Eid>89001012000000000000000000000053</rps:Eid>
 <!-- comment --><rps:Name b="2" a='1'>&#228; &lt;&#13; <![CDATA[<x>]]></rps:Name></rps:EumSignedInfo>
<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="$1"/><ds:SignatureMethod Algorithm="$2"/>
<ds:Reference URI="#eis"><ds:Transforms><ds:Transform Algorithm="$1">${4:-}</ds:Transform></ds:Transforms>
<ds:DigestMethod Algorithm="$3"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>
</rps:Eis></soap:Envelope>
EOF
}

theirs() { # KEY C14N SIGNATURE DIGEST [CHILD]
	key=$1
	shift
	template "$@" >"$dir/template.xml"
	good xmlsec1 --sign --id-attr:Id $node --privkey-pem "$dir/$key.key" --output "$dir/signed.xml" "$dir/template.xml"
}
take() {
	theirs "$@"
	good "$pki" verify "$dir/$1.pem" "$dir/signed.xml"
	sed 's/Eid>89001012/Eid>89001013/' "$dir/signed.xml" >"$dir/changed.xml"
	bad "$pki" verify "$dir/$1.pem" "$dir/changed.xml"
}
refuse() {
	theirs "$@"
	bad "$pki" verify "$dir/$1.pem" "$dir/signed.xml"
}

take p256 $exclusive $more#ecdsa-sha256 $enc#sha256
take p256 $inclusive $more#ecdsa-sha256 $enc#sha256
take p256 $inclusive11 $more#ecdsa-sha256 $enc#sha512
take p256 $exclusive $more#ecdsa-sha256 $enc#sha256 \
	"<ec:InclusiveNamespaces xmlns:ec=\"$exclusive\" PrefixList=\"unused #default\"/>"
take p384 $exclusive $more#ecdsa-sha384 $more#sha384
take rsa3072 $exclusive $more#rsa-sha256 $enc#sha256
take rsa3072 $inclusive $more#rsa-sha512 $enc#sha512
refuse rsa2048 $exclusive $more#rsa-sha256 $enc#sha256
refuse p256 $exclusive http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1 $enc#sha256
refuse p256 $exclusive $more#ecdsa-sha256 http://www.w3.org/2000/09/xmldsig#sha1
refuse p256 ${exclusive}WithComments $more#ecdsa-sha256 $enc#sha256
echo "$n checks between esim-pki, xmlsec1 and openssl"
