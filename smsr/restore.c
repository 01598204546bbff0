/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Backups, and the start from one.  See restore.h.
 *
 * The file DATABASE.start holds one line: "smsr-start EPOCH BEATS STARTED ALIVE", numbers in decimal, times in
 * milliseconds of UTC for the reader.  Only EPOCH and BEATS are compared: clocks may step back, counts do not. */
#include "smsr/restore.h"

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
#include "smsr/eis_db.h"
#include "smsr/op.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"

#define BEAT_MS (60 * 1000)
#define IN_FLIGHT_BATCH 200

/* What the side file says. */
struct side {
	bool there;
	int64_t epoch;
	int64_t beats;
};

static char *side_path(const void *ctx, const struct smsr *s)
{
	return talloc_asprintf(ctx, "%s.start", s->cfg->database);
}

static void side_read(struct smsr *s, struct side *side)
{
	char *path = side_path(turn_ctx(s->turn), s);
	FILE *f = fopen(path, "re");

	*side = (struct side){0};
	if (!f)
		return;
	side->there = fscanf(f, "smsr-start %" SCNd64 " %" SCNd64, &side->epoch, &side->beats) == 2;
	fclose(f);
	if (!side->there)
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
static int beat(struct smsr *s, struct meta *meta)
{
	struct beat *b = talloc_zero(turn_ctx(s->turn), struct beat);
	int rc;

	OSMO_ASSERT(b);
	meta->beats += s->cfg->database != NULL;
	meta->committed_ms = clock_stamp_ms();
	rc = record_db_meta_set(s->db, meta);
	if (rc < 0 || !s->cfg->database)
		return rc;
	s->beat_ms = clock_now_ms() + BEAT_MS;
	b->path = side_path(b, s);
	b->line = talloc_asprintf(b, "smsr-start %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", meta->epoch,
				  meta->beats, meta->started_ms, meta->committed_ms);
	turn_output(s->turn, emit_beat, s, b);
	return 0;
}

int restore_beat(struct smsr *s)
{
	struct meta meta;
	int rc;

	if (!s->cfg->database || clock_now_ms() < s->beat_ms)
		return 0;
	rc = record_db_meta(s->db, &meta);
	return rc < 0 ? rc : beat(s, &meta);
}

int smsr_ev_stop(void *smsr, void *unused)
{
	struct smsr *s = smsr;

	s->beat_ms = 0;
	return restore_beat(s);
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

static int fail_one(struct smsr *s, int64_t op_id)
{
	struct op_run r;
	int rc = op_load(s, op_id, &r);

	if (rc < 0)
		return rc;
	return op_finish(s, &r,
			 es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_NO_RESPONSE, r.op.iccid,
				       "the database was restored while this was in flight: its effect is unknown"));
}

/* All first, then one by one: the end of one operation starts the next of its eUICC, and that one is sound. */
static int fail_in_flight(struct smsr *s, size_t *n)
{
	int64_t batch[IN_FLIGHT_BATCH], *ids = NULL;
	size_t found = 0;
	int rc;

	*n = 0;
	do {
		rc = op_db_in_flight(s->db, *n ? ids[*n - 1] : 0, batch, ARRAY_SIZE(batch), &found);
		if (rc < 0)
			return rc;
		ids = talloc_realloc(turn_ctx(s->turn), ids, int64_t, (unsigned int)(*n + found + 1));
		OSMO_ASSERT(ids);
		memcpy(&ids[*n], batch, found * sizeof(batch[0]));
		*n += found;
	} while (found == ARRAY_SIZE(batch));
	for (size_t i = 0; rc == 0 && i < *n; i++)
		rc = fail_one(s, ids[i]);
	return rc;
}

static int record(struct smsr *s, const char *text)
{
	const struct audit_row row = {
		.stamp_ms = clock_stamp_ms(),
		.type = AUDIT_OPERATOR,
		.text = talloc_strdup(turn_ctx(s->turn), text),
	};

	LOGP(DMAIN, LOGL_NOTICE, "%s\n", text);
	return record_db_audit(s->db, &row);
}

static int recover(struct smsr *s, struct meta *meta, const struct side *side, const char *why)
{
	int64_t epoch = (side->epoch > meta->epoch ? side->epoch : meta->epoch) + 1;
	uint64_t jump = (uint64_t)(epoch - meta->epoch) * s->cfg->limits.counter_margin;
	size_t n = 0;
	int rc = eis_db_counters_jump(s->db, jump, "the database was restored");

	s->epoch = meta->epoch = epoch;
	if (side->beats > meta->beats)
		meta->beats = side->beats;
	meta->backup = false;
	smsr_count(s, CTR_RESTORES);
	if (rc == 0)
		rc = fail_in_flight(s, &n);
	if (rc < 0)
		return rc;
	return record(s, talloc_asprintf(turn_ctx(s->turn),
					 "restored database (%s): epoch %" PRId64 ", SCP80 counters raised by %" PRIu64
					 ", every eUICC is to be audited, %zu operations in flight ended as unknown",
					 why, epoch, jump, n));
}

int restore_check(struct smsr *s)
{
	const char *why = NULL;
	struct side side = {0};
	struct meta meta;
	int rc = record_db_meta(s->db, &meta);

	if (rc < 0)
		return rc;
	s->epoch = meta.epoch;
	if (s->cfg->database) {
		side_read(s, &side);
		why = restored(&meta, &side);
	}
	if (why)
		rc = recover(s, &meta, &side, why);
	meta.started_ms = clock_stamp_ms();
	return rc < 0 ? rc : beat(s, &meta);
}

/* ---- backup ---- */

static int mark(const void *ctx, const char *path, const char **why)
{
	const struct db_opts opts = {0};
	struct meta meta;
	struct db *db;
	int rc = db_open(ctx, path, &smsr_db_desc, &opts, &db, why);

	if (rc < 0)
		return rc;
	rc = record_db_meta(db, &meta);
	meta.backup = true;
	if (rc == 0)
		rc = record_db_meta_set(db, &meta);
	talloc_free(db);
	if (rc < 0)
		*why = "the copy cannot be marked as a backup";
	return rc;
}

/* The copy gets its name when it is complete and marked: no unmarked copy is ever taken for one. */
static int copy_and_mark(const void *ctx, const char *database, const char *tmp, const char *path, const char **why)
{
	const struct db_opts opts = {.read_only = true};
	struct db *db;
	int rc = db_open(ctx, database, &smsr_db_desc, &opts, &db, why);

	if (rc < 0)
		return rc;
	rc = db_backup(db, tmp);
	talloc_free(db);
	if (rc < 0) {
		*why = "the copy cannot be written";
		return rc;
	}
	rc = mark(ctx, tmp, why);
	if (rc == 0 && link(tmp, path) < 0) {
		rc = -errno;
		*why = talloc_asprintf(ctx, "%s: %s", path, strerror(-rc));
	}
	return rc;
}

int restore_backup(const void *ctx, const char *database, const char *path, const char **why)
{
	char *tmp = talloc_asprintf(ctx, "%s.part", path);
	char *lock = talloc_asprintf(ctx, "%s.lock", tmp);
	int rc;

	if (*path != '/' || access(path, F_OK) == 0) {
		*why = talloc_asprintf(ctx, "%s: %s", path, *path != '/' ? "a whole path is wanted" : "exists already");
		return *path != '/' ? -EINVAL : -EEXIST;
	}
	unlink(tmp);
	rc = copy_and_mark(ctx, database, tmp, path, why);
	unlink(tmp);
	unlink(lock);
	return rc;
}
