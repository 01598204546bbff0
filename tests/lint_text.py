#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of tests/lint.sh that need more than a pattern.

  lint_text.py cite      documents and sections cited are listed in docs/specs.txt
  lint_text.py doc       every function of a public header stands under a comment
  lint_text.py log       every log category has a row
  lint_text.py switch    reads compiler warnings, keeps those about switches over our own enums

Prints "file:line: what" for each finding; exit code 1 when there is one."""
import pathlib
import re
import subprocess
import sys

DOCUMENT = re.compile(r'\b(SGP\.\d\d|TS \d{3} \d{3}|TS \d\d\.\d{3}|GPC_[A-Z_]+|RFC \d{4}|X\.\d{3}|SP 800-\d+[A-Z]?'
                      r'|FIPS \d+|ISO(?:/IEC)? \d{4,5}|SMPP 3\.4|SOAP 1\.2(?: Part \d)?|XML 1\.0|TR-\d{5}|SEC \d)\b')
SECTION = re.compile(r'§([0-9A-Z][0-9A-Za-z.]*)')


def tracked(*patterns):
    """Files of the project by pattern, new ones too."""
    out = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '--', *patterns], check=True,
                         capture_output=True, text=True).stdout
    return [pathlib.Path(f) for f in out.split('\n') if f and pathlib.Path(f).is_file()]


def read_specs():
    """docs/specs.txt as {document: {sections}}."""
    specs, document = {}, None
    for line in pathlib.Path('docs/specs.txt').read_text().split('\n'):
        if line.startswith('\t§'):
            specs[document].add(line[2:].split()[0])
        elif line and not line.startswith('#'):
            document = line.split(' | ')[0]
            specs[document] = set()
    return specs


def cite():
    specs = read_specs()
    for path in tracked('*.c', '*.h', '*.py', '*.sh', '*.sql', '*.xsd', '*.wsdl', '*.md', ':!tests/vectors', ':!tests/lint_text.py'):
        text = path.read_text()
        # a section belongs to the document named last; "A §1 and §2" cites both of A
        marks = sorted([(m.start(), 'document', m[1].replace('/IEC', '')) for m in DOCUMENT.finditer(text)] +
                       [(m.start(), 'section', m[1].rstrip('.')) for m in SECTION.finditer(text)])
        document, where = None, 0
        for at, kind, name in marks:
            line = text.count('\n', 0, at) + 1
            if kind == 'document':
                document, where = name, at
                if name not in specs:
                    yield f'{path}:{line}: document "{name}" is not in docs/specs.txt'
            elif document is None or at - where > 200:
                yield f'{path}:{line}: §{name} without a document: write "DOC §n.n"'
            else:
                where = at
                if name not in specs.get(document, {name}):
                    yield f'{path}:{line}: "{document} §{name}" is not in docs/specs.txt'


def without_comments(text):
    """Comments and strings become spaces; lines stay."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r'[^\n]', ' ', m[0]), text, flags=re.S)


def prototypes(text):
    """(first line, last line, name) of the function declarations at file level."""
    code = re.sub(r'^#.*?(?<!\\)$', lambda m: re.sub(r'[^\n]', ' ', m[0]), without_comments(text), flags=re.S | re.M)
    start, depth = None, 0
    for i, c in enumerate(code):
        if c == '{':
            depth += 1
        elif c == '}':
            depth -= 1
            if depth == 0 and re.match(r'\s*(static\s|.*\)\s*\{)', code[start or 0:i], re.S):
                start = None     # body of an inline function
        elif c == ';' and depth == 0:
            statement = code[start:i] if start is not None else ''
            m = re.match(r'(?!typedef\b|_Static_assert\b)[\w\s*]+?\b(\w+)\s*\(', statement)
            if m and '{' not in statement:
                yield code.count('\n', 0, start), code.count('\n', 0, i), m[1]
            start = None
        elif start is None and not c.isspace():
            start = i


def doc():
    for path in tracked('*.h', ':!tests', ':!contrib', ':!*_int.h', ':!*_priv.h'):
        text = path.read_text()
        lines = text.split('\n')
        for first, last, name in prototypes(text):
            group = first
            while group > 0 and lines[group - 1].strip():
                group -= 1
            if not any(('/*' in line or '*/' in line) and 'SPDX' not in line for line in lines[group:last + 1]):
                yield f'{path}:{first + 1}: {name}() has no comment: what, units, ownership, errors'


def log():
    enum = re.search(r'enum log_cat \{(.*?)\}', pathlib.Path('common/app/log.h').read_text(), re.S)[1]
    table = pathlib.Path('common/app/log.c').read_text()
    for name in re.findall(r'\bD[A-Z0-9]+\b', enum):
        if f'[{name}] = {{ .name = "{name}"' not in re.sub(r'\{\s*', '{ ', table):
            yield f'common/app/log.c:1: category {name} has no row (or one with another name)'


def switch():
    ours = set()
    for path in tracked('*.h', '*.c', ':!tests'):
        for body in re.findall(r'\benum\b[^;{}()]*\{(.*?)\}', without_comments(path.read_text()), re.S):
            ours.update(re.findall(r'(?:^|,)\s*(\w+)', body))
    for line in sys.stdin:
        m = re.match(r'(.*?:\d+):\d+: warning: (?:(?:\d+ )?enumeration values?(.*)not explicitly handled in switch(.*)'
                     r'|(default label in switch which covers all enumeration values))', line)
        if m and (m[4] or ours.intersection(re.findall(r"'(\w+)'", m[2] + m[3]))):
            yield f'{m[1]}: default over our own enum {(m[4] or m[2] + m[3]).strip(": ")}'


def main():
    checks = {'cite': cite, 'doc': doc, 'log': log, 'switch': switch}
    if len(sys.argv) != 2 or sys.argv[1] not in checks:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(checks[sys.argv[1]]())
    print(*found, sep='\n', end='\n' if found else '')
    return bool(found)


sys.exit(main())
