/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each file is ours with SQLite's own behind it; the methods of ours hand on, xWrite first asks whether it may.
 *
 * What was done to a file since its last xSync is remembered in order, with what was there before.  After a loss of
 * power the file is brought back to that sync, and then some of it is done again: all up to a point, whole writes here
 * and there, or single sectors of them, in any combination, as a disk with a cache of its own may leave it. */
#include "tests/sim/vfs.h"

#include <fcntl.h>
#include <osmocom/core/linuxlist.h>
#include <osmocom/core/utils.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/statvfs.h>
#include <talloc.h>
#include <unistd.h>

#include "tests/sim/faults.h"

#define MACHINES_MAX 4
#define ROOM_BLOCKS (1u << 20)
#define SECTOR 512 /* what a disk writes as a whole */

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	bool fail_once;
	struct machine {
		const char *db;
		bool full;
		bool low;
		int64_t low_changed_ms;
		bool off;
	} machines[MACHINES_MAX];
	struct llist_head unsynced; /* of struct write, the newest first */
} shim;

/* A write, or the change of a file's size. */
struct write {
	struct llist_head entry;
	const char *path;
	off_t at;	 /* of a change of size: the new one */
	off_t size;	 /* of the file before */
	size_t n;	 /* octets written; 0: a change of size */
	size_t replaced; /* of these, octets that were there before */
	const uint8_t *now, *before;
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

static struct write *remember(sqlite3_file *f, size_t n, off_t at)
{
	struct write *w = talloc_zero(NULL, struct write);
	sqlite3_int64 size = 0;

	OSMO_ASSERT(w && real(f)->pMethods->xFileSize(real(f), &size) == SQLITE_OK);
	w->path = talloc_strdup(w, ((struct file *)f)->path);
	w->at = at;
	w->size = size;
	w->n = n;
	llist_add(&w->entry, &shim.unsynced);
	return w;
}

static void remember_cut(sqlite3_file *f, off_t size)
{
	struct write *w = remember(f, 0, size);
	uint8_t *before = talloc_size(w, (size_t)OSMO_MAX(w->size - size, 1));

	if (w->size > size) {
		w->replaced = (size_t)(w->size - size);
		OSMO_ASSERT(real(f)->pMethods->xRead(real(f), before, (int)w->replaced, size) == SQLITE_OK);
	}
	w->before = before;
}

static void remember_write(sqlite3_file *f, const void *buf, size_t n, off_t at)
{
	struct write *w = remember(f, n, at);
	uint8_t *before = talloc_size(w, n);

	w->now = talloc_memdup(w, buf, n);
	w->replaced = w->size <= at ? 0 : OSMO_MIN((size_t)(w->size - at), n);
	if (w->replaced)
		OSMO_ASSERT(real(f)->pMethods->xRead(real(f), before, (int)w->replaced, at) == SQLITE_OK);
	w->before = before;
}

static bool is_about(const struct write *w, const char *path)
{
	return strcmp(w->path, path) == 0;
}

static void forget(struct write *w)
{
	llist_del(&w->entry);
	talloc_free(w);
}

static void forget_file(const char *path)
{
	struct write *w, *next;

	llist_for_each_entry_safe (w, next, &shim.unsynced, entry) {
		if (is_about(w, path))
			forget(w);
	}
}

/* ---- loss of power ---- */

static void put(int fd, const uint8_t *octets, size_t n, off_t at)
{
	OSMO_ASSERT(pwrite(fd, octets, n, at) == (ssize_t)n);
}

static void take_back(int fd, const struct write *w)
{
	put(fd, w->before, w->replaced, w->at);
	OSMO_ASSERT(ftruncate(fd, w->size) == 0);
}

/* Some of the sectors that the write touches, each for itself. */
static void do_torn(int fd, const struct write *w, uint64_t *hash, int64_t of_eight)
{
	for (size_t at = 0; at < w->n;) {
		size_t len = OSMO_MIN((size_t)(SECTOR - (w->at + (off_t)at) % SECTOR), w->n - at);

		if (between(hash, 1, 8) <= of_eight)
			put(fd, w->now + at, len, w->at + (off_t)at);
		at += len;
	}
}

static void do_again(int fd, const struct write *w)
{
	if (w->n)
		put(fd, w->now, w->n, w->at);
	else
		OSMO_ASSERT(ftruncate(fd, w->at) == 0);
}

/* What of the unsynced writes is on the disk. */
enum survival {
	UP_TO_A_POINT,
	WHOLE_WRITES,
	SECTORS,
	FROM_A_POINT, /* what lay longest in the cache is lost */
	N_SURVIVALS
};

static void survive(int fd, const struct write *w, enum survival how, bool *before_point, uint64_t *hash,
		    int64_t of_eight)
{
	if (between(hash, 1, 8) == 1)
		*before_point = false;
	switch (how) {
	case UP_TO_A_POINT:
	case FROM_A_POINT:
		if (*before_point == (how == UP_TO_A_POINT))
			do_again(fd, w);
		break;
	case SECTORS:
		if (w->n) {
			do_torn(fd, w, hash, of_eight);
			break;
		}
		/* fall through */
	case WHOLE_WRITES:
		if (between(hash, 1, 8) <= of_eight)
			do_again(fd, w);
		break;
	case N_SURVIVALS:
		break;
	}
}

/* As the file was synced, and then what survived. */
static void one_file(const char *path, uint64_t *hash)
{
	enum survival how = (enum survival)between(hash, 0, N_SURVIVALS - 1);
	int64_t of_eight = between(hash, 0, 7);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool before_point = true;
	struct write *w;

	OSMO_ASSERT(fd >= 0);
	llist_for_each_entry (w, &shim.unsynced, entry) {
		if (is_about(w, path))
			take_back(fd, w);
	}
	llist_for_each_entry_reverse(w, &shim.unsynced, entry)
	{
		if (is_about(w, path))
			survive(fd, w, how, &before_point, hash, of_eight);
	}
	close(fd);
}

void vfs_power_off(const char *db)
{
	machine_of(db)->off = true;
}

static struct write *any_of(const struct machine *m)
{
	struct write *w;

	llist_for_each_entry (w, &shim.unsynced, entry) {
		if (is_of(m, w->path))
			return w;
	}
	return NULL;
}

void vfs_power_on(const char *db, uint64_t hash)
{
	struct machine *m = machine_of(db);
	struct write *w;

	while ((w = any_of(m))) {
		char *path = talloc_strdup(NULL, w->path);

		one_file(path, &hash);
		forget_file(path);
		talloc_free(path);
	}
	m->off = false;
}

/* ---- the methods ---- */

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
		remember_write(f, buf, (size_t)n, at);
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
	const char *path = ((struct file *)f)->path;

	if (is_off(path))
		return SQLITE_OK;
	if (path)
		remember_cut(f, size);
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int on_sync(sqlite3_file *f, int flags)
{
	const char *path = ((struct file *)f)->path;

	if (is_off(path))
		return SQLITE_OK;
	if (path)
		forget_file(path);
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
	forget_file(name);
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

void vfs_low(const char *db, bool on, int64_t now_ms)
{
	machine_of(db)->low = on;
	machine_of(db)->low_changed_ms = now_ms;
}

int64_t vfs_low_changed_ms(const char *db)
{
	return machine_of(db)->low_changed_ms;
}

bool vfs_is_low(const char *db)
{
	return machine_of(db)->low;
}

/* In the place of the one of the C library: the room on the simulated disks, 4 GiB or 4 KiB. */
int statvfs(const char *path, struct statvfs *fs)
{
	*fs = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_blocks = ROOM_BLOCKS, .f_bavail = ROOM_BLOCKS};
	for (size_t i = 0; i < MACHINES_MAX; i++) {
		if (shim.machines[i].low && is_of(&shim.machines[i], path))
			fs->f_bavail = 1;
	}
	return 0;
}
