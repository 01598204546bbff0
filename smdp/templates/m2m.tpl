# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A profile with one USIM (milenage) for machines: PIN1 off, one security domain of the operator for SCP80, remote file
# management.  Elements are those of the interoperable format (TCA), files those of TS 31.102 and TS 102 221.
#
# "smctl stock type NAME --template FILE" gives such a file to a profile type; "smctl stock import" makes a profile of each
# row of a batch.  Columns for this one: iccid, imsi, ki, opc, msisdn, smsc (both with +); and, where the defaults below do
# not do: apn, type, spn, ad (00000003 for an MNC of three digits), pin1, puk1, pin2, puk2, adm1, kic, kid, kik, pol1.
#
# How to write one.  The package is spelled out, element after element:
#
#   let NAME ITEM...      a constant
#   default NAME TEXT     the value of a column that a row lacks
#   random NAME OCTETS    the same, drawn for each row, as hex;  digits NAME COUNT: as decimal digits
#   TAG ITEM...           a primitive element; TAG is hex as it is written: 83, 4F, 9F1F
#   TAG { ... }           a constructed one
#   ?TAG ...              either, left out when nothing would be in it
#
# A line end or ";" ends an element.  Items are put together: octets in hex, "text", oid:1.2.3, pad:N (fill up to N octets
# with FF), $NAME (a constant or a value), $pe (the next identification number of a profile element).
#
# Values made from columns: iccid (as in the header), ef_iccid, ef_imsi and acc (of imsi), ef_msisdn (record of 24
# octets), ef_smsp (of smsc, record of 38), connectivity (of smsc), connectivity_https (of apn), ef_spn (of spn), pin1, pin2, puk1, puk2, adm1, ki, opc,
# type.  Any other name is a column with hex.

default type "m2m"
default spn "M2M"
default pin1 "0000"
default pol1 ""
default ad "00000002"
default apn ""
digits puk1 8
digits pin2 8
digits puk2 8
digits adm1 8
random kic 16
random kid 16
random kik 16

let usim_aid A0000000871002FFFFFFFF8907090000

A0 {                            # header
	80 02
	81 01
	82 $type
	83 $iccid
	?84 $pol1               # left out when empty
	A5 { 81; 84 }           # usim, milenage
	A6 {
		06 oid:2.23.143.1.2.1
		06 oid:2.23.143.1.2.4
		06 oid:2.23.143.1.2.5
		06 oid:2.23.143.1.2.7
	}
	?87 $connectivity $connectivity_https   # service centre, access point
}

# Security conditions of TS 102 221 in expanded format.  The templates of the format number the rules; 3, 4, 6, 12 and 13
# are of no file here and are left to the administrator.
let adm A40683010A950108
let pin A406830101950108
let second A406830181950108
let always 9000
let never 9700
let rule1 800101 $always 800102 $pin 800118 $adm pad:44
let rule2 800101 $pin 80011A $adm pad:44
let rule5 800103 $pin 800118 $adm pad:44
let rule7 800101 $pin 800102 $second 840132 $pin 800118 $adm pad:44
let rule8 800101 $pin 800102 $second 800118 $adm pad:44
let rule10 800101 $always 80011A $adm pad:44
let rule11 800101 $always 80011A $never pad:44
let ruledir 80015F $adm pad:44
let ruleadm 80011B $adm pad:44
let rules $rule1 $rule2 $ruleadm $ruleadm $rule5 $ruleadm $rule7 $rule8 $rule1 $rule10 $rule11 $ruleadm $ruleadm $ruledir

B0 {                            # mf
	A0 { 80; 81 $pe }
	81 oid:2.23.143.1.2.1
	A2 { A1 { C6 010A } }   # MF
	A3 { }                  # EF.PL
	A4 { 83 $ef_iccid }     # EF.ICCID
	A5 {                    # EF.DIR: the USIM
		A1 { 82 42210026; 80 26 }
		83 61184F10 $usim_aid 5004 "USIM"
	}
	A6 {                    # EF.ARR
		A1 { 82 4221002C; 80 0268 }
		83 $rules
	}
}

A3 {                            # pukCodes
	A0 { 80; 81 $pe }
	A1 {
		30 { 80 01; 81 $puk1 }
		30 { 80 0081; 81 $puk2 }
	}
}

A2 {                            # pinCodes of the MF
	A0 { 80; 81 $pe }
	A1 { A0 {
		30 { 80 01; 81 $pin1; 82 01; 83 06 }    # off, may be switched on
		30 { 80 0A; 81 $adm1; 83 07; 84 00AA }
	} }
}

B3 {                            # usim
	A0 { 80; 81 $pe }
	81 oid:2.23.143.1.2.4
	A2 { A1 { 83 7FF0; 84 $usim_aid; C6 01810A } }
	A3 { A1 { 80 09 }; 83 $ef_imsi }
	A4 {                    # EF.ARR
		A1 { 82 4221002C; 80 0268 }
		83 $rules
	}
	# EF.UST: 10 SMS, 12 SMSP, 19 SPN, 21 MSISDN, 27 GSM access, 28 data download, 33 and 38 security context, 85 EPS
	A8 { 83 000A140C21 0000000000 10 000000 }
	AB { 83 $ef_smsp }
	AD { 83 $ef_spn }
	AE { 83 00 }            # EF.EST
	B2 { 83 $acc }
	B5 { 83 $ad }           # EF.AD: normal operation, MNC of two digits
	B6 { 83 11F2FF00 }      # EF.ECC: 112
}

B4 {                            # opt-usim
	A0 { 80; 81 $pe }
	81 oid:2.23.143.1.2.5
	A7 { 83 $ef_msisdn }
}

A2 {                            # pinCodes of the USIM
	A0 { 80; 81 $pe }
	A1 { A0 {
		30 { 80 0081; 81 $pin2; 82 0081 }
	} }
}

A4 {                            # akaParameter: milenage
	A0 { 80; 81 $pe }
	A1 { A1 { 80 01; 81 00; 82 $ki; 83 $opc } }
}

B8 {                            # gsm-access
	A0 { 81 $pe }
	81 oid:2.23.143.1.2.7
	A2 { A1 { C6 01810A } }
	A3 { }                  # EF.Kc
	A4 { }                  # EF.KcGPRS
}

A6 {                            # securityDomain of the operator
	A0 { 80; 81 $pe }
	A1 {
		4F A0000001515350
		4F A000000151535041
		4F A000000151000000
		82 82DC00
		83 0F
		C9 81028000 8201F0 8301F0 8701F0
		EA { 80 0100000000 020116 03B20100 00 } # security level: cipher, checksum, counter; TAR B20100
	}
	A2 {                    # SCP80 keys: ciphering, authentication, decryption of keys
		30 { 95 18; 82 01; 83 01; 30 { 30 { 80 88; 86 $kic } } }
		30 { 95 14; 82 02; 83 01; 30 { 30 { 80 88; 86 $kid } } }
		30 { 95 48; 82 03; 83 01; 30 { 30 { 80 88; 86 $kik } } }
	}
}

A7 {                            # rfm of the UICC's files
	A0 { 80; 81 $pe }
	4F A00000055910100001
	A0 { 04 B00000 }
	81 16
	04 00
	04 00
}

A7 {                            # rfm of the USIM's files
	A0 { 80; 81 $pe }
	4F A00000055910100002
	A0 { 04 B00010 }
	81 16
	04 00
	04 00
	30 { 80 $usim_aid; 81 00; 82 00 }
}

AA {                            # end
	A0 { 80; 81 $pe }
}
