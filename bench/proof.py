"""Writes a benchmark's rows into its table in docs/proof.md, between its markers."""

import datetime
import pathlib
import re

PATH = pathlib.Path(__file__).resolve().parent.parent / "docs/proof.md"
MACHINE = "2 cores x86-64, virtual machine"


def write(name, rows, repeat):
    lines = ["| what | aim | measured |", "| --- | --- | --- |"]
    lines += [f"| {what} | {aim} | {measured} |" for what, aim, measured in rows]
    day = datetime.datetime.now(datetime.timezone.utc).date()
    lines += ["", f"Measured {day} on {MACHINE}. Again: `{repeat}`"]
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = PATH.read_text()
    table = begin + "\n" + "\n".join(lines) + "\n" + end
    found, times = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: table, text, flags=re.S)
    if times != 1:
        raise RuntimeError(f"{PATH.name} has no single pair of markers {begin} … {end}")
    PATH.write_text(found)
