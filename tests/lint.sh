#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# make lint: the rules of the house that a machine can check.  Quiet when good; else each finding with what to do.
# An exception is named in this file, beside its reason; nothing in a source file turns a check off.
set -u
# report() ends pipelines and counts: it has to run in this shell.
shopt -s lastpipe
cd "$(dirname "$0")/.." || exit 2
git rev-parse --is-inside-work-tree >/dev/null || exit 2
export LC_ALL=C.UTF-8
CODE=()
for d in common scp80 scp03 scp81 smsr smdp lab tools; do [ ! -d "$d" ] || CODE+=("$d"); done
mapfile -t FILES < <(git ls-files -co --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done)
mapfile -t TEXT < <(printf '%s\n' "${FILES[@]}" | grep -vE '^(tests/fuzz/corpus|tests/vectors)/|^LICENSE$')
mapfile -t CFLAGS < <(pkg-config --cflags libosmocore libosmogsm libosmovty libosmoctrl talloc openssl sqlite3 libxml-2.0 \
	libevent jansson libosmo-sigtran libosmo-netif | tr ' ' '\n' | grep .)
CFLAGS+=(-std=gnu11 -D_GNU_SOURCE '-DVERSION="0"' -I.)
failed=0

# report ADVICE: lines on standard input are findings.
report()
{
	local found
	found=$(cat)
	[ -z "$found" ] && return
	printf '%s\n  -> %s\n\n' "$found" "$1"
	failed=$((failed + 1))
}

# code PATTERN [GREP OPTION]...: lines of our C code that match.
code()
{
	local pattern=$1
	shift
	grep -rnP "$@" --include='*.[ch]' -e "$pattern" "${CODE[@]}"
}

# text PATTERN: lines of tracked text that match.
text() { grep -nIP -e "$1" "${TEXT[@]}"; }

# ---- layers ----

layers()
{
	# Each row: a folder, and those that it may include.  Tests may use everything.
	grep -rnE '^[[:space:]]*#[[:space:]]*include "' "${CODE[@]}" --include='*.[ch]' | awk -F'[:/"]' '
	BEGIN {
		n = split("common common;scp80 scp80 common;scp03 scp03 common;scp81 scp81 common;" \
			  "smsr smsr scp80 scp03 scp81 common;smdp smdp scp03 common;" \
			  "lab lab scp80 scp03 scp81 common;tools tools scp80 scp03 scp81 common", rows, ";")
		for (i = 1; i <= n; i++) {
			m = split(rows[i], a, " ")
			for (j = 2; j <= m; j++) ok[a[1] ":" a[j]] = 1
		}
	}
	{ line = $0; sub(/.*include "/, ""); split($0, to, "/"); split(line, from, "/")
	  if (!((from[1] ":" to[1]) in ok)) print line }'
	# A program of lab/ or tools/ stands on libraries, not on other programs.
	grep -rnE '^#include "tools/' tools --include='*.[ch]' | awk -F'[:/"]' '
	{ line = $0; split($0, from, "/"); sub(/.*include "/, ""); split($0, to, "/")
	  if (from[2] != to[2]) print line }'
}
layers | report 'include against the layers: common <- scp80, scp03, scp81 <- smsr, lab, tools; common, scp03 <- smdp'
# Codecs are pure: octets in, octets out, so that tests and fuzzers need nothing but them.  <time.h> has the calendar too.
code '^\s*#\s*include\s*("common/(net|db|app)/|<(sys/(socket|time|select|un|epoll)|netinet/|arpa/|netdb|poll|sqlite3)\b|<(event2|osmocom/(core/(select|socket|timer|fsm)|vty|ctrl))\b)|\b(clock_gettime|gettimeofday|time|socket)\(' |
	grep -E '^(scp80|scp03|scp81|common/codec)/' | report 'a codec is pure: no socket, clock, database or daemon frame'

# The tests of the store read it, and damage it, by SQLite itself; so do the judges of the simulator, and its file system.
grep -rnE '#include <sqlite3\.h>' "${CODE[@]}" tests --include='*.[ch]' | grep -vE '^(common/db/[^:]*|[^:]*_db\.c|tests/unit/db_test\.c|tests/support/world_look\.c|tests/sim/(judge_sql\.h|vfs\.c)):' |
	report 'sqlite3.h belongs into common/db and *_db.c'
grep -rnE '#include <event2/' "${CODE[@]}" --include='*.[ch]' | grep -v '^common/net/[^:]*\.c:' |
	report 'libevent belongs into the .c files of common/net'
grep -rnE '#include <libxml/' "${CODE[@]}" --include='*.[ch]' | grep -vE '^common/es/[^:]*(\.c|_int\.h):' |
	report 'libxml2 belongs into common/es, and not into its public headers'
grep -rnE '#include <osmocom/vty/' "${CODE[@]}" --include='*.h' | grep -vE '_(vty|int|priv)\.h:' |
	report 'VTY types do not belong into a public header'
grep -rlE 'osmocom/vty/' "${CODE[@]}" --include='*.[ch]' | xargs -r grep -nE '#include <event2/' |
	report 'vty.h and event2/*.h cannot share a file: both declare "event"'

# ---- smells ----

# UUIDs are the one text with octets in hex that bytes.h does not make.
code '%0?2[hxX]|"0123456789[aA]bcdef|strtou?l+\([^,]+,[^,]+, *16\)|<< ?8\)? *\|' |
	grep -vE '^common/codec/|^common/crypto/rnd\.c:' | report 'hex and byte order only by common/codec/bytes.h'
code '\b([mc]alloc|realloc(array)?|strn?dup|v?asprintf|free)\(' |
	grep -v '^common/app/admin_sock\.c:' | report 'talloc owns memory; libraries that hand out malloc memory have a wrapper: name it here'
grep -rnP '^\s*(\(void\) ?)?(v?snprintf|v?sprintf|strn?cpy|strn?cat|strlcpy|strlcat|osmo_strlcpy)\(' \
	--include='*.[ch]' "${CODE[@]}" | report 'result dropped: talloc_asprintf, or look whether it fitted'
code '^\s*#\s*if.*(TEST|FUZZ|DEBUG|MOCK)|(test|fake|dummy|stub|mock)_?mode' |
	report 'no test hooks in the product: seams are function tables passed at construction'
# The service manager and the preloaded shim (which has no command line) talk by environment.
code 'getenv\(' | grep -vE '^(common/app/app_notify\.c|lab/osmo/sctpshim\.c):' | report 'configuration comes from the .cfg file'
code '^\s+static (?!const\b|inline\b|_Thread_local\b).*\bchar \w+\[' | report 'no static result buffers: talloc, or storage of the caller'
# EVP_EncodeBlock cannot fail; a ROLLBACK follows a failure that is being reported.
code '^\t+(EVP_[A-Z]\w+|RAND_bytes|X509_(verify|sign)\w*|sqlite3_(exec|step|bind_\w+|prepare_v2)|setsockopt|osmo_hexparse)\(.*;' |
	grep -vE '_free\(|EVP_EncodeBlock|"ROLLBACK"' | report 'result dropped: it may be an error'
code '/\* *(set|get|init(iali[sz]e)?|call|check|loop|return|free|increment|create|allocate|send|parse)s? (the )?[a-z_]+ *\*/' -i |
	grep -v '; */\*' | report 'a comment that restates the code: delete it, or say why'
# An SMSC or a socket may refuse "for now": those lines say something else.
text '(?i:\b(for now|simplif|in a real|in production (this|we|you)|not implemented|as requested|improved|robust|comprehensive))' |
	grep -vE '^tests/lint\.sh:|(refused|full) for now' | report 'say what is, or do it; plans belong into issues'
text '\b[Pp]laceholder|(?i:\bstep [0-9]+:)|\b(TODO|FIXME|HACK|XXX)\b' | grep -v '^tests/lint\.sh:' |
	report 'say what is, or do it; plans belong into issues'
text '(?<![\w.{}*$])/(work|home|root)/' | grep -v '^tests/lint\.sh:' | report 'no paths of a machine in the project'
# A patch begins an empty line with a blank.
text '[ \t]+$' | grep -vE '\.patch:[0-9]+: $' | report 'trailing white space'
printf '%s\n' "${TEXT[@]}" | grep '\.[ch]$' | xargs grep -nP '^ {8}' | report 'tabs of 8 for indentation'
printf '%s\n' "${TEXT[@]}" | grep -E '\.py$' | xargs -r grep -nP '^\t' | report 'spaces for indentation'

# ---- furniture ----

for f in "${TEXT[@]}"; do
	case $f in *.md | VERSION | *.json | *.pem) continue ;; esac
	head -n 2 "$f" | grep -q 'SPDX-License-Identifier: AGPL-3\.0-or-later' || echo "$f:1"
	case $f in *.[ch]) head -n 1 "$f" | grep -qFx '/* SPDX-License-Identifier: AGPL-3.0-or-later */' || echo "$f:1" ;; esac
done | sort -u | report 'first line (second after #! or <?xml): SPDX-License-Identifier: AGPL-3.0-or-later'
for f in "${TEXT[@]}"; do
	[ ! -s "$f" ] || [ -z "$(tail -c 1 "$f")" ] || echo "$f"
done | report 'no newline at the end of the file'
printf '%s\n' "${TEXT[@]}" | grep '\.h$' | xargs grep -L '^#pragma once$' | report 'a header has #pragma once'
for f in $(printf '%s\n' "${FILES[@]}" | grep -E '^tests/vectors/' | grep -v README.md); do
	name=${f#tests/vectors/}
	grep -qF -e "\`$name\`" -e "\`${name%/*}/*" tests/vectors/README.md || echo "$f"
done | report 'name the source of each vector in tests/vectors/README.md'
python3 tests/lint_text.py cite | report 'cite as "DOC §n.n"; documents and sections are listed in docs/specs.txt'
python3 tests/lint_text.py doc | report 'document it above the prototype'
python3 tests/lint_text.py log | report 'one row in common/app/log.c for each category'

# ---- compilers ----

printf '%s\n' "${TEXT[@]}" | grep '\.h$' | grep -v '^contrib/' |
	xargs -P 2 -I {} gcc "${CFLAGS[@]}" -fsyntax-only -include {} -x c /dev/null 2>&1 | grep -E 'error|warning' |
	report 'a header compiles alone: include what it uses'
grep -rlE '^\s*default:' "${CODE[@]}" --include='*.c' |
	xargs -r -P 2 -n 8 clang "${CFLAGS[@]}" -fsyntax-only -Wno-everything -Wswitch-enum -Wcovered-switch-default 2>&1 |
	python3 tests/lint_text.py switch | report 'name every value instead of default'
cppcheck -q -j2 --enable=warning,portability --std=c11 -I. --include=contrib/cppcheck.h \
	--suppressions-list=contrib/cppcheck.txt --template='{file}:{line}: {severity}: {message} [{id}]' "${CODE[@]}" 2>&1 |
	grep -E '^[a-z].*\[\w+\]$' | report 'cppcheck: mend it, or name the reason in contrib/cppcheck.txt'

# ---- other languages ----

printf '%s\n' "${TEXT[@]}" | while read -r f; do head -n 1 "$f" | grep -qE '^#! ?/bin/(ba|da)?sh' && echo "$f"; done |
	xargs -r shellcheck -f gcc -S info | report 'shellcheck'
printf '%s\n' "${TEXT[@]}" | while read -r f; do head -n 1 "$f" | grep -q '^#!.*python3' && echo "$f"; done |
	cat - <(printf '%s\n' "${TEXT[@]}" | grep '\.py$') | sort -u | xargs -r python3 -c '
import ast, sys
for name in sys.argv[1:]:
    try:
        ast.parse(open(name).read(), name)
    except SyntaxError as e:
        print(f"{name}:{e.lineno}: {e.msg}")' | report 'Python cannot read it'
printf '%s\n' "${FILES[@]}" | grep -E '\.(xsd|wsdl|xml)$' | grep -v '/corpus/' | xargs -r xmllint --nonet --noout 2>&1 |
	report 'XML is well-formed'
for prefix in $(printf '%s\n' "${TEXT[@]}" | sed -n 's,^\(schemas/sql/[a-z]*\)-[0-9]*\.sql$,\1,p' | sort -u); do
	cat "$prefix"-*.sql | sqlite3 -bail :memory: 2>&1 | sed "s,^,$prefix: ,"
done | report 'the SQL of a fresh database loads'

printf '%s\n' "${TEXT[@]}" | grep '\.[ch]$' | xargs clang-format --dry-run -Werror 2>&1 | grep 'error:' | cut -d: -f1 |
	sort | uniq -c | report 'places that clang-format writes otherwise: clang-format -i FILE'

if [ "$failed" -gt 0 ]; then
	echo "lint: $failed checks with findings"
	exit 1
fi
