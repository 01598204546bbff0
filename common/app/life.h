/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "common/db/meta_db.h"

/* How a daemon notices that its database went back in time: a backup was restored, a file was put back by hand.
 *
 * Each start and every minute count one sign of life, first in the database and after the commit in a small file next
 * to it (DATABASE.start).  A database with fewer signs of life than that file, without that file although it was in
 * use, or marked as a backup is a restored one.
 *
 * What this cannot see is a copy younger than the last sign of life, put back after a kill. */

/*! Kept by the daemon's engine; the members above due_ms are its to fill in. */
struct life {
	struct turn *turn;
	struct db *db;
	const char *database; /* path; NULL: nothing is compared or written beside the rows */
	const char *name;     /* of the daemon: first word of the side file is NAME-start */
	int64_t due_ms;	      /* next sign of life; 0: none is due */
};

/*! What a start finds. */
struct life_past {
	struct meta meta;    /* of a restored file: with its new epoch and beats, to be written by life_begin() */
	const char *why;     /* sentence, when the file was restored; else NULL */
	int64_t epochs_lost; /* when it was restored: how far the epoch rose, 1 or more */
};

/*! First thing at start, inside the event.  Writes nothing.  \returns 0; db errors */
int life_look(struct life *l, struct life_past *past) MUST_CHECK;
/*! End of the start: the first sign of life of this run. */
int life_begin(struct life *l, struct meta *meta) MUST_CHECK;
/*! Sign of life when it is due. */
int life_beat(struct life *l) MUST_CHECK;
/*! An orderly stop: a last sign of life. */
int life_stop(struct life *l) MUST_CHECK;

/*! Online copy of a database into a new file, marked inside as a backup.  Takes a connection of its own and may take
 * minutes: run it in a thread of its own, with a ctx that no other thread uses.
 * \param[out] why  on error a sentence, talloc child of ctx
 * \returns 0; -EEXIST; -EINVAL; -EIO */
int life_backup(const void *ctx, const struct db_desc *desc, const char *database, const char *path,
		const char **why) MUST_CHECK;
