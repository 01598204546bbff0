#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every statement of both daemons finds its rows by an index: what reads a whole table is named here, with the reason.
The statements come out of the sources by the preprocessor; SQLite tells its plan over the schemas."""
import os
import pathlib
import re
import shlex
import sqlite3
import subprocess
import sys

SMALL = 'the table has a few rows'
START = 'once, at a start or after a restore'
PERSON = 'when a person asks'
WHOLE_TABLE = {
    'smsr': {
        'Q_ANY_PAUSE': SMALL,
        'Q_PAUSES': SMALL,
        'Q_PARTS_RECOVER': START,
        'Q_COUNTERS_JUMP': START,
        'Q_ALL_AUDIT_DUE': START,
        'Q_RECOVER_SESSIONS': START,
        'Q_COUNT': PERSON,
        'Q_PARTS_WAITING': PERSON,
        'Q_SESSIONS_LIST': PERSON,
        'Q_WAITING': PERSON,
        'Q_AUDIT_RETIRE': 'ends after as many rows as it may take',
    },
    'smdp': {
        'Q_PAUSED_SINCE': SMALL,
        'Q_LOSE_ALL': START,
        'Q_RECOVER': START,
        'Q_DOUBTS': START,
        'Q_HOLD_ALL': START,
        'Q_COUNT': PERSON,
        'Q_COUNTS': PERSON,
        'Q_LEVELS': PERSON,
        'Q_RELEASE_HELD': PERSON,
        'Q_WAITING': PERSON,
    },
}
STATEMENT = re.compile(r'\[(\w+)\] =((?:\s*"(?:[^"\\]|\\.)*")+)')


def cflags():
    done = subprocess.run(['pkg-config', '--cflags', 'libosmocore', 'talloc', 'sqlite3'], check=True, capture_output=True, text=True)
    return shlex.split(done.stdout)


def statements(path):
    done = subprocess.run(['cc', '-E', '-P', '-I.', '-D_GNU_SOURCE', *cflags(), str(path)], check=True, capture_output=True, text=True)
    for name, literals in STATEMENT.findall(done.stdout):
        sql = ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
        if re.match(r'(SELECT|INSERT|UPDATE|DELETE)\b', sql):
            yield name, sql


def scanned(db, sql):
    """What SQLite reads from one end to the other, as it calls it."""
    n = max([0, *map(int, re.findall(r'\?(\d+)', sql))])
    plan = db.execute('EXPLAIN QUERY PLAN ' + sql, [0] * n)
    return [row[3] for row in plan if re.match(r'SCAN (?!CONSTANT|\()', row[3])]


def main():
    bad, seen, tables = [], 0, set()
    for daemon, allowed in WHOLE_TABLE.items():
        db = sqlite3.connect(':memory:')
        for schema in sorted(pathlib.Path('schemas/sql').glob(f'{daemon}-*.sql')):
            db.executescript(schema.read_text())
        unused = set(allowed)
        for path in sorted([*pathlib.Path(daemon).glob('*_db.c'), *pathlib.Path('common/peer').glob('*_db.c')]):
            for name, sql in statements(path):
                seen += 1
                tables.add(path.name)
                whole = scanned(db, sql)
                if whole and name not in allowed:
                    bad.append(f'{path}: {name}: {whole[0]}: an index is missing, or a reason here')
                if whole:
                    unused.discard(name)
        bad += [f'{daemon}: {name} reads no whole table any more: take it out of this list' for name in sorted(unused)]
    print(*bad, sep='\n')
    print(f'{seen} statements of {len(tables)} files')
    return 1 if bad or seen < 150 else 0


if __name__ == '__main__':
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    sys.exit(main())
