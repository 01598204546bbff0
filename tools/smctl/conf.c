/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Configuration file: lines "name = value", "#" begins a comment, "[section]" begins settings of one identity (an EUM
 * and an operator have certificates of their own).  File names are relative to the file that names them. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

static const struct setting {
	const char *name;
	size_t offset;
	bool file;
} settings[] = {
	{"url", offsetof(struct conf, url), false},	  {"ca", offsetof(struct conf, ca), true},
	{"cert", offsetof(struct conf, cert), true},	  {"key", offsetof(struct conf, key), true},
	{"oid", offsetof(struct conf, oid), false},	  {"to-oid", offsetof(struct conf, to_oid), false},
	{"listen", offsetof(struct conf, listen), false}, {"callback-url", offsetof(struct conf, callback_url), false},
	{"admin", offsetof(struct conf, admin), true},	  {"smdp-admin", offsetof(struct conf, smdp_admin), true},
};

static const struct setting *setting_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

static const char **place(struct conf *conf, const struct setting *s)
{
	return (const char **)((char *)conf + s->offset);
}

const char **conf_setting(struct conf *conf, const char *name)
{
	const struct setting *s = setting_of(name);

	return s ? place(conf, s) : NULL;
}

/* One configuration file while it is read. */
struct reader {
	struct smctl *c;
	const char *path;
	unsigned int line;
	const char *want; /* section to be read; NULL: none */
	bool in_section;  /* the current one is the wanted one */
	bool skip;	  /* the current one is another */
	bool found;
	struct conf common; /* before the first section */
	struct conf own;    /* of the wanted section */
};

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	text[n] = 0;
	return text;
}

static int bad_line(const struct reader *r, const char *what, const char *word)
{
	complain(r->c, "%s line %u: %s%s%s", r->path, r->line, what, *word ? ": " : "", word);
	return -EINVAL;
}

/* A relative name of a file means one beside the configuration file. */
static char *file_name(const struct reader *r, const char *value)
{
	const char *slash = strrchr(r->path, '/');

	if (*value == '/' || !slash)
		return talloc_strdup(r->c, value);
	return talloc_asprintf(r->c, "%.*s/%s", (int)(slash - r->path), r->path, value);
}

static void rx_section(struct reader *r, char *text)
{
	text[strcspn(text, "]")] = 0;
	r->in_section = r->want && strcmp(trim(text + 1), r->want) == 0;
	r->skip = !r->in_section;
	r->found |= r->in_section;
}

static int rx_line(struct reader *r, char *text)
{
	const struct setting *s;
	char *value;

	text = trim(text);
	if (!*text || *text == '#')
		return 0;
	if (*text == '[') {
		rx_section(r, text);
		return 0;
	}
	value = strchr(text, '=');
	if (!value)
		return bad_line(r, "neither \"name = value\" nor \"[section]\"", "");
	*value++ = 0;
	text = trim(text);
	s = setting_of(text);
	if (!s)
		return bad_line(r, "unknown setting", text);
	value = trim(value);
	if (!r->skip)
		*place(r->in_section ? &r->own : &r->common, s) =
			s->file ? file_name(r, value) : talloc_strdup(r->c, value);
	return 0;
}

static int rx_file(struct reader *r, FILE *f)
{
	char line[4096];
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), f)) {
		r->line++;
		if (strlen(line) == sizeof(line) - 1)
			rc = bad_line(r, "too long", "");
		else
			rc = rx_line(r, line);
	}
	return rc;
}

/* The command line wins over the section, the section over the common part. */
static void merge(struct smctl *c, struct reader *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const char **to = place(&c->conf, &settings[i]);

		if (!*to)
			*to = *place(&r->own, &settings[i]);
		if (!*to)
			*to = *place(&r->common, &settings[i]);
	}
}

static const char *default_path(const void *ctx)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? talloc_asprintf(ctx, "%s/.config/smctl.conf", pw->pw_dir) : NULL;
}

int conf_read(struct smctl *c, const char *path, const char *section, bool section_needed)
{
	struct reader r = {.c = c, .path = path ? path : default_path(c), .want = section};
	FILE *f = r.path ? fopen(r.path, "r") : NULL;
	int rc;

	if (!f && (path || section_needed)) {
		complain(c, "%s: %s", r.path ? r.path : "configuration", strerror(errno));
		return -ENOENT;
	}
	if (!f)
		return 0;
	rc = rx_file(&r, f);
	fclose(f);
	if (rc == 0 && section_needed && !r.found) {
		complain(c, "%s: no section [%s]", r.path, section);
		rc = -ENOENT;
	}
	if (rc == 0)
		merge(c, &r);
	return rc;
}
