/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signs of life, the side file that remembers them, and backups.  See life.h.
 *
 * The file DATABASE.start holds one line: "NAME-start EPOCH BEATS STARTED ALIVE", numbers in decimal, times in
 * milliseconds of UTC for the reader.  Only EPOCH and BEATS are compared: clocks may step back, counts do not. */
#include "common/app/life.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"

#define BEAT_MS (60 * 1000)

/* What the side file says. */
struct side {
	bool there;
	int64_t epoch;
	int64_t beats;
};

static char *side_path(const void *ctx, const struct life *l)
{
	return talloc_asprintf(ctx, "%s.start", l->database);
}

static void side_read(struct life *l, struct side *side)
{
	char word[33], *path = side_path(turn_ctx(l->turn), l);
	FILE *f = fopen(path, "re");

	*side = (struct side){0};
	if (!f)
		return;
	side->there = fscanf(f, "%32s %" SCNd64 " %" SCNd64, word, &side->epoch, &side->beats) == 3 &&
		      strcmp(word, talloc_asprintf(turn_ctx(l->turn), "%s-start", l->name)) == 0;
	fclose(f);
	if (side->there)
		return;
	*side = (struct side){0};
	LOGP(DMAIN, LOGL_ERROR, "%s cannot be read: the database is taken for a restored one\n", path);
}

/* ---- writing the side file, after the commit ---- */

struct beat {
	char *path;
	char *line;
};

/* A renamed file is found after a power cut only when its folder is on the disk, too. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? talloc_strndup(NULL, path, (size_t)(slash - path) + 1) : talloc_strdup(NULL, ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	talloc_free(folder);
	return rc;
}

static int write_durably(const char *path, const char *line)
{
	char *tmp = talloc_asprintf(NULL, "%s.new", path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = (ssize_t)strlen(line);
	int rc = fd < 0 ? -errno : 0;

	errno = EIO; /* a short write sets none */
	if (rc == 0 && (write(fd, line, (size_t)n) != n || fsync(fd) < 0 || rename(tmp, path) < 0))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	talloc_free(tmp);
	return rc < 0 ? rc : sync_folder(path);
}

static void emit_beat(void *priv, void *data)
{
	const struct beat *b = data;
	int rc = write_durably(b->path, b->line);

	if (rc < 0)
		LOGP(DMAIN, LOGL_ERROR, "%s: %s: a restored database may not be noticed\n", b->path, strerror(-rc));
}

/* One more sign of life: the row now, the side file when the row is committed. */
static int beat(struct life *l, struct meta *meta)
{
	struct beat *b = talloc_zero(turn_ctx(l->turn), struct beat);
	int rc;

	OSMO_ASSERT(b);
	meta->beats += l->database != NULL;
	meta->committed_ms = clock_stamp_ms();
	rc = meta_db_set(l->db, meta);
	if (rc < 0 || !l->database)
		return rc;
	l->due_ms = clock_now_ms() + BEAT_MS;
	b->path = side_path(b, l);
	b->line = talloc_asprintf(b, "%s-start %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", l->name, meta->epoch,
				  meta->beats, meta->started_ms, meta->committed_ms);
	turn_output(l->turn, emit_beat, NULL, b);
	return 0;
}

int life_beat(struct life *l)
{
	struct meta meta;
	int rc;

	if (!l->database || clock_now_ms() < l->due_ms)
		return 0;
	rc = meta_db_get(l->db, &meta);
	return rc < 0 ? rc : beat(l, &meta);
}

int life_stop(struct life *l)
{
	l->due_ms = 0;
	return life_beat(l);
}

/* ---- start ---- */

static const char *restored(const struct meta *meta, const struct side *side)
{
	if (meta->backup)
		return "it is a backup";
	if (side->there && meta->beats < side->beats)
		return "the last run left a newer one";
	if (!side->there && meta->beats > 0)
		return "nothing tells that the last run left it";
	return NULL;
}

int life_look(struct life *l, struct life_past *past)
{
	struct side side = {0};
	struct meta meta;
	int64_t epoch;
	int rc = meta_db_get(l->db, &meta);

	if (rc < 0)
		return rc;
	*past = (struct life_past){.meta = meta};
	if (!l->database)
		return 0;
	side_read(l, &side);
	past->why = restored(&meta, &side);
	if (!past->why)
		return 0;
	epoch = (side.epoch > meta.epoch ? side.epoch : meta.epoch) + 1;
	past->epochs_lost = epoch - meta.epoch;
	past->meta.epoch = epoch;
	past->meta.backup = false;
	if (side.beats > meta.beats)
		past->meta.beats = side.beats;
	return 0;
}

int life_begin(struct life *l, struct meta *meta)
{
	meta->started_ms = clock_stamp_ms();
	return beat(l, meta);
}

/* ---- backup ---- */

static int mark(const void *ctx, const struct db_desc *desc, const char *path, const char **why)
{
	const struct db_opts opts = {0};
	struct meta meta;
	struct db *db;
	int rc = db_open(ctx, path, desc, &opts, &db, why);

	if (rc < 0)
		return rc;
	rc = meta_db_get(db, &meta);
	meta.backup = true;
	if (rc == 0)
		rc = meta_db_set(db, &meta);
	talloc_free(db);
	if (rc < 0)
		*why = "the copy cannot be marked as a backup";
	return rc;
}

/* The copy gets its name when it is complete and marked: no unmarked copy is ever taken for one. */
static int copy_and_mark(const void *ctx, const struct db_desc *desc, const char *database, const char *tmp,
			 const char *path, const char **why)
{
	const struct db_opts opts = {.read_only = true};
	struct db *db;
	int rc = db_open(ctx, database, desc, &opts, &db, why);

	if (rc < 0)
		return rc;
	rc = db_backup(db, tmp);
	talloc_free(db);
	if (rc < 0) {
		*why = "the copy cannot be written";
		return rc;
	}
	rc = mark(ctx, desc, tmp, why);
	if (rc == 0 && link(tmp, path) < 0) {
		rc = -errno;
		*why = talloc_asprintf(ctx, "%s: %s", path, strerror(-rc));
	}
	return rc;
}

int life_backup(const void *ctx, const struct db_desc *desc, const char *database, const char *path, const char **why)
{
	char *tmp = talloc_asprintf(ctx, "%s.part", path);
	char *lock = talloc_asprintf(ctx, "%s.lock", tmp);
	int rc;

	if (*path != '/' || access(path, F_OK) == 0) {
		*why = talloc_asprintf(ctx, "%s: %s", path, *path != '/' ? "a whole path is wanted" : "exists already");
		return *path != '/' ? -EINVAL : -EEXIST;
	}
	unlink(tmp);
	rc = copy_and_mark(ctx, desc, database, tmp, path, why);
	unlink(tmp);
	unlink(lock);
	return rc;
}
