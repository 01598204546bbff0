/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An EIS for the screen. */
#include "tools/smctl/eis.h"

#include <strings.h>
#include <talloc.h>

#include "common/es/es_codec.h"
#include "tools/smctl/smctl.h"

static json_t *pol2_json(const void *ctx, const struct es_pol2 *pol2)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pol2->n_rules; i++) {
		const struct es_pol2_rule *r = &pol2->rules[i];
		char *text = talloc_asprintf(ctx, "%s:%s", es_pol2_action_name(r->action),
					     es_pol2_qualification_name(r->qualification));

		json_array_append_new(list, json_string(text));
		talloc_free(text);
	}
	return list;
}

static json_t *profile_json(const void *ctx, const struct es_profile_info *p)
{
	json_t *o = json_object();

	json_put(o, "iccid", p->iccid);
	json_put(o, "state", es_profile_state_name(p->state));
	json_put(o, "aid", p->isdp_aid.data ? hex_enc(ctx, p->isdp_aid) : NULL);
	json_put_steal(o, "fallback", json_boolean(p->fallback));
	json_put(o, "mno", p->mno_id);
	json_put(o, "smdp", p->smdp_id);
	json_put(o, "imsi", p->address.imsi);
	json_put(o, "msisdn", p->address.msisdn);
	json_put(o, "type", p->profile_type);
	json_put_steal(o, "pol2", pol2_json(ctx, &p->pol2));
	json_put_steal(o, "allocated_memory",
		       p->allocated_memory ? json_integer((json_int_t)p->allocated_memory) : json_null());
	return o;
}

json_t *eis_json(const void *ctx, const struct es_eis *eis)
{
	json_t *o = json_object(), *profiles = json_array();

	json_put(o, "eid", eis->info.eid);
	json_put(o, "eum", eis->info.eum_id);
	json_put(o, "smsr", eis->smsr_id);
	json_put(o, "last_audit", eis->last_audit_ms ? es_time_enc(ctx, eis->last_audit_ms) : NULL);
	json_put_int(o, "remaining_memory", (int64_t)eis->remaining_memory);
	json_put_int(o, "available_memory", (int64_t)eis->available_memory);
	for (size_t i = 0; i < eis->n_profiles; i++)
		json_array_append_new(profiles, profile_json(ctx, &eis->profiles[i]));
	json_put_steal(o, "profiles", profiles);
	return o;
}

void eis_print(const void *ctx, const struct es_eis *eis, bool xml)
{
	struct bytes text;
	json_t *o;

	if (!xml) {
		o = eis_json(ctx, eis);
		print_record(ctx, o);
		json_decref(o);
	} else if (es_eis_enc(ctx, eis, &text) == 0) {
		fwrite(text.data, 1, text.len, stdout);
		putchar('\n');
	}
}
