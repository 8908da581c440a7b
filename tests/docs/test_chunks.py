"""The decoder that docs/chunks.md shows reads chunks of every kind, to the last bit."""
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/chunks"
[CODE] = [part.split("```")[0] for part in (ROOT / "docs/chunks.md").read_text().split("```python\n")[1:]]


def test_the_decoder_is_short():
    assert len(CODE.splitlines()) <= 60


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.chunk")), ids=lambda file: file.stem)
def test_the_documented_decoder(file):
    names = {}
    exec(CODE, names)
    rows = [line.split(",") for line in file.with_suffix(".csv").read_text().splitlines()[1:]]
    decoded = names["decode_chunk"](file.read_bytes())
    assert [(ts, struct.pack(">d", value).hex(), flags) for ts, value, flags in decoded] == [
        (int(ts), bits, int(flags)) for ts, _, bits, flags in rows]
