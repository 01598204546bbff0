/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command packets (TS 102 225 §5.1) in both directions, and the notification of an eUICC, which is a command packet
 * from the mobile (SGP.02, ES5.HandleDefaultNotification over SMS).  Rules for sending are kept apart from the coding:
 * a receiver must never apply them. */
#include "scp80/sp_frame.h"

#include <errno.h>

#define TAR_MAX 0xffffffU
#define SINGLE_DES_LEN 8

static int put_fields(const struct sp_hdr *hdr, struct sp_fields *f)
{
	struct bytes all;
	struct wr w;

	if (hdr->tar > TAR_MAX)
		return -EINVAL;
	wr_init_buf(&w, f->head, sizeof(f->head));
	wr_u16(&w, spi_enc(&hdr->spi));
	wr_u8(&w, hdr->kic);
	wr_u8(&w, hdr->kid);
	wr_uint(&w, hdr->tar, SP_TAR_LEN);
	f->cntr = hdr->cntr;
	f->status = 0;
	return wr_end(&w, &all);
}

int sp_cmd_seal_any(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *hdr, struct bytes data,
		    struct wr *w)
{
	struct sp_fields fields = {0};
	struct sp_prot prot;
	int rc = sp_prot_init(keys, hdr->spi.check, hdr->spi.ciphered, hdr->kic, hdr->kid, &prot);

	if (rc == 0)
		rc = put_fields(hdr, &fields);
	return rc < 0 ? rc : sp_frame_seal(keys, dialect, &sp_shape_cmd, &prot, &fields, data, w);
}

static bool may_send_with(const struct key *key, enum sp_counter counter)
{
	if (!key)
		return true;
	if (key_alg(key) == KEY_AES)
		return counter == SP_CNTR_HIGHER || counter == SP_CNTR_ONE_HIGHER;
	return key_len(key) != SINGLE_DES_LEN;
}

int sp_cmd_seal(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *hdr, struct bytes data,
		struct wr *w)
{
	const struct key *kic = hdr->spi.ciphered ? keys->kic : NULL;
	const struct key *kid = hdr->spi.check == SP_CHECK_CC ? keys->kid : NULL;

	if (!may_send_with(kic, hdr->spi.counter) || !may_send_with(kid, hdr->spi.counter))
		return -EPERM;
	return sp_cmd_seal_any(keys, dialect, hdr, data, w);
}

int sp_notif_seal(const struct sp_keys *keys, uint8_t kvn, uint32_t tar, struct bytes data, struct wr *w)
{
	struct sp_hdr hdr = {.kic = sp_kix(kvn, 0), .kid = sp_kix(kvn, SP_ALG_AES), .tar = tar};

	if (kvn == 0 || kvn > 0x0f || spi_dec(SPI_NOTIFICATION, &hdr.spi) < 0)
		return -EINVAL;
	return sp_cmd_seal_any(keys, SP_SMS, &hdr, data, w);
}

static int get_head(struct bytes head, struct sp_hdr *hdr)
{
	struct sp_hdr h = {0};
	uint16_t spi;
	struct rd r;

	rd_init(&r, head);
	spi = rd_u16(&r);
	h.kic = rd_u8(&r);
	h.kid = rd_u8(&r);
	h.tar = (uint32_t)rd_uint(&r, SP_TAR_LEN);
	if (rd_end(&r) < 0 || spi_dec(spi, &h.spi) < 0)
		return -EINVAL;
	*hdr = h;
	return 0;
}

static int split(enum sp_dialect dialect, struct bytes pkt, struct sp_wire *wire, struct sp_hdr *hdr)
{
	int rc = sp_frame_split(dialect, &sp_shape_cmd, pkt, wire);

	return rc < 0 ? rc : get_head(wire->head, hdr);
}

int sp_cmd_peek(enum sp_dialect dialect, struct bytes pkt, struct sp_peek *peek)
{
	struct sp_peek p = {0};
	struct sp_clear clear;
	struct sp_wire wire;

	if (split(dialect, pkt, &wire, &p.hdr) < 0)
		return -EINVAL;
	p.checksum_len = wire.check_len;
	if (!p.hdr.spi.ciphered) {
		if (sp_clear_split(&sp_shape_cmd, wire.check_len, wire.secured, &clear) < 0)
			return -EINVAL;
		p.hdr.cntr = clear.cntr;
		p.data = clear.padded;
	}
	*peek = p;
	return 0;
}

static int open_wire(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_wire *wire,
		     const struct sp_hdr *hdr, struct wr *plain, struct sp_cmd *cmd)
{
	struct sp_cmd c = {.hdr = *hdr};
	struct sp_clear clear;
	struct sp_prot prot;
	int rc = sp_prot_init(keys, hdr->spi.check, hdr->spi.ciphered, hdr->kic, hdr->kid, &prot);

	if (rc == 0)
		rc = sp_frame_open(keys, dialect, &sp_shape_cmd, &prot, wire, plain, &clear, &c.data);
	if (rc < 0)
		return rc;
	c.hdr.cntr = clear.cntr;
	c.pcntr = clear.pcntr;
	c.checksum = clear.checksum;
	c.plain = clear.plain;
	*cmd = c;
	return 0;
}

int sp_cmd_open(const struct sp_keys *keys, enum sp_dialect dialect, struct bytes pkt, struct wr *plain,
		struct sp_cmd *cmd)
{
	struct sp_wire wire;
	struct sp_hdr hdr;
	int rc = split(dialect, pkt, &wire, &hdr);

	return rc < 0 ? rc : open_wire(keys, dialect, &wire, &hdr, plain, cmd);
}

int sp_notif_open(const struct sp_keys *keys, struct bytes pkt, struct sp_cmd *notif)
{
	struct sp_wire wire;
	struct sp_hdr hdr;
	int rc = split(SP_SMS, pkt, &wire, &hdr);

	if (rc < 0)
		return rc;
	if (wire.check_len == 0)
		return -EACCES;
	if (spi_enc(&hdr.spi) != SPI_NOTIFICATION)
		return -EINVAL;
	return open_wire(keys, SP_SMS, &wire, &hdr, NULL, notif);
}
