"""Every unit that a text has somebody ask systemd or the journal about exists: Alona's own, or one of the machine's."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = {"mosquitto", "avahi-daemon", "systemd-journald"}
STANDS_FOR_ONE = {"UNIT", "TIMER"}
VERBS = ("start|stop|restart|reload|status|cat|show|enable|disable|mask|unmask|reset-failed|list-timers|try-restart|"
         "try-reload-or-restart|is-active|is-failed")


def texts():
    yield from (ROOT / "docs").glob("*.md")
    yield from (path for ending in ("cc", "h") for path in (ROOT / "src").rglob(f"*.{ending}"))
    yield from (ROOT / name for name in ("README.md", "deploy/kit/install", "deploy/kit/README", "ui/src/words.ts"))


def named(text):
    """What is named as a unit, with or without its ending."""
    text = re.sub(r'"\s*\n\s*"', "", text)  # a literal over two lines
    text = re.sub(r"(?<!`)`[^`]+`(?!`)", lambda command: command[0].replace("\n", " "), text)
    for words in re.findall(rf"\bsystemctl\s+(?:--[\w=-]+\s+)*(?:{VERBS})\b([^\n`\"();,:]*)", text):
        yield from (word for word in words.split() if not word.startswith("-"))
    for words in re.findall(r"\bjournalctl\b([^\n`\"();,:]*)", text):
        yield from re.findall(r"(?:^|\s)-u\s+(\S+)", words)


def strangers(text):
    units = {path.name for path in (ROOT / "deploy/systemd").iterdir() if path.is_file()}
    known = units | {name.removesuffix(".service") for name in units} | FOREIGN | STANDS_FOR_ONE
    return {name for name in (word.strip("'.") for word in named(text))
            if name.removesuffix(".service") not in known and not name.endswith("*") and "{" not in name}


def test_a_unit_that_is_not_there_is_found():
    assert strangers("else `journalctl -u alona`") == {"alona"}
    assert strangers("`sudo systemctl restart\nmosquito`") == {"mosquito"}
    assert strangers('"`systemctl restart "\n    "alona-cor`"') == {"alona-cor"}
    assert not strangers("`systemctl status alona-health.timer alona-health`, `systemctl list-timers 'alona-*'`")


def test_every_unit_named_exists():
    seen = [name for path in texts() for name in named(path.read_text())]
    assert {"alona-core", "mosquitto", "alona-backup"} <= set(seen)
    wrong = {str(path.relative_to(ROOT)): found for path in texts() if (found := strangers(path.read_text()))}
    assert not wrong
