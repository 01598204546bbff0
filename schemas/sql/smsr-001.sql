-- SPDX-License-Identifier: AGPL-3.0-or-later
-- smsr: the store of an SM-SR.  Times are UTC milliseconds, AIDs and EIDs are octets, OIDs and ICCIDs are text.
-- Numbers that name a state or a kind are the enums of smsr/store.h; they are never renumbered.

-- One row: what is true for the whole file.
CREATE TABLE meta (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	epoch INTEGER NOT NULL,		-- raised by every restore
	started_ms INTEGER,		-- last start of the daemon
	committed_ms INTEGER,		-- last sign of life
	beats INTEGER NOT NULL,		-- signs of life, counted: a step back shows a restored file
	backup INTEGER NOT NULL		-- 1: this file is a copy made by the daemon
);
INSERT INTO meta VALUES (1, 1, NULL, NULL, 0, 0);

CREATE TABLE euicc (
	id INTEGER PRIMARY KEY,
	eid BLOB NOT NULL UNIQUE CHECK (length(eid) = 16),	-- SGP.02: 32 digits, BCD
	eum_oid TEXT NOT NULL,
	verified INTEGER NOT NULL,	-- 0: imported without a live EUM, signature not checked
	isdr_aid BLOB NOT NULL,
	isdr_tar BLOB NOT NULL CHECK (length(isdr_tar) = 3),
	isdr_sin BLOB NOT NULL,
	isdr_sdin BLOB NOT NULL,
	remaining_memory INTEGER NOT NULL,
	available_memory INTEGER NOT NULL,
	last_audit_ms INTEGER,
	audit_due TEXT,			-- not NULL: the EIS may differ from the card, and why (P5)
	active_op INTEGER,		-- the one operation in flight (P3)
	notif_seq INTEGER,		-- last notification that was confirmed
	imei BLOB,
	meid BLOB,
	perso_aid BLOB,			-- ISD-P whose key establishment has begun: 3A01 has left, 3A02 not yet
	http INTEGER NOT NULL,		-- EuiccCapabilities: HttpSupport
	created_ms INTEGER NOT NULL
);
CREATE INDEX euicc_audit ON euicc (id) WHERE audit_due IS NOT NULL;

-- Apart from the small row that every push touches.
CREATE TABLE eis_doc (
	euicc_id INTEGER PRIMARY KEY REFERENCES euicc ON DELETE CASCADE,
	signed_info BLOB NOT NULL,	-- exclusive canonical EumSignedInfo, never rebuilt
	signature BLOB NOT NULL,	-- exclusive canonical EumSignature
	properties BLOB			-- AdditionalProperties as XML text
);

-- Key sets of the ISD-R.
CREATE TABLE keyset (
	id INTEGER PRIMARY KEY,
	euicc_id INTEGER NOT NULL REFERENCES euicc ON DELETE CASCADE,
	version INTEGER NOT NULL,
	type INTEGER NOT NULL,
	cntr INTEGER NOT NULL,		-- SCP80: the counter used last (P2)
	UNIQUE (euicc_id, version)
);

CREATE TABLE key (
	keyset_id INTEGER NOT NULL REFERENCES keyset ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	type INTEGER NOT NULL,		-- GlobalPlatform key type: 136 AES, 128 and 130 DES, 133 PSK
	kcv BLOB NOT NULL,
	wrapped BLOB NOT NULL,		-- keystore: bound to EID, version and index
	PRIMARY KEY (keyset_id, idx)
) WITHOUT ROWID;

CREATE TABLE profile (
	id INTEGER PRIMARY KEY,
	euicc_id INTEGER NOT NULL REFERENCES euicc ON DELETE CASCADE,
	iccid TEXT NOT NULL,
	isdp_aid BLOB NOT NULL,
	mno_oid TEXT NOT NULL,
	fallback INTEGER NOT NULL,
	imsi TEXT,
	msisdn TEXT,
	state INTEGER NOT NULL,
	smdp_oid TEXT,
	type TEXT,
	allocated_memory INTEGER NOT NULL,
	free_memory INTEGER,
	pol2 INTEGER NOT NULL,		-- bits of enum pol2_rule
	UNIQUE (euicc_id, iccid),
	UNIQUE (euicc_id, isdp_aid)
);
CREATE INDEX profile_msisdn ON profile (msisdn);
CREATE INDEX profile_imsi ON profile (imsi);
CREATE INDEX profile_iccid ON profile (iccid);

-- ISD-Ps that the last audit saw on the card, and no profile is the row of: their AIDs are not given out.
CREATE TABLE stray_isdp (
	euicc_id INTEGER NOT NULL REFERENCES euicc ON DELETE CASCADE,
	aid BLOB NOT NULL,
	PRIMARY KEY (euicc_id, aid)
) WITHOUT ROWID;

-- One call of a requester, or one internal or operator's action, on one eUICC.
CREATE TABLE operation (
	id INTEGER PRIMARY KEY AUTOINCREMENT,	-- people and peers name it: never given twice
	euicc_id INTEGER NOT NULL REFERENCES euicc ON DELETE CASCADE,
	kind INTEGER NOT NULL,
	state INTEGER NOT NULL,
	due_ms INTEGER,			-- next time this row wants attention; NULL: only an event moves it
	fn INTEGER,			-- function of the requester; NULL for internal ones
	requester TEXT,			-- OID
	call_id TEXT,
	message_id TEXT,
	transaction_id TEXT,
	context_id TEXT,
	reply_to TEXT,
	iccid TEXT,			-- target profile; of an audit: list of those to show, with commas
	aid BLOB,			-- and its ISD-P
	other_aid BLOB,			-- ISD-P that was enabled when it started, or that will be (disable)
	arg INTEGER,			-- kind's own: notification sequence, ...
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	started_ms INTEGER,
	ended_ms INTEGER,
	completed_ms INTEGER,		-- the card's confirmation: CompletionTimestamp
	attempt INTEGER NOT NULL DEFAULT 0,
	status INTEGER,
	subject TEXT,
	reason TEXT,
	subject_id TEXT,
	message TEXT,
	erd BLOB			-- EuiccResponseData
);
CREATE INDEX operation_due ON operation (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX operation_queue ON operation (euicc_id, id) WHERE state = 0;
CREATE INDEX operation_open ON operation (state) WHERE state < 8;
CREATE INDEX operation_euicc ON operation (euicc_id, id);
CREATE INDEX operation_ended ON operation (ended_ms) WHERE ended_ms IS NOT NULL;

-- What requests of SM-DPs bring besides; gone when the operation has ended.
CREATE TABLE op_data (
	op_id INTEGER PRIMARY KEY REFERENCES operation ON DELETE CASCADE,
	cmds BLOB,			-- command TLVs without template
	mno_oid TEXT,
	memory INTEGER NOT NULL,
	more_to_do INTEGER NOT NULL
);

-- Repeats: same sender and FunctionCallIdentifier.
CREATE TABLE call (
	sender TEXT NOT NULL,
	call_id TEXT NOT NULL,
	fn INTEGER NOT NULL,
	body_hash BLOB NOT NULL,	-- SHA-256 of the canonical body
	op_id INTEGER,			-- asynchronous functions
	response BLOB,			-- synchronous ones: the body of the answer
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (sender, call_id)
) WITHOUT ROWID;
CREATE INDEX call_age ON call (created_ms);

-- A sealed command packet.  Its octets never change: a retransmission repeats them.
CREATE TABLE command (
	id INTEGER PRIMARY KEY,
	op_id INTEGER NOT NULL REFERENCES operation ON DELETE CASCADE,
	euicc_id INTEGER NOT NULL REFERENCES euicc ON DELETE CASCADE,
	kind INTEGER NOT NULL,
	state INTEGER NOT NULL,
	keyset_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	cntr INTEGER NOT NULL,
	tar BLOB NOT NULL,
	spi INTEGER NOT NULL,
	kic INTEGER NOT NULL,
	kid INTEGER NOT NULL,
	packet BLOB NOT NULL,
	dest TEXT NOT NULL,		-- MSISDN
	ref INTEGER NOT NULL,		-- concatenation reference
	attempt INTEGER NOT NULL DEFAULT 0,	-- copies after the first
	sent_ms INTEGER,		-- the current copy was taken as a whole
	UNIQUE (keyset_id, cntr)	-- P2, enforced by the store
);
CREATE INDEX command_op ON command (op_id);
CREATE INDEX command_dest ON command (dest) WHERE state = 0;
CREATE INDEX command_euicc ON command (euicc_id, cntr);

-- Short messages of the current copy of a command.
CREATE TABLE part (
	id INTEGER PRIMARY KEY,
	command_id INTEGER NOT NULL REFERENCES command ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	lane INTEGER NOT NULL,		-- who waits with whom: smsr/lane.h
	state INTEGER NOT NULL,
	due_ms INTEGER,			-- when to submit, or to submit again
	attempt INTEGER NOT NULL DEFAULT 0,
	maybe INTEGER NOT NULL DEFAULT 0,	-- a copy was taken by a service centre, or may have been
	smsc TEXT,
	message_id TEXT,
	UNIQUE (command_id, idx)
);
CREATE INDEX part_due ON part (lane, due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX part_message ON part (message_id) WHERE message_id IS NOT NULL;

-- SCP81: one administration session of each eUICC at most.  It outlives its connections.
CREATE TABLE https_session (
	euicc_id INTEGER PRIMARY KEY REFERENCES euicc ON DELETE CASCADE,
	state INTEGER NOT NULL,		-- enum https_state
	dialog INTEGER NOT NULL,	-- enum dialog_state of scp81/dialog.h
	token TEXT NOT NULL,		-- chance, in every URI of the session
	seq INTEGER NOT NULL,		-- script that went out last under this token
	conn INTEGER,			-- connection of this run of the daemon
	waits INTEGER NOT NULL,		-- a POST on it is not answered yet
	hold INTEGER NOT NULL,		-- the last operation said that another one follows
	due_ms INTEGER,			-- end of the wait for that one
	heard_ms INTEGER,		-- last POST of the card
	failures INTEGER NOT NULL,	-- operations that HTTPS could not serve, in a row
	opened INTEGER NOT NULL		-- connections of the card since its script left; a start counts as one
);
CREATE INDEX https_session_due ON https_session (due_ms) WHERE due_ms IS NOT NULL;
CREATE UNIQUE INDEX https_session_conn ON https_session (conn) WHERE conn IS NOT NULL;

-- What an operation wants done over HTTPS: beside a command, which is the same over SMS.
CREATE TABLE https_job (
	id INTEGER PRIMARY KEY,
	op_id INTEGER NOT NULL REFERENCES operation ON DELETE CASCADE,
	euicc_id INTEGER NOT NULL REFERENCES euicc ON DELETE CASCADE,
	kind INTEGER NOT NULL,
	state INTEGER NOT NULL,		-- enum cmd_state
	target BLOB NOT NULL,		-- AID
	more INTEGER NOT NULL,		-- keep the session afterwards
	dest TEXT,			-- MSISDN for triggers
	triggers INTEGER NOT NULL DEFAULT 0,	-- since the card was heard last
	due_ms INTEGER			-- the card should be heard by then
);
CREATE INDEX https_job_op ON https_job (op_id);
CREATE UNIQUE INDEX https_job_open ON https_job (euicc_id) WHERE state = 0;
CREATE INDEX https_job_due ON https_job (due_ms) WHERE due_ms IS NOT NULL;

-- One script command of a job; the card has one at a time.  Gone when the job has ended.
CREATE TABLE https_script (
	id INTEGER PRIMARY KEY,
	job_id INTEGER NOT NULL REFERENCES https_job ON DELETE CASCADE,
	idx INTEGER NOT NULL,		-- from 1
	state INTEGER NOT NULL,		-- enum script_state
	seq INTEGER,			-- its number in the session
	body BLOB NOT NULL,		-- TLVs without the template
	rsp BLOB,			-- the same of the answer
	UNIQUE (job_id, idx)
);
CREATE INDEX https_script_open ON https_script (job_id, idx) WHERE state < 2;

-- Parts of concatenated messages from cards, kept before they are acknowledged.
CREATE TABLE mo_part (
	sender TEXT NOT NULL,
	ref INTEGER NOT NULL,
	total INTEGER NOT NULL,
	idx INTEGER NOT NULL,
	ud BLOB NOT NULL,
	received_ms INTEGER NOT NULL,
	PRIMARY KEY (sender, ref, total, idx)
) WITHOUT ROWID;
CREATE INDEX mo_part_age ON mo_part (received_ms);

-- Messages to peers: answers by callback, notifications.  Ordered for each (peer, eUICC).
CREATE TABLE outbox (
	id INTEGER PRIMARY KEY,
	op_id INTEGER REFERENCES operation ON DELETE CASCADE,
	peer TEXT NOT NULL,
	euicc_id INTEGER,
	name TEXT NOT NULL,		-- ES4-EnableProfile, ES4-HandleProfileDisabledNotification, ...
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

-- SGP.02 audit trail, and what operators did by hand.  Outlives the eUICC's row.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	eid BLOB,
	stamp_ms INTEGER NOT NULL,
	type INTEGER NOT NULL,		-- OperationType; from 0x8000 our own
	requester TEXT,
	status INTEGER,
	subject TEXT,
	reason TEXT,
	aid BLOB,
	iccid TEXT,
	imei BLOB,
	text TEXT
);
CREATE INDEX audit_eid ON audit (eid, id);

-- What an operator holds back: scope is one of enum pause_scope, name an OID, an EID or an SMSC; '' for all.
CREATE TABLE pause (
	scope INTEGER NOT NULL,
	name TEXT NOT NULL,
	since_ms INTEGER NOT NULL,
	PRIMARY KEY (scope, name)
) WITHOUT ROWID;
