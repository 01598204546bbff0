/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Field tables of requests, responses and notifications.  SGP.02 §5.
 *
 * Uncertain: the spelling of the element that names an SM-SR.  We write Sm-sr-id in ES2-DownloadProfile, Smsr-id in the
 * other ES2 functions, CurrentSMSRid and Target-Smsr-id in ES4, and read each of the spellings in use everywhere.
 * EuiccResponseData: written when set, read in every response that has it. */
#include "common/es/es_tables.h"

#define REQ_ROWS(S)                                              \
	ROW(TEXT, "FunctionCallIdentifier", S, base.call_id, 0), \
		ROW(U32, "ValidityPeriod", S, base.validity_s, ES_F_OPT)
#define EID_ROW(S) ROW(TOKEN, "Eid", S, eid, 0)
#define ICCID_ROW(S) ROW(ICCID, "Iccid", S, iccid, 0)
#define SMSR_ROW(S) ROW_ALT(TOKEN, "Smsr-id", "Sm-sr-id", S, smsr_id, 0)

#define RSP_ROWS(S)                                                                            \
	ROW(TIME, "ProcessingStart", S, base.start_ms, ES_F_OPT),                              \
		ROW(TIME, "ProcessingEnd", S, base.end_ms, ES_F_OPT),                          \
		ROW(U32, "AcceptableValidityPeriod", S, base.acceptable_validity_s, ES_F_OPT), \
		ROW_SUB("FunctionExecutionStatus", S, base.status, 0, &es_type_status)

/* Requests */

static const struct es_field eis_req_fields[] = {
	REQ_ROWS(es_eis_req),
	ROW_SUB("Eis", es_eis_req, eis, 0, &es_type_eis),
};
TYPE(eis_req, es_eis_req);

static const struct es_field properties_req_fields[] = {
	REQ_ROWS(es_properties_req),
	EID_ROW(es_properties_req),
	ROW_SUB("AdditionalProperties", es_properties_req, properties, 0, &es_type_properties),
};
TYPE(properties_req, es_properties_req);

static const struct es_field profile_req_fields[] = {
	REQ_ROWS(es_profile_req),
	EID_ROW(es_profile_req),
	ICCID_ROW(es_profile_req),
};
TYPE(profile_req, es_profile_req);

static const struct es_field es2_profile_req_fields[] = {
	REQ_ROWS(es_profile_req),
	EID_ROW(es_profile_req),
	SMSR_ROW(es_profile_req),
	ICCID_ROW(es_profile_req),
};
TYPE(es2_profile_req, es_profile_req);

static const struct es_field get_eis_req_fields[] = {
	REQ_ROWS(es_get_eis_req),
	EID_ROW(es_get_eis_req),
};
TYPE(get_eis_req, es_get_eis_req);

static const struct es_field es2_get_eis_req_fields[] = {
	REQ_ROWS(es_get_eis_req),
	EID_ROW(es_get_eis_req),
	SMSR_ROW(es_get_eis_req),
};
TYPE(es2_get_eis_req, es_get_eis_req);

static const struct es_field audit_eis_req_fields[] = {
	REQ_ROWS(es_audit_eis_req),
	EID_ROW(es_audit_eis_req),
	ROW_VALUES(ICCID, "Iccid", es_audit_eis_req, iccids, ES_F_OPT),
};
TYPE(audit_eis_req, es_audit_eis_req);

static const struct es_field es2_audit_eis_req_fields[] = {
	REQ_ROWS(es_audit_eis_req),
	EID_ROW(es_audit_eis_req),
	SMSR_ROW(es_audit_eis_req),
	ROW_VALUES(ICCID, "Iccid", es_audit_eis_req, iccids, ES_F_OPT),
};
TYPE(es2_audit_eis_req, es_audit_eis_req);

static const struct es_field pol2_req_fields[] = {
	REQ_ROWS(es_pol2_req),
	EID_ROW(es_pol2_req),
	ICCID_ROW(es_pol2_req),
	ROW_PTR("pol2", es_pol2_req, pol2, ES_F_OPT, &es_type_pol2),
};
TYPE(pol2_req, es_pol2_req);

static const struct es_field es2_pol2_req_fields[] = {
	REQ_ROWS(es_pol2_req),
	EID_ROW(es_pol2_req),
	SMSR_ROW(es_pol2_req),
	ICCID_ROW(es_pol2_req),
	ROW_PTR("pol2", es_pol2_req, pol2, ES_F_OPT, &es_type_pol2),
};
TYPE(es2_pol2_req, es_pol2_req);

static const struct es_field address_req_fields[] = {
	REQ_ROWS(es_address_req),
	EID_ROW(es_address_req),
	ICCID_ROW(es_address_req),
	ROW_SUB("newSubscriptionAddress", es_address_req, address, 0, &es_type_address),
};
TYPE(address_req, es_address_req);

static const struct es_field es2_address_req_fields[] = {
	REQ_ROWS(es_address_req),
	EID_ROW(es_address_req),
	SMSR_ROW(es_address_req),
	ICCID_ROW(es_address_req),
	ROW_SUB("newSubscriptionAddress", es_address_req, address, 0, &es_type_address),
};
TYPE(es2_address_req, es_address_req);

static const struct es_field download_profile_req_fields[] = {
	REQ_ROWS(es_download_profile_req),
	EID_ROW(es_download_profile_req),
	ROW_ALT(TOKEN, "Sm-sr-id", "Smsr-id", es_download_profile_req, smsr_id, 0),
	ROW(ICCID, "Iccid", es_download_profile_req, iccid, ES_F_OPT | ES_F_COND),
	ROW(TEXT, "ProfileType", es_download_profile_req, profile_type, ES_F_OPT | ES_F_COND),
	ROW(BOOL, "EnableProfile", es_download_profile_req, enable, 0),
};
TYPE(download_profile_req, es_download_profile_req);

static const struct es_field create_isdp_req_fields[] = {
	REQ_ROWS(es_create_isdp_req),
	EID_ROW(es_create_isdp_req),
	ICCID_ROW(es_create_isdp_req),
	ROW(TOKEN, "Mno-id", es_create_isdp_req, mno_id, 0),
	ROW(I64, "RequiredMemory", es_create_isdp_req, required_memory, 0),
	ROW(BOOL, "MoreToDo", es_create_isdp_req, more_to_do, ES_F_OPT),
};
TYPE(create_isdp_req, es_create_isdp_req);

static const struct es_field send_data_req_fields[] = {
	REQ_ROWS(es_send_data_req),
	EID_ROW(es_send_data_req),
	ROW(HEX, "Sd-aid", es_send_data_req, sd_aid, 0),
	ROW(HEX, "Data", es_send_data_req, data, 0),
	ROW(BOOL, "MoreToDo", es_send_data_req, more_to_do, ES_F_OPT),
};
TYPE(send_data_req, es_send_data_req);

static const struct es_field download_completed_req_fields[] = {
	REQ_ROWS(es_download_completed_req),
	EID_ROW(es_download_completed_req),
	ICCID_ROW(es_download_completed_req),
	ROW(TEXT, "ProfileType", es_download_completed_req, profile_type, ES_F_OPT),
	ROW_PTR("SubscriptionAddress", es_download_completed_req, address, ES_F_OPT, &es_type_address),
	ROW_PTR("pol2", es_download_completed_req, pol2, ES_F_OPT, &es_type_pol2),
};
TYPE(download_completed_req, es_download_completed_req);

static const struct es_field connectivity_req_fields[] = {
	REQ_ROWS(es_connectivity_req),
	EID_ROW(es_connectivity_req),
	ICCID_ROW(es_connectivity_req),
	ROW(HEX, "ConnectivityParameters", es_connectivity_req, parameters, 0),
};
TYPE(connectivity_req, es_connectivity_req);

static const struct es_field prepare_smsr_change_req_fields[] = {
	REQ_ROWS(es_smsr_change_req),
	EID_ROW(es_smsr_change_req),
	ROW_ALT(TOKEN, "CurrentSMSRid", "Current-Smsr-id|CurrentSmsr-id|CurrentSmsrId", es_smsr_change_req, smsr_id, 0),
};
TYPE(prepare_smsr_change_req, es_smsr_change_req);

static const struct es_field smsr_change_req_fields[] = {
	REQ_ROWS(es_smsr_change_req),
	EID_ROW(es_smsr_change_req),
	ROW_ALT(TOKEN, "Target-Smsr-id", "TargetSmsr-id|TargetSmsrId|TargetSMSRid", es_smsr_change_req, smsr_id, 0),
};
TYPE(smsr_change_req, es_smsr_change_req);

static const struct es_field authenticate_smsr_req_fields[] = {
	REQ_ROWS(es_authenticate_smsr_req),
	ROW(TOKEN, "Eid", es_authenticate_smsr_req, eid, ES_F_OPT | ES_F_COND),
	ROW_PTR("Eis", es_authenticate_smsr_req, eis, ES_F_OPT | ES_F_COND, &es_type_eis_view),
	ROW(HEX, "SmsrCertificate", es_authenticate_smsr_req, certificate, 0),
};
TYPE(authenticate_smsr_req, es_authenticate_smsr_req);

/* The lengths of an ECC key are named, not numbered. */
static const char *const ecc_names[] = {
	[ES_ECC_256] = "ECC-256", [ES_ECC_384] = "ECC-384", [ES_ECC_512] = "ECC-512", [ES_ECC_521] = "ECC-521"};
static const struct es_enum ecc_lengths = {ecc_names, sizeof(ecc_names) / sizeof(ecc_names[0])};

static const struct es_field create_keyset_req_fields[] = {
	REQ_ROWS(es_create_keyset_req),
	EID_ROW(es_create_keyset_req),
	ROW(U8, "KeyVersionNumber", es_create_keyset_req, key_version, 0),
	ROW(I64, "InitialSequenceCounter", es_create_keyset_req, initial_counter, 0),
	ROW_ENUM("ECCKeyLength", es_create_keyset_req, ecc_key_length, 0, &ecc_lengths),
	ROW(I8, "ScenarioParameter", es_create_keyset_req, scenario, 0),
	ROW(HEX, "HostId", es_create_keyset_req, host_id, ES_F_EMPTY),
	ROW(HEX, "EphemeralPublicKey", es_create_keyset_req, ephemeral_public_key, 0),
	ROW(HEX, "Signature", es_create_keyset_req, signature, 0),
};
TYPE(create_keyset_req, es_create_keyset_req);

/* Responses */

static const struct es_field plain_rsp_fields[] = {
	ROW(TIME, "ProcessingStart", es_rsp, start_ms, ES_F_OPT),
	ROW(TIME, "ProcessingEnd", es_rsp, end_ms, ES_F_OPT),
	ROW(U32, "AcceptableValidityPeriod", es_rsp, acceptable_validity_s, ES_F_OPT),
	ROW_SUB("FunctionExecutionStatus", es_rsp, status, 0, &es_type_status),
};
TYPE(plain_rsp, es_rsp);

static const struct es_field euicc_rsp_fields[] = {
	RSP_ROWS(es_euicc_rsp),
	ROW(HEX, "EuiccResponseData", es_euicc_rsp, euicc_data, ES_F_OPT),
};
TYPE(euicc_rsp, es_euicc_rsp);

static const struct es_field eis_rsp_fields[] = {
	RSP_ROWS(es_eis_rsp),
	ROW_PTR("Eis", es_eis_rsp, eis, ES_F_OPT, &es_type_eis_view),
};
TYPE(eis_rsp, es_eis_rsp);

static const struct es_field download_profile_rsp_fields[] = {
	RSP_ROWS(es_download_profile_rsp),
	ROW(ICCID, "Iccid", es_download_profile_rsp, iccid, ES_F_OPT),
};
TYPE(download_profile_rsp, es_download_profile_rsp);

static const struct es_field create_isdp_rsp_fields[] = {
	RSP_ROWS(es_create_isdp_rsp),
	ROW(HEX, "Isd-p-aid", es_create_isdp_rsp, isdp_aid, ES_F_OPT),
	ROW(HEX, "EuiccResponseData", es_create_isdp_rsp, euicc_data, ES_F_OPT),
};
TYPE(create_isdp_rsp, es_create_isdp_rsp);

static const struct es_field challenge_rsp_fields[] = {
	RSP_ROWS(es_challenge_rsp),
	ROW(HEX, "RandomChallenge", es_challenge_rsp, random_challenge, ES_F_EMPTY | ES_F_OPT),
};
TYPE(challenge_rsp, es_challenge_rsp);

static const struct es_field create_keyset_rsp_fields[] = {
	RSP_ROWS(es_create_keyset_rsp),
	ROW(HEX, "DerivationRandom", es_create_keyset_rsp, derivation_random, ES_F_EMPTY | ES_F_OPT),
	ROW(HEX, "Receipt", es_create_keyset_rsp, receipt, ES_F_EMPTY | ES_F_OPT),
};
TYPE(create_keyset_rsp, es_create_keyset_rsp);

/* Notifications */

#define MNO_ROW(S) ROW(TOKEN, "Mno-id", S, mno_id, ES_F_OPT)
#define COMPLETED_ROW(S) ROW(TIME, "CompletionTimestamp", S, completed_ms, 0)

static const struct es_field profile_note_fields[] = {
	EID_ROW(es_profile_note),
	ICCID_ROW(es_profile_note),
	COMPLETED_ROW(es_profile_note),
};
TYPE(profile_note, es_profile_note);

static const struct es_field es3_profile_note_fields[] = {
	EID_ROW(es_profile_note),
	ICCID_ROW(es_profile_note),
	MNO_ROW(es_profile_note),
	COMPLETED_ROW(es_profile_note),
};
TYPE(es3_profile_note, es_profile_note);

static const struct es_field pol2_note_fields[] = {
	EID_ROW(es_profile_note),
	ICCID_ROW(es_profile_note),
	ROW_PTR("pol2", es_profile_note, pol2, ES_F_OPT, &es_type_pol2),
	COMPLETED_ROW(es_profile_note),
};
TYPE(pol2_note, es_profile_note);

static const struct es_field es3_pol2_note_fields[] = {
	EID_ROW(es_profile_note),	ICCID_ROW(es_profile_note),
	MNO_ROW(es_profile_note),	ROW_PTR("pol2", es_profile_note, pol2, ES_F_OPT, &es_type_pol2),
	COMPLETED_ROW(es_profile_note),
};
TYPE(es3_pol2_note, es_profile_note);

static const struct es_field eis_note_fields[] = {
	ROW_SUB("Eis", es_eis_note, eis, 0, &es_type_eis_view),
	COMPLETED_ROW(es_eis_note),
};
TYPE(eis_note, es_eis_note);

static const struct es_field es3_eis_note_fields[] = {
	ROW_SUB("Eis", es_eis_note, eis, 0, &es_type_eis_view),
	MNO_ROW(es_eis_note),
	COMPLETED_ROW(es_eis_note),
};
TYPE(es3_eis_note, es_eis_note);

static const struct es_field make_connection_fields[] = {
	ROW(TOKEN, "Address", es_make_connection, address, 0),
};
TYPE(make_connection, es_make_connection);
