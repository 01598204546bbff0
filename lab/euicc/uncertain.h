/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

/* Everything in the card that SGP.02 may word differently from what we believe.  The comment behind each constant says
 * what is in doubt.  Nothing else in lab/euicc holds a guess. */

/* Default notification E1 (SGP.02). */
#define UNC_NOTIFY_AID_TAG 0x2f	      /* a card trace of 2016 shows 4F, later servers read 2F */
#define UNC_NOTIFY_AFTER_DISABLE 0x02 /* profile changed; some servers expect 05 (fall-back) */
#define UNC_NOTIFY_DCS 0xf6	      /* 8 bit, class 2; 04 is seen as well */
#define UNC_NOTIFY_TRIES 3	      /* sendings of one notification: set by the EUM, no standard value */
#define UNC_NOTIFY_WAIT_MS 120000     /* between two sendings: set by the EUM */

/* Retry policy of administration sessions when neither trigger nor stored parameters have one. */
#define UNC_HTTPS_RETRIES 3
#define UNC_HTTPS_RETRY_MS 10000

/* How long a card waits for service before it acts: set by the EUM. */
#define UNC_ROLLBACK_MS 180000 /* on a profile just enabled */
#define UNC_FALLBACK_MS 300000 /* on a profile that had been confirmed */

/* Status words that the sources do not agree on. */
#define UNC_SW_AID_UNKNOWN 0x6a88      /* 3A03, 3A04, 3A05, 3A09 with an unknown AID; some cards say 6A82 */
#define UNC_SW_DELETE_UNKNOWN 0x6a82   /* DELETE with an unknown AID; some cards say 6A88 */
#define UNC_SW_SEQ_UNKNOWN 0x6a88      /* 3A08 with a wrong sequence number, or nothing pending */
#define UNC_SW_MORE_STATUS 0x6310      /* GET STATUS has more; repeat with P2 = 03 */
#define UNC_SW_SWITCH_PENDING 0x6985   /* a change commanded before the REFRESH of the last one */
#define UNC_SW_FALLBACK_STATE 0x6985   /* 3A05 on a profile that is neither DISABLED nor ENABLED */
#define UNC_SW_UNKNOWN_TEMPLATE 0x6a80 /* 3A07 with a template other than A3 .. A6 */
#define UNC_SW_MASTER_DELETE 0x6982    /* DELETE with a wrong token; whether a token serves once only is open too */

/* POL1 (SGP.02): order of the bits. */
#define UNC_POL1_NO_DISABLE 0x01
#define UNC_POL1_NO_DELETE 0x02
#define UNC_POL1_DELETE_ON_DISABLE 0x04

/* Attribute octet of GET STATUS, tag 53. */
#define UNC_ATTR_FALLBACK 0x01
#define UNC_ATTR_EMERGENCY 0x02 /* bit and DGI of the emergency attribute are from memory */
#define UNC_DGI_EMERGENCY 0x3a09

/* One octet before 9000 in the answer to INSTALL and DELETE: "no receipt".  A bare 9000 is seen as well. */
#define UNC_NO_RECEIPT_LEN 1
/* Response data of one GET STATUS before the card answers UNC_SW_MORE_STATUS. */
#define UNC_STATUS_MAX 240
/* Quota of an ISD-P created without one. */
#define UNC_ISDP_MEM 0x10000

/* Key establishment and download (SGP.02, ES8). */
#define UNC_SW_PERSO 0x6a80	/* certificate, signature or parameters refused */
#define UNC_SW_SCP03_MAC 0x6982 /* wrong MAC on EXTERNAL AUTHENTICATE or on a protected command; 6988 is seen */
#define UNC_RECEIPT_FORM ECKA_RECEIPT_85 /* what follows the CRT in the receipt when there is a DR */
#define UNC_ISDP_SIN "ISDP"		 /* SIN of an ISD-P before somebody gives it another one */
#define UNC_ISDP_PARAMS_MAX 512		 /* octets of connectivity parameters that a card keeps */
#define UNC_PACKAGE_MAJOR_MIN 2		 /* oldest version of profile packages */
#define UNC_ICCID_FILE_FORM 0x98	 /* first octet of an ICCID in the header that is written as EF.ICCID is */
#define UNC_PE_ICCID_KNOWN PE_BAD_VALUES /* a package with an ICCID that the card holds already */

/* Does the ISD-R demand ciphering of every command (with the CC and the rising counter that it demands anyway)? Servers
 * cipher; whether the standard makes the card insist is not settled. */
#define UNC_CIPHERING_DEMANDED false
