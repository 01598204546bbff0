/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "scp80/apdu.h"

/* Remote command scripts (TS 102 226): C-APDUs to the card, R-APDUs back.
 *
 *               command                      response
 *   definite    AA L { TLVs }                AB L 80 01 n { TLVs }      SMS, CAT_TP
 *   indefinite  AE 80 { TLVs } 00 00         AF 80 { TLVs } 00 00       HTTPS; also taken over SMS
 *   compact     C-APDUs back to back         n SW1 SW2 [data]           old fleets, not SGP.02 */

enum script_form {
	SCRIPT_DEFINITE,
	SCRIPT_INDEFINITE,
	SCRIPT_COMPACT,
};

/*! Tags of a command script. */
enum script_tag {
	SCRIPT_CAPDU = 0x22,
	SCRIPT_IMMEDIATE = 0x81, /* immediate action */
	SCRIPT_ERROR = 0x82,	 /* error action */
	SCRIPT_CHAINING = 0x83,	 /* first TLV only; value enum script_chain */
	/* The TLVs of SCP03t stand directly in a script (SGP.02). */
	SCRIPT_SCP03T_INIT = 0x84,
	SCRIPT_SCP03T_AUTH = 0x85,
	SCRIPT_SCP03T_DATA = 0x86,
	SCRIPT_SCP03T_KEYS = 0x87,
};
/*! Tags of a response script; good answers of SCP03t keep the tags above. */
enum script_rsp_tag {
	SCRIPT_RSP_COUNT = 0x80,
	SCRIPT_RSP_RAPDU = 0x23,
	SCRIPT_RSP_BAD_FORMAT = 0x90,
	SCRIPT_RSP_ACTION = 0x81, /* immediate action error */
	SCRIPT_RSP_CHAINING = 0x83,
	/* What the card has against a TLV of SCP03t: 9F44 against an 84, and so on. */
	SCRIPT_RSP_SCP03T_INIT = 0x9f44,
	SCRIPT_RSP_SCP03T_KEYS = 0x9f47,
};

enum script_chain {
	SCRIPT_CHAIN_FIRST = 0x01,	/* forgotten at reset */
	SCRIPT_CHAIN_FIRST_KEEP = 0x11, /* kept over a reset */
	SCRIPT_CHAIN_MIDDLE = 0x02,
	SCRIPT_CHAIN_LAST = 0x03,
};

/*! Values of SCRIPT_RSP_BAD_FORMAT. */
enum script_bad {
	SCRIPT_BAD_NONE = 0,
	SCRIPT_BAD_TAG = 1,
	SCRIPT_BAD_LEN = 2,
	SCRIPT_BAD_NO_LEN = 3,
};

/*! One TLV of a script. */
struct script_item {
	uint32_t tag;
	struct bytes value;
};

/* ---- command ---- */

/*! Write a command script.
 * \returns 0; -EINVAL for a tag that is no enum script_tag, chaining elsewhere than first, anything but a C-APDU in the
 *          compact form; -ENOSPC */
int script_cmd_enc(enum script_form form, const struct script_item *items, size_t n, struct wr *w) MUST_CHECK;

/*! A command script that was checked as a whole; views into the input. */
struct script_cmd {
	enum script_form form;
	struct bytes body; /* TLVs without the template; walk with script_next() */
	unsigned int n_items;
	unsigned int n_capdus;
	uint8_t chain; /* enum script_chain; 0 = none */
};

/*! Check an expanded command script from end to end.
 * \param[out] cmd  untouched on error
 * \param[out] bad  on -EINVAL what a card reports about it; may be NULL
 * \returns 0; -EINVAL */
int script_cmd_dec(struct bytes script, struct script_cmd *cmd, enum script_bad *bad) MUST_CHECK;

/*! Next TLV of a checked body, command or response; start with rd_init(&r, x.body).  \returns false at the end */
bool script_next(struct rd *r, struct script_item *item);

/*! Next C-APDU of a compact script, which has no template: lengths come from the APDUs themselves.  Ambiguous by nature
 * (Lc or Le): P3 is taken as Le for the instructions of TS 102 221 that only read, else as Lc.
 * \returns false at the end, or when the reader failed: ask rd_end() */
bool script_compact_next(struct rd *r, struct bytes *capdu);

/* ---- response ---- */

/*! Write a response script (card side).
 * \param[in] executed  number of executed commands; goes out in the definite and the compact form
 * \param[in] items     SCRIPT_RSP_* but not the count; the compact form takes exactly one R-APDU
 * \returns 0; -EINVAL; -ENOSPC */
int script_rsp_enc(enum script_form form, unsigned int executed, const struct script_item *items, size_t n,
		   struct wr *w) MUST_CHECK;

/*! A response script that was checked as a whole; views into the input. */
struct script_rsp {
	enum script_form form;
	struct bytes body; /* TLVs behind the count; walk with script_next().  Empty for the compact form */
	bool has_count;
	unsigned int executed; /* as the card counts; without a count: number of R-APDUs */
	unsigned int n_rapdus;
	struct rapdu last;   /* last R-APDU; sw = 0 when there is none */
	uint16_t bad_sw;     /* first status word that is no success; 0 = none */
	uint8_t bad_format;  /* enum script_bad; 0 = none */
	uint8_t action;	     /* immediate action error; 0 = none */
	uint16_t bad_scp03t; /* first error of SCP03t, 9F44 to 9F47; 0 = none */
	uint8_t chaining;    /* 01 no script before, 02 not supported, 03 unable; 0 = none */
};

/*! Read an expanded response (AB or AF).
 * \param[out] rsp  untouched on error
 * \returns 0; -EINVAL */
int script_rsp_dec(struct bytes script, struct script_rsp *rsp) MUST_CHECK;
/*! Read a compact response.  \returns 0; -EINVAL */
int script_rsp_dec_compact(struct bytes data, struct script_rsp *rsp) MUST_CHECK;

/*! What a response means for the script as a whole. */
enum script_verdict {
	SCRIPT_DONE,
	SCRIPT_SW,	   /* a command failed: rsp.bad_sw */
	SCRIPT_CUT,	   /* 62F1: answer cut, rest not executed */
	SCRIPT_BAD_FORMAT, /* the card could not read the script */
	SCRIPT_BAD_ACTION,
	SCRIPT_BAD_CHAIN,
	SCRIPT_SHORT, /* fewer commands executed than sent, or no answer to them, without a reason */
};

/*! \param[in] n_capdus  number of C-APDUs that were sent */
enum script_verdict script_rsp_judge(const struct script_rsp *rsp, unsigned int n_capdus);
const char *script_verdict_name(enum script_verdict verdict);
