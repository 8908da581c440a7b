"""Every finding and every check of the program has its paragraph in docs/runbook.md, and every paragraph its finding."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_TOLD = {"no_nodes"}  # a box that is being set up: the page says what to do


def ids():
    found = set()
    for path in (ROOT / "src/web").glob("*findings*.cc"):
        if not path.name.endswith("_test.cc"):
            found |= set(re.findall(r'(?:Finding\{|return \{)\s*"([a-z_]+)[":]', path.read_text()))
    for path in (ROOT / "src/alona").glob("health_*.cc"):
        found |= set(re.findall(r'(?:ok|failing|unknown)\(\s*"([a-z_]+)"', path.read_text()))
    found |= set(re.findall(r'(?:MachineCheck|return )\{"([a-z_]+)"', (ROOT / "src/ops/machine.cc").read_text()))
    for path in (ROOT / "src/alona").glob("doctor_*.cc"):
        found |= set(re.findall(r'(?:ok|note|failing|unknown)\(\s*"([a-z_]+)"', path.read_text()))
    found |= set(re.findall(r'note\("([a-z_]+)"|"(broker_[a-z]+)"}', (ROOT / "src/ops/broker_rules.cc").read_text()))
    found = {name for names in found for name in ([names] if isinstance(names, str) else names) if name}
    return found - NOT_TOLD


def whys():
    """Why each matters, as `alona doctor` says it."""
    return set(re.findall(r'^    \{"([a-z_]+)", "', (ROOT / "src/alona/doctor.cc").read_text(), re.M))


def test_each_has_its_reason():
    assert ids() - whys() == set(), "without a reason"
    assert whys() - ids() == set(), "a reason of nothing"


def test_each_has_its_paragraph():
    paragraphs = set(re.findall(r"^## ([a-z_]+)$", (ROOT / "docs/runbook.md").read_text(), re.M))
    assert len(ids()) > 20
    assert ids() - paragraphs == set(), "without a paragraph"
    assert paragraphs - ids() == {"card"}, "of nothing; card: of what no check can see"
