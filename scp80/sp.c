/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Parameters of the secured packet: SPI octets, status values, judgement of the counter (TS 102 225 §5.1). */
#include "scp80/sp.h"

#include <errno.h>

#include <osmocom/core/utils.h>

/* The 16 bits of SPI1 SPI2. */
#define SPI_RESERVED 0xe0c0
#define SPI_COUNTER_SHIFT 11
#define SPI_CIPHERED 0x0400
#define SPI_CHECK_SHIFT 8
#define SPI_POR_SUBMIT 0x0020
#define SPI_POR_CIPHERED 0x0010
#define SPI_POR_CHECK_SHIFT 2
#define SPI_POR_RESERVED 3

int spi_dec(uint16_t wire, struct spi *spi)
{
	if (wire & SPI_RESERVED || (wire & 3) == SPI_POR_RESERVED)
		return -EINVAL;
	*spi = (struct spi){
		.counter = wire >> SPI_COUNTER_SHIFT & 3,
		.ciphered = wire & SPI_CIPHERED,
		.check = wire >> SPI_CHECK_SHIFT & 3,
		.por = wire & 3,
		.por_check = wire >> SPI_POR_CHECK_SHIFT & 3,
		.por_ciphered = wire & SPI_POR_CIPHERED,
		.por_submit = wire & SPI_POR_SUBMIT,
	};
	return 0;
}

uint16_t spi_enc(const struct spi *spi)
{
	unsigned int wire = (unsigned int)spi->counter << SPI_COUNTER_SHIFT;

	wire |= (unsigned int)spi->check << SPI_CHECK_SHIFT;
	wire |= (unsigned int)spi->por_check << SPI_POR_CHECK_SHIFT;
	wire |= (unsigned int)spi->por;
	wire |= spi->ciphered ? SPI_CIPHERED : 0;
	wire |= spi->por_ciphered ? SPI_POR_CIPHERED : 0;
	wire |= spi->por_submit ? SPI_POR_SUBMIT : 0;
	return (uint16_t)wire;
}

const char *sp_status_name(uint8_t status)
{
	static const char *const name[] = {
		[SP_ST_OK] = "PoR OK",
		[SP_ST_CHECK_FAILED] = "RC/CC/DS failed",
		[SP_ST_CNTR_LOW] = "CNTR low",
		[SP_ST_CNTR_HIGH] = "CNTR high",
		[SP_ST_CNTR_BLOCKED] = "CNTR blocked",
		[SP_ST_CIPHER_ERROR] = "ciphering error",
		[SP_ST_SECURITY_ERROR] = "unidentified security error",
		[SP_ST_NO_MEMORY] = "insufficient memory",
		[SP_ST_MORE_TIME] = "more time needed",
		[SP_ST_TAR_UNKNOWN] = "TAR unknown",
		[SP_ST_LEVEL_TOO_LOW] = "insufficient security level",
		[SP_ST_BY_SUBMIT] = "actual response via SMS-SUBMIT (31.115)",
		[SP_ST_BY_USSD] = "actual response via USSD (31.115)",
	};

	return status < ARRAY_SIZE(name) ? name[status] : "reserved";
}

enum sp_status sp_counter_check(enum sp_counter mode, uint64_t stored, uint64_t cntr)
{
	switch (mode) {
	case SP_CNTR_NONE:
	case SP_CNTR_UNCHECKED:
		return SP_ST_OK;
	case SP_CNTR_HIGHER:
	case SP_CNTR_ONE_HIGHER:
		break;
	}
	if (stored >= SP_CNTR_MAX)
		return SP_ST_CNTR_BLOCKED;
	if (cntr <= stored)
		return SP_ST_CNTR_LOW;
	return mode == SP_CNTR_ONE_HIGHER && cntr != stored + 1 ? SP_ST_CNTR_HIGH : SP_ST_OK;
}
