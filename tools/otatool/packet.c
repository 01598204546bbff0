/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* otatool seal and open: secured packets of TS 102 225. */
#include "tools/otatool/tool.h"

#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "scp80/apdu_text.h"

#define CMD_FIXED 6 /* CNTR PCNTR */
#define POR_FIXED 7 /* CNTR PCNTR status */

bool in_is_response(const struct job *job)
{
	return in_is(job, "type", "response") || in_is(job, "direction", "response") ||
	       in_has(job, "expected_response_packet");
}

static enum sp_dialect in_dialect(struct job *job)
{
	if (in_has(job, "transport") && !in_is(job, "transport", "sms") && !in_is(job, "transport", "ip"))
		job_fail(job, TOOL_USAGE, "transport: must be sms or ip");
	return in_is(job, "transport", "ip") ? SP_IP : SP_SMS;
}

/* The low nibble says what the key is made of; an implicit one is taken as AES. */
static const struct key *import_key(struct job *job, const char *field, uint8_t kix)
{
	struct bytes value = in_hex(job, field);
	uint8_t alg = kix & 0x0f;
	struct key *key = NULL;

	if (value.len == 0)
		return NULL;
	if (key_import(job->ctx, alg == 0 || alg == SP_ALG_AES ? KEY_AES : KEY_DES, value, &key) < 0)
		job_fail(job, TOOL_REFUSED, "%s: its length does not suit the algorithm", field);
	return key;
}

/* SPI from a field, KIc, KID, keys and cc_len of the job.  Absent KIc and KID stay as they are in hdr. */
static void in_security(struct job *job, const char *spi_field, struct sp_hdr *hdr, struct sp_keys *keys)
{
	if (spi_field && spi_dec((uint16_t)in_num(job, spi_field, 2), &hdr->spi) < 0)
		job_fail(job, TOOL_REFUSED, "%s: reserved value", spi_field);
	if (in_has(job, "kic"))
		hdr->kic = (uint8_t)in_num(job, "kic", 1);
	if (in_has(job, "kid"))
		hdr->kid = (uint8_t)in_num(job, "kid", 1);
	*keys = (struct sp_keys){
		.crypto = job->crypto,
		.kic = import_key(job, "key_kic", hdr->kic),
		.kid = import_key(job, "key_kid", hdr->kid),
		.cc_len = in_int(job, "cc_len", 8, 16),
	};
}

/* The octets under the checksum: all but the checksum itself. */
static void out_mac_input(struct job *job, struct bytes prefix, struct bytes pkt, struct bytes plain, size_t fixed_len,
			  size_t check_len)
{
	size_t skip = fixed_len + check_len;
	struct bytes all = {0};
	struct wr w;

	wr_init(&w, job->ctx);
	wr_bytes(&w, prefix);
	wr_bytes(&w, bytes_sub(pkt, 0, pkt.len - plain.len));
	wr_bytes(&w, bytes_sub(plain, 0, fixed_len));
	wr_bytes(&w, bytes_sub(plain, skip, plain.len - skip));
	if (!job_failed(job, wr_end(&w, &all), "mac_input"))
		out_hex(job, "mac_input", check_len ? all : bytes_of(NULL, 0));
}

/* Header values, checksum, its input and the clear text of an opened packet. */
static void out_packet_details(struct job *job, struct bytes prefix, struct bytes pkt, struct bytes plain,
			       struct bytes checksum, size_t fixed_len)
{
	out_mac_input(job, prefix, pkt, plain, fixed_len, checksum.len);
	out_hex(job, "checksum", checksum);
	out_hex(job, "plaintext_after_header", plain);
}

static void out_header(struct job *job, const char *spi_field, const struct sp_hdr *hdr)
{
	out_num(job, spi_field, spi_enc(&hdr->spi), 2);
	out_num(job, "kic", hdr->kic, 1);
	out_num(job, "kid", hdr->kid, 1);
}

/* ---- commands ---- */

static void show_command(struct job *job, struct bytes pkt, const struct sp_cmd *cmd)
{
	char *text = script_cmd_text(job->ctx, cmd->data);

	out_str(job, "type", "command");
	out_header(job, "spi", &cmd->hdr);
	out_num(job, "tar", cmd->hdr.tar, 3);
	out_num(job, "cntr", cmd->hdr.cntr, 5);
	out_int(job, "pcntr", cmd->pcntr);
	out_hex(job, "secured_data", cmd->data);
	out_packet_details(job, bytes_of(NULL, 0), pkt, cmd->plain, cmd->checksum, CMD_FIXED);
	out_hex(job, "expected_command_packet", pkt);
	out_str(job, "text", text);
}

static int open_command(struct job *job, const struct sp_keys *keys, enum sp_dialect dialect, struct bytes pkt,
			struct sp_cmd *cmd)
{
	struct wr plain;

	wr_init(&plain, job->ctx);
	return sp_cmd_open(keys, dialect, pkt, &plain, cmd);
}

static int seal_by_rule(const struct job *job, const struct sp_keys *keys, enum sp_dialect dialect,
			const struct sp_hdr *hdr, struct bytes data, struct wr *w)
{
	if (job->opt->any)
		return sp_cmd_seal_any(keys, dialect, hdr, data, w);
	if (spi_enc(&hdr->spi) == SPI_NOTIFICATION && in_is(job, "direction", "mo"))
		return sp_notif_seal(keys, sp_kvn(hdr->kid), hdr->tar, data, w);
	return sp_cmd_seal(keys, dialect, hdr, data, w);
}

static void seal_command(struct job *job)
{
	enum sp_dialect dialect = in_dialect(job);
	struct bytes data = in_hex(job, "secured_data"), pkt = {0};
	struct sp_hdr hdr = {0};
	struct sp_keys keys;
	struct sp_cmd cmd;
	struct wr w;

	in_security(job, "spi", &hdr, &keys);
	hdr.kic = (uint8_t)in_num(job, "kic", 1);
	hdr.kid = (uint8_t)in_num(job, "kid", 1);
	hdr.tar = (uint32_t)in_num(job, "tar", 3);
	hdr.cntr = in_num(job, "cntr", 5);
	wr_init(&w, job->ctx);
	if (!job_ok(job) || job_failed(job, seal_by_rule(job, &keys, dialect, &hdr, data, &w), "seal") ||
	    job_failed(job, wr_end(&w, &pkt), "seal") ||
	    job_failed(job, open_command(job, &keys, dialect, pkt, &cmd), "open again"))
		return;
	show_command(job, pkt, &cmd);
	if (dialect == SP_SMS)
		out_segments(job, pkt);
}

/* Judge the counter as a card would, when the job says what the card has stored. */
static void judge_counter(struct job *job, const struct sp_cmd *cmd)
{
	enum sp_status status;

	if (!in_has(job, "last_cntr"))
		return;
	status = sp_counter_check(cmd->hdr.spi.counter, in_num(job, "last_cntr", 5), cmd->hdr.cntr);
	out_num(job, "status_reported", status, 1);
	if (status != SP_ST_OK)
		job_fail(job, TOOL_REFUSED, "%s", sp_status_name((uint8_t)status));
}

static void open_one_command(struct job *job, struct bytes pkt)
{
	enum sp_dialect dialect = in_dialect(job);
	struct sp_peek peek = {0};
	struct sp_keys keys;
	struct sp_cmd cmd;
	int rc;

	if (!job_ok(job) || job_failed(job, sp_cmd_peek(dialect, pkt, &peek), "header"))
		return;
	/* The kind of a key comes from KIc and KID of the packet, unless the job names them. */
	in_security(job, NULL, &peek.hdr, &keys);
	if (!job_ok(job))
		return;
	rc = open_command(job, &keys, dialect, pkt, &cmd);
	if (rc == -EBADMSG)
		out_num(job, "status_reported", SP_ST_CHECK_FAILED, 1);
	if (job_failed(job, rc, "open"))
		return;
	show_command(job, pkt, &cmd);
	judge_counter(job, &cmd);
}

/* ---- responses ---- */

static const char *check_name(enum sp_check check)
{
	switch (check) {
	case SP_CHECK_NONE:
		return "none";
	case SP_CHECK_RC:
		return "rc";
	case SP_CHECK_CC:
		return "cc";
	case SP_CHECK_DS:
		return "ds";
	}
	return "unknown";
}

static void out_status(struct job *job, uint8_t status)
{
	out_num(job, "status", status, 1);
	out_str(job, "status_text", sp_status_name(status));
}

static void show_response(struct job *job, const struct sp_hdr *hdr, enum sp_dialect dialect, struct bytes pkt,
			  const struct sp_por *por)
{
	struct bytes prefix = dialect == SP_SMS ? BYTES_LIT("\x02\x71\x00") : bytes_of(NULL, 0);

	out_str(job, "type", "response");
	out_header(job, "command_spi", hdr);
	out_str(job, "verified", check_name(por->check));
	out_num(job, "tar", por->tar, 3);
	out_num(job, "cntr", por->cntr, 5);
	out_int(job, "pcntr", por->pcntr);
	out_status(job, por->status);
	out_hex(job, "response_data", por->data);
	out_packet_details(job, prefix, pkt, por->plain, por->checksum, POR_FIXED);
	out_hex(job, "expected_response_packet", pkt);
	out_str(job, "text", script_rsp_text(job->ctx, por->data));
}

static int open_response(struct job *job, const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_hdr *hdr,
			 struct bytes pkt, struct sp_por *por)
{
	struct wr plain;

	wr_init(&plain, job->ctx);
	return sp_por_open(keys, dialect, hdr, pkt, &plain, por);
}

static void seal_response(struct job *job)
{
	enum sp_dialect dialect = in_dialect(job);
	struct bytes data = in_hex(job, "response_data"), pkt = {0};
	struct sp_por_hdr por_hdr = {0};
	struct sp_hdr hdr = {0};
	struct sp_keys keys;
	struct sp_por por;
	struct wr w;

	in_security(job, "command_spi", &hdr, &keys);
	por_hdr = (struct sp_por_hdr){.spi = hdr.spi, .kic = hdr.kic, .kid = hdr.kid};
	por_hdr.tar = (uint32_t)in_num(job, "tar", 3);
	por_hdr.cntr = in_num(job, "cntr", 5);
	por_hdr.status = (uint8_t)in_num(job, "status", 1);
	wr_init(&w, job->ctx);
	if (!job_ok(job) || job_failed(job, sp_por_seal(&keys, dialect, &por_hdr, data, &w), "seal") ||
	    job_failed(job, wr_end(&w, &pkt), "seal") ||
	    job_failed(job, open_response(job, &keys, dialect, &hdr, pkt, &por), "open again"))
		return;
	show_response(job, &hdr, dialect, pkt, &por);
	if (dialect == SP_SMS)
		out_segments(job, pkt);
}

/* An answer without security is shown for what it is, and the exit code stays "refused". */
static void show_unsecured(struct job *job, enum sp_dialect dialect, struct bytes pkt)
{
	struct sp_por_peek peek;

	if (sp_por_peek(dialect, pkt, &peek) < 0 || !peek.unsecured)
		return;
	out_str(job, "type", "response");
	out_str(job, "verified", check_name(SP_CHECK_NONE));
	out_num(job, "tar", peek.tar, 3);
	out_num(job, "cntr", peek.cntr, 5);
	out_status(job, peek.status);
	out_hex(job, "unverified_data", peek.data);
}

static void open_one_response(struct job *job, struct bytes pkt)
{
	enum sp_dialect dialect = in_dialect(job);
	struct sp_hdr hdr = {0};
	struct sp_keys keys;
	struct sp_por por;
	int rc;

	in_security(job, "command_spi", &hdr, &keys);
	if (!job_ok(job))
		return;
	rc = open_response(job, &keys, dialect, &hdr, pkt, &por);
	if (rc == -EACCES)
		show_unsecured(job, dialect, pkt);
	if (!job_failed(job, rc, "open"))
		show_response(job, &hdr, dialect, pkt, &por);
}

void tool_seal(struct job *job)
{
	if (in_is_response(job))
		seal_response(job);
	else
		seal_command(job);
}

void tool_open(struct job *job)
{
	bool response = in_is_response(job);
	const char *field = response ? "expected_response_packet" : "expected_command_packet";
	struct bytes pkt = in_hex_needed(job, in_has(job, "packet") ? "packet" : field);

	if (!job_ok(job))
		return;
	if (response)
		open_one_response(job, pkt);
	else
		open_one_command(job, pkt);
}
