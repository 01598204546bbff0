-- SPDX-License-Identifier: AGPL-3.0-or-later
-- smdp: the store of an SM-DP.  Times are UTC milliseconds, AIDs and EIDs are octets, OIDs and ICCIDs are text.
-- Numbers that name a state or a kind are the enums of smdp/store.h and smdp/stock.h; they are never renumbered.

-- One row: what is true for the whole file (common/db/meta_db.h).
CREATE TABLE meta (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	epoch INTEGER NOT NULL,		-- raised by every restore
	started_ms INTEGER,		-- last start of the daemon
	committed_ms INTEGER,		-- last sign of life
	beats INTEGER NOT NULL,		-- signs of life, counted: a step back shows a restored file
	backup INTEGER NOT NULL		-- 1: this file is a copy made by the daemon
);
INSERT INTO meta VALUES (1, 1, NULL, NULL, 0, 0);

-- ---- orders ----

-- EUICCs that orders or notifications named.
CREATE TABLE euicc (
	id INTEGER PRIMARY KEY,
	eid BLOB NOT NULL UNIQUE CHECK (length(eid) = 16),	-- SGP.02: 32 digits, BCD
	smsr_oid TEXT NOT NULL,		-- that manages it, as far as we were told
	doubt INTEGER NOT NULL DEFAULT 0	-- since the database was restored: enum doubt
);
CREATE INDEX euicc_doubt ON euicc (doubt, id) WHERE doubt > 0;

-- One call of an operator: a download, or a function that the SM-SR carries out.
CREATE TABLE operation (
	id INTEGER PRIMARY KEY AUTOINCREMENT,	-- people and peers name it: never given twice
	euicc_id INTEGER NOT NULL REFERENCES euicc,
	kind INTEGER NOT NULL,
	state INTEGER NOT NULL,
	due_ms INTEGER,			-- next time this row wants attention; NULL: only an event moves it
	fn INTEGER NOT NULL,		-- function of the requester
	requester TEXT NOT NULL,	-- OID
	call_id TEXT,
	message_id TEXT,
	transaction_id TEXT,
	context_id TEXT,
	reply_to TEXT,
	smsr_oid TEXT NOT NULL,
	iccid TEXT,			-- as ordered; of a download by type: once it is reserved
	profile_type TEXT,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	started_ms INTEGER,
	ended_ms INTEGER,
	status INTEGER,			-- outcome; of a download in its error routine: the one to come
	subject TEXT,
	reason TEXT,
	subject_id TEXT,
	message TEXT,
	erd BLOB			-- EuiccResponseData
);
CREATE INDEX operation_due ON operation (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX operation_open ON operation (euicc_id, id) WHERE state < 100;
CREATE INDEX operation_ended ON operation (ended_ms) WHERE ended_ms IS NOT NULL;

-- What a download knows beside that.
CREATE TABLE download (
	op_id INTEGER PRIMARY KEY REFERENCES operation ON DELETE CASCADE,
	enable INTEGER NOT NULL,
	item_id INTEGER,		-- of the stock
	required_memory INTEGER NOT NULL DEFAULT 0,
	package_len INTEGER NOT NULL DEFAULT 0,
	aid BLOB,			-- ISD-P
	created INTEGER NOT NULL DEFAULT 0,	-- an ISD-P is, or may be, on the card
	purpose INTEGER NOT NULL DEFAULT 0,	-- of a look at the EIS, of an error routine
	tries INTEGER NOT NULL DEFAULT 0,	-- ISD-Ps begun
	sessions INTEGER NOT NULL DEFAULT 0,	-- SCP03t sessions begun on this ISD-P
	ecasd BLOB,			-- point of PK.ECASD.ECKA, out of a certificate that was verified
	ecasd_curve INTEGER NOT NULL DEFAULT 0,	-- GlobalPlatform key parameter reference
	sent INTEGER NOT NULL DEFAULT 0,	-- octets of the package given to the SM-SR
	done INTEGER NOT NULL DEFAULT 0		-- and answered by the card
);

-- Calls of ours to an SM-SR.  The octets never change: a repetition is the same message.
CREATE TABLE es3_call (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	op_id INTEGER NOT NULL REFERENCES operation ON DELETE CASCADE,
	smsr_oid TEXT NOT NULL,
	fn INTEGER NOT NULL,
	call_id TEXT NOT NULL UNIQUE,
	message_base TEXT NOT NULL UNIQUE,	-- MessageID before its query: what RelatesTo is compared with
	transaction_id TEXT,
	url TEXT NOT NULL,
	action TEXT NOT NULL,
	envelope BLOB,			-- NULL once it is answered
	state INTEGER NOT NULL,
	due_ms INTEGER,
	expires_ms INTEGER NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	maybe INTEGER NOT NULL DEFAULT 0,	-- 1: the SM-SR may have it
	last_error TEXT,
	created_ms INTEGER NOT NULL,
	ended_ms INTEGER
);
CREATE INDEX es3_call_due ON es3_call (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX es3_call_op ON es3_call (op_id, id);
CREATE INDEX es3_call_transaction ON es3_call (smsr_oid, transaction_id) WHERE state < 2;

-- SCP03 key set of each profile that we installed, for its life.  Keys are wrapped, bound to EID, ICCID and index.
CREATE TABLE isdp_keys (
	id INTEGER PRIMARY KEY,
	eid BLOB NOT NULL CHECK (length(eid) = 16),
	iccid TEXT NOT NULL,
	op_id INTEGER NOT NULL,		-- download that made them
	mno_oid TEXT NOT NULL,
	aid BLOB NOT NULL,
	kvn INTEGER NOT NULL,
	enc BLOB NOT NULL,
	mac BLOB NOT NULL,
	dek BLOB NOT NULL,
	token BLOB,			-- for delete tokens; NULL: none was agreed
	seq INTEGER NOT NULL,		-- SCP03 sequence counter used last
	installed INTEGER NOT NULL,	-- 1: the profile is on the card
	created_ms INTEGER NOT NULL,
	UNIQUE (eid, iccid)
);
CREATE INDEX isdp_keys_iccid ON isdp_keys (iccid);

-- Repeats: same sender and FunctionCallIdentifier (common/peer/call_db.h).
CREATE TABLE call (
	sender TEXT NOT NULL,
	call_id TEXT NOT NULL,
	fn INTEGER NOT NULL,
	body_hash BLOB NOT NULL,	-- SHA-256 of the canonical body
	op_id INTEGER,
	response BLOB,
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (sender, call_id)
) WITHOUT ROWID;
CREATE INDEX call_age ON call (created_ms);

-- Messages to operators: answers by callback, notifications (common/peer/outbox_db.h).
CREATE TABLE outbox (
	id INTEGER PRIMARY KEY,
	op_id INTEGER REFERENCES operation ON DELETE CASCADE,
	peer TEXT NOT NULL,
	euicc_id INTEGER,
	name TEXT NOT NULL,
	url TEXT,			-- NULL: no address
	action TEXT NOT NULL,
	envelope BLOB NOT NULL,
	state INTEGER NOT NULL,
	due_ms INTEGER,
	expires_ms INTEGER NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	last_error TEXT,
	created_ms INTEGER NOT NULL,
	ended_ms INTEGER
);
CREATE INDEX outbox_due ON outbox (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX outbox_order ON outbox (peer, euicc_id, id) WHERE state = 0;
CREATE INDEX outbox_op ON outbox (op_id);
CREATE INDEX outbox_ended ON outbox (ended_ms) WHERE ended_ms IS NOT NULL;

CREATE TABLE timeline (
	id INTEGER PRIMARY KEY,
	op_id INTEGER NOT NULL REFERENCES operation ON DELETE CASCADE,
	stamp_ms INTEGER NOT NULL,
	step INTEGER NOT NULL,
	text TEXT
);
CREATE INDEX timeline_op ON timeline (op_id, id);

-- Notifications of SM-SRs that were taken: they come at least once.
CREATE TABLE note (
	sender TEXT NOT NULL,
	message_base TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (sender, message_base)
) WITHOUT ROWID;
CREATE INDEX note_age ON note (created_ms);

-- What an operator of ours holds back: there is a row while no calls to SM-SRs leave.
CREATE TABLE pause (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	since_ms INTEGER NOT NULL
);

-- ---- stock ----

-- Types of profiles; operators use the name in an order.
CREATE TABLE stock_type (
	id INTEGER PRIMARY KEY,
	mno TEXT NOT NULL,		-- OID of the operator
	name TEXT NOT NULL,
	required_memory INTEGER NOT NULL,	-- octets to ask of the card; 0: as long as the package
	template TEXT,			-- of data preparation; NULL: ready packages only
	UNIQUE (mno, name)
);

-- One profile each.  Rows stay for ever, so that no ICCID is taken twice.
CREATE TABLE stock_item (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	type_id INTEGER NOT NULL REFERENCES stock_type,
	iccid TEXT NOT NULL UNIQUE,	-- digits, no F
	imsi TEXT,
	msisdn TEXT,			-- international digits
	pol2 TEXT NOT NULL,		-- rules like "disable:not-allowed", a space between them
	state INTEGER NOT NULL,
	order_id INTEGER,		-- that reserved or used it
	imported_ms INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,
	package_len INTEGER NOT NULL,
	package BLOB			-- wrapped, bound to the ICCID; NULL: delivered long ago
);
CREATE INDEX stock_item_state ON stock_item (type_id, state, id);
CREATE INDEX stock_item_spent ON stock_item (changed_ms) WHERE state = 2 AND package IS NOT NULL;
CREATE UNIQUE INDEX stock_item_order ON stock_item (order_id) WHERE order_id IS NOT NULL;
