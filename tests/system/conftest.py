"""Running services for the system tests: `stack` is shared by all of them, `stack_maker` gives one of its own to a test that
breaks things."""

import pytest
from audit import audit
from ledger import Ledger
from people import People
from typed import runner


@pytest.fixture(scope="session")
def stack(stack_maker):
    """At the end of all tests its ledger must balance. Its webhooks may go to receivers of the tests, on loopback."""
    stack = stack_maker("system", settings={"ZTC_WEBHOOK_HTTP": "yes", "ZTC_WEBHOOK_PRIVATE": "yes"})
    yield stack
    assert audit(stack) == []


@pytest.fixture
def env(stack):
    """What .run/env says of the shared stack."""
    return stack.env


@pytest.fixture(scope="session")
def people(stack):
    """Keys and connections of the shared stack."""
    people = People(stack.env)
    yield people
    people.close()


@pytest.fixture
def ztc(stack, tmp_path):
    """ztc(*arguments, key=role): runs to its end in an empty directory."""
    return runner(stack, tmp_path)


@pytest.fixture(scope="session")
def ledger(stack):
    ledger = Ledger(stack.env["ZTC_DSN"])
    yield ledger
    ledger.close()


@pytest.fixture(scope="session")
def fragile(stack_maker):
    """A second stack, for tests that stop processes and steal leases; what others have is taken over soon. It too must balance."""
    stack = stack_maker("fragile", settings={"ZTC_LEASE_TTL_MS": "1500", "ZTC_ANSWER_WAIT_MS": "1500"})
    yield stack
    assert audit(stack) == []
