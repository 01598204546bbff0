#!/usr/bin/perl
# SPDX-License-Identifier: AGPL-3.0-or-later
# A service centre made of Net::SMPP for one ESME.  Prints "port N", then what it got; leaves after unbind.
# For each submit: a response, a receipt and a message from the phone.  Every fifth submit is throttled once.
use strict;
use warnings;
use Net::SMPP;
$| = 1;
my $server = Net::SMPP->new_listen('127.0.0.1', port => 0) or die "listen: $!";
print 'port ', $server->sockport, "\n";
my $c = $server->accept or die "accept: $!";
${*$c}{$_} = ${*$server}{$_} for keys %{ +Net::SMPP::Default };
$c->set_version(0x34);
my ($submits, $throttled, $acks, $n) = (0, 0, 0, 0);
my %addr = (source_addr_ton => 1, source_addr_npi => 1, source_addr => '491700000001',
	dest_addr_ton => 1, dest_addr_npi => 1, destination_addr => '12345');
while (my $pdu = $c->read_pdu) {
	my $cmd = $pdu->{cmd};
	if ($cmd == Net::SMPP::CMD_bind_transceiver) {
		print "bind $pdu->{system_id} $pdu->{password} version $pdu->{interface_version}\n";
		$c->bind_transceiver_resp(system_id => 'NetSMPP', seq => $pdu->{seq});
		$c->enquire_link(async => 1);
	} elsif ($cmd == Net::SMPP::CMD_submit_sm) {
		if (++$n % 5 == 0) {
			$c->submit_sm_resp(message_id => '', seq => $pdu->{seq}, status => 0x58);
			$throttled++;
			next;
		}
		$submits++;
		print join(' ', 'submit', @$pdu{qw(source_addr destination_addr esm_class protocol_id data_coding
			registered_delivery validity_period)}, unpack('H*', $pdu->{short_message})), "\n";
		my $id = sprintf 'net%04d', $submits;
		$c->submit_sm_resp(message_id => $id, seq => $pdu->{seq});
		$c->deliver_sm(async => 1, %addr, esm_class => 4, short_message =>
			"id:$id sub:001 dlvrd:001 submit date:2611210200 done date:2611210201 stat:DELIVRD err:000 text:");
		$c->deliver_sm(async => 1, %addr, esm_class => 0x40, protocol_id => 0x7f, data_coding => 0xf6,
			short_message => pack('H*', '02710000' . sprintf '%04x', $submits));
	} elsif ($cmd == Net::SMPP::CMD_deliver_sm_resp) {
		$pdu->{status} == 0 or die "deliver_sm refused: $pdu->{status}";
		$acks++;
	} elsif ($cmd == Net::SMPP::CMD_enquire_link) {
		$c->enquire_link_resp(seq => $pdu->{seq});
	} elsif ($cmd == Net::SMPP::CMD_enquire_link_resp) {
		print "enquire_link answered\n";
	} elsif ($cmd == Net::SMPP::CMD_unbind) {
		$c->unbind_resp(seq => $pdu->{seq});
		print "unbind submits $submits throttled $throttled acks $acks\n";
		exit 0;
	} else {
		die sprintf 'unexpected command %x', $cmd;
	}
}
die 'connection lost';
