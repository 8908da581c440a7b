#!/usr/bin/env python3
"""The include lines of src/ against the table of layers in docs/architecture.md.

A folder may include itself and what lies in a lower rank, never a sibling. Some libraries belong to one folder alone,
so that replacing one is a change to one place: their names are in `owners`. Only the store says SQL.
"""
import re
import sys
from pathlib import Path

ranks = {"base": 0, "protocol": 1, "store": 2, "mqtt": 2, "http": 2, "node": 2, "room": 3, "ingest": 4,
         "web": 4, "ops": 4, "sim": 4, "backup": 5, "alona": 6}
owners = {
    "sqlite3.h": {"store"},
    "SQLiteCpp/": {"store"},
    "boost/asio": {"http", "web"},
    "boost/beast": {"http", "web"},
    "archive": {"backup"},
    "mosquitto.h": {"mqtt"},
    "mosquitto_": {"mqtt"},
}
include = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# A statement at the start of a string literal, as SQL looks in C++ source.
sql = re.compile(r'(?:"|\bR"[a-z]*\()\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|'
                 r'CREATE\s+(TABLE|INDEX|TRIGGER|VIEW)\s|DROP\s+TABLE\s|ALTER\s+TABLE\s|PRAGMA\s)')


def may_include(user: str, used: str) -> bool:
    return user == used or ranks[used] < ranks[user]


def judge(folder: str, line: str) -> str | None:
    """What is wrong with one line of a file in `folder`, or nothing."""
    if folder != "store" and sql.search(line):
        return f"{folder} says SQL; only store may"
    match = include.match(line)
    if not match:
        return None
    quoted, name = match[1] == '"', match[2]
    for library, folders in owners.items():
        if name.startswith(library) and folder not in folders:
            return f"{folder} includes <{name}>; only {' and '.join(sorted(folders))} may"
    used = name.split("/")[0]
    if quoted and "/" in name and used in ranks and not may_include(folder, used):
        return f"{folder} (rank {ranks[folder]}) includes \"{name}\" of {used} (rank {ranks[used]})"
    return None


def findings(root: Path) -> list[str]:
    found = []
    for path in sorted(p for p in (root / "src").rglob("*") if p.suffix in (".h", ".cc", ".cpp")):
        folder = path.relative_to(root / "src").parts[0]
        if folder not in ranks:
            found.append(f"{path.relative_to(root)}: the folder {folder} has no rank; give it one in tools/layers.py")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if wrong := judge(folder, line):
                found.append(f"{path.relative_to(root)}:{number}: {wrong}")
    return found


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    found = findings(root)
    print("\n".join(found) if found else "Every include line keeps the layers.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
