/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* otatool: checks any card, server or bench that speaks SCP80, by hand or from a script.  JSON in, JSON out, field
 * names as in tests/vectors/scp80.json.  Keys never stand on the command line, where other users of the machine could
 * read them. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "tools/otatool/tool.h"

static const char usage_text[] =
	"Usage: otatool COMMAND [OPTION]... [FILE]\n"
	"\n"
	"Reads one JSON object, an array of objects, or an object with an array \"vectors\", from FILE or standard "
	"input;\n"
	"writes one object, or an array in the same order.  Octets are hex.\n"
	"\n"
	"  seal        protect a command or a response (PoR)\n"
	"  open        verify and decipher a command or a response\n"
	"  segment     cut a packet into short messages\n"
	"  reassemble  join the user data of short messages\n"
	"  script      turn C-APDUs into a script and back, in words\n"
	"  scp03       a session of SCP03: commands and, when given, their answers\n"
	"  scp03t      the same as TLVs: segments of a profile package\n"
	"  ecka        check a key establishment as the card does\n"
	"\n"
	"  -k, --key-file FILE  JSON object with key_kic, key_kid, cc_len for input that has none\n"
	"      --any            seal also what a server must not send (AES without a checked counter, single DES)\n"
	"  -h, --help           this text, or that of a command: otatool COMMAND --help\n"
	"  -V, --version\n"
	"\n"
	"Exit code: 0 done; 1 refused, malformed or not verified; 2 wrong usage or unreadable JSON.\n"
	"With several objects the highest code counts; each failed one carries \"error\".\n";

static const struct command {
	const char *name;
	void (*run)(struct job *job);
	const char *help;
} commands[] = {
	{"seal", tool_seal,
	 "otatool seal: protect a packet.\n"
	 "\n"
	 "Command:  spi kic kid tar cntr secured_data key_kic key_kid [cc_len = 8] [transport = sms|ip] [concat_ref]\n"
	 "          \"direction\": \"mo\" with spi 0200: the notification of an eUICC\n"
	 "Response: \"type\": \"response\", command_spi kic kid tar cntr status response_data key_kic key_kid "
	 "[cc_len]\n"
	 "Out:      expected_command_packet or expected_response_packet, pcntr, checksum, mac_input,\n"
	 "          plaintext_after_header, segments, expected_sms_tpdu_user_data, text\n"
	 "With oa (and smsc, scts): also sms_deliver_tpdu and envelope_apdu.\n"},
	{"open", tool_open,
	 "otatool open: verify and decipher a packet.\n"
	 "\n"
	 "Command:  packet or expected_command_packet, key_kic key_kid [cc_len = 8] [transport = sms|ip]\n"
	 "          last_cntr: judge the counter as a card that has stored this one\n"
	 "Response: \"type\": \"response\", packet or expected_response_packet, command_spi kic kid key_kic key_kid\n"
	 "Out:      all fields of the packet, secured_data or response_data, text; verified = cc, rc or none\n"
	 "A response without the checksum that command_spi demanded is shown, and refused with exit code 1.\n"},
	{"segment", tool_segment,
	 "otatool segment: cut a packet into short messages.\n"
	 "\n"
	 "In:  packet, expected_command_packet or expected_response_packet, [type] [concat_ref] [ref16 = true]\n"
	 "Out: segments, expected_sms_tpdu_user_data; with oa (and smsc, scts): sms_deliver_tpdu, envelope_apdu\n"},
	{"reassemble", tool_reassemble,
	 "otatool reassemble: join short messages.\n"
	 "\n"
	 "In:  expected_sms_tpdu_user_data, sms_deliver_tpdu, sms_submit_tpdu or envelope_apdu: hex or an array of "
	 "it,\n"
	 "     in any order\n"
	 "Out: type, expected_command_packet or expected_response_packet\n"},
	{"script", tool_script,
	 "otatool script: remote command scripts.\n"
	 "\n"
	 "Build:    capdus (array), or items (array of tag and value), [chaining = 01|11|02|03]\n"
	 "          [template = definite|indefinite|compact]; out: secured_data, text\n"
	 "Explain:  secured_data; out: template, capdus, items, text\n"
	 "          response_data [n_capdus = commands sent]; out: rapdus, items, executed, sw, verdict\n"
	 "The compact form has no template: say \"template\": \"compact\" to read it.\n"},
	{"scp03", tool_scp03,
	 "otatool scp03: a session of an SM-DP with an ISD-P, field names as in tests/vectors/es8.json.\n"
	 "\n"
	 "In:  static_keys { ENC MAC DEK [KVN = 30] } sd_aid sequence_counter (of this session) host_challenge\n"
	 "     commands: array of plain, [response_protected]; [init_update_response]\n"
	 "Out: init_update, card_challenge, init_update_response (as it must be), ext_auth,\n"
	 "     commands: protected, response_plain and sw where the answer was given\n"},
	{"scp03t", tool_scp03t,
	 "otatool scp03t: a session of a profile download, field names as in tests/vectors/es8.json.\n"
	 "\n"
	 "In:  as for scp03; commands: array of plain, [response_tlv]; [ext_auth_response]\n"
	 "Out: init_update_84, ext_auth_85, commands: tlv_86; of an EUICCResponse response_plain, installed, status\n"},
	{"ecka", tool_ecka,
	 "otatool ecka: check a key establishment (scenario 3) and compute it once more as the card does.\n"
	 "\n"
	 "In:  store_data_1 store_data_1_response store_data_2 ecasd_private [curve = brainpoolP256r1]\n"
	 "     [store_data_2_response] [DR] [sin] [ci_public]\n"
	 "Out: a6_crt, role, kvn, check values of the keys, receipt; verified = receipt, or signature without "
	 "answer\n"},
};

static const struct command *command_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static json_t *load(const char *path)
{
	json_error_t err;
	bool std = !path || strcmp(path, "-") == 0;
	json_t *v = std ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &err)
			: json_load_file(path, JSON_REJECT_DUPLICATES, &err);

	if (!v)
		fprintf(stderr, "otatool: %s: %s\n", std ? "standard input" : path, err.text);
	return v;
}

/* \returns exit code of this object; its answer is in *out */
static enum tool_exit run_one(const struct command *cmd, const struct tool_options *opt, struct crypto *crypto,
			      const json_t *in, json_t **out)
{
	struct job job = {.ctx = talloc_new(NULL), .opt = opt, .crypto = crypto, .in = in, .out = json_object()};
	const char *name = json_string_value(json_object_get(in, "name"));

	OSMO_ASSERT(job.out);
	if (name)
		out_str(&job, "name", name);
	if (!json_is_object(in))
		job_fail(&job, TOOL_USAGE, "input: must be an object");
	else
		cmd->run(&job);
	if (job.error) {
		fprintf(stderr, "otatool %s: %s%s%s\n", cmd->name, name ? name : "", name ? ": " : "", job.error);
		out_str(&job, "error", job.error);
	}
	talloc_free(job.ctx);
	*out = job.out;
	return job.exit;
}

static enum tool_exit run_all(const struct command *cmd, const struct tool_options *opt, struct crypto *crypto,
			      const json_t *in)
{
	const json_t *list = json_is_array(in) ? in : json_object_get(in, "vectors");
	enum tool_exit worst = TOOL_OK, code;
	json_t *out = NULL, *one;
	const json_t *v;
	size_t i;

	if (!json_is_array(list)) {
		worst = run_one(cmd, opt, crypto, in, &out);
	} else {
		out = json_array();
		json_array_foreach (list, i, v) {
			code = run_one(cmd, opt, crypto, v, &one);
			worst = code > worst ? code : worst;
			OSMO_ASSERT(json_array_append_new(out, one) == 0);
		}
	}
	if (json_dumpf(out, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) < 0 || printf("\n") < 0 ||
	    fflush(stdout) != 0) {
		fprintf(stderr, "otatool: cannot write\n");
		worst = TOOL_USAGE;
	}
	json_decref(out);
	return worst;
}

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "otatool: %s%s%s\nTry 'otatool --help'.\n", what, arg ? ": " : "", arg ? arg : "");
	return TOOL_USAGE;
}

enum {
	OPT_ANY = 256
};

static const struct option long_options[] = {
	{"key-file", required_argument, NULL, 'k'},
	{"any", no_argument, NULL, OPT_ANY},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

struct request {
	const struct command *cmd; /* NULL: none named */
	struct tool_options opt;
	const char *file;
	bool help;
	bool version;
};

static int read_options(int argc, char **argv, struct request *req)
{
	int c;

	while ((c = getopt_long(argc, argv, "k:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'k':
			json_decref(req->opt.keys);
			req->opt.keys = load(optarg);
			if (!json_is_object(req->opt.keys))
				return usage_error("--key-file: no JSON object", optarg);
			break;
		case OPT_ANY:
			req->opt.any = true;
			break;
		case 'h':
			req->help = true;
			break;
		case 'V':
			req->version = true;
			break;
		default:
			return usage_error("unknown option, or its value is missing", NULL);
		}
	}
	if (optind < argc) {
		req->cmd = command_of(argv[optind]);
		if (!req->cmd)
			return usage_error("unknown command", argv[optind]);
		optind++;
	}
	if (optind < argc)
		req->file = argv[optind++];
	return optind < argc ? usage_error("one file at most", argv[optind]) : TOOL_OK;
}

static int run(const struct request *req)
{
	struct crypto *crypto = crypto_alloc(NULL);
	json_t *in = load(req->file);
	int rc = TOOL_USAGE;

	if (in && crypto)
		rc = run_all(req->cmd, &req->opt, crypto, in);
	json_decref(in);
	talloc_free(crypto);
	return rc;
}

int main(int argc, char **argv)
{
	struct request req = {0};
	int rc = read_options(argc, argv, &req);

	if (rc == TOOL_OK) {
		if (req.version)
			printf("otatool %s\n", VERSION);
		else if (req.help)
			printf("%s", req.cmd ? req.cmd->help : usage_text);
		else
			rc = req.cmd ? run(&req) : usage_error("no command", NULL);
	}
	json_decref(req.opt.keys);
	return rc;
}
