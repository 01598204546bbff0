/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Response packets (TS 102 225 §5.2).  How one is protected stands nowhere in it: the SPI2 of the command says it, with
 * the keys and algorithms of the command.  So an answer without security (RHL 0A) is told from a secured one by what
 * was demanded, never by what it says of itself. */
#include "scp80/sp_frame.h"

#include <errno.h>

int sp_por_seal(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_por_hdr *hdr, struct bytes data,
		struct wr *w)
{
	struct sp_fields fields = {.cntr = hdr->cntr, .status = hdr->status};
	struct sp_prot prot;
	struct bytes all;
	struct wr head;
	int rc = sp_prot_init(keys, hdr->spi.por_check, hdr->spi.por_ciphered, hdr->kic, hdr->kid, &prot);

	if (rc < 0)
		return rc;
	wr_init_buf(&head, fields.head, SP_TAR_LEN);
	wr_uint(&head, hdr->tar, SP_TAR_LEN);
	if (wr_end(&head, &all) < 0)
		return -EINVAL;
	return sp_frame_seal(keys, dialect, &sp_shape_por, &prot, &fields, data, w);
}

static uint32_t tar_of(struct bytes head)
{
	struct rd r;

	rd_init(&r, head);
	return (uint32_t)rd_uint(&r, SP_TAR_LEN);
}

int sp_por_open(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *cmd, struct bytes pkt,
		struct wr *plain, struct sp_por *por)
{
	struct sp_por p = {.check = cmd->spi.por_check};
	struct sp_clear clear;
	struct sp_wire wire;
	struct sp_prot prot;
	int rc = sp_prot_init(keys, cmd->spi.por_check, cmd->spi.por_ciphered, cmd->kic, cmd->kid, &prot);

	if (rc == 0)
		rc = sp_frame_split(dialect, &sp_shape_por, pkt, &wire);
	if (rc == 0 && wire.check_len == 0 && prot.check_len > 0)
		rc = -EACCES;
	if (rc == 0)
		rc = sp_frame_open(keys, dialect, &sp_shape_por, &prot, &wire, plain, &clear, &p.data);
	if (rc < 0)
		return rc;
	p.tar = tar_of(wire.head);
	p.cntr = clear.cntr;
	p.status = clear.status;
	p.pcntr = clear.pcntr;
	p.checksum = clear.checksum;
	p.plain = clear.plain;
	*por = p;
	return 0;
}

int sp_por_peek(enum sp_dialect dialect, struct bytes pkt, struct sp_por_peek *peek)
{
	struct sp_por_peek p = {0};
	struct sp_clear clear;
	struct sp_wire wire;

	if (sp_frame_split(dialect, &sp_shape_por, pkt, &wire) < 0)
		return -EINVAL;
	p.tar = tar_of(wire.head);
	p.unsecured = wire.check_len == 0;
	if (p.unsecured) {
		if (sp_clear_split(&sp_shape_por, 0, wire.secured, &clear) < 0)
			return -EINVAL;
		p.cntr = clear.cntr;
		p.status = clear.status;
		p.data = clear.padded;
	}
	*peek = p;
	return 0;
}
