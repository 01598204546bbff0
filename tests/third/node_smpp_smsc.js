// SPDX-License-Identifier: AGPL-3.0-or-later
// A service centre made of the npm module smpp for one ESME; the same script as net_smpp_smsc.pl.
'use strict';
const smpp = require('smpp');
let submits = 0, throttled = 0, acks = 0, n = 0;
const addr = { source_addr_ton: 1, source_addr_npi: 1, source_addr: '491700000001',
	dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '12345' };
const server = smpp.createServer((session) => {
	session.on('error', () => {});
	session.on('bind_transceiver', (pdu) => {
		console.log(`bind ${pdu.system_id} ${pdu.password} version ${pdu.interface_version}`);
		session.send(pdu.response({ system_id: 'NodeSMPP' }));
		session.enquire_link({}, () => console.log('enquire_link answered'));
	});
	session.on('submit_sm', (pdu) => {
		if (++n % 5 === 0) {
			throttled++;
			session.send(pdu.response({ command_status: 0x58 }));
			return;
		}
		submits++;
		const { udh, message } = pdu.short_message;
		console.log(['submit', pdu.source_addr, pdu.destination_addr, pdu.esm_class, pdu.protocol_id, pdu.data_coding,
			pdu.registered_delivery, Buffer.concat(udh).toString('hex'), Buffer.from(message).toString('hex')].join(' '));
		const id = 'node' + String(submits).padStart(4, '0');
		session.send(pdu.response({ message_id: id }));
		const count = () => acks++;
		session.deliver_sm({ ...addr, esm_class: 4, short_message: '', receipted_message_id: id, message_state: 2 }, count);
		session.deliver_sm({ ...addr, esm_class: 0x40, protocol_id: 0x7f, data_coding: 0xf6,
			short_message: Buffer.from('02710000' + submits.toString(16).padStart(4, '0'), 'hex') }, count);
	});
	session.on('enquire_link', (pdu) => session.send(pdu.response()));
	session.on('unbind', (pdu) => {
		session.send(pdu.response());
		console.log(`unbind submits ${submits} throttled ${throttled} acks ${acks}`);
		session.close(() => process.exit(0));
		setTimeout(() => process.exit(0), 500);
	});
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
