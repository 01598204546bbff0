/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command line of euicc-sim: one table drives parsing and --help. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/utils.h>

#include "scp81/psk_id.h"

enum kind {
	OPT_TEXT,
	OPT_U32,
	OPT_U16,
	OPT_U8,
	OPT_HEX8,
	OPT_FLAG,
	OPT_ADDRESS,
	OPT_FAULT,
	OPT_LEVEL,
	OPT_HELP,
	OPT_VERSION,
};

struct row {
	const char *name;
	enum kind kind;
	size_t at; /* offset in struct sim_options */
	const char *arg;
	const char *help;
};

#define AT(member) offsetof(struct sim_options, member)
static const struct row rows[] = {
	{"seed", OPT_TEXT, AT(seed), "TEXT", "text that all cards and keys derive from"},
	{"first", OPT_U32, AT(first), "N", "number of the first card (0)"},
	{"count", OPT_U32, AT(count), "N", "how many cards (1)"},
	{"socket", OPT_TEXT, AT(socket), "PATH", "air socket to listen on (SOCK_SEQPACKET)"},
	{"control", OPT_TEXT, AT(control), "PATH", "control socket to listen on (line commands, see \"help\" there)"},
	{"state", OPT_TEXT, AT(state_dir), "DIR", "keep the state of the cards there"},
	{"ecasd", OPT_TEXT, AT(ecasd_dir), "DIR", "CERT.ECASD.ECKA of the cards: DIR/EID.ecasd (esim-pki)"},
	{"ci", OPT_TEXT, AT(ci_file), "FILE",
	 "PK.CI.ECDSA of the cards: ci.gp (esim-pki); without it no key establishment"},
	{"commands", OPT_TEXT, AT(commands), "FILE", "run these control commands at the start"},
	{"fault", OPT_FAULT, 0, "NAME[=ARG]", "fault of every new card; may be repeated"},
	{"trace", OPT_FLAG, AT(trace), NULL, "trace the APDUs of every card"},
	{"trace-dir", OPT_TEXT, AT(trace_dir), "DIR", "traces go to DIR/EID.trace instead of the log"},
	{"smsr-number", OPT_ADDRESS, AT(set.smsr), "NUMBER", "where notifications go; + for international (12345)"},
	{"kvn", OPT_U8, AT(set.kvn), "N", "key version of the SCP80 keys (1)"},
	{"attach-rate", OPT_U32, AT(attach_per_s), "N", "phones that switch on in a second (2000)"},
	{"declare", OPT_FLAG, AT(set.declare_first_attach), NULL, "send notification 01 once in a card's life"},
	{"notify-tries", OPT_U8, AT(set.notify_tries), "N", "sendings of a notification before a roll-back"},
	{"notify-wait-ms", OPT_U32, AT(set.notify_wait_ms), "MS", "between two sendings"},
	{"rollback-ms", OPT_U32, AT(set.rollback_ms), "MS", "without service on a new profile"},
	{"fallback-ms", OPT_U32, AT(set.fallback_ms), "MS", "without service on a confirmed profile"},
	{"reattach-ms", OPT_U32, AT(set.reattach_ms), "MS", "between two attempts to attach"},
	{"refresh-ms", OPT_U32, AT(set.refresh_ms), "MS", "from REFRESH to the attach"},
	{"mo-retry-ms", OPT_U32, AT(set.mo_retry_ms), "MS", "before a refused message is sent again"},
	{"notify-aid-tag", OPT_HEX8, AT(set.notify_aid_tag), "HEX", "tag of the AID in notifications (2F)"},
	{"notify-disable-type", OPT_HEX8, AT(set.notify_after_disable), "HEX", "type after DisableProfile (02)"},
	{"https-host", OPT_TEXT, AT(set.https_host), "HOST",
	 "server of administration sessions, if the trigger has none"},
	{"https-port", OPT_U16, AT(set.https_port), "PORT", "its port (443)"},
	{"https-uri", OPT_TEXT, AT(set.https_uri), "URI", "of the first request (/gsma/adminagent)"},
	{"https-kvn", OPT_HEX8, AT(set.https_kvn), "HEX", "key version of the PSK (40)"},
	{"https-suite", OPT_TEXT, AT(https_suite), "SUITE", "00A8 or 00AE only (both)"},
	{"https-fragment", OPT_U32, AT(https_fragment), "N", "ask for records of at most 512, 1024, 2048 or 4096"},
	{"https-length", OPT_FLAG, AT(set.https_length), NULL, "send Content-Length instead of chunks"},
	{"https-resume-bare", OPT_FLAG, AT(set.https_resume_bare), NULL, "resume without the last result"},
	{"https-retries", OPT_U16, AT(set.https_retries), "N", "attempts after the first, if the trigger says none"},
	{"https-retry-ms", OPT_U32, AT(set.https_retry_ms), "MS", "between two attempts"},
	{"https-open-ms", OPT_U32, AT(set.https_open_ms), "MS", "for connection and handshake"},
	{"https-wait-ms", OPT_U32, AT(set.https_wait_ms), "MS", "for an answer of the server"},
	{"notify-https", OPT_FLAG, AT(set.notify_https), NULL, "notifications over HTTPS, by SMS when that fails"},
	{"print-subscribers", OPT_FLAG, AT(print_subscribers), NULL, "print imsi,msisdn of every profile and exit"},
	{"log-level", OPT_LEVEL, AT(log_level), "LEVEL", "debug, info, notice, error (info)"},
	{"help", OPT_HELP, 0, NULL, "this text"},
	{"version", OPT_VERSION, 0, NULL, "version"},
};

static const struct value_string levels[] = {
	{LOGL_DEBUG, "debug"}, {LOGL_INFO, "info"}, {LOGL_NOTICE, "notice"}, {LOGL_ERROR, "error"}, {0, NULL},
};

static void usage(void)
{
	printf("Usage: euicc-sim --seed TEXT [--count N] --socket PATH [options]\n"
	       "Software eUICCs behind an air socket; a radio (smsc-sim, vphone) connects to it.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printf("  --%-20s %-10s %s\n", rows[i].name, rows[i].arg ? rows[i].arg : "", rows[i].help);
	printf("\nFaults:");
	for (unsigned int i = 0; i < EUICC_N_FAULTS; i++)
		printf(" %s", euicc_fault_name((enum euicc_fault)i));
	printf("\n\nExit codes: 0 good, 1 socket, state or cryptography failed, 2 wrong usage.\n");
}

static bool number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *out <= max;
}

static bool fault(struct sim_options *opt, const char *text)
{
	char name[32] = {0};
	size_t len = strcspn(text, "=");
	unsigned long arg = 0;

	if (len >= sizeof(name) || opt->n_faults == ARRAY_SIZE(opt->faults))
		return false;
	memcpy(name, text, len);
	if (text[len] == '=' && !number(text + len + 1, UINT32_MAX, &arg))
		return false;
	if (euicc_fault_find(name, &opt->faults[opt->n_faults].fault))
		return false;
	opt->faults[opt->n_faults++].arg = (uint32_t)arg;
	return true;
}

static bool store(struct sim_options *opt, const struct row *row, const char *arg)
{
	void *at = (char *)opt + row->at;
	unsigned long n;

	switch (row->kind) {
	case OPT_TEXT:
		*(const char **)at = arg;
		return arg[0] != '\0';
	case OPT_U32:
		return number(arg, UINT32_MAX, &n) && (*(uint32_t *)at = (uint32_t)n, true);
	case OPT_U16:
		return number(arg, UINT16_MAX, &n) && (*(uint16_t *)at = (uint16_t)n, true);
	case OPT_U8:
		return number(arg, UINT8_MAX, &n) && (*(uint8_t *)at = (uint8_t)n, true);
	case OPT_HEX8:
		return hex_dec_buf(at, 1, arg) == 0;
	case OPT_FLAG:
		*(bool *)at = true;
		return true;
	case OPT_ADDRESS:
		return sms_addr_set(at, 0x81, arg) == 0;
	case OPT_FAULT:
		return fault(opt, arg);
	case OPT_LEVEL:
		*(int *)at = get_string_value(levels, arg);
		return *(int *)at >= 0;
	case OPT_HELP:
	case OPT_VERSION:
		return true;
	}
	OSMO_ASSERT(false);
}

static const char *wrong_with_https(const struct sim_options *opt)
{
	if (opt->set.https_kvn < PSK_KVN_MIN || opt->set.https_kvn > PSK_KVN_MAX)
		return "--https-kvn: 40 to 4F";
	return opt->set.https_port == 0 ? "--https-port: at least 1" : NULL;
}

static int check(const struct sim_options *opt)
{
	const char *wrong = NULL;

	if (!opt->seed)
		wrong = "--seed is missing";
	else if (opt->count == 0 || opt->count > SEED_CARDS_MAX || opt->first > SEED_CARDS_MAX - opt->count)
		wrong = "--first and --count: too few or too many cards";
	else if (!opt->socket && !opt->print_subscribers)
		wrong = "--socket is missing";
	else if (opt->set.kvn < 1 || opt->set.kvn > 15)
		wrong = "--kvn: 1 to 15";
	else if (opt->attach_per_s == 0 || opt->set.notify_tries == 0)
		wrong = "--attach-rate and --notify-tries: at least 1";
	else
		wrong = wrong_with_https(opt);
	if (wrong)
		fprintf(stderr, "euicc-sim: %s; see --help\n", wrong);
	return wrong ? -EINVAL : 0;
}

static int one(struct sim_options *opt, const struct row *row, const char *arg)
{
	if (row->kind == OPT_HELP)
		usage();
	else if (row->kind == OPT_VERSION)
		printf("euicc-sim %s\n", VERSION);
	else if (store(opt, row, arg))
		return 0;
	else
		fprintf(stderr, "euicc-sim: --%s: bad value \"%s\"; see --help\n", row->name, arg);
	return row->kind == OPT_HELP || row->kind == OPT_VERSION ? 1 : -EINVAL;
}

int sim_options_parse(int argc, char **argv, struct sim_options *opt)
{
	struct option longs[ARRAY_SIZE(rows) + 1] = {0};
	int i = 0, rc = 0;

	*opt = (struct sim_options){.count = 1, .attach_per_s = 2000, .log_level = LOGL_INFO};
	euicc_settings_default(&opt->set);
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
		longs[k] = (struct option){rows[k].name, rows[k].arg ? required_argument : no_argument, NULL, 0};
	for (;;) {
		int c = getopt_long(argc, argv, "", longs, &i);

		if (c == -1)
			break;
		rc = c == 0 ? one(opt, &rows[i], optarg) : -EINVAL;
		if (rc)
			return rc;
	}
	if (optind < argc) {
		fprintf(stderr, "euicc-sim: unexpected \"%s\"; see --help\n", argv[optind]);
		return -EINVAL;
	}
	return check(opt);
}
