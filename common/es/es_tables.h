/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/es_int.h"

/* Field tables of the messages (es_tables.c) and of the data types they share (es_tables_eis.c). */

extern const struct es_type es_type_status;
extern const struct es_type es_type_pol2;
extern const struct es_type es_type_address;
extern const struct es_type es_type_properties;
extern const struct es_type es_type_eis;      /* complete: registration, handover */
extern const struct es_type es_type_eis_view; /* filtered: only the EID is sure to be there */

extern const struct es_type es_type_eis_req;
extern const struct es_type es_type_properties_req;
extern const struct es_type es_type_profile_req;
extern const struct es_type es_type_es2_profile_req;
extern const struct es_type es_type_get_eis_req;
extern const struct es_type es_type_es2_get_eis_req;
extern const struct es_type es_type_audit_eis_req;
extern const struct es_type es_type_es2_audit_eis_req;
extern const struct es_type es_type_pol2_req;
extern const struct es_type es_type_es2_pol2_req;
extern const struct es_type es_type_address_req;
extern const struct es_type es_type_es2_address_req;
extern const struct es_type es_type_download_profile_req;
extern const struct es_type es_type_create_isdp_req;
extern const struct es_type es_type_send_data_req;
extern const struct es_type es_type_download_completed_req;
extern const struct es_type es_type_connectivity_req;
extern const struct es_type es_type_prepare_smsr_change_req;
extern const struct es_type es_type_smsr_change_req;
extern const struct es_type es_type_authenticate_smsr_req;
extern const struct es_type es_type_create_keyset_req;

extern const struct es_type es_type_plain_rsp;
extern const struct es_type es_type_euicc_rsp;
extern const struct es_type es_type_eis_rsp;
extern const struct es_type es_type_download_profile_rsp;
extern const struct es_type es_type_create_isdp_rsp;
extern const struct es_type es_type_challenge_rsp;
extern const struct es_type es_type_create_keyset_rsp;

extern const struct es_type es_type_profile_note;
extern const struct es_type es_type_es3_profile_note;
extern const struct es_type es_type_pol2_note;
extern const struct es_type es_type_es3_pol2_note;
extern const struct es_type es_type_eis_note;
extern const struct es_type es_type_es3_eis_note;

extern const struct es_type es_type_make_connection;

/* Rows.  S is the struct, M its member; flags are or-ed ES_F_ values. */
#define ROW(kind_, name_, S, M, flags_)                                                             \
	{                                                                                           \
		.name = name_, .kind = ES_K_##kind_, .flags = flags_, .off = offsetof(struct S, M), \
		.off_xml = SIZE_MAX                                                                 \
	}
#define ROW_ALT(kind_, name_, alt_, S, M, flags_)                                                                \
	{                                                                                                        \
		.name = name_, .alt = alt_, .kind = ES_K_##kind_, .flags = flags_, .off = offsetof(struct S, M), \
		.off_xml = SIZE_MAX                                                                              \
	}
#define ROW_ENUM(name_, S, M, flags_, values_)                                                                        \
	{                                                                                                             \
		.name = name_, .kind = ES_K_ENUM, .flags = flags_, .off = offsetof(struct S, M), .off_xml = SIZE_MAX, \
		.values = values_                                                                                     \
	}
#define ROW_SUB(name_, S, M, flags_, type_)                                                                          \
	{                                                                                                            \
		.name = name_, .kind = ES_K_SUB, .flags = flags_, .off = offsetof(struct S, M), .off_xml = SIZE_MAX, \
		.type = type_                                                                                        \
	}
#define ROW_PTR(name_, S, M, flags_, type_)                                                                          \
	{                                                                                                            \
		.name = name_, .kind = ES_K_PTR, .flags = flags_, .off = offsetof(struct S, M), .off_xml = SIZE_MAX, \
		.type = type_                                                                                        \
	}
/* List of structs, and of simple values. */
#define ROW_LIST(name_, S, M, flags_, type_)                                                                  \
	{                                                                                                     \
		.name = name_, .kind = ES_K_SUB, .flags = ES_F_LIST | (flags_), .off = offsetof(struct S, M), \
		.off_n = offsetof(struct S, n_##M), .off_xml = SIZE_MAX, .type = type_                        \
	}
#define ROW_VALUES(kind_, name_, S, M, flags_)                                                                    \
	{                                                                                                         \
		.name = name_, .kind = ES_K_##kind_, .flags = ES_F_LIST | (flags_), .off = offsetof(struct S, M), \
		.off_n = offsetof(struct S, n_##M), .off_xml = SIZE_MAX                                           \
	}

#define TYPE(type_, S)                                                    \
	const struct es_type es_type_##type_ = {.name = #type_,           \
						.size = sizeof(struct S), \
						.fields = type_##_fields, \
						.n_fields = sizeof(type_##_fields) / sizeof(type_##_fields[0])}
