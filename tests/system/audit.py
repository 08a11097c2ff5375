"""The auditor run against a stack of the tests."""

import time

import checker
from ledger import Ledger

LIVE_PATIENCE_S = 15.0
_histories = {}  # of each stack: what any load has told of it


def audit(stack, histories=()):
    """What the auditor finds in a stack once it is quiet; Redis may follow for some seconds. Histories given before count on."""
    known = _histories.setdefault(stack.home.path, [])
    known += [name for name in histories if name not in known]
    ledger = Ledger(stack.env["ZTC_DSN"])
    ledger.wait_quiet()
    ledger.close()
    until = time.monotonic() + LIVE_PATIENCE_S
    while True:
        found = checker.Audit(stack.env["ZTC_DSN"], stack.env["ZTC_REDIS"]).run(known)
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.2)
