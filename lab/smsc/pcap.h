/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* SMPP sessions as a capture file (pcap, LINKTYPE_RAW), written by one end of them: no capture rights are needed, and
 * the plain text is there also when the connection is TLS.  IPv4 and TCP headers are made up but consistent:
 * documentation addresses 192.0.2.1 (service centre, port 2775) and 192.0.2.2, right checksums, sequence numbers
 * without gaps. */

struct pcap_conn {
	uint16_t port;	 /* of the ESME */
	uint32_t seq[2]; /* next octet, by enum pcap_dir */
};

enum pcap_dir {
	PCAP_FROM_ESME,
	PCAP_FROM_SMSC,
};

/*! Head of the file. */
void pcap_file(struct wr *w);
/*! Three-way handshake.  \param[in] number  of the session: gives the port */
void pcap_open(struct wr *w, struct pcap_conn *c, unsigned number, int64_t utc_us);
void pcap_data(struct wr *w, struct pcap_conn *c, enum pcap_dir dir, struct bytes data, int64_t utc_us);
void pcap_close(struct wr *w, struct pcap_conn *c, int64_t utc_us);
