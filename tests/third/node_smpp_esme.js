// SPDX-License-Identifier: AGPL-3.0-or-later
// An ESME made of the npm module smpp against smsc-sim.  Usage: node_smpp_esme.js PORT
'use strict';
const smpp = require('smpp');
const session = smpp.connect({ host: '127.0.0.1', port: Number(process.argv[2]) });
const status = (pdu) => '0x' + pdu.command_status.toString(16);
session.on('error', (e) => { console.log('error ' + e.message); process.exit(1); });
session.on('deliver_sm', (pdu) => {
	session.send(pdu.response());
	console.log(`receipt ${pdu.receipted_message_id} state ${pdu.message_state} from ${pdu.source_addr}`);
	session.enquire_link({}, (e) => {
		console.log('enquire_link: ' + status(e));
		session.unbind({}, (u) => { console.log('unbind: ' + status(u)); process.exit(0); });
	});
});
session.on('connect', () => {
	session.bind_transceiver({ system_id: 'smsr', password: 'secret', interface_version: 0x34 }, (bound) => {
		console.log(`bound to ${bound.system_id} ${status(bound)}`);
		session.submit_sm({ source_addr_ton: 1, source_addr_npi: 1, source_addr: '12345', dest_addr_ton: 1,
			dest_addr_npi: 1, destination_addr: '491700000001', esm_class: 0x40, protocol_id: 0x7f, data_coding: 0xf6,
			registered_delivery: 1, short_message: Buffer.from('027000aabbccdd', 'hex') },
			(resp) => console.log(`submitted ${resp.message_id} ${status(resp)}`));
	});
});
