#!/usr/bin/perl
# SPDX-License-Identifier: AGPL-3.0-or-later
# An ESME made of Net::SMPP against smsc-sim.  Usage: net_smpp_esme.pl PORT
use strict;
use warnings;
use Net::SMPP;
$| = 1;
my $port = shift or die 'which port?';
my %account = (port => $port, system_id => 'smsr', password => 'secret', smpp_version => 0x34);
my $refused = Net::SMPP->new_connect('127.0.0.1', %account) or die "connect: $!";
$refused = $refused->bind_transceiver(%account, password => 'wrong');
printf "wrong password: 0x%x\n", $refused->status;
my ($c, $bound) = Net::SMPP->new_transceiver('127.0.0.1', %account) or die "bind: $!";
die 'not bound' unless $c && $bound && $bound->status == 0;
print "bound to $bound->{system_id}\n";
my %sm = (source_addr_ton => 1, source_addr_npi => 1, source_addr => '12345', dest_addr_ton => 1, dest_addr_npi => 1,
	destination_addr => '491700000001', esm_class => 0x40, protocol_id => 0x7f, data_coding => 0xf6,
	registered_delivery => 0, validity_period => '000000010000000R', short_message => pack('H*', '027000aabbccdd'));
my (%id, $receipts);
for (1 .. 5) {
	my $resp = $c->submit_sm(%sm) or die 'no response';
	die sprintf 'submit refused: 0x%x', $resp->status if $resp->status;
	$id{ $resp->{message_id} } = 1;
}
print join(' ', 'ids', sort keys %id), "\n";
my $resp = $c->submit_sm(%sm, destination_addr => '4999');
printf "unknown number: 0x%x\n", $resp->status;
# Not supported: a nack, which this library does not take for the answer of a call that waits.
my $seq = $c->query_sm(async => 1, message_id => '1', source_addr => '12345');
$resp = $c->read_pdu;
printf "query_sm: 0x%x status 0x%x %s\n", $resp->cmd, $resp->status, $resp->seq == $seq ? 'same seq' : 'other seq';
$c->submit_sm(%sm, async => 1, registered_delivery => 1);
while (my $pdu = $c->read_pdu) {
	next unless $pdu->{cmd} == Net::SMPP::CMD_deliver_sm;
	$c->deliver_sm_resp(message_id => '', seq => $pdu->{seq});
	my ($text_id, $stat) = $pdu->{short_message} =~ /^id:(\d+) .* stat:(\w+) / or die "receipt: $pdu->{short_message}";
	my $tlv = $pdu->{receipted_message_id};
	$tlv =~ s/\0$//;
	die "ids differ: $text_id $tlv" unless hex($tlv) == $text_id;
	printf "receipt %s %s state %u from %s\n", $tlv, $stat, unpack('C', $pdu->{message_state}), $pdu->{source_addr};
	last;
}
$resp = $c->enquire_link;
printf "enquire_link: 0x%x\n", $resp->status;
$resp = $c->unbind;
printf "unbind: 0x%x\n", $resp->status;
