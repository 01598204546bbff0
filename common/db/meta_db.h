/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/db/db.h"

/*! What is true for a whole file: table "meta" of both schemas, one row. */
struct meta {
	int64_t epoch;	      /* raised by a restore */
	int64_t started_ms;   /* last start; 0: never */
	int64_t committed_ms; /* last sign of life */
	int64_t beats;	      /* signs of life, counted: common/app/life.h */
	bool backup;	      /* the file is a copy that db_backup() made */
};

/*! \returns 0; -ENOENT; -EIO */
int meta_db_get(struct db *db, struct meta *meta) MUST_CHECK;
int meta_db_set(struct db *db, const struct meta *meta) MUST_CHECK;
