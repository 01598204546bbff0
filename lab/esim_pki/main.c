/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* esim-pki: the lab's certificates, card keys and signed EISs from the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/crypto/keystore.h"
#include "common/crypto/x509.h"
#include "lab/pki/pki.h"
#include "lab/seed/seed.h"

enum {
	EXIT_BAD = 1,
	EXIT_USAGE = 2
};

static const char help[] =
	"esim-pki " VERSION " - certificates, card keys and signed EISs of the lab\n"
	"\n"
	"  esim-pki ca DIR                  make DIR with CI root, EUM and TLS root\n"
	"  esim-pki peer DIR NAME OID       make a TLS certificate for an entity (server and client)\n"
	"  esim-pki dp DIR NAME OID [CURVE] make CERT.DP.ECDSA of an SM-DP: NAME.dp and NAME.dp.key\n"
	"                                   CURVE: p256 (default) or brainpool\n"
	"  esim-pki card DIR [OPTIONS]      make cards: DIR/cards/EID.xml (EIS with keys) and EID.ecasd\n"
	"      --seed TEXT                  same text, same keys; euicc-sim takes it too (default: lab)\n"
	"      --index N                    number of the first card (default: 0)\n"
	"      --count M                    number of cards (default: 1)\n"
	"      --profiles LIST              bootstrap, operational or both, with a comma (default: both)\n"
	"      --smsr OID                   SM-SR in the EIS (default: " SEED_OID_SMSR ")\n"
	"      --eum OID                    EUM in the EIS (default: " SEED_OID_EUM ")\n"
	"      --xmldsig                    also EID.xmldsig.xml, signed in the form that xmlsec1 can check\n"
	"  esim-pki verify CERT FILE        check the EUM signature of an EIS or message under a certificate\n"
	"  esim-pki master FILE             make a master key file for smsr\n"
	"  esim-pki --help | --version\n"
	"\n"
	"peer prints what an SM-SR is configured with: object identifier, SHA-256 fingerprint, subject.\n"
	"card prints a line for each card: EID, then ICCID, IMSI and MSISDN of each profile.\n"
	"All but verify and master is for test networks: whoever knows the seed knows the keys.\n";

static int failed(const char *why)
{
	fprintf(stderr, "esim-pki: %s\n", why ? why : "failed");
	return EXIT_BAD;
}

static int usage(void)
{
	fputs(help, stderr);
	return EXIT_USAGE;
}

static int cmd_ca(void *ctx, int argc, char **argv)
{
	const char *why = NULL;

	if (argc != 2)
		return usage();
	return pki_ca_create(ctx, argv[1], &why) == 0 ? 0 : failed(why);
}

static int cmd_peer(void *ctx, int argc, char **argv)
{
	const char *why = NULL;
	struct x509 *cert;

	if (argc != 4)
		return usage();
	if (pki_peer_create(ctx, argv[1], argv[2], argv[3], &why) < 0 ||
	    x509_pem_load(ctx, talloc_asprintf(ctx, "%s/%s.pem", argv[1], argv[2]), &cert, &why) < 0)
		return failed(why);
	printf("%s %s %s\n", argv[3], hex_enc(ctx, bytes_of(x509_fingerprint(cert), 32)), x509_subject(cert));
	return 0;
}

static int cmd_dp(void *ctx, int argc, char **argv)
{
	enum ec_curve curve = EC_P256;
	const char *why = NULL;

	if (argc != 4 && argc != 5)
		return usage();
	if (argc == 5 && strcmp(argv[4], "brainpool") == 0)
		curve = EC_BRAINPOOL_P256R1;
	else if (argc == 5 && strcmp(argv[4], "p256") != 0)
		return usage();
	return pki_dp_create(ctx, argv[1], argv[2], argv[3], curve, &why) == 0 ? 0 : failed(why);
}

/* ---- card ---- */

static int parse_number(const char *text, uint32_t *value)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v > UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)v;
	return 0;
}

static int parse_profiles(char *text, unsigned int *mask)
{
	static const char *const names[SEED_N_PROFILES] = {
		[SEED_BOOTSTRAP] = "bootstrap",
		[SEED_OPERATIONAL] = "operational",
	};
	char *save = NULL;

	*mask = 0;
	for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		size_t i = 0;

		while (i < SEED_N_PROFILES && strcmp(names[i], p) != 0)
			i++;
		if (i == SEED_N_PROFILES)
			return -EINVAL;
		*mask |= 1u << i;
	}
	return *mask ? 0 : -EINVAL;
}

static int parse_option(int option, char *arg, struct pki_cards *cards)
{
	switch (option) {
	case 's':
		cards->seed = arg;
		return 0;
	case 'i':
		return parse_number(arg, &cards->index);
	case 'n':
		return parse_number(arg, &cards->count);
	case 'p':
		return parse_profiles(arg, &cards->profiles);
	case 'r':
		cards->smsr_oid = arg;
		return 0;
	case 'e':
		cards->eum_oid = arg;
		return 0;
	case 'x':
		cards->xmldsig = true;
		return 0;
	}
	return -EINVAL;
}

static void print_card(const struct seed_card *card)
{
	printf("%s", card->eid);
	for (size_t i = 0; i < SEED_N_PROFILES; i++)
		printf(" %s %s %s", card->profiles[i].iccid, card->profiles[i].imsi, card->profiles[i].msisdn);
	printf("\n");
}

static int cmd_card(void *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},	 {"index", required_argument, NULL, 'i'},
		{"count", required_argument, NULL, 'n'}, {"profiles", required_argument, NULL, 'p'},
		{"smsr", required_argument, NULL, 'r'},	 {"eum", required_argument, NULL, 'e'},
		{"xmldsig", no_argument, NULL, 'x'},	 {NULL, 0, NULL, 0},
	};
	struct pki_cards cards = {.seed = "lab",
				  .count = 1,
				  .profiles = (1u << SEED_N_PROFILES) - 1,
				  .smsr_oid = SEED_OID_SMSR,
				  .eum_oid = SEED_OID_EUM};
	const char *why = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (parse_option(option, optarg, &cards) < 0)
			return usage();
	}
	if (optind != argc - 1)
		return usage();
	return pki_cards_create(ctx, argv[optind], &cards, print_card, &why) == 0 ? 0 : failed(why);
}

static int cmd_verify(void *ctx, int argc, char **argv)
{
	const char *why = NULL;

	if (argc != 3)
		return usage();
	if (pki_eis_verify(ctx, argv[1], argv[2], &why) < 0)
		return failed(why);
	puts("good signature");
	return 0;
}

static int cmd_master(void *ctx, int argc, char **argv)
{
	const char *why = NULL;

	if (argc != 2)
		return usage();
	return keystore_create_master(ctx, argv[1], &why) == 0 ? 0 : failed(why);
}

static const struct command {
	const char *name;
	int (*run)(void *ctx, int argc, char **argv);
} commands[] = {
	{"ca", cmd_ca},	    {"peer", cmd_peer},	    {"dp", cmd_dp},
	{"card", cmd_card}, {"verify", cmd_verify}, {"master", cmd_master},
};

static int dispatch(void *ctx, int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(ctx, argc - 1, argv + 1);
	}
	return usage();
}

int main(int argc, char **argv)
{
	void *ctx;
	int rc;

	if (argc < 2)
		return usage();
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("esim-pki " VERSION);
		return 0;
	}
	ctx = talloc_named_const(NULL, 0, "esim-pki");
	osmo_init_logging2(ctx, &log_info_esim);
	rc = dispatch(ctx, argc, argv);
	talloc_free(ctx);
	return rc;
}
