/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The thread of a backup.  It has its own connection to the database and its own talloc tree below NULL; the core joins
 * it when the eventfd says that it is done. */
#include "common/app/backup.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <osmocom/core/select.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/life.h"
#include "common/app/log.h"

struct run {
	pthread_t thread;
	struct osmo_fd fd;
	/* of the thread until it is joined; a tree below NULL */
	void *tree;
	const struct db_desc *desc;
	const char *database;
	const char *path;
	const char *why;
	int rc;
	/* of the core */
	backup_done_cb done;
	void *priv;
};

struct backup {
	const struct db_desc *desc;
	const char *database;
	backup_done_cb ended;
	void *priv;
	struct run *run; /* NULL: none */
};

struct backup *backup_alloc(const void *ctx, const struct db_desc *desc, const char *database, backup_done_cb ended,
			    void *priv)
{
	struct backup *b = talloc_zero(ctx, struct backup);

	OSMO_ASSERT(b);
	*b = (struct backup){.desc = desc, .database = talloc_strdup(b, database), .ended = ended, .priv = priv};
	return b;
}

static void *thread(void *run)
{
	struct run *r = run;
	const uint64_t one = 1;

	r->rc = life_backup(r->tree, r->desc, r->database, r->path, &r->why);
	if (write(r->fd.fd, &one, sizeof(one)) != sizeof(one))
		r->rc = -EIO; /* cannot happen with an eventfd that is read once */
	return NULL;
}

static void join(struct run *r)
{
	pthread_join(r->thread, NULL);
	osmo_fd_unregister(&r->fd);
	close(r->fd.fd);
}

static void finish(struct backup *b)
{
	struct run *r = b->run;
	char *text;

	join(r);
	b->run = NULL;
	text = r->rc == 0 ? talloc_asprintf(r, "backup in %s", r->path) : talloc_asprintf(r, "no backup: %s", r->why);
	LOGP(DMAIN, r->rc == 0 ? LOGL_NOTICE : LOGL_ERROR, "%s\n", text);
	if (b->ended)
		b->ended(b->priv, r->rc, text);
	if (r->done)
		r->done(r->priv, r->rc, text);
	talloc_free(r->tree);
	talloc_free(r);
}

static int on_end(struct osmo_fd *ofd, unsigned int what)
{
	finish(ofd->data);
	return 0;
}

int backup_start(struct backup *b, const char *path, backup_done_cb done, void *priv)
{
	struct run *r;
	int rc;

	if (b->run)
		return -EBUSY;
	r = talloc_zero(b, struct run);
	OSMO_ASSERT(r);
	r->tree = talloc_named_const(NULL, 0, "backup");
	r->desc = b->desc;
	r->database = talloc_strdup(r->tree, b->database);
	r->path = talloc_strdup(r->tree, path);
	r->why = "";
	r->done = done;
	r->priv = priv;
	osmo_fd_setup(&r->fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), OSMO_FD_READ, on_end, b, 0);
	rc = r->fd.fd < 0 ? -errno : osmo_fd_register(&r->fd);
	if (rc == 0) {
		rc = -pthread_create(&r->thread, NULL, thread, r);
		if (rc < 0)
			osmo_fd_unregister(&r->fd);
	}
	if (rc < 0) {
		if (r->fd.fd >= 0)
			close(r->fd.fd);
		talloc_free(r->tree);
		talloc_free(r);
		return rc;
	}
	b->run = r;
	return 0;
}

void backup_forget(struct backup *b, void *priv)
{
	if (b && b->run && b->run->priv == priv)
		b->run->done = NULL;
}

void backup_stop(struct backup *b)
{
	if (b && b->run)
		finish(b);
}
