#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every vector of tests/vectors/scp80.json through the command line of otatool, both ways, and its exit codes; the
sessions and key establishments of tests/vectors/es8.json."""
import json
import os
import subprocess
import sys
import tempfile

TOOL = os.path.join(os.environ.get("B", "build/rel"), "bin/otatool")
VECTORS = json.load(open("tests/vectors/scp80.json"))["vectors"]
HEADER = ("spi", "kic", "kid", "key_kic", "key_kid", "cc_len", "tar", "cntr", "transport", "direction")
POR_HEADER = ("type", "command_spi", "kic", "kid", "key_kic", "key_kid", "cc_len", "tar", "cntr", "status")
DETAILS = ("pcntr", "checksum", "mac_input", "plaintext_after_header")
checks = 0


def run(*args, data=None, want=0):
    """Run otatool; data is dumped as JSON.  Returns the parsed answer, or the text when it is none."""
    global checks
    checks += 1
    text = data if isinstance(data, str) else json.dumps(data)
    p = subprocess.run([TOOL, *args], input=text, capture_output=True, text=True, timeout=20)
    if p.returncode != want:
        sys.exit(f"otatool {' '.join(args)}: exit {p.returncode}, expected {want}\n{text[:400]}\n{p.stdout}{p.stderr}")
    if want and not p.stderr:
        sys.exit(f"otatool {' '.join(args)}: failed without a message")
    try:
        return json.loads(p.stdout)
    except ValueError:
        return p.stdout


def same(v, got, *fields):
    for f in fields:
        if f in v and v[f] is not None and got.get(f) != v[f]:
            sys.exit(f"{v['name']}: {f} is {got.get(f)!r}, expected {v[f]!r}")


def pick(v, *fields, **more):
    return {**{f: v[f] for f in fields if f in v}, **more}


def reference(v):
    """Reference of a concatenated vector, from its first segment."""
    ud = v.get("expected_sms_tpdu_user_data") or [""]
    return int(ud[0][6:8], 16) if len(ud) > 1 else 0


def check_segments(v, packet_field):
    if not v.get("expected_sms_tpdu_user_data"):
        return
    got = run("segment", data=pick(v, "type", packet_field, concat_ref=reference(v)))
    same(v, got, "expected_sms_tpdu_user_data", "segments")
    parts = v["expected_sms_tpdu_user_data"]
    same(v, run("reassemble", data={"expected_sms_tpdu_user_data": parts[::-1]}), packet_field)
    if len(parts) > 1:
        run("reassemble", data={"expected_sms_tpdu_user_data": parts[1:]}, want=1)


def check_script(v):
    data = v["secured_data"]
    if not data.startswith(("aa", "ae")):
        return
    got = run("script", data={"secured_data": data})
    again = run("script", data={"items": got["items"], "template": got["template"]})
    same(v, again, "secured_data")
    if not got["text"]:
        sys.exit(f"{v['name']}: no words")


def command(v):
    job = pick(v, *HEADER, "secured_data", concat_ref=reference(v))
    if v["kic"] == "11":
        run("seal", data=job, want=1)
        got = run("seal", "--any", data=job)
    else:
        got = run("seal", data=job)
    same(v, got, "expected_command_packet", "expected_sms_tpdu_user_data", "segments", *DETAILS)
    got = run("open", data=pick(v, "key_kic", "key_kid", "cc_len", "transport", "expected_command_packet"))
    same(v, got, "spi", "kic", "kid", "tar", "cntr", "secured_data", *DETAILS)
    check_segments(v, "expected_command_packet")
    check_script(v)
    if "sms_deliver_tpdu" in v:
        job.update(oa="+12345678", smsc="+4912345", scts="62010121436500")
        same(v, run("seal", data=job), "sms_deliver_tpdu", "envelope_apdu")
        for field in ("sms_deliver_tpdu", "envelope_apdu"):
            same(v, run("reassemble", data=pick(v, field)), "expected_command_packet")


def response(v):
    got = run("seal", data=pick(v, *POR_HEADER, "response_data", concat_ref=reference(v)))
    same(v, got, "expected_response_packet", "expected_sms_tpdu_user_data", "segments", "status_text", *DETAILS)
    job = pick(v, "type", "command_spi", "kic", "kid", "key_kic", "key_kid", "cc_len", "expected_response_packet")
    got = run("open", data=job)
    same(v, got, "tar", "cntr", "status", "status_text", "response_data", *DETAILS)
    if (got["verified"] == "none") != (v["cc_len"] == 0):
        sys.exit(f"{v['name']}: verified = {got['verified']}")
    check_segments(v, "expected_response_packet")
    data = v["response_data"]
    if data:
        form = "compact" if data.startswith("01") else None
        got = run("script", data={"response_data": data, "template": form})
        same(v, got, "response_data")


def reject(v):
    job = pick(v, "direction", "packet", "key_kic", "key_kid", "command_spi", "kic", "kid", "last_cntr")
    got = run("open", data=job, want=1)
    if "error" not in got:
        sys.exit(f"{v['name']}: no error in the answer")
    if v["direction"] == "command":
        same(v, got, "status_reported")
    if v["name"].startswith("G14") and (got["verified"] != "none" or "response_data" in got):
        sys.exit("G14: an unsecured answer must be shown as such")


def usage():
    for args in ((), ("nothing",), ("seal", "--nonsense"), ("seal", "a", "b"), ("seal", "/nonexistent"), ("-k",)):
        run(*args, data="{}", want=2)
    for bad in ("", "{", "[1", '{"spi": "1639", "spi": "1639"}', '{"spi": "16"}', '{"secured_data": "0"}', "[1]"):
        run("seal", data=bad, want=2)
    run("open", data={}, want=2)
    run("script", data={}, want=2)
    run("reassemble", data={}, want=2)
    run("segment", data={"packet": "00", "concat_ref": 256}, want=2)
    run("segment", data={"packet": "00" * 40000}, want=1)
    for c in ("seal", "open", "segment", "reassemble", "script"):
        if not run(c, "--help").startswith(f"otatool {c}:"):
            sys.exit(f"{c}: no help")
    if "Exit code" not in run("--help"):
        sys.exit("no help")


def key_file():
    v = next(v for v in VECTORS if v["name"].startswith("A01"))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(pick(v, "key_kic", "key_kid", "cc_len"), f)
        f.flush()
        same(v, run("open", "-k", f.name, data={"packet": v["expected_command_packet"]}), "secured_data")
    run("open", data={"packet": v["expected_command_packet"]}, want=1)
    weak = pick(v, *HEADER, "secured_data")
    weak["spi"] = "0639"
    run("seal", data=weak, want=1)
    packet = run("seal", "--any", data=weak)["expected_command_packet"]
    run("open", data=pick(v, "key_kic", "key_kid", packet=packet))


def batch():
    good = [v for v in VECTORS if v["type"] == "command" and v["kic"] != "11"]
    answers = run("open", data={"vectors": good})
    for v, got in zip(good, answers):
        same(v, got, "name", "secured_data")
    answers = run("open", data=[good[0], {"packet": "00"}], want=1)
    if "error" in answers[0] or "error" not in answers[1]:
        sys.exit("batch: the error belongs to the second object")


def words():
    got = run("script", data={"capdus": ["80e28800153a03124f10a0000005591010ffffffff8900001000"]})
    if got["secured_data"] != "aa1c221a80e28800153a03124f10a0000005591010ffffffff8900001000" or \
            "EnableProfile" not in got["text"]:
        sys.exit(f"script: {got}")
    got = run("script", data={"response_data": "ab07800101230269e1", "n_capdus": 1})
    if got["verdict"] != "a command failed" or got["sw"] != "69e1" or "POL1" not in got["sw_text"]:
        sys.exit(f"script: {got}")
    got = run("script", data={"secured_data": "00a40004023f0000b0000010", "template": "compact"})
    if got["capdus"] != ["00a40004023f00", "00b0000010"]:
        sys.exit(f"script: {got}")
    run("script", data={"secured_data": "aa08220580ca006600"}, want=1)


def lower(value):
    return value.lower() if isinstance(value, str) else value


def es8_same(name, want, got, *fields):
    for f in fields:
        if f in want and lower(got.get(f)) != lower(want[f]):
            sys.exit(f"es8.json, {name}: {f} is {got.get(f)!r}, expected {want[f]!r}")


def es8_sessions(es8):
    """SCP03 and SCP03t: with the card's answers, without them, and with a wrong one."""
    apdu = dict(es8["scp03"])
    tlv = {**es8["scp03t"], "static_keys": apdu["static_keys"], "sd_aid": apdu["sd_aid"]}
    got = run("scp03", data=apdu)
    es8_same("scp03", apdu, got, "card_challenge", "init_update", "ext_auth")
    for want, one in zip(apdu["commands"], got["commands"], strict=True):
        es8_same(want["name"], want, one, "protected", "response_plain")
    bare = {k: apdu[k] for k in ("static_keys", "sd_aid", "sequence_counter", "host_challenge")}
    got = run("scp03", data={**bare, "commands": [{"plain": c["plain"]} for c in apdu["commands"]]})
    es8_same("scp03", {"init_update_response": apdu["init_update_response"][:-4]}, got, "init_update_response")
    es8_same("scp03", apdu["commands"][2], got["commands"][2], "protected")
    bad = json.loads(json.dumps(apdu))
    bad["commands"][0]["response_protected"] = "00" + bad["commands"][0]["response_protected"][2:]
    run("scp03", data=bad, want=1)
    got = run("scp03t", data=tlv)
    es8_same("scp03t", tlv, got, "init_update_84", "init_update_response", "ext_auth_85")
    for want, one in zip(tlv["commands"], got["commands"], strict=True):
        es8_same(want["name"], want, one, "tlv_86", "response_plain")
    if got["commands"][-1]["installed"] is not True:
        sys.exit(f"scp03t: {got['commands'][-1]}")
    for error in es8["scp03t"]["errors"]:
        run("scp03t", data={**tlv, "ext_auth_response": error}, want=1)
    run("scp03t", data={**tlv, "sequence_counter": "000003"}, want=1)


def es8_establishments(es8):
    count = 0
    for name, want in es8["ecka_eg"].items():
        if not isinstance(want, dict):
            continue
        count += 1
        given = {**want, "ecasd_private": es8["keys"]["ECASD.ECKA"]["private"],
                 "ci_public": es8["keys"]["CI.ECDSA"]["public"]}
        got = run("ecka", data=given)
        es8_same(name, {**want, "verified": "receipt"}, got, "a6_crt", "receipt", "verified")
        no_answer = {k: v for k, v in given.items() if k != "store_data_2_response"}
        es8_same(name, want, run("ecka", data=no_answer), "receipt")
        run("ecka", data={**given, "store_data_1_response": "8510" + 16 * "00" + "9000"}, want=1)
        run("ecka", data={**given, "ci_public": es8["keys"]["EUM.ECDSA"]["public"]}, want=1)
        run("ecka", data={**given, "store_data_2_response": "8610" + 16 * "00" + "9000", "DR": want["DR"]}, want=1)
    if count < 4:
        sys.exit("es8.json: key establishments are missing")


for vector in VECTORS:
    {"command": command, "response": response, "reject": reject}[vector["type"]](vector)
usage()
key_file()
batch()
words()
ES8 = json.load(open("tests/vectors/es8.json"))
es8_sessions(ES8)
es8_establishments(ES8)
print(f"{len(VECTORS)} vectors, {checks} runs of otatool")
