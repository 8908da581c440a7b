"""Boot tests: the package on a Debian root under its own systemd.

    ./dev boot-test                     needs root, debootstrap, systemd-nspawn and what ./dev package made
    ALONA_LONG=1 ./dev boot-test        200 kills and 100 crashes instead of a few
"""
import os
import sys

import pytest

sys.dont_write_bytecode = True

import root as roots  # noqa: E402


@pytest.fixture(scope="session")
def long_run():
    return os.environ.get("ALONA_LONG") == "1"


@pytest.fixture(scope="module")
def root():
    """Booted, with the package installed, its first user and a node `well`."""
    reason = roots.why_not()
    if reason:
        pytest.skip(reason)
    with roots.Root(roots.ready()) as made:
        made.install()
        roots.wait_for("the core", made.well)
        made.password = made.out("alona", "node", "add", "well", "--json")
        yield made
