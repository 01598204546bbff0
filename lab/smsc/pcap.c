/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Capture file writer: pcap records around IPv4 (RFC 791), TCP (RFC 9293) and the octets of a session.
 *
 * The file is big endian, which its magic number says; readers take both. */
#include "lab/smsc/pcap.h"

#include <osmocom/core/utils.h>

#define SNAPLEN 65535
#define LINKTYPE_RAW 101
#define IP_LEN 20
#define TCP_LEN 20
#define DATA_MAX 60000
#define SMSC_PORT 2775

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
};

static const uint32_t address[] = {[PCAP_FROM_ESME] = 0xc0000202, [PCAP_FROM_SMSC] = 0xc0000201};

void pcap_file(struct wr *w)
{
	wr_u32(w, 0xa1b2c3d4);
	wr_u16(w, 2);
	wr_u16(w, 4);
	wr_u32(w, 0);
	wr_u32(w, 0);
	wr_u32(w, SNAPLEN);
	wr_u32(w, LINKTYPE_RAW);
}

/* One's complement sum of 16-bit words, RFC 1071. */
static uint32_t sum(uint32_t acc, struct bytes b)
{
	struct rd r;

	for (rd_init(&r, b); rd_left(&r) >= 2;)
		acc += rd_u16(&r);
	if (rd_left(&r))
		acc += (uint32_t)rd_u8(&r) * 256;
	return acc;
}

static uint16_t checksum(uint32_t acc)
{
	while (acc > 0xffff)
		acc = (acc & 0xffff) + acc / 65536;
	return (uint16_t)~acc;
}

static void ip_header(uint8_t out[IP_LEN], enum pcap_dir dir, size_t len, uint16_t check)
{
	struct wr w;

	wr_init_buf(&w, out, IP_LEN);
	wr_u16(&w, 0x4500);
	wr_u16(&w, (uint16_t)(IP_LEN + len));
	wr_u32(&w, 0x00004000); /* do not fragment */
	wr_u16(&w, 64 * 256 + 6);
	wr_u16(&w, check);
	wr_u32(&w, address[dir]);
	wr_u32(&w, address[!dir]);
}

static void tcp_header(uint8_t out[TCP_LEN], const struct pcap_conn *c, enum pcap_dir dir, uint8_t flags,
		       uint16_t check)
{
	struct wr w;

	wr_init_buf(&w, out, TCP_LEN);
	wr_u16(&w, dir == PCAP_FROM_ESME ? c->port : SMSC_PORT);
	wr_u16(&w, dir == PCAP_FROM_ESME ? SMSC_PORT : c->port);
	wr_u32(&w, c->seq[dir]);
	wr_u32(&w, flags & TCP_ACK ? c->seq[!dir] : 0);
	wr_u8(&w, TCP_LEN / 4 * 16);
	wr_u8(&w, flags);
	wr_u16(&w, 65535);
	wr_u16(&w, check);
	wr_u16(&w, 0);
}

static uint16_t tcp_check(const uint8_t tcp[TCP_LEN], struct bytes data)
{
	uint8_t pseudo[12];
	struct wr w;

	wr_init_buf(&w, pseudo, sizeof(pseudo));
	wr_u32(&w, address[PCAP_FROM_ESME]);
	wr_u32(&w, address[PCAP_FROM_SMSC]);
	wr_u16(&w, 6);
	wr_u16(&w, (uint16_t)(TCP_LEN + data.len));
	return checksum(sum(sum(sum(0, BYTES_ARR(pseudo)), bytes_of(tcp, TCP_LEN)), data));
}

static void segment(struct wr *w, struct pcap_conn *c, enum pcap_dir dir, uint8_t flags, struct bytes data,
		    int64_t utc_us)
{
	uint8_t ip[IP_LEN], tcp[TCP_LEN];
	uint32_t len = (uint32_t)(IP_LEN + TCP_LEN + data.len);

	ip_header(ip, dir, TCP_LEN + data.len, 0);
	ip_header(ip, dir, TCP_LEN + data.len, checksum(sum(0, BYTES_ARR(ip))));
	tcp_header(tcp, c, dir, flags, 0);
	tcp_header(tcp, c, dir, flags, tcp_check(tcp, data));
	wr_u32(w, (uint32_t)(utc_us / 1000000));
	wr_u32(w, (uint32_t)(utc_us % 1000000));
	wr_u32(w, len);
	wr_u32(w, len);
	wr_bytes(w, BYTES_ARR(ip));
	wr_bytes(w, BYTES_ARR(tcp));
	wr_bytes(w, data);
	c->seq[dir] += (uint32_t)data.len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

void pcap_open(struct wr *w, struct pcap_conn *c, unsigned number, int64_t utc_us)
{
	struct bytes none = bytes_of(NULL, 0);

	*c = (struct pcap_conn){.port = (uint16_t)(20000 + number % 40000), .seq = {1000, 2000}};
	segment(w, c, PCAP_FROM_ESME, TCP_SYN, none, utc_us);
	segment(w, c, PCAP_FROM_SMSC, TCP_SYN | TCP_ACK, none, utc_us);
	segment(w, c, PCAP_FROM_ESME, TCP_ACK, none, utc_us);
}

void pcap_data(struct wr *w, struct pcap_conn *c, enum pcap_dir dir, struct bytes data, int64_t utc_us)
{
	while (data.len) {
		size_t n = OSMO_MIN(data.len, DATA_MAX);

		segment(w, c, dir, TCP_PSH | TCP_ACK, bytes_sub(data, 0, n), utc_us);
		data = bytes_sub(data, n, data.len - n);
	}
}

void pcap_close(struct wr *w, struct pcap_conn *c, int64_t utc_us)
{
	struct bytes none = bytes_of(NULL, 0);

	segment(w, c, PCAP_FROM_SMSC, TCP_FIN | TCP_ACK, none, utc_us);
	segment(w, c, PCAP_FROM_ESME, TCP_FIN | TCP_ACK, none, utc_us);
	segment(w, c, PCAP_FROM_SMSC, TCP_ACK, none, utc_us);
}
