/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The thread of a backup.  It has its own connection to the database and its own talloc tree below NULL; the core joins
 * it when the eventfd says that it is done. */
#include "smsr/backup.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <osmocom/core/select.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/daemon.h"
#include "smsr/record_db.h"
#include "smsr/restore.h"

struct backup {
	pthread_t thread;
	struct osmo_fd fd;
	/* of the thread until it is joined; a tree below NULL */
	void *tree;
	const char *database;
	const char *path;
	const char *why;
	int rc;
	/* of the core */
	struct smsr_daemon *d;
	backup_done_cb done;
	void *priv;
};

static void *run(void *backup)
{
	struct backup *b = backup;
	const uint64_t one = 1;

	b->rc = restore_backup(b->tree, b->database, b->path, &b->why);
	if (write(b->fd.fd, &one, sizeof(one)) != sizeof(one))
		b->rc = -EIO; /* cannot happen with an eventfd that is read once */
	return NULL;
}

static int record(void *smsr, void *text)
{
	const struct audit_row row = {.stamp_ms = clock_stamp_ms(), .type = AUDIT_OPERATOR, .text = text};
	struct smsr *s = smsr;

	return record_db_audit(s->db, &row);
}

static void join(struct backup *b)
{
	pthread_join(b->thread, NULL);
	osmo_fd_unregister(&b->fd);
	close(b->fd.fd);
}

static void finish(struct smsr_daemon *d)
{
	struct backup *b = d->backup;
	char *text;

	join(b);
	d->backup = NULL;
	text = b->rc == 0 ? talloc_asprintf(b, "backup in %s", b->path) : talloc_asprintf(b, "no backup: %s", b->why);
	LOGP(DMAIN, b->rc == 0 ? LOGL_NOTICE : LOGL_ERROR, "%s\n", text);
	if (b->rc == 0)
		daemon_event(d, record, text, "record of the backup");
	if (b->done)
		b->done(b->priv, b->rc, text);
	talloc_free(b->tree);
	talloc_free(b);
}

static int on_end(struct osmo_fd *ofd, unsigned int what)
{
	finish(ofd->data);
	return 0;
}

int backup_start(struct smsr_daemon *d, const char *path, backup_done_cb done, void *priv)
{
	struct backup *b;
	int rc;

	if (d->backup)
		return -EBUSY;
	b = talloc_zero(d->ctx, struct backup);
	OSMO_ASSERT(b);
	b->tree = talloc_named_const(NULL, 0, "backup");
	b->database = talloc_strdup(b->tree, d->cfg->database);
	b->path = talloc_strdup(b->tree, path);
	b->why = "";
	b->d = d;
	b->done = done;
	b->priv = priv;
	osmo_fd_setup(&b->fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), OSMO_FD_READ, on_end, d, 0);
	rc = b->fd.fd < 0 ? -errno : osmo_fd_register(&b->fd);
	if (rc == 0) {
		rc = -pthread_create(&b->thread, NULL, run, b);
		if (rc < 0)
			osmo_fd_unregister(&b->fd);
	}
	if (rc < 0) {
		if (b->fd.fd >= 0)
			close(b->fd.fd);
		talloc_free(b->tree);
		talloc_free(b);
		return rc;
	}
	d->backup = b;
	return 0;
}

void backup_forget(struct smsr_daemon *d, void *priv)
{
	if (d->backup && d->backup->priv == priv)
		d->backup->done = NULL;
}

void backup_stop(struct smsr_daemon *d)
{
	if (d->backup)
		finish(d);
}
