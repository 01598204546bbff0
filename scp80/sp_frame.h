/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp80/sp.h"

/* What command and response packets have in common; shared by sp_cmd.c and sp_por.c, of no use elsewhere. */

#define SP_CHECK_MAX 8
#define SP_HEAD_MAX 7  /* SPI KIc KID TAR */
#define SP_FIXED_MAX 7 /* CNTR PCNTR [status] */
#define SP_TAR_LEN 3
#define SP_CNTR_LEN 5

/*! Layout of one direction. */
struct sp_shape {
	uint8_t id; /* SP_IP: identifier in front */
	size_t head_len;
	size_t fixed_len;
	struct bytes sms_prefix; /* SP_SMS: octets under the checksum that are not in the packet */
};

extern const struct sp_shape sp_shape_cmd, sp_shape_por;

/*! The protection of one packet, its keys found to suit. */
struct sp_prot {
	enum sp_check check;
	size_t check_len;
	size_t block; /* 0: not ciphered */
};

/*! \returns 0; -EINVAL key missing or unfit; -EOPNOTSUPP */
int sp_prot_init(const struct sp_keys *keys, enum sp_check check, bool ciphered, uint8_t kic, uint8_t kid,
		 struct sp_prot *prot) MUST_CHECK;

#define SP_CHECK_PARTS 4
/*! RC or CC over the parts in turn.  \param[out] out  prot->check_len octets, at most SP_CHECK_MAX
 * \returns 0; -EIO */
int sp_check_value(const struct sp_keys *keys, const struct sp_prot *prot, const struct bytes *parts,
		   uint8_t *out) MUST_CHECK;

/*! What goes into a packet besides lengths, checksum and padding. */
struct sp_fields {
	uint8_t head[SP_HEAD_MAX];
	uint64_t cntr;
	uint8_t status; /* response only */
};

/*! Write a packet: lengths, checksum, padding, ciphering.  Errors as sp_cmd_seal(). */
int sp_frame_seal(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_shape *shape,
		  const struct sp_prot *prot, const struct sp_fields *fields, struct bytes data,
		  struct wr *w) MUST_CHECK;

/*! A packet cut into its areas; nothing is proven. */
struct sp_wire {
	struct bytes hdr;  /* everything before CNTR */
	struct bytes head; /* the part of it behind CHL or RHL */
	struct bytes secured;
	size_t check_len; /* as CHL or RHL implies */
};

/*! \param[out] wire  views into pkt.  \returns 0; -EINVAL when a length is inconsistent */
int sp_frame_split(enum sp_dialect dialect, const struct sp_shape *shape, struct bytes pkt,
		   struct sp_wire *wire) MUST_CHECK;

/*! The secured area in clear. */
struct sp_clear {
	uint64_t cntr;
	uint8_t pcntr;
	uint8_t status;
	struct bytes fixed;
	struct bytes checksum;
	struct bytes padded; /* data and padding */
	struct bytes plain;  /* all of it */
};

/*! Cut the secured area that is in clear. */
int sp_clear_split(const struct sp_shape *shape, size_t check_len, struct bytes plain,
		   struct sp_clear *clear) MUST_CHECK;

/*! Decipher and verify.
 * \param[out] data  without padding */
int sp_frame_open(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_shape *shape,
		  const struct sp_prot *prot, const struct sp_wire *wire, struct wr *plain, struct sp_clear *clear,
		  struct bytes *data) MUST_CHECK;
