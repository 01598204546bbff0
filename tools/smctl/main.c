/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smctl: the command line of operators, EUMs and keepers of a fleet.  Acts by SOAP over mutual TLS, as any peer of the
 * SM-SR; looks and pulls levers over the admin socket of the same machine. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "tools/smctl/smctl.h"

static const char usage_head[] =
	"Usage: smctl COMMAND [ARGUMENT]... [OPTION]...\n"
	"\n"
	"By SOAP, as an EUM or operator:\n"
	"  register FILE...             register eUICCs (ES1)\n"
	"  enable EID ICCID             make a profile the active one\n"
	"  disable EID ICCID            back to the fall-back profile\n"
	"  delete EID ICCID             remove a profile\n"
	"  audit EID [ICCID...]         ask the card what it holds\n"
	"  get-eis EID                  what the SM-SR knows of a card\n"
	"  set-pol2 EID ICCID RULE...   rules, or none\n"
	"  set-address EID ICCID        --imsi, --msisdn\n"
	"\n"
	"On the machine of the SM-SR:\n"
	"  status  counters  smpp       how it is\n"
	"  list  show EID               eUICCs\n"
	"  ops [EID]  op ID             operations\n"
	"  timeline ID  follow ID       their steps, so far or as they happen\n"
	"  outbox [OP]  outbox-retry    messages to peers\n"
	"  trail [EID]                  audit trail\n"
	"  pause SCOPE [NAME], resume SCOPE [NAME], pauses, drain\n"
	"  audit-list  audit-bulk  audit-card EID\n"
	"  cancel ID  counter EID VERSION VALUE  import FILE  backup FILE\n"
	"\n"
	"To the SM-DP:\n"
	"  download EID --smsr OID (--iccid N | --type NAME) [--enable]\n"
	"\n"
	"On the machine of the SM-DP:\n"
	"  orders  order ID             orders of operators, one with its steps\n"
	"  order follow ID  order cancel ID  order release ID  order ask\n"
	"  stock type NAME              make or change a profile type\n"
	"  stock import FILE.csv        prepare profiles from rows\n"
	"  stock import-package FILE... profiles that are ready (DER)\n"
	"  stock check FILE...          what is wrong with them\n"
	"  stock levels  stock list     what there is\n"
	"  stock show ICCID  stock take-out ICCID  stock release ICCID  stock release-held\n"
	"  smdp status  smdp counters   how it is\n"
	"  smdp pause all  smdp resume all  smdp backup FILE\n"
	"\n"
	"smctl COMMAND --help says more.\n"
	"\n"
	"  --json             output for programs: one JSON object on each line;\n"
	"                     a last one {\"more\":true} when --max left rows out\n"
	"  --config FILE      settings (default: ~/.config/smctl.conf)\n"
	"  --as SECTION       identity: [SECTION] of that file (default: es1 for register, else es4)\n"
	"  --url URL          base URL of the SM-SR; the services are below it\n"
	"  --to-oid OID       its EntityId\n"
	"  --oid OID          our EntityId\n"
	"  --ca, --cert, --key FILE   PEM: roots of its certificate, our certificate, its key\n"
	"  --listen ADDR:PORT take answers in by callback (ReplyTo) instead of asking again\n"
	"  --callback-url URL how the SM-SR reaches that, if not as https://ADDR:PORT\n"
	"  --admin PATH       admin socket of the SM-SR\n"
	"  --smdp-admin PATH  admin socket of the SM-DP\n"
	"  -h, --help;  -V, --version\n"
	"\n"
	"The configuration file has lines \"name = value\" with the names above, without dashes.\n"
	"\n"
	"Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 the SM-SR cannot be reached; 4 no outcome in "
	"time.\n";

#define WAIT_HELP                                                                                            \
	"  --wait          until the outcome is known; with an admin socket its steps are shown meanwhile\n" \
	"  --timeout S     of --wait (600)\n"                                                                \
	"  --validity S    the SM-SR gives up after that time (its own default)\n"                           \
	"  --call-id TEXT  repeat or name the call (FunctionCallIdentifier)\n"

static const struct command commands[] = {
	{"register", 1, -1, " call-id ", "es1", cmd_register, NULL,
	 "smctl register FILE...: ES1-RegisterEIS\n\nFILE is an EIS signed by the EUM, or a whole request, as XML; - "
	 "is standard input.\n"},
	{"enable", 2, 2, " wait timeout validity call-id ", "es4", cmd_change, NULL,
	 "smctl enable EID ICCID: ES4-EnableProfile\n\n" WAIT_HELP},
	{"disable", 2, 2, " wait timeout validity call-id ", "es4", cmd_change, NULL,
	 "smctl disable EID ICCID: ES4-DisableProfile\n\n" WAIT_HELP},
	{"delete", 2, 2, " wait timeout validity call-id ", "es4", cmd_change, NULL,
	 "smctl delete EID ICCID: ES4-DeleteProfile\n\n" WAIT_HELP},
	{"audit", 1, -1, " wait timeout validity call-id xml ", "es4", cmd_audit, NULL,
	 "smctl audit EID [ICCID...]: ES4-AuditEIS\n\nWithout ICCID: every profile of ours.\n" WAIT_HELP
	 "  --xml           the EIS as XML\n"},
	{"get-eis", 1, 1, " xml ", "es4", cmd_get_eis, NULL,
	 "smctl get-eis EID: ES4-GetEIS\n\n  --xml  the EIS as XML\n"},
	{"set-pol2", 3, -1, " call-id ", "es4", cmd_set_pol2, NULL,
	 "smctl set-pol2 EID ICCID RULE...: ES4-UpdatePolicyRules\n\n"
	 "RULE is enable, disable or delete, a colon, and not-allowed or auto-delete; \"none\" alone takes all rules "
	 "away.\n"},
	{"set-address", 2, 2, " imsi msisdn call-id ", "es4", cmd_set_address, NULL,
	 "smctl set-address EID ICCID [--imsi N] [--msisdn N]: ES4-UpdateSubscriptionAddress\n\n"
	 "The address is replaced as a whole: name the part that stays too.\n"},

	{"status", 0, 0, "", NULL, cmd_record, "status", "smctl status: the SM-SR at a glance\n"},
	{"counters", 0, 0, "", NULL, cmd_rows, "counters", "smctl counters: everything it counts\n"},
	{"smpp", 0, 0, "", NULL, cmd_rows, "smpp", "smctl smpp: links to service centres\n"},
	{"list", 0, 0, " audit-due after max ", NULL, cmd_rows, "eis-list",
	 "smctl list: eUICCs in the order of registration\n\n  --audit-due  only those whose state is in doubt\n"
	 "  --max N      rows (100)\n  --after EID  go on behind this one\n"},
	{"show", 0, 1, " msisdn imsi iccid ", NULL, cmd_record, "eis",
	 "smctl show EID | --msisdn N | --imsi N | --iccid N: a eUICC with its profiles and key sets\n"},
	{"ops", 0, 1, " before max ", NULL, cmd_rows, "ops",
	 "smctl ops [EID]: operations, newest first\n\n  --max N      rows (100)\n  --before ID  go on with older "
	 "ones\n"},
	{"op", 1, 1, "", NULL, cmd_record, "op", "smctl op ID: everything about an operation\n"},
	{"timeline", 1, 1, " after ", NULL, cmd_rows, "timeline",
	 "smctl timeline ID: steps of an operation so far\n\n  --after N  only those behind this id\n"},
	{"follow", 1, 1, "", NULL, cmd_stream, "follow",
	 "smctl follow ID: steps of an operation as they happen, until it is done\n"},
	{"outbox", 0, 1, " before max ", NULL, cmd_rows, "outbox",
	 "smctl outbox [OPERATION]: messages to peers, newest first\n\n  --max N      rows (100)\n  --before ID  go on "
	 "with older ones\n"},
	{"outbox-retry", 0, 1, "", NULL, cmd_record, "outbox-retry",
	 "smctl outbox-retry [PEER]: send now what waits for a later attempt\n"},
	{"trail", 0, 1, " before max ", NULL, cmd_rows, "trail",
	 "smctl trail [EID]: audit trail, newest first\n\n  --max N      rows (100)\n  --before ID  go on with older "
	 "ones\n"},
	{"pauses", 0, 0, "", NULL, cmd_rows, "pauses", "smctl pauses: what is paused\n"},
	{"pause", 1, 2, "", NULL, cmd_record, "pause",
	 "smctl pause SCOPE [NAME]: start no more commands\n\n"
	 "SCOPE is all, drain (finish what runs, start nothing), smsc NAME, eid EID, or peer NAME.\n"},
	{"resume", 1, 2, "", NULL, cmd_record, "resume",
	 "smctl resume SCOPE [NAME]: undo \"smctl pause\" of the same words\n"},
	{"drain", 0, 0, "", NULL, cmd_record, "pause",
	 "smctl drain: finish what runs, start nothing new; \"smctl resume drain\" ends it\n"},
	{"audit-list", 0, 0, " after max ", NULL, cmd_rows, "audit-list",
	 "smctl audit-list: eUICCs whose state is in doubt, and why\n\n  --max N      rows (100)\n  --after EID  go on "
	 "behind this one\n"},
	{"audit-bulk", 0, 0, " max ", NULL, cmd_record, "audit-bulk",
	 "smctl audit-bulk: audit all of \"smctl audit-list\"\n\n  --max N  no more than that\n"},
	{"audit-card", 1, 1, "", NULL, cmd_record, "audit",
	 "smctl audit-card EID: queue an audit by the SM-SR itself\n"},
	{"cancel", 1, 1, "", NULL, cmd_record, "cancel",
	 "smctl cancel ID: stop an operation; what the card may have done already shows in an audit\n"},
	{"counter", 3, 3, "", NULL, cmd_record, "counter",
	 "smctl counter EID VERSION VALUE: raise the SCP80 counter of a key set, for a card that refuses it as low\n"},
	{"import", 1, 1, "", NULL, cmd_record, "import",
	 "smctl import FILE: register an EIS without a check of its signature; - is standard input\n"},
	{"backup", 1, 1, "", NULL, cmd_record, "backup",
	 "smctl backup FILE: copy the database into a new file while the SM-SR runs\n"},

	{"download", 1, 1, " smsr iccid type enable wait timeout validity call-id ", SECTION_ES2, cmd_download, NULL,
	 "smctl download EID --smsr OID (--iccid N | --type NAME): ES2-DownloadProfile\n\n"
	 "  --smsr OID      SM-SR that manages the eUICC\n"
	 "  --iccid N       this profile of the stock\n"
	 "  --type NAME     any profile of that type\n"
	 "  --enable        and enable it\n" WAIT_HELP},
	{"orders", 0, 0, " before max ", SECTION_SMDP, cmd_rows, "orders",
	 "smctl orders: orders of operators at the SM-DP, newest first\n\n  --max N      rows (100)\n"
	 "  --before ID  go on with older ones\n"},
	{"order follow", 1, 1, "", SECTION_SMDP, cmd_order_follow, "follow",
	 "smctl order follow ID: steps of an order as they happen, until it is done\n"},
	{"order cancel", 1, 1, "", SECTION_SMDP, cmd_record, "order-cancel",
	 "smctl order cancel ID: stop an order; what is on the card already is deleted\n"},
	{"order release", 1, 1, "", SECTION_SMDP, cmd_record, "order-release",
	 "smctl order release ID: an order that is on hold since the database was restored begins again\n"},
	{"order ask", 0, 0, "", SECTION_SMDP, cmd_record, "order-ask",
	 "smctl order ask: ask SM-SRs again that did not say what is on their eUICCs since the database was "
	 "restored\n"},
	{"smdp status", 0, 0, "", SECTION_SMDP, cmd_record, "status", "smctl smdp status: the SM-DP at a glance\n"},
	{"smdp counters", 0, 0, "", SECTION_SMDP, cmd_rows, "counters",
	 "smctl smdp counters: everything that the SM-DP counts\n"},
	{"smdp pause", 1, 1, "", SECTION_SMDP, cmd_record, "pause",
	 "smctl smdp pause all: orders are taken in, but no call to an SM-SR leaves\n"},
	{"smdp resume", 1, 1, "", SECTION_SMDP, cmd_record, "resume", "smctl smdp resume all: they leave again\n"},
	{"smdp backup", 1, 1, "", SECTION_SMDP, cmd_record, "backup",
	 "smctl smdp backup FILE: copy the database of the SM-DP into a new file while it runs\n"},
	{"order", 1, 1, "", SECTION_SMDP, cmd_rows, "order", "smctl order ID: an order and its steps\n"},

	{"stock type", 1, 1, " mno memory template ", SECTION_SMDP, cmd_stock_type, "stock-type-set",
	 "smctl stock type NAME --mno OID: make a profile type of an operator, or change it\n\n"
	 "  --template FILE  how packages are prepared for it; \"none\": ready packages only\n"
	 "  --memory OCTETS  what a card must have free (default: as long as the package)\n"},
	{"stock import", 1, 1, " type mno pol2 check ", SECTION_SMDP, cmd_stock_import, "stock-import",
	 "smctl stock import FILE.csv --type NAME --mno OID: prepare a profile for each row\n\n"
	 "The first line names the columns: iccid and what the template of the type uses (imsi, ki, opc, msisdn, "
	 "smsc...), and pol2.\nA bad row is left out and told about; the others are taken.  - is standard input.\n\n"
	 "  --check       store nothing\n"
	 "  --pol2 RULES  of rows without own ones: \"disable:not-allowed delete:not-allowed\"\n"},
	{"stock import-package", 1, -1, " type mno pol2 imsi msisdn ", SECTION_SMDP, cmd_stock_package,
	 "stock-import-package",
	 "smctl stock import-package FILE... --type NAME --mno OID: store profile packages (DER)\n\n"
	 "Each is checked first.\n\n"
	 "  --imsi N, --msisdn N  of a single one (default: the IMSI in the package)\n"
	 "  --pol2 RULES          as of \"stock import\"\n"},
	{"stock check", 1, -1, "", SECTION_SMDP, cmd_stock_check, "stock-check",
	 "smctl stock check FILE|ICCID...: say what is wrong with a profile package, or with one in stock\n"},
	{"stock levels", 0, 0, " mno ", SECTION_SMDP, cmd_rows, "stock-types",
	 "smctl stock levels [--mno OID]: profile types and how many profiles there are of each\n"},
	{"stock list", 0, 0, " type mno state after max ", SECTION_SMDP, cmd_rows, "stock-list",
	 "smctl stock list: profiles in the order of import\n\n"
	 "  --type NAME, --mno OID  only of that type, that operator\n"
	 "  --state STATE           free, reserved, used, broken or held\n"
	 "  --max N      rows (100)\n  --after ID   go on behind this one\n"},
	{"stock show", 1, 1, "", SECTION_SMDP, cmd_record, "stock-show", "smctl stock show ICCID: one profile\n"},
	{"stock take-out", 1, 1, "", SECTION_SMDP, cmd_record, "stock-take-out",
	 "smctl stock take-out ICCID: a free profile is not given out any more\n"},
	{"stock release-held", 0, 0, " type mno ", SECTION_SMDP, cmd_record, "stock-release-held",
	 "smctl stock release-held: profiles on hold since the database was restored are free again\n\n"
	 "  --type NAME, --mno OID  only of that type, that operator\n"},
	{"stock release", 1, 1, "", SECTION_SMDP, cmd_record, "stock-release",
	 "smctl stock release ICCID: a profile that was taken out, or is on hold, is free again\n\n"
	 "Not while its order runs: two cards could get it.\n"},
};

/* A command of one or two words.  \param[out] words  how many it has */
static const struct command *command_of(char **argv, int n, int *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *second = strchr(commands[i].name, ' ');
		size_t len = second ? (size_t)(second - commands[i].name) : strlen(commands[i].name);

		if (strlen(argv[0]) != len || strncmp(argv[0], commands[i].name, len) != 0)
			continue;
		if (!second || (n > 1 && strcmp(argv[1], second + 1) == 0)) {
			*words = second ? 2 : 1;
			return &commands[i];
		}
	}
	return NULL;
}

/* ---- options ---- */

#define FLAG(n)                         \
	{                               \
		n, no_argument, NULL, 1 \
	}
#define TEXT(n)                               \
	{                                     \
		n, required_argument, NULL, 1 \
	}

static const struct option long_options[] = {
	FLAG("json"),
	TEXT("config"),
	TEXT("as"),
	TEXT("url"),
	TEXT("to-oid"),
	TEXT("oid"),
	TEXT("ca"),
	TEXT("cert"),
	TEXT("key"),
	TEXT("listen"),
	TEXT("callback-url"),
	TEXT("admin"),
	TEXT("smdp-admin"),
	FLAG("wait"),
	TEXT("timeout"),
	TEXT("validity"),
	TEXT("call-id"),
	TEXT("imsi"),
	TEXT("msisdn"),
	TEXT("iccid"),
	TEXT("type"),
	TEXT("mno"),
	TEXT("pol2"),
	TEXT("state"),
	TEXT("template"),
	TEXT("memory"),
	TEXT("after"),
	TEXT("before"),
	TEXT("max"),
	FLAG("audit-due"),
	FLAG("xml"),
	FLAG("check"),
	TEXT("smsr"),
	FLAG("enable"),
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* Options of the run itself. */
struct run {
	struct smctl *c;
	const char *config;
	const char *as;
	const char *used[16]; /* options of single commands that were given */
	size_t n_used;
	bool help;
	bool version;
	bool bad;
};

static void set_number(struct run *r, const char *name, unsigned int *where, const char *text)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || !value || value > INT32_MAX) {
		complain(r->c, "--%s %s: a number from 1 is wanted", name, text);
		r->bad = true;
		return;
	}
	*where = (unsigned int)value;
}

static void command_option(struct run *r, const char *name, const char *value)
{
	struct options *o = &r->c->opt;
	const struct {
		const char *name;
		const char **text;
		unsigned int *number;
		bool *flag;
	} places[] = {
		{"wait", NULL, NULL, &o->wait},		  {"timeout", NULL, &o->timeout_s, NULL},
		{"validity", NULL, &o->validity_s, NULL}, {"call-id", &o->call_id, NULL, NULL},
		{"imsi", &o->imsi, NULL, NULL},		  {"msisdn", &o->msisdn, NULL, NULL},
		{"iccid", &o->iccid, NULL, NULL},	  {"after", &o->after, NULL, NULL},
		{"before", &o->before, NULL, NULL},	  {"max", NULL, &o->max, NULL},
		{"audit-due", NULL, NULL, &o->audit_due}, {"xml", NULL, NULL, &o->xml},
		{"type", &o->type, NULL, NULL},		  {"mno", &o->mno, NULL, NULL},
		{"pol2", &o->pol2, NULL, NULL},		  {"state", &o->state, NULL, NULL},
		{"template", &o->template, NULL, NULL},	  {"memory", &o->memory, NULL, NULL},
		{"check", NULL, NULL, &o->check},	  {"smsr", &o->smsr, NULL, NULL},
		{"enable", NULL, NULL, &o->enable},
	};

	if (r->n_used < ARRAY_SIZE(r->used))
		r->used[r->n_used++] = name;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (strcmp(places[i].name, name) != 0)
			continue;
		if (places[i].flag)
			*places[i].flag = true;
		else if (places[i].text)
			*places[i].text = value;
		else
			set_number(r, name, places[i].number, value);
	}
}

static void option(struct run *r, const char *name, const char *value)
{
	const char **setting = conf_setting(&r->c->conf, name);

	if (setting)
		*setting = value;
	else if (strcmp(name, "json") == 0)
		r->c->json = true;
	else if (strcmp(name, "config") == 0)
		r->config = value;
	else if (strcmp(name, "as") == 0)
		r->as = value;
	else
		command_option(r, name, value);
}

static void read_options(struct run *r, int argc, char **argv)
{
	int i = 0, o;

	while ((o = getopt_long(argc, argv, "hV", long_options, &i)) != -1) {
		if (o == 'h')
			r->help = true;
		else if (o == 'V')
			r->version = true;
		else if (o == 1)
			option(r, long_options[i].name, optarg);
		else
			r->bad = true;
	}
}

static int usage_error(const struct smctl *c, const char *what, const char *word)
{
	complain(c, "%s%s%s; try \"smctl%s%s --help\"", what, word ? ": " : "", word ? word : "", c->cmd ? " " : "",
		 c->cmd ? c->cmd->name : "");
	return -EINVAL;
}

static int check_usage(const struct run *r)
{
	const struct smctl *c = r->c;

	if (!c->cmd)
		return usage_error(c, "no command", NULL);
	if (c->n_args < c->cmd->min_args)
		return usage_error(c, "an argument is missing", NULL);
	if (c->cmd->max_args >= 0 && c->n_args > c->cmd->max_args)
		return usage_error(c, "too many arguments", c->args[c->cmd->max_args]);
	for (size_t i = 0; i < r->n_used; i++) {
		char *word = talloc_asprintf(c, " %s ", r->used[i]);

		if (!strstr(c->cmd->options, word))
			return usage_error(c, "this command has no option", r->used[i]);
	}
	return 0;
}

static int run(struct run *r)
{
	struct smctl *c = r->c;
	const char *section = r->as ? r->as : c->cmd ? c->cmd->section : NULL;

	if (r->version) {
		printf("smctl %s\n", VERSION);
		return SMCTL_OK;
	}
	if (r->help) {
		fputs(c->cmd ? c->cmd->help : usage_head, stdout);
		return SMCTL_OK;
	}
	if (check_usage(r) < 0 || conf_read(c, r->config, section, r->as) < 0)
		return SMCTL_USAGE;
	return (int)c->cmd->run(c, c->cmd);
}

int main(int argc, char **argv)
{
	struct smctl *c = talloc_zero(NULL, struct smctl);
	struct run r = {.c = c};
	int code = SMCTL_USAGE;

	OSMO_ASSERT(c);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0); /* an EIS holds keys */
	osmo_init_logging2(c, &log_info_esim);
	log_set_all_filter(osmo_stderr_target, 1);
	log_set_log_level(osmo_stderr_target, LOGL_FATAL); /* what matters here is said by complain() */
	read_options(&r, argc, argv);
	if (optind < argc) {
		int words = 1;

		c->cmd = command_of(argv + optind, argc - optind, &words);
		if (!c->cmd) {
			bool stock = strcmp(argv[optind], "stock") == 0;

			usage_error(c, "unknown command",
				    stock ? talloc_asprintf(c, "stock %s", optind + 1 < argc ? argv[optind + 1] : "")
					  : argv[optind]);
			r.bad = true;
		}
		c->args = argv + optind + words;
		c->n_args = argc - optind - words;
	}
	if (!r.bad)
		code = run(&r);
	if (fflush(stdout) != 0)
		code = SMCTL_USAGE;
	talloc_free(c);
	return code;
}
