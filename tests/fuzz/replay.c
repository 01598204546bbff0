/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Runs a fuzz target over its stored corpus, so that `make check` needs no clang.  Usage: x_fuzz FOLDER|FILE... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *buf = NULL;
	long size;
	int rc = -1;

	if (!f)
		return -1;
	/* An exact malloc per input lets the sanitizer see a read one octet past the end. */
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
		buf = malloc(size ? (size_t)size : 1);
		if (buf && fread(buf, 1, (size_t)size, f) == (size_t)size)
			rc = LLVMFuzzerTestOneInput(buf, (size_t)size);
	}
	free(buf);
	fclose(f);
	return rc;
}

static int replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *de;
	int n = 0;

	if (!dir)
		return replay_file(path) == 0 ? 1 : -1;
	while ((de = readdir(dir))) {
		char file[4096];

		if (de->d_name[0] == '.')
			continue;
		if (snprintf(file, sizeof(file), "%s/%s", path, de->d_name) >= (int)sizeof(file) ||
		    replay_file(file) != 0) {
			fprintf(stderr, "%s/%s: not replayed\n", path, de->d_name);
			closedir(dir);
			return -1;
		}
		n++;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);

		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	if (total == 0) {
		fprintf(stderr, "no corpus: %s\n", argc > 1 ? argv[1] : "(none named)");
		return 1;
	}
	return 0;
}
