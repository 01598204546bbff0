/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Baseline of the sealing: a command packet written by hand, with the least work that OpenSSL allows without leaving
 * its public interface.  No checks, one shape of packet (AES-128, CC of 8 octets, SPI 1639, counter of 5 octets). */

struct cmac;

struct cmac *cmac_new(void);

struct cmac_job {
	const uint8_t *kic; /* 16 octets each */
	const uint8_t *kid;
	uint64_t cntr;
	const uint8_t *data; /* 98 octets: no padding is needed */
	uint8_t kix[2];	     /* KIc and KID as they stand in the header */
	uint32_t tar;
};

#define CMAC_DATA_LEN 98
#define CMAC_PACKET_LEN 122

/*! \param[out] packet  CMAC_PACKET_LEN octets, from CPL on */
void cmac_seal(struct cmac *c, const struct cmac_job *job, uint8_t *packet);
