/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/crypto/crypto.h"

/* The secured packet of TS 102 225, as carried by SMS (TS 31.115) and by CAT_TP or TCP.
 *
 *   command   CPL CHL SPI KIc KID TAR | CNTR PCNTR RC/CC data padding
 *   response  RPL RHL TAR             | CNTR PCNTR status RC/CC data padding
 *                                       ^ from here on ciphered
 *
 * Over SMS the identifiers 02 70 00 (command) and 02 71 00 (response) are the user data header: scp80/concat.h writes
 * and reads them, a packet here begins with CPL or RPL.  The IP dialect begins with the identifier 01 or 02.
 *
 * A server seals commands, opens responses and notifications; a card does the reverse.  Nothing here keeps state. */

/*! Highest value of CNTR: a card that has stored it refuses every further command. */
#define SP_CNTR_MAX 0xffffffffffULL
/*! The longest packet in this implementation, all octets counted. */
#define SP_PACKET_MAX 65535
/*! What sealing adds to the data at most: header, checksum, padding. */
#define SP_OVERHEAD_MAX 48

enum sp_dialect {
	SP_SMS, /* lengths of two octets; response identifier counts for the checksum */
	SP_IP,	/* CAT_TP and TCP: identifier, BER length */
};

/*! SPI1 b5 b4. */
enum sp_counter {
	SP_CNTR_NONE = 0,
	SP_CNTR_UNCHECKED = 1,
	SP_CNTR_HIGHER = 2,
	SP_CNTR_ONE_HIGHER = 3,
};

/*! SPI1 b2 b1 and SPI2 b4 b3. */
enum sp_check {
	SP_CHECK_NONE = 0,
	SP_CHECK_RC = 1, /* CRC: finds damage, proves nothing */
	SP_CHECK_CC = 2, /* cryptographic checksum */
	SP_CHECK_DS = 3, /* digital signature: reserved, not served */
};

/*! SPI2 b2 b1. */
enum sp_por_when {
	SP_POR_NEVER = 0,
	SP_POR_ALWAYS = 1,
	SP_POR_ON_ERROR = 2,
};

/*! Security parameters, TS 102 225 §5.1.1. */
struct spi {
	enum sp_counter counter;
	bool ciphered;
	enum sp_check check;
	enum sp_por_when por;
	enum sp_check por_check;
	bool por_ciphered;
	bool por_submit; /* PoR by SMS-SUBMIT; else in the SMS-DELIVER-REPORT */
};

/*! SGP.02 commands: CC, ciphered, counter higher; PoR always, with CC, ciphered, by SMS-SUBMIT. */
#define SPI_SGP02 0x1639
/*! SGP.02 notifications from the eUICC: CC and nothing else. */
#define SPI_NOTIFICATION 0x0200

/*! \param[out] spi  untouched on error
 * \returns 0; -EINVAL when a reserved bit or value is used */
int spi_dec(uint16_t wire, struct spi *spi) MUST_CHECK;
/*! \returns SPI1 in the high octet, SPI2 in the low one */
uint16_t spi_enc(const struct spi *spi);

/*! KIc and KID, TS 102 225 §5.1.2 and §5.1.3: key version in the high nibble (0 = implicit), algorithm in the low one.
 */
static inline uint8_t sp_kvn(uint8_t kic_or_kid)
{
	return kic_or_kid >> 4;
}
#define SP_ALG_AES 2
static inline uint8_t sp_kix(uint8_t kvn, uint8_t alg)
{
	return (uint8_t)((kvn & 0x0f) * 16 + (alg & 0x0f));
}

/*! Key set that protects a packet.  A handle may be NULL when nothing in the packet needs it.  A struct on the stack:
 * it owns nothing. */
struct sp_keys {
	struct crypto *crypto;
	const struct key *kic;
	const struct key *kid;
	size_t cc_len; /* octets of CC, a property of the key: 8, or 4 for some AES keys outside SGP.02 */
};

/*! Header of a command packet.  TAR is 3 octets, CNTR 5. */
struct sp_hdr {
	struct spi spi;
	uint8_t kic;
	uint8_t kid;
	uint32_t tar;
	uint64_t cntr;
};

/*! An opened command packet.  Views point into the packet, or into what the caller gave for the plain text. */
struct sp_cmd {
	struct sp_hdr hdr;
	uint8_t pcntr;
	struct bytes data;     /* without padding */
	struct bytes checksum; /* RC or CC, verified; may be empty */
	struct bytes plain;    /* from CNTR to the end, in clear: for tools that explain a packet */
};

/*! Seal a command packet.
 * Sending rules (TS 102 225 §5.1.2, §5.1.3.1): AES demands counter mode 10 or 11, and single DES is not sent at all.
 * \param[in]  data  secured data; must not overlap the writer's buffer
 * \param[out] w     the packet is appended; SP_OVERHEAD_MAX + data.len octets always suffice
 * \returns 0; -EPERM against a sending rule; -EINVAL key missing, or does not suit KIc, KID or cc_len, TAR or CNTR too
 *          large; -EOPNOTSUPP algorithm not served (DES-ECB, proprietary, DS); -ENOSPC; -EIO */
int sp_cmd_seal(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *hdr, struct bytes data,
		struct wr *w) MUST_CHECK;
/*! As sp_cmd_seal() without the sending rules.  For the bench only: it shows a card what the card must judge. */
int sp_cmd_seal_any(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *hdr, struct bytes data,
		    struct wr *w) MUST_CHECK;
/*! Seal a notification of an eUICC (SMS form): SPI 0200, KIc x0, KID x2, CNTR 0, CC only.
 * \param[in] kvn  key version 1 .. 15 of keys->kid, an AES key; kic is not used */
int sp_notif_seal(const struct sp_keys *keys, uint8_t kvn, uint32_t tar, struct bytes data, struct wr *w) MUST_CHECK;

/*! What can be read of a command packet before its key is known.  Nothing in it is proven. */
struct sp_peek {
	struct sp_hdr hdr;   /* cntr is 0 when ciphered */
	size_t checksum_len; /* octets that CHL leaves for RC or CC */
	struct bytes data;   /* secured data with padding; empty when ciphered */
};

/*! Read header and, of a packet that is not ciphered, the data.
 * \returns 0; -EINVAL when the lengths disagree or SPI is reserved */
int sp_cmd_peek(enum sp_dialect dialect, struct bytes pkt, struct sp_peek *peek) MUST_CHECK;

/*! Open a command packet (card side).  The checksum is compared in constant time before padding, counter or TAR are
 * looked at.  The counter is not judged: sp_counter_check().
 * \param[in]  pkt    whole packet, from CPL on (SP_IP: from the identifier on)
 * \param[in]  plain  room for the plain text, pkt.len octets suffice; used only when the packet is ciphered
 * \param[out] cmd    untouched on error
 * \returns 0; -EBADMSG wrong RC or CC; -EINVAL lengths, SPI, or keys that do not suit; -EOPNOTSUPP; -ENOSPC; -EIO */
int sp_cmd_open(const struct sp_keys *keys, enum sp_dialect dialect, struct bytes pkt, struct wr *plain,
		struct sp_cmd *cmd) MUST_CHECK;
/*! Open a notification (SMS form, SPI 0200): verify its CC with keys->kid.  Use sp_cmd_peek() first to find the key.
 * \returns 0; -EACCES when it bears no CC (an SM-SR refuses it); -EBADMSG wrong CC; -EINVAL; -EOPNOTSUPP; -EIO */
int sp_notif_open(const struct sp_keys *keys, struct bytes pkt, struct sp_cmd *notif) MUST_CHECK;

/*! Response status, TS 102 225 §5.2. */
enum sp_status {
	SP_ST_OK = 0x00,
	SP_ST_CHECK_FAILED = 0x01,
	SP_ST_CNTR_LOW = 0x02,
	SP_ST_CNTR_HIGH = 0x03,
	SP_ST_CNTR_BLOCKED = 0x04,
	SP_ST_CIPHER_ERROR = 0x05,
	SP_ST_SECURITY_ERROR = 0x06,
	SP_ST_NO_MEMORY = 0x07,
	SP_ST_MORE_TIME = 0x08, /* execution goes on: keep waiting */
	SP_ST_TAR_UNKNOWN = 0x09,
	SP_ST_LEVEL_TOO_LOW = 0x0a,
	SP_ST_BY_SUBMIT = 0x0b, /* TS 31.115: the answer follows by SMS-SUBMIT */
	SP_ST_BY_USSD = 0x0c,
};
/*! In words; "reserved" for a value without a meaning. */
const char *sp_status_name(uint8_t status);

/*! Judge the counter of a command (card side, after the CC was verified).
 * \param[in] stored  highest counter accepted so far
 * \returns SP_ST_OK: execute, and store cntr (modes 10 and 11) before anything else happens; else the status to answer
 */
enum sp_status sp_counter_check(enum sp_counter mode, uint64_t stored, uint64_t cntr);

/*! Header of a response packet.  spi, kic and kid are those of the command. */
struct sp_por_hdr {
	struct spi spi;
	uint8_t kic;
	uint8_t kid;
	uint32_t tar;
	uint64_t cntr;
	uint8_t status;
};

/*! An opened response packet; views as in struct sp_cmd. */
struct sp_por {
	enum sp_check check; /* what was verified: SP_CHECK_NONE only if the command asked for no more */
	uint32_t tar;
	uint64_t cntr;
	uint8_t status;
	uint8_t pcntr;
	struct bytes data;
	struct bytes checksum;
	struct bytes plain;
};

/*! Seal a response packet (card side) as the SPI2 of the command demands.  A card that cannot apply security clears
 * por_check and por_ciphered in its copy of the SPI.  Errors as sp_cmd_seal(); no sending rule applies. */
int sp_por_seal(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_por_hdr *hdr, struct bytes data,
		struct wr *w) MUST_CHECK;

/*! Open a response packet.
 * \param[in]  cmd  header of the command that it should answer: spi, kic and kid are used.  Afterwards compare tar and
 *                  cntr: a response that matches no command is ignored
 * \returns 0 when everything that the command demanded was verified; -EACCES when the card answered without security
 *          (RHL 0A) although a checksum was demanded: such an answer completes nothing, sp_por_peek() reads it for the
 *          log; -EBADMSG wrong RC or CC; -EINVAL; -EOPNOTSUPP; -ENOSPC; -EIO */
int sp_por_open(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *cmd, struct bytes pkt,
		struct wr *plain, struct sp_por *por) MUST_CHECK;

/*! What a response packet says of itself; nothing in it is proven. */
struct sp_por_peek {
	uint32_t tar;
	bool unsecured; /* no checksum, so supposedly not ciphered either: the fields below are read as clear text */
	uint64_t cntr;
	uint8_t status;
	struct bytes data; /* with padding */
};

/*! \returns 0; -EINVAL when the lengths disagree */
int sp_por_peek(enum sp_dialect dialect, struct bytes pkt, struct sp_por_peek *peek) MUST_CHECK;
