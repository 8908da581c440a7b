"""What every end-to-end test has: a box of its own, a seed that is printed, and long runs on request.

    python3 -m pytest tests/e2e                      the short form, as tools/test runs it
    ALONA_LONG=1 python3 -m pytest -s tests/e2e      the long form, with its figures
    ALONA_SEED=7 …                                   the same randomness again
    ALONA_KEEP=1 …                                   the boxes' folders stay, with their logs
"""
import os
import random
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(__file__), ".."))  # commit_log

from box import Box  # noqa: E402


@pytest.fixture
def box():
    """Broker and core running; ended and removed after the test."""
    with Box() as made:
        yield made


@pytest.fixture(scope="session")
def long_run():
    return os.environ.get("ALONA_LONG") == "1"


@pytest.fixture
def seed():
    """Printed with a failure; ALONA_SEED sets it."""
    value = int(os.environ.get("ALONA_SEED") or random.SystemRandom().randrange(2**32))
    print(f"ALONA_SEED={value}")
    return value
