/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/es_int.h"
#include "common/es/soap.h"

/* Messages for the tests of common/es. */

/*! Whole file; NUL terminated behind its length.  Ends the test when it cannot be read. */
struct bytes es_sample_file(const void *ctx, const char *path);

/*! A struct filled by its field table: every field, or only those that must be there.  Values fit the schema by the
 * name of the field.  \returns talloc child of ctx */
void *es_sample_fill(const void *ctx, const struct es_type *t, bool full);

/*! Headers that soap_tx() accepts. */
struct soap_out es_sample_out(const void *ctx, enum es_dir dir);

/*! Programs for tests/third: `soap_test decode` (one envelope from standard input, exit 0 when it is read), `soap_test
 * recode` (the same, writes the body as our encoder does), `soap_test emit FOLDER` (one file for each body that the
 * encoder can make). */
int es_sample_main(int argc, char **argv);
