/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Field tables of the data types: EIS, security domain, profile, rules, address, status, audit trail.  SGP.02 Annex A.
 *
 * Three tables exist twice, made from the same rows: complete, as an EUM registers a card, and filtered, as a reader
 * gets it, where nothing but the EID is sure.  Uncertain: name and place of EmergencyProfileAttribute (taken in several
 * places, written last but for one), attributes or elements in Property (both read, attributes written). */
#include <osmocom/core/utils.h>

#include "common/es/es_tables.h"

#define ENUM(name_, ...)                                          \
	static const char *const name_##_names[] = {__VA_ARGS__}; \
	static const struct es_enum name_ = {name_##_names, ARRAY_SIZE(name_##_names)}
#define NAME_OF(fn_, enum_, values_)                                                         \
	const char *fn_(enum enum_ v)                                                        \
	{                                                                                    \
		return (unsigned)v < values_.n && values_.names[v] ? values_.names[v] : "-"; \
	}

ENUM(states, [ES_STATE_CREATED] = "Created", [ES_STATE_DISABLED] = "Disabled", [ES_STATE_ENABLED] = "Enabled");
ENUM(roles, [ES_ROLE_ISDR] = "ISD-R", [ES_ROLE_ECASD] = "ECASD");
ENUM(keyset_types, [ES_KEYSET_SCP03] = "SCP03", [ES_KEYSET_SCP80] = "SCP80", [ES_KEYSET_SCP81] = "SCP81",
     [ES_KEYSET_TOKEN_GENERATION] = "TokenGeneration", [ES_KEYSET_RECEIPT_VERIFICATION] = "ReceiptVerification",
     [ES_KEYSET_CA] = "CA");
ENUM(pol2_subjects, [ES_POL2_PROFILE] = "PROFILE");
ENUM(pol2_actions, [ES_POL2_ENABLE] = "ENABLE", [ES_POL2_DISABLE] = "DISABLE", [ES_POL2_DELETE] = "DELETE");
ENUM(pol2_qualifications, [ES_POL2_NOT_ALLOWED] = "Not-Allowed", [ES_POL2_AUTO_DELETE] = "Auto-Delete");
ENUM(execs, [ES_EXECUTED_SUCCESS] = "EXECUTED_SUCCESS", [ES_EXECUTED_WITHWARNING] = "EXECUTED_WITHWARNING",
     [ES_FAILED] = "FAILED", [ES_EXPIRED] = "EXPIRED");

NAME_OF(es_profile_state_name, es_profile_state, states)
NAME_OF(es_pol2_action_name, es_pol2_action, pol2_actions)
NAME_OF(es_pol2_qualification_name, es_pol2_qualification, pol2_qualifications)

static const struct es_field status_code_fields[] = {
	ROW(TOKEN, "Subject", es_status, subject, 0),
	ROW(TOKEN, "Reason", es_status, reason, 0),
	ROW(TEXT, "SubjectIdentifier", es_status, subject_identifier, ES_F_OPT),
	ROW(TEXT, "Message", es_status, message, ES_F_OPT),
};
static TYPE(status_code, es_status);

static const struct es_field status_fields[] = {
	ROW_ENUM("Status", es_status, status, 0, &execs),
	/* Same struct: StatusCodeData only groups the codes. */
	{.name = "StatusCodeData",
	 .kind = ES_K_SUB,
	 .flags = ES_F_OPT,
	 .off_xml = SIZE_MAX,
	 .type = &es_type_status_code},
};
TYPE(status, es_status);

static const struct es_field pol2_rule_fields[] = {
	ROW_ENUM("Subject", es_pol2_rule, subject, 0, &pol2_subjects),
	ROW_ENUM("Action", es_pol2_rule, action, 0, &pol2_actions),
	ROW_ENUM("Qualification", es_pol2_rule, qualification, 0, &pol2_qualifications),
};
static TYPE(pol2_rule, es_pol2_rule);

static const struct es_field pol2_fields[] = {
	ROW_LIST("Rule", es_pol2, rules, ES_F_OPT, &es_type_pol2_rule),
};
TYPE(pol2, es_pol2);

static const struct es_field address_fields[] = {
	ROW(TOKEN, "Imsi", es_subscription_address, imsi, ES_F_OPT),
	ROW(MSISDN, "Msisdn", es_subscription_address, msisdn, ES_F_OPT),
};
TYPE(address, es_subscription_address);

static const struct es_field property_fields[] = {
	ROW_ALT(TEXT, "key", "Key", es_property, key, ES_F_ATTR),
	ROW_ALT(TEXT, "value", "Value", es_property, value, ES_F_ATTR),
};
static TYPE(property, es_property);

static const struct es_field properties_fields[] = {
	ROW_LIST("Property", es_properties, v, 0, &es_type_property),
};
TYPE(properties, es_properties);

static const struct es_field key_component_fields[] = {
	ROW(HEX, "type", es_key_component, type, ES_F_ATTR),
	ROW(SECRET, "value", es_key_component, value, ES_F_ATTR),
};
static TYPE(key_component, es_key_component);

static const struct es_field key_fields[] = {
	ROW(HEX, "kcv", es_key, kcv, ES_F_ATTR | ES_F_EMPTY),
	ROW(U8, "Index", es_key, index, 0),
	ROW_LIST("KeyComponents", es_key, components, 0, &es_type_key_component),
};
static TYPE(key, es_key);

static const struct es_field certificate_fields[] = {
	ROW(U8, "Index", es_certificate, index, 0),
	ROW(TOKEN, "CaId", es_certificate, ca_id, 0),
	ROW(HEX, "Value", es_certificate, value, 0),
};
static TYPE(certificate, es_certificate);

static const struct es_field keyset_fields[] = {
	ROW(U8, "Version", es_keyset, version, 0),
	ROW_ENUM("Type", es_keyset, type, ES_F_OPT, &keyset_types),
	ROW(OPT_U64, "Cntr", es_keyset, cntr, ES_F_OPT),
	ROW_LIST("Key", es_keyset, keys, ES_F_OPT, &es_type_key),
	ROW_LIST("Certificate", es_keyset, certificates, ES_F_OPT, &es_type_certificate),
};
static TYPE(keyset, es_keyset);

static const struct es_field security_domain_fields[] = {
	ROW(HEX, "Aid", es_security_domain, aid, 0),
	ROW_VALUES(HEX, "Tar", es_security_domain, tars, ES_F_OPT),
	ROW(HEX, "Sin", es_security_domain, sin, 0),
	ROW(HEX, "Sdin", es_security_domain, sdin, 0),
	ROW_ENUM("Role", es_security_domain, role, 0, &roles),
	ROW_LIST("Keyset", es_security_domain, keysets, 0, &es_type_keyset),
};
static TYPE(security_domain, es_security_domain);

static const struct es_field capabilities_fields[] = {
	ROW(BOOL, "CattpSupport", es_capabilities, cattp_support, 0),
	ROW(TOKEN, "CattpVersion", es_capabilities, cattp_version, ES_F_OPT),
	ROW(BOOL, "HttpSupport", es_capabilities, http_support, 0),
	ROW(TOKEN, "HttpVersion", es_capabilities, http_version, ES_F_OPT),
	ROW(TOKEN, "SecurePacketVersion", es_capabilities, secure_packet_version, 0),
	ROW(TOKEN, "RemoteProvisioningVersion", es_capabilities, remote_provisioning_version, 0),
};
static const struct es_type es_type_capabilities = {.name = "capabilities",
						    .size = sizeof(struct es_capabilities),
						    .fields = capabilities_fields,
						    .n_fields = ARRAY_SIZE(capabilities_fields),
						    .open = true};

/* NEED is 0 in the complete table and ES_F_VIEW in the filtered one. */
#define EUM_SIGNED_INFO_ROWS(NEED)                                                                             \
	ROW(TOKEN, "Eid", es_eum_signed_info, eid, 0), ROW(TOKEN, "Eum-id", es_eum_signed_info, eum_id, NEED), \
		ROW(TIME, "ProductionDate", es_eum_signed_info, production_ms, NEED),                          \
		ROW(TEXT, "PlatformType", es_eum_signed_info, platform_type, NEED),                            \
		ROW(TOKEN, "PlatformVersion", es_eum_signed_info, platform_version, NEED),                     \
		ROW(HEX, "Isd-p-loadfile-aid", es_eum_signed_info, isdp_loadfile_aid, NEED),                   \
		ROW(HEX, "Isd-p-module-aid", es_eum_signed_info, isdp_module_aid, NEED),                       \
		ROW_PTR("Ecasd", es_eum_signed_info, ecasd, NEED, &es_type_security_domain),                   \
		ROW_PTR("EuiccCapabilities", es_eum_signed_info, capabilities, NEED, &es_type_capabilities)

static const struct es_field eum_signed_info_fields[] = {EUM_SIGNED_INFO_ROWS(0)};
static TYPE(eum_signed_info, es_eum_signed_info);
static const struct es_field eum_signed_info_view_fields[] = {EUM_SIGNED_INFO_ROWS(ES_F_VIEW)};
static TYPE(eum_signed_info_view, es_eum_signed_info);

#define PROFILE_INFO_ROWS(NEED)                                                                                 \
	ROW(ICCID, "Iccid", es_profile_info, iccid, 0), ROW(HEX, "Isd-p-aid", es_profile_info, isdp_aid, NEED), \
		ROW(TOKEN, "Mno-id", es_profile_info, mno_id, NEED),                                            \
		ROW(BOOL, "FallbackAttribute", es_profile_info, fallback, NEED),                                \
		ROW(BOOL, "EmergencyProfileAttribute", es_profile_info, emergency, ES_F_OPT),                   \
		ROW_SUB("SubscriptionAddress", es_profile_info, address, NEED, &es_type_address),               \
		ROW_ENUM("State", es_profile_info, state, NEED, &states),                                       \
		ROW(TOKEN, "Smdp-id", es_profile_info, smdp_id, ES_F_OPT),                                      \
		ROW(TEXT, "ProfileType", es_profile_info, profile_type, ES_F_OPT),                              \
		ROW(U64, "AllocatedMemory", es_profile_info, allocated_memory, NEED),                           \
		ROW(OPT_U64, "FreeMemory", es_profile_info, free_memory, ES_F_OPT),                             \
		ROW_SUB("pol2", es_profile_info, pol2, NEED, &es_type_pol2)

static const struct es_field profile_info_fields[] = {PROFILE_INFO_ROWS(0)};
static TYPE(profile_info, es_profile_info);
static const struct es_field profile_info_view_fields[] = {PROFILE_INFO_ROWS(ES_F_VIEW)};
static TYPE(profile_info_view, es_profile_info);

static const struct es_field audit_record_fields[] = {
	ROW(TOKEN, "Eid", es_audit_record, eid, 0),
	ROW(TOKEN, "Smsr-id", es_audit_record, smsr_id, 0),
	ROW(TIME, "OperationDate", es_audit_record, operation_ms, 0),
	ROW(HEX, "OperationType", es_audit_record, operation_type, 0),
	ROW(TOKEN, "RequesterId", es_audit_record, requester_id, ES_F_OPT),
	ROW_PTR("OperationExecutionStatus", es_audit_record, status, ES_F_OPT, &es_type_status),
	ROW(HEX, "Isd-p-aid", es_audit_record, isdp_aid, ES_F_OPT),
	ROW(ICCID, "Iccid", es_audit_record, iccid, ES_F_OPT),
	ROW(HEX, "Imei", es_audit_record, imei, ES_F_OPT),
	ROW(HEX, "Meid", es_audit_record, meid, ES_F_OPT),
};
static TYPE(audit_record, es_audit_record);

static const struct es_field audit_trail_fields[] = {
	ROW_LIST("Record", es_audit_trail, records, ES_F_OPT, &es_type_audit_record),
};
static TYPE(audit_trail, es_audit_trail);

#define EIS_ROWS(NEED, SIGNED_INFO, PROFILE_INFO)                                           \
	{.name = "EumSignedInfo",                                                           \
	 .kind = ES_K_SUB,                                                                  \
	 .off = offsetof(struct es_eis, info),                                              \
	 .off_xml = offsetof(struct es_eis, signed_info_xml),                               \
	 .type = SIGNED_INFO},                                                              \
		ROW(XML, "EumSignature", es_eis, signature_xml, NEED),                      \
		ROW(U64, "RemainingMemory", es_eis, remaining_memory, NEED),                \
		ROW(U64, "AvailableMemoryForProfiles", es_eis, available_memory, NEED),     \
		ROW(TIME, "LastAuditDate", es_eis, last_audit_ms, ES_F_OPT),                \
		ROW_ALT(TOKEN, "Smsr-id", "Sm-sr-id", es_eis, smsr_id, NEED),               \
		ROW_LIST("ProfileInfo", es_eis, profiles, ES_F_OPT, PROFILE_INFO),          \
		ROW_PTR("Isd-r", es_eis, isdr, NEED, &es_type_security_domain),             \
		ROW_PTR("AuditTrail", es_eis, audit_trail, ES_F_OPT, &es_type_audit_trail), \
		ROW_PTR("AdditionalProperties", es_eis, properties, ES_F_OPT, &es_type_properties)

static const struct es_field eis_fields[] = {EIS_ROWS(0, &es_type_eum_signed_info, &es_type_profile_info)};
TYPE(eis, es_eis);
static const struct es_field eis_view_fields[] = {
	EIS_ROWS(ES_F_VIEW, &es_type_eum_signed_info_view, &es_type_profile_info_view)};
TYPE(eis_view, es_eis);
