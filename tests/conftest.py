"""What all tests share: where the programs are, and servers and stacks of the tests' own, never anybody else's."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import telephones

from stack import Stack

ROOT = Path(__file__).resolve().parent.parent
KEPT_LOGS = ROOT / "build" / "test-logs"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().failed:
        item.session.config.stash_failed = True


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def binaries():
    """The services and ztc; `make test` says which build."""
    return Path(os.environ.get("ZTC_BIN") or ROOT / "build" / "bin")


@pytest.fixture(scope="session")
def unit_programs():
    return Path(os.environ.get("ZTC_UNIT") or ROOT / "build" / "release" / "tests")


@pytest.fixture(scope="session")
def stack_maker(request, binaries):
    """stack_maker(name, **how it comes up): a stack in a directory of its own. The logs of a run with a failure are kept
    in build/test-logs/NAME. At the end of all tests no log of any of them may hold a telephone number."""
    made = []

    def make(name, **options):
        stack = Stack(tempfile.mkdtemp(prefix=f"ztc-test-{name}-", dir="/var/tmp"), binaries)
        made.append((name, stack))
        stack.up(owner=os.getpid(), **options)
        return stack

    yield make
    failed = getattr(request.config, "stash_failed", False)
    numbers = []
    for name, stack in reversed(made):
        stack.down()
        numbers += telephones.found_under(stack.home.path / "log", name)
        failed = failed or bool(numbers)
        kept = KEPT_LOGS / name
        shutil.rmtree(kept, ignore_errors=True)
        if failed:
            shutil.copytree(stack.home.path / "log", kept)
        stack.remove()
    assert not numbers, "telephone numbers in logs:\n" + "\n".join(numbers[:50])


@pytest.fixture(scope="session")
def servers(stack_maker):
    """A PostgreSQL and a Redis with nothing in them, for tests of what stands directly on them."""
    return stack_maker("servers", services=())
