/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smsc-sim: command line. */
#include "lab/smsc_sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/utils.h>

static const char help[] =
	"smsc-sim: a small, strict short message service centre (SMPP 3.4) with a built-in radio\n"
	"\n"
	"  -l, --listen ADDR:PORT   SMPP; port 0 takes a free one and says which (default 127.0.0.1:2775)\n"
	"  -s, --subscribers FILE   CSV of imsi,msisdn\n"
	"  -a, --air PATH           socket of euicc-sim; tried until it is there\n"
	"  -P, --phones-on          instead of -a: each subscriber has a phone that takes everything\n"
	"  -n, --number DIGITS      number of the ESME; phones that send elsewhere are refused (default: any)\n"
	"  -c, --control PATH       control socket: one command a line, answers end with an empty line; see \"help\"\n"
	"  -x, --command LINE       run a control command at start; may be repeated\n"
	"  -w, --pcap FILE          capture of the SMPP traffic, in plain text also under TLS\n"
	"      --name ID            system_id of the service centre (default smsc-sim)\n"
	"      --account ID         system_id that may bind (default: any)\n"
	"      --password TEXT      its password (default: any)\n"
	"      --id STYLE           hex, dec or padded message ids (default hex)\n"
	"      --receipt-id STYLE   the same in the text of receipts (default dec)\n"
	"      --receipt FORM       both, text or tlv (default both)\n"
	"      --validity SECONDS   of messages that name none (default 86400)\n"
	"      --retry-ms N         between tries (default 2000)\n"
	"      --enquire-ms N       silence before enquire_link (default 30000)\n"
	"      --seed N             of the faults (default 1)\n"
	"      --tls-cert FILE --tls-key FILE [--tls-ca FILE]   TLS from the first octet; with CA: clients need one "
	"too\n"
	"  -v, --verbose            each PDU;  -q, --quiet  errors only\n"
	"  -h, --help\n";

enum long_only {
	OPT_NAME = 256,
	OPT_ACCOUNT,
	OPT_PASSWORD,
	OPT_ID,
	OPT_RECEIPT_ID,
	OPT_RECEIPT,
	OPT_VALIDITY,
	OPT_RETRY,
	OPT_ENQUIRE,
	OPT_SEED,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_TLS_CA
};

static const struct option longs[] = {
	{"listen", required_argument, NULL, 'l'},
	{"subscribers", required_argument, NULL, 's'},
	{"air", required_argument, NULL, 'a'},
	{"phones-on", no_argument, NULL, 'P'},
	{"number", required_argument, NULL, 'n'},
	{"control", required_argument, NULL, 'c'},
	{"command", required_argument, NULL, 'x'},
	{"pcap", required_argument, NULL, 'w'},
	{"name", required_argument, NULL, OPT_NAME},
	{"account", required_argument, NULL, OPT_ACCOUNT},
	{"password", required_argument, NULL, OPT_PASSWORD},
	{"id", required_argument, NULL, OPT_ID},
	{"receipt-id", required_argument, NULL, OPT_RECEIPT_ID},
	{"receipt", required_argument, NULL, OPT_RECEIPT},
	{"validity", required_argument, NULL, OPT_VALIDITY},
	{"retry-ms", required_argument, NULL, OPT_RETRY},
	{"enquire-ms", required_argument, NULL, OPT_ENQUIRE},
	{"seed", required_argument, NULL, OPT_SEED},
	{"tls-cert", required_argument, NULL, OPT_TLS_CERT},
	{"tls-key", required_argument, NULL, OPT_TLS_KEY},
	{"tls-ca", required_argument, NULL, OPT_TLS_CA},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int number(const char *text, unsigned max, unsigned *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (end == text || *end || errno || v > max || text[0] == '-')
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static int listen_at(struct sim_options *o, char *text)
{
	char *colon = strrchr(text, ':');
	unsigned port;

	if (!colon || number(colon + 1, 65535, &port) < 0)
		return -EINVAL;
	*colon = '\0';
	o->listen_host = text;
	o->listen_port = (uint16_t)port;
	return 0;
}

static int word(const char *text, const char *const *words, unsigned n, unsigned *out)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int id_style(const char *text, enum smsc_id_style *out)
{
	static const char *const words[] = {[SMSC_ID_HEX] = "hex", [SMSC_ID_DEC] = "dec", [SMSC_ID_PADDED] = "padded"};
	unsigned v;
	int rc = word(text, words, ARRAY_SIZE(words), &v);

	if (rc == 0)
		*out = v;
	return rc;
}

static int receipt_form(const char *text, enum smsc_receipt_form *out)
{
	static const char *const words[] = {"both", "text", "tlv"};
	unsigned v;
	int rc = word(text, words, ARRAY_SIZE(words), &v);

	if (rc == 0)
		*out = v;
	return rc;
}

static int command(struct sim_options *o, const char *line)
{
	if (o->n_commands >= ARRAY_SIZE(o->commands))
		return -ENOSPC;
	o->commands[o->n_commands++] = line;
	return 0;
}

/* Options whose value is kept as it is. */
static const char **text_option(struct sim_options *o, int c)
{
	const struct {
		int c;
		const char **at;
	} texts[] = {
		{'s', &o->subscribers},
		{'a', &o->air},
		{'n', &o->smsc.number},
		{'c', &o->control},
		{'w', &o->pcap},
		{OPT_NAME, &o->smsc.name},
		{OPT_ACCOUNT, &o->smsc.account},
		{OPT_PASSWORD, &o->smsc.password},
		{OPT_TLS_CERT, &o->tls.cert},
		{OPT_TLS_KEY, &o->tls.key},
		{OPT_TLS_CA, &o->tls.ca},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].c == c)
			return texts[i].at;
	}
	return NULL;
}

static int number_option(struct sim_options *o, int c, const char *text)
{
	unsigned v;
	int rc = number(text, 2000000, &v);

	if (rc < 0)
		return rc;
	if (c == OPT_VALIDITY)
		o->smsc.validity_ms = v * 1000;
	else if (c == OPT_RETRY)
		o->smsc.retry_ms = v;
	else if (c == OPT_ENQUIRE)
		o->smsc.enquire_ms = v;
	else if (c == OPT_SEED)
		o->smsc.seed = v;
	else
		return -EINVAL;
	return 0;
}

static int take(struct sim_options *o, int c, char *arg)
{
	const char **text = text_option(o, c);

	if (text) {
		*text = arg;
		return 0;
	}
	switch (c) { /* values of getopt */
	case 'l':
		return listen_at(o, arg);
	case 'P':
		o->phones_on = true;
		return 0;
	case 'x':
		return command(o, arg);
	case 'v':
		o->log_level = LOGL_DEBUG;
		return 0;
	case 'q':
		o->log_level = LOGL_ERROR;
		return 0;
	case OPT_ID:
		return id_style(arg, &o->smsc.id_style);
	case OPT_RECEIPT_ID:
		return id_style(arg, &o->smsc.receipt_id_style);
	case OPT_RECEIPT:
		return receipt_form(arg, &o->smsc.receipt_form);
	case '?':
		return -EINVAL;
	default:
		return number_option(o, c, arg);
	}
}

int sim_options_read(int argc, char **argv, struct sim_options *o)
{
	int c;

	*o = (struct sim_options){.listen_host = "127.0.0.1", .listen_port = 2775, .log_level = LOGL_INFO};
	o->tls.server = true;
	smsc_cfg_default(&o->smsc);
	while ((c = getopt_long(argc, argv, "l:s:a:Pn:c:x:w:vqh", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (take(o, c, optarg) < 0) {
			if (c != '?')
				fprintf(stderr, "smsc-sim: bad value: %s\n", optarg);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "smsc-sim: what is %s?\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
