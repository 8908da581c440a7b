"""docs/decrypt.py opens an encrypted set of the program, byte for byte, and refuses what is damaged."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "docs/decrypt.py"
GOLDEN = ROOT / "tests/golden/encrypted"


def opened(encrypted, out, passphrase="five words nobody would guess"):
    secret = out.parent / "passphrase"
    secret.write_text(f" {passphrase} \nnot this line\n")
    return subprocess.run([sys.executable, TOOL, encrypted, out, secret], capture_output=True, text=True, timeout=60)


def test_the_tool_is_short():
    assert len(TOOL.read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", ["small", "chunks", "full-chunk"])
def test_what_was_encrypted_once_can_be_read_for_ever(tmp_path, name):
    done = opened(GOLDEN / f"{name}.enc", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    plain = (tmp_path / "out").read_bytes()
    expected = {"small": 10, "chunks": 3 * 65536 + 10, "full-chunk": 65536}[name]
    assert plain == bytes((7 * i + i // 65536) % 256 for i in range(expected))


def test_damage_and_a_wrong_passphrase_are_told(tmp_path):
    whole = (GOLDEN / "chunks.enc").read_bytes()
    wrong = opened(GOLDEN / "chunks.enc", tmp_path / "a", "another one, as long")
    assert wrong.returncode == 1 and "passphrase" in wrong.stderr
    for n, bad in enumerate([whole[:-1], whole[:-27], whole + b"x", whole[:50] + b"?" + whole[51:],
                             whole[:70000] + bytes([whole[70000] ^ 1]) + whole[70001:]]):
        (tmp_path / "bad").write_bytes(bad)
        assert opened(tmp_path / "bad", tmp_path / f"out{n}").returncode == 1
