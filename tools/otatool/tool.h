/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <jansson.h>

#include "common/codec/bytes.h"
#include "scp80/sp.h"

/* What the subcommands of otatool share: one job = one JSON object in, one out.  Field names are those of
 * tests/vectors/scp80.json, values are hex. */

/*! Exit codes; documented by --help. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_REFUSED = 1, /* cannot be sealed, does not verify, is malformed */
	TOOL_USAGE = 2,	  /* command line, JSON, a field that is missing or no hex */
};

struct tool_options {
	json_t *keys; /* object of --key-file, or NULL: its fields are used where the input has none */
	bool any;     /* --any: seal also against the rules for sending */
};

struct job {
	void *ctx; /* lives as long as the job */
	const struct tool_options *opt;
	struct crypto *crypto;
	const json_t *in;
	json_t *out;
	enum tool_exit exit;
	char *error; /* talloc child of ctx; first error wins */
};

/*! Note an error; the first one wins. */
void job_fail(struct job *job, enum tool_exit code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*! Note what a function of scp80/ returned, in words.  \returns true if rc was an error */
bool job_failed(struct job *job, int rc, const char *doing);
bool job_ok(const struct job *job);

/* Reading fields.  A null field counts as absent.  Errors go into the job; then the value is empty or 0. */
bool in_has(const struct job *job, const char *key);
bool in_is(const struct job *job, const char *key, const char *value);
const json_t *in_json(const struct job *job, const char *key);	  /* of any kind; NULL when absent */
struct bytes in_hex(struct job *job, const char *key);		  /* absent = empty */
struct bytes in_hex_needed(struct job *job, const char *key);	  /* absent = error */
uint64_t in_num(struct job *job, const char *key, size_t octets); /* hex of exactly so many octets, needed */
unsigned int in_int(struct job *job, const char *key, unsigned int missing, unsigned int max);
const char *in_str(struct job *job, const char *key); /* NULL when absent */
/*! Array of hex, or one hex string.  \returns number of values; \param[out] list talloc child of the job */
size_t in_hex_list(struct job *job, const char *key, struct bytes **list);

/* Writing fields. */
void out_hex(struct job *job, const char *key, struct bytes value);
void out_num(struct job *job, const char *key, uint64_t value, size_t octets);
void out_int(struct job *job, const char *key, unsigned int value);
void out_str(struct job *job, const char *key, const char *value);
void out_hex_list(struct job *job, const char *key, const struct bytes *list, size_t n);
json_t *hex_value(struct job *job, struct bytes value);

/* Packets. */
bool in_is_response(const struct job *job);
/*! Segments of a packet: expected_sms_tpdu_user_data, and TPDUs when the job names an originating address. */
void out_segments(struct job *job, struct bytes pkt);

/* Subcommands. */
void tool_seal(struct job *job);
void tool_open(struct job *job);
void tool_segment(struct job *job);
void tool_reassemble(struct job *job);
void tool_script(struct job *job);
void tool_scp03(struct job *job);
void tool_scp03t(struct job *job);
void tool_ecka(struct job *job);
