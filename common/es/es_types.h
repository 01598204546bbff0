/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/bytes.h"
#include "common/es/status.h"

/* The data types of ES1 to ES7 as plain structs.  SGP.02 Annex A.
 *
 * Conventions, the same in every struct, so that one filled with zeros means "everything absent":
 *  - texts are NUL-terminated, NULL when absent.  EID: 32 digits.  ICCID: 18 to 20 digits, no trailing F.
 *    MSISDN: digits without '+'.  OID: dotted.  The decoder has normalised and checked them;
 *  - octet strings are views; absent is data == NULL, empty is len == 0 with data set;
 *  - times are UTC milliseconds, 0 when absent;
 *  - positive integers are 0 when absent; where 0 has a meaning of its own, struct es_opt_u64 is used;
 *  - optional flags are false when absent and are left out of the XML when false;
 *  - optional sub-structs are pointers; lists are an array and a count n_x.
 * Decoded structs are one talloc tree under the root struct; a struct to be encoded may borrow everything. */

struct es_opt_u64 {
	bool has;
	uint64_t v;
};

enum es_profile_state {
	ES_STATE_CREATED,
	ES_STATE_DISABLED,
	ES_STATE_ENABLED
};
enum es_sd_role {
	ES_ROLE_ISDR,
	ES_ROLE_ECASD
};
enum es_keyset_type {
	ES_KEYSET_UNSPECIFIED, /* element Type absent */
	ES_KEYSET_SCP03,
	ES_KEYSET_SCP80,
	ES_KEYSET_SCP81,
	ES_KEYSET_TOKEN_GENERATION,
	ES_KEYSET_RECEIPT_VERIFICATION,
	ES_KEYSET_CA,
};
enum es_pol2_subject {
	ES_POL2_PROFILE
};
enum es_pol2_action {
	ES_POL2_ENABLE,
	ES_POL2_DISABLE,
	ES_POL2_DELETE
};
enum es_pol2_qualification {
	ES_POL2_NOT_ALLOWED,
	ES_POL2_AUTO_DELETE
};
enum es_ecc_key_length {
	ES_ECC_256,
	ES_ECC_384,
	ES_ECC_512,
	ES_ECC_521
};

/*! Words on the wire for the enums above ("Enabled", "Not-Allowed"...), for logs, CLI and VTY. */
const char *es_profile_state_name(enum es_profile_state v);
const char *es_pol2_action_name(enum es_pol2_action v);
const char *es_pol2_qualification_name(enum es_pol2_qualification v);

struct es_pol2_rule {
	enum es_pol2_subject subject;
	enum es_pol2_action action;
	enum es_pol2_qualification qualification;
};

struct es_pol2 {
	struct es_pol2_rule *rules;
	size_t n_rules; /* 0: no rules, on purpose */
};

struct es_subscription_address {
	const char *imsi;
	const char *msisdn;
};

struct es_key_component {
	struct bytes type; /* GlobalPlatform key type, 1 or 2 octets: 88 AES, 80 DES, 85 TLS-PSK, B0 ECC public... */
	/*! Secret when decoded: memory of its own, wiped by a talloc destructor.  Import it into a key handle at once
	 * and free the message; never log, copy or keep it. */
	struct bytes value;
};

struct es_key {
	struct bytes kcv; /* 3 octets for symmetric keys, else empty */
	uint8_t index;
	struct es_key_component *components;
	size_t n_components;
};

struct es_certificate {
	uint8_t index;
	const char *ca_id;  /* OID */
	struct bytes value; /* whole GlobalPlatform certificate, 7F21... */
};

struct es_keyset {
	uint8_t version;
	enum es_keyset_type type;
	struct es_opt_u64 cntr; /* SCP80 counter */
	struct es_key *keys;
	size_t n_keys;
	struct es_certificate *certificates;
	size_t n_certificates;
};

struct es_security_domain {
	struct bytes aid;
	struct bytes *tars; /* 3 octets each */
	size_t n_tars;
	struct bytes sin;
	struct bytes sdin;
	enum es_sd_role role;
	struct es_keyset *keysets;
	size_t n_keysets;
};

struct es_capabilities {
	bool cattp_support;
	const char *cattp_version;
	bool http_support;
	const char *http_version;
	const char *secure_packet_version;
	const char *remote_provisioning_version;
};

/*! What the card's maker signed.  A filtered view may lack everything but the EID. */
struct es_eum_signed_info {
	const char *eid;
	const char *eum_id;
	int64_t production_ms;
	const char *platform_type;
	const char *platform_version;
	struct bytes isdp_loadfile_aid;
	struct bytes isdp_module_aid;
	struct es_security_domain *ecasd;
	struct es_capabilities *capabilities;
};

struct es_profile_info {
	const char *iccid;
	struct bytes isdp_aid;
	const char *mno_id;
	bool fallback;
	bool emergency;
	struct es_subscription_address address;
	enum es_profile_state state;
	const char *smdp_id;
	const char *profile_type;
	uint64_t allocated_memory;     /* octets */
	struct es_opt_u64 free_memory; /* octets */
	struct es_pol2 pol2;
};

struct es_property {
	const char *key;
	const char *value;
};

struct es_properties {
	struct es_property *v;
	size_t n_v;
};

struct es_audit_record {
	const char *eid;
	const char *smsr_id;
	int64_t operation_ms;
	struct bytes operation_type; /* 2 octets, e.g. 0200 = EnableProfile */
	const char *requester_id;
	struct es_status *status;
	struct bytes isdp_aid;
	const char *iccid;
	struct bytes imei;
	struct bytes meid;
};

struct es_audit_trail {
	struct es_audit_record *records;
	size_t n_records;
};

/*! eUICC Information Set. */
struct es_eis {
	struct es_eum_signed_info info;
	/*! Exclusive-canonical text of EumSignedInfo and EumSignature, each with its own namespace declarations: store
	 * and relay these, never rebuild them from the parsed fields.  When set, the encoder pastes them as they are;
	 * when NULL it writes EumSignedInfo from info (only an EUM does that) and refuses a missing signature. */
	const char *signed_info_xml;
	const char *signature_xml;
	uint64_t remaining_memory; /* octets free for profiles now */
	uint64_t available_memory; /* octets for profiles at production */
	int64_t last_audit_ms;
	const char *smsr_id;
	struct es_profile_info *profiles;
	size_t n_profiles;
	struct es_security_domain *isdr; /* NULL only in a filtered view */
	struct es_audit_trail *audit_trail;
	struct es_properties *properties;
};

/* ------------------------------------------------------------------------------------------------ requests --- */

/*! First member of every request struct. */
struct es_req {
	const char *call_id; /* FunctionCallIdentifier */
	uint32_t validity_s; /* ValidityPeriod in seconds, 0 = absent */
};

/*! ES1-RegisterEIS, ES7-HandoverEUICC. */
struct es_eis_req {
	struct es_req base;
	struct es_eis eis;
};

/*! ES1-UpdateEISAdditionalProperties. */
struct es_properties_req {
	struct es_req base;
	const char *eid;
	struct es_properties properties;
};

/*! ES2/ES3/ES4: EnableProfile, DisableProfile, DeleteProfile, DeleteISDP, SetFallBackAttribute,
 * SetEmergencyProfileAttribute.  smsr_id is for ES2 only. */
struct es_profile_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
	const char *iccid;
};

/*! GetEIS.  smsr_id is for ES2 only. */
struct es_get_eis_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
};

/*! AuditEIS.  No ICCID means all visible profiles.  smsr_id is for ES2 only. */
struct es_audit_eis_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
	const char **iccids;
	size_t n_iccids;
};

/*! UpdatePolicyRules.  pol2 NULL or without rules: no rules.  smsr_id is for ES2 only. */
struct es_pol2_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
	const char *iccid;
	struct es_pol2 *pol2;
};

/*! UpdateSubscriptionAddress.  smsr_id is for ES2 only. */
struct es_address_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
	const char *iccid;
	struct es_subscription_address address;
};

/*! ES2-DownloadProfile: exactly one of iccid and profile_type is set. */
struct es_download_profile_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
	const char *iccid;
	const char *profile_type;
	bool enable;
};

/*! ES3-CreateISDP. */
struct es_create_isdp_req {
	struct es_req base;
	const char *eid;
	const char *iccid;
	const char *mno_id;
	int64_t required_memory; /* octets; 0 = no quota; negative is for the handler to refuse */
	bool more_to_do;
};

/*! ES3-SendData. */
struct es_send_data_req {
	struct es_req base;
	const char *eid;
	struct bytes sd_aid;
	struct bytes data; /* command TLVs; not to be logged */
	bool more_to_do;
};

/*! ES3-ProfileDownloadCompleted. */
struct es_download_completed_req {
	struct es_req base;
	const char *eid;
	const char *iccid;
	const char *profile_type;
	struct es_subscription_address *address;
	struct es_pol2 *pol2;
};

/*! ES3-UpdateConnectivityParameters. */
struct es_connectivity_req {
	struct es_req base;
	const char *eid;
	const char *iccid;
	struct bytes parameters;
};

/*! ES4-PrepareSMSRChange (smsr_id: the current SM-SR), ES4-SMSRChange (smsr_id: the target). */
struct es_smsr_change_req {
	struct es_req base;
	const char *eid;
	const char *smsr_id;
};

/*! ES7-AuthenticateSMSR.  Either eid or eis is set; some peers send the whole EIS. */
struct es_authenticate_smsr_req {
	struct es_req base;
	const char *eid;
	struct es_eis *eis;
	struct bytes certificate;
};

/*! ES7-CreateAdditionalKeySet. */
struct es_create_keyset_req {
	struct es_req base;
	const char *eid;
	uint8_t key_version;
	int64_t initial_counter;
	enum es_ecc_key_length ecc_key_length;
	int8_t scenario;
	struct bytes host_id;
	struct bytes ephemeral_public_key;
	struct bytes signature;
};

/* ----------------------------------------------------------------------------------------------- responses --- */

/*! First member of every response struct; alone it is the response of functions that return nothing else. */
struct es_rsp {
	int64_t start_ms;
	int64_t end_ms;
	uint32_t acceptable_validity_s; /* only with ES_SC_VALIDITY_REFUSED */
	struct es_status status;
};

/*! Functions that act on the card. */
struct es_euicc_rsp {
	struct es_rsp base;
	struct bytes euicc_data; /* EuiccResponseData */
};

/*! GetEIS, AuditEIS. */
struct es_eis_rsp {
	struct es_rsp base;
	struct es_eis *eis;
};

struct es_download_profile_rsp {
	struct es_rsp base;
	const char *iccid;
};

struct es_create_isdp_rsp {
	struct es_rsp base;
	struct bytes isdp_aid;
	struct bytes euicc_data;
};

/*! ES7-AuthenticateSMSR; empty when the function failed. */
struct es_challenge_rsp {
	struct es_rsp base;
	struct bytes random_challenge;
};

/*! ES7-CreateAdditionalKeySet; empty when the function failed. */
struct es_create_keyset_rsp {
	struct es_rsp base;
	struct bytes derivation_random;
	struct bytes receipt;
};

/*! Large enough for the response of every function: they all begin with struct es_rsp. */
union es_any_rsp {
	struct es_rsp base;
	struct es_euicc_rsp euicc;
	struct es_eis_rsp eis;
	struct es_download_profile_rsp download;
	struct es_create_isdp_rsp create;
	struct es_challenge_rsp challenge;
	struct es_create_keyset_rsp keyset;
};

/* ------------------------------------------------------------------------------------------- notifications --- */

/*! HandleProfileEnabled, -Disabled, -Deleted, -Downloaded, -POL2Updated and attribute notifications.  mno_id is for ES3
 * only, pol2 for POL2Updated only. */
struct es_profile_note {
	const char *eid;
	const char *iccid;
	const char *mno_id;
	struct es_pol2 *pol2;
	int64_t completed_ms;
};

/*! HandleSMSRChangeNotification.  mno_id is for ES3 only. */
struct es_eis_note {
	struct es_eis eis;
	const char *mno_id;
	int64_t completed_ms;
};

/* --------------------------------------------------------------------------------------------------- other --- */

/*! wsmc:MakeConnection, the poll of a requester that cannot be called. */
struct es_make_connection {
	const char *address;
};
