/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each file is ours with SQLite's own behind it; the methods of ours hand on, xWrite first asks whether it may. */
#include "tests/sim/vfs.h"

#include <fcntl.h>
#include <osmocom/core/linuxlist.h>
#include <osmocom/core/utils.h>
#include <sqlite3.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#define MACHINES_MAX 4

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	bool fail_once;
	struct machine {
		const char *db;
		bool full;
		bool off;
	} machines[MACHINES_MAX];
	struct llist_head unsynced; /* of struct write, the newest first */
} shim;

/* What a write replaced. */
struct write {
	struct llist_head entry;
	char *path;
	off_t at;
	off_t size; /* of the file before */
	int n;	    /* octets that were there */
	char old[];
};

struct file {
	sqlite3_file base;
	sqlite3_file *real;
	const char *path; /* NULL: a temporary file; lives as long as this one */
};

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

/* ---- machines ---- */

static bool is_of(const struct machine *m, const char *path)
{
	return m->db && strncmp(path, m->db, strlen(m->db)) == 0;
}

static struct machine *machine_of(const char *db)
{
	struct machine *m = shim.machines;

	while (m->db && strcmp(m->db, db) != 0)
		OSMO_ASSERT(++m < shim.machines + MACHINES_MAX);
	m->db = db;
	return m;
}

static bool is_off(const char *path)
{
	for (size_t i = 0; path && i < MACHINES_MAX; i++) {
		if (shim.machines[i].off && is_of(&shim.machines[i], path))
			return true;
	}
	return false;
}

static bool is_full(const char *path)
{
	for (size_t i = 0; path && i < MACHINES_MAX; i++) {
		if (shim.machines[i].full && is_of(&shim.machines[i], path))
			return true;
	}
	return false;
}

/* ---- what is not synced ---- */

static void remember(sqlite3_file *f, int n, sqlite3_int64 at)
{
	struct write *w = talloc_zero_size(NULL, sizeof(*w) + (size_t)n);
	sqlite3_int64 size = 0;

	OSMO_ASSERT(w && real(f)->pMethods->xFileSize(real(f), &size) == SQLITE_OK);
	w->path = talloc_strdup(w, ((struct file *)f)->path);
	w->at = at;
	w->size = size;
	w->n = size <= at ? 0 : (int)OSMO_MIN(size - at, n);
	if (w->n)
		OSMO_ASSERT(real(f)->pMethods->xRead(real(f), w->old, w->n, at) == SQLITE_OK);
	llist_add(&w->entry, &shim.unsynced);
}

static void drop(struct write *w)
{
	llist_del(&w->entry);
	talloc_free(w);
}

static void forget(const char *path)
{
	struct write *w, *next;

	llist_for_each_entry_safe (w, next, &shim.unsynced, entry) {
		if (strcmp(w->path, path) == 0)
			drop(w);
	}
}

static void take_back(const struct write *w)
{
	int fd = open(w->path, O_RDWR | O_CLOEXEC);

	OSMO_ASSERT(fd >= 0 && pwrite(fd, w->old, (size_t)w->n, w->at) == w->n);
	OSMO_ASSERT(ftruncate(fd, w->size) == 0);
	close(fd);
}

void vfs_power_off(const char *db)
{
	machine_of(db)->off = true;
}

void vfs_power_on(const char *db, uint64_t hash)
{
	struct machine *m = machine_of(db);
	struct write *w, *next;
	bool kept = false;

	/* The disk keeps writes up to some point; then it keeps none.  What survives in the middle of others would be
	 * found by the checksums of the log as well. */
	llist_for_each_entry_safe (w, next, &shim.unsynced, entry) {
		if (!is_of(m, w->path))
			continue;
		kept |= hash-- % 8 == 0;
		if (!kept)
			take_back(w);
		drop(w);
	}
	m->off = false;
}

static int on_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 at)
{
	const char *path = ((struct file *)f)->path;

	if (is_full(path))
		return SQLITE_FULL;
	if (shim.fail_once) {
		shim.fail_once = false;
		return SQLITE_IOERR_WRITE;
	}
	if (is_off(path))
		return SQLITE_OK;
	if (path)
		remember(f, n, at);
	return real(f)->pMethods->xWrite(real(f), buf, n, at);
}

static int on_close(sqlite3_file *f)
{
	return real(f)->pMethods->xClose(real(f));
}

static int on_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), buf, n, at);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return is_off(((struct file *)f)->path) ? SQLITE_OK : real(f)->pMethods->xTruncate(real(f), size);
}

static int on_sync(sqlite3_file *f, int flags)
{
	const char *path = ((struct file *)f)->path;

	if (is_off(path))
		return SQLITE_OK;
	if (path)
		forget(path);
	return real(f)->pMethods->xSync(real(f), flags);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real(f)->pMethods->xFileSize(real(f), size);
}

static int on_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int on_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int on_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int on_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int on_device(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int on_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int on_shm_unmap(sqlite3_file *f, int delete)
{
	return real(f)->pMethods->xShmUnmap(real(f), delete);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_size,
	.xLock = on_lock,
	.xUnlock = on_unlock,
	.xCheckReservedLock = on_reserved,
	.xFileControl = on_control,
	.xSectorSize = on_sector,
	.xDeviceCharacteristics = on_device,
	.xShmMap = on_shm_map,
	.xShmLock = on_shm_lock,
	.xShmBarrier = on_shm_barrier,
	.xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct file *file = (struct file *)f;
	int rc;

	file->real = (sqlite3_file *)(file + 1);
	file->path = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL) ? name : NULL;
	memset(file->real, 0, (size_t)shim.real->szOsFile);
	rc = shim.real->xOpen(shim.real, name, file->real, flags, out_flags);
	f->pMethods = rc == SQLITE_OK ? &methods : NULL;
	return rc;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	if (is_off(name))
		return SQLITE_OK;
	forget(name);
	return shim.real->xDelete(shim.real, name, sync);
}

void vfs_install(void)
{
	INIT_LLIST_HEAD(&shim.unsynced);
	shim.real = sqlite3_vfs_find(NULL);
	OSMO_ASSERT(shim.real);
	shim.vfs = *shim.real;
	shim.vfs.zName = "sim";
	shim.vfs.szOsFile = (int)sizeof(struct file) + shim.real->szOsFile;
	shim.vfs.xOpen = on_open;
	shim.vfs.xDelete = on_delete;
	OSMO_ASSERT(sqlite3_vfs_register(&shim.vfs, 1) == SQLITE_OK);
}

void vfs_fail_once(bool on)
{
	shim.fail_once = on;
}

void vfs_full(const char *db, bool on)
{
	machine_of(db)->full = on;
}
