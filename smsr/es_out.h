/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/soap.h"
#include "smsr/op.h"

/* Messages that we send, from rows to envelopes.  All memory is on turn_ctx(). */

/*! Body of the answer to a finished operation: the struct of es_types.h that its function implies. */
int es_out_response(struct smsr *s, struct op_run *r, void **body) MUST_CHECK;
/*! Envelope of a callback. */
int es_out_callback(struct smsr *s, const struct operation *op, const void *body, char **action,
		    struct bytes *envelope) MUST_CHECK;
/*! Envelope of a notification; to NULL: there is no address, the envelope is for the record. */
int es_out_notification(struct smsr *s, const struct operation *op, const struct peer *to, enum es_fn fn,
			const struct es_profile_note *note, char **action, struct bytes *envelope) MUST_CHECK;

/*! Who we are on the interface of a function. */
struct soap_self es_out_self(struct smsr *s, enum es_fn fn);
