/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/peer/timeline_db.h"
#include "smsr/store.h"

/* What happened: the timeline of each operation (P9), the audit trail of each eUICC (SGP.02 AuditTrailRecordType), and
 * the small tables of the daemon itself.  All return 0 or a negative errno of db.h. */

/*! Add a row to the timeline.  What happens to single messages is dropped from row 500 on. */
int record_db_timeline(struct db *db, int64_t op_id, int64_t stamp_ms, enum step step, const char *text) MUST_CHECK;
/*! SGP.02 OperationType, and our own from 0x8000 on (never shown to peers). */
enum audit_type {
	AUDIT_CREATE_ISDP = 0x0100,
	AUDIT_ENABLE = 0x0200,
	AUDIT_DISABLE = 0x0300,
	AUDIT_DELETE = 0x0400,
	AUDIT_CAPABILITY = 0x0500,
	AUDIT_NOTIF_FIRST = 0x0001,
	AUDIT_NOTIF_CHANGED = 0x0002,
	AUDIT_NOTIF_ROLLED_BACK = 0x0003,
	AUDIT_NOTIF_FALLBACK = 0x0005,
	AUDIT_REGISTER = 0x8001,
	AUDIT_IMPORT = 0x8002,
	AUDIT_POL2 = 0x8003,
	AUDIT_ADDRESS = 0x8004,
	AUDIT_COUNTER = 0x8005,
	AUDIT_OPERATOR = 0x8006,
	AUDIT_DOWNLOADED = 0x8007,
};

struct audit_row {
	int64_t id;
	struct bytes eid; /* empty: concerns no single eUICC */
	int64_t stamp_ms;
	enum audit_type type;
	char *requester;
	bool has_status;
	struct es_status status;
	struct bytes aid;
	char *iccid;
	struct bytes imei;
	char *text;
};

/*! Add a row. */
int record_db_audit(struct db *db, const struct audit_row *row) MUST_CHECK;
/*! Newest first; before_id 0 starts at the newest; eid empty: of all. */
int record_db_audit_get(const void *ctx, struct db *db, struct bytes eid, int64_t before_id, struct audit_row *rows,
			size_t max, size_t *n) MUST_CHECK;
/*! Looks at the max oldest rows only: the table is large, and in order of time. */
int record_db_audit_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;

/* ---- the daemon's own ---- */

/*! \param[in] name  "" for PAUSE_ALL and PAUSE_DRAIN */
int record_db_pause(struct db *db, enum pause_scope scope, const char *name, int64_t now_ms) MUST_CHECK;
/*! \returns -ENOENT if that was not paused */
int record_db_resume(struct db *db, enum pause_scope scope, const char *name) MUST_CHECK;
/*! Whether anything at all is held back. */
int record_db_any_pause(struct db *db, bool *any) MUST_CHECK;
int record_db_is_paused(struct db *db, enum pause_scope scope, const char *name, bool *paused) MUST_CHECK;

struct pause_row {
	enum pause_scope scope;
	char *name;
	int64_t since_ms;
};

/*! Pauses in force, at most max. */
int record_db_pauses(const void *ctx, struct db *db, struct pause_row *rows, size_t max, size_t *n) MUST_CHECK;
