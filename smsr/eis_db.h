/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/store.h"

/* Rows of the registry: eUICC, its signed part, key sets, profiles.  Lists and texts are talloc children of ctx.
 * All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! An eUICC by its row or its EID. */
int eis_db_get(const void *ctx, struct db *db, int64_t id, struct euicc *e) MUST_CHECK;
int eis_db_by_eid(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], struct euicc *e) MUST_CHECK;
/*! The eUICC one of whose profiles has this MSISDN (digits, no +) or IMSI.
 * An enabled profile wins over others; a number that two eUICCs claim is not believed: -EEXIST. */
int eis_db_by_address(struct db *db, const char *digits, int64_t *euicc_id) MUST_CHECK;
/*! Whose card may have sent a message from this number: a command of theirs went to it, or a profile has it; those that
 * await an answer first.  Numbers are what operators say, so several may claim one: only a checksum decides. */
int eis_db_candidates(struct db *db, const char *digits, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! \returns -EEXIST when two eUICCs have such a profile */
int eis_db_by_iccid(struct db *db, const char *iccid, int64_t *euicc_id) MUST_CHECK;
/*! IDs after a given one, in order, at most max; for lists and bulk work.  \param[out] n  how many were found */
int eis_db_list(struct db *db, int64_t after, bool only_audit_due, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
int eis_db_count(struct db *db, int64_t *total, int64_t *audit_due) MUST_CHECK;

struct eis_doc {
	struct bytes signed_info;
	struct bytes signature;
	struct bytes properties; /* data NULL: none */
};

/*! \param[in,out] e  id is filled in.  \returns -EEXIST if the EID is registered already */
int eis_db_insert(struct db *db, struct euicc *e, const struct eis_doc *doc, int64_t now_ms) MUST_CHECK;
int eis_db_doc(const void *ctx, struct db *db, int64_t euicc_id, struct eis_doc *doc) MUST_CHECK;
/*! Memory figures, last audit, device identity, last confirmed notification. */
int eis_db_update(struct db *db, const struct euicc *e) MUST_CHECK;
/*! \param[in] why  NULL: the EIS is believed again */
int eis_db_set_audit_due(struct db *db, int64_t euicc_id, const char *why) MUST_CHECK;
/*! ISD-P that the ISD-R was last asked to personalise; empty: none. */
int eis_db_set_perso(struct db *db, int64_t euicc_id, struct bytes aid) MUST_CHECK;
int eis_db_perso(const void *ctx, struct db *db, int64_t euicc_id, struct bytes *aid) MUST_CHECK;
int eis_db_set_active_op(struct db *db, int64_t euicc_id, int64_t op_id) MUST_CHECK;

/*! Profiles of an eUICC; insert fills in the id. */
int eis_db_profiles(const void *ctx, struct db *db, int64_t euicc_id, struct profiles *p) MUST_CHECK;
int eis_db_profile_insert(struct db *db, struct profile *p) MUST_CHECK;
/*! State, type, POL2, subscription address, memory. */
int eis_db_profile_update(struct db *db, const struct profile *p) MUST_CHECK;
int eis_db_profile_delete(struct db *db, int64_t profile_id) MUST_CHECK;

/*! Key sets and their keys, values wrapped by the keystore (P6); keyset_insert fills in the id. */
int eis_db_keyset_insert(struct db *db, struct keyset *ks) MUST_CHECK;
int eis_db_key_insert(struct db *db, int64_t keyset_id, int idx, int type, struct bytes kcv,
		      struct bytes wrapped) MUST_CHECK;
/*! Key set of a type: the one with this version, or with the lowest when version is 0. */
int eis_db_keyset(struct db *db, int64_t euicc_id, enum keyset_type type, int version, struct keyset *ks) MUST_CHECK;
int eis_db_keyset_by_id(struct db *db, int64_t id, struct keyset *ks) MUST_CHECK;
/*! Key sets that one eUICC may have: with room for every version that GlobalPlatform sets aside for SCP80, SCP81 and
 * SCP03, tokens and receipts. */
#define KEYSETS_MAX 64
/*! Key sets in the order of their versions; at most max. */
int eis_db_keysets(struct db *db, int64_t euicc_id, struct keyset *ks, size_t max, size_t *n) MUST_CHECK;
int eis_db_key(const void *ctx, struct db *db, int64_t keyset_id, int idx, int *type, struct bytes *wrapped) MUST_CHECK;
/*! Take the next counter value: the only way a counter moves in service.  \param[out] cntr  the value reserved */
int eis_db_counter_next(struct db *db, int64_t keyset_id, uint64_t *cntr) MUST_CHECK;
/*! Raise a counter (resynchronisation); never lowers it.  \returns -EINVAL if value is not above the present one */
int eis_db_counter_raise(struct db *db, int64_t keyset_id, uint64_t value) MUST_CHECK;
/*! After a restore: raise every SCP80 counter by a margin and mark every eUICC to be audited. */
int eis_db_counters_jump(struct db *db, uint64_t margin, const char *why) MUST_CHECK;
