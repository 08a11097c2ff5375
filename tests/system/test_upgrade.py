"""A rolling upgrade from today's build to tomorrow's (tests/upgrade: today's objects with a later release's events and one more
migration), one service after the other while whole lives flow: in the order of docs/book/upgrade.md, and in the wrong one."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import checker
import psycopg2
import pytest
from ledger import Ledger
from receiver import eventually
from stack import Stack
from test_backup import Flow
from typed import environment

ROOT = Path(__file__).resolve().parents[2]
ORDER = ("reporting", "notification", "evaluation", "dispatch", "intake")  # those that only consume first, intake last
RENAMED, ARRIVED = "assignment_checked_in", "assignment_arrived"


@pytest.fixture(scope="module")
def tomorrow():
    """`make system` builds it."""
    return Path(os.environ.get("ZTC_TOMORROW") or ROOT / "build" / "release" / "tomorrow" / "bin")


class Rolling:
    """A stack whose programs are links, each put to tomorrow's when its turn comes."""

    def __init__(self, today, tomorrow, directory):
        self.tomorrow, self.links = tomorrow, directory / "bin"
        self.links.mkdir()
        for program in (*ORDER, "ztc"):
            (self.links / program).symlink_to(today / program)
        self.stack = Stack(tempfile.mkdtemp(prefix="ztc-test-upgrade-", dir="/var/tmp"), self.links)
        self.stack.up(owner=os.getpid())
        self.history = directory / "history.jsonl"
        self.flow = Flow(self.stack.env, 43, self.history)
        self.flow.start()
        self.more_lives()

    def more_lives(self, count=8):
        done = self.flow.load.finished
        eventually(lambda: self.flow.load.finished >= done + count, "lives go on", 90)

    def relink(self, program):
        new = self.links / f"{program}.new"
        new.symlink_to(self.tomorrow / program)
        new.rename(self.links / program)

    def replace(self, service):
        """As an operator does: stopped, started as the new build."""
        self.stack.stop(service)
        self.relink(service)
        self.stack.start(service)

    def ztc(self, *arguments):
        return subprocess.run([str(self.links / "ztc"), *arguments], env=environment(self.stack), cwd="/", text=True, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def aside(self, *more):
        said = self.ztc("poison", "list", "--json", *more)
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    def audit(self):
        """The auditor knows today's names: it looks at the log as it would be under them, in its own transaction."""
        ledger = Ledger(self.stack.env["ZTC_DSN"])
        ledger.wait_quiet()
        ledger.close()
        audited = checker.Audit(self.stack.env["ZTC_DSN"], self.stack.env["ZTC_REDIS"])
        audited.connection.set_session(readonly=False)
        with audited.connection.cursor() as cursor:
            for table in ("dispatch.event", "reporting.history"):
                cursor.execute(f"UPDATE {table} SET type = %s WHERE type = %s", (RENAMED, ARRIVED))
                assert cursor.rowcount > 0, table
        return audited.run([str(self.history)])

    def finish(self):
        self.flow.stop()
        ledger = Ledger(self.stack.env["ZTC_DSN"])
        ledger.wait_quiet()
        ledger.close()

    def close(self):
        self.flow.stopping.set()
        self.stack.down()
        self.stack.remove()


@pytest.fixture
def rolling(binaries, tomorrow, tmp_path):
    rolling = Rolling(binaries, tomorrow, tmp_path)
    yield rolling
    shutil.rmtree(ROOT / "build" / "test-logs" / "upgrade", ignore_errors=True)
    shutil.copytree(rolling.stack.home.path / "log", ROOT / "build" / "test-logs" / "upgrade")
    rolling.close()


def migrate_first(rolling):
    rolling.relink("ztc")
    said = rolling.ztc("migrate", "--quiet")
    assert said.returncode == 0 and said.stdout.count("tomorrow") == len(ORDER), said
    rolling.more_lives()


def test_in_the_documented_order(rolling):
    """Migrations, then consumers before producers: nobody meets what it cannot read but intake, the last, which is dispatch's consumer too;
    what it set aside meanwhile is taken up again, and nothing acknowledged is lost or done twice."""
    migrate_first(rolling)
    said = rolling.ztc("poison", "retry")
    assert said.returncode == 0 and "asked for 0: taken up 0, still set aside 0" in said.stdout
    assert rolling.ztc("poison", "list").stdout.strip() == "no event is set aside"
    for service in ORDER[:3]:
        rolling.replace(service)
        rolling.more_lives()
        assert rolling.aside() == [], service
    rolling.replace("dispatch")
    rolling.more_lives()
    eventually(lambda: rolling.aside("--service", "intake"), "intake sets aside what it cannot read")
    assert {row["service"] for row in rolling.aside()} == {"intake"}
    rolling.replace("intake")
    rolling.more_lives()
    said = rolling.ztc("poison", "retry")
    assert said.returncode == 0, said
    rolling.finish()
    assert rolling.aside() == [] and rolling.audit() == []


def versions(rolling, district, key):
    with psycopg2.connect(rolling.stack.env["ZTC_DSN"]) as connection, connection.cursor() as cursor:
        cursor.execute("""SELECT "order", version FROM reporting.history WHERE district = %s AND "order" = %s ORDER BY version""",
                       (district, int(key.split("/")[1])))
        return [version for _, version in cursor.fetchall()]


def test_a_producer_first_and_everything_taken_up_again(rolling):
    """The wrong order: today's consumers meet an event of tomorrow. It blocks its own key only, is shown, and after the upgrade is taken
    up again with what waited behind it, once and in order. Asked for too early it stays where it is."""
    migrate_first(rolling)
    rolling.replace("dispatch")
    rolling.more_lives()
    for service in ("reporting", "notification", "evaluation", "intake"):
        eventually(lambda: rolling.aside("--service", service), f"{service} sets it aside")
    # What today's reporting cannot read waits with what follows it, key by key; all else goes on there.
    eventually(lambda: any(int(row["waiting"]) >= 2 for row in rolling.aside("--service", "reporting")), "followers wait behind it")
    row = next(row for row in rolling.aside("--service", "reporting") if int(row["waiting"]) >= 2)
    assert (row["type"], row["reason"], row["tries"]) == (ARRIVED, "unknown type of event", "1")
    blocked = versions(rolling, row["district"], row["key"])
    assert blocked == list(range(1, int(row["version"])))
    said = rolling.ztc("doctor", "--json")
    found = {(finding["finding"], finding["about"]) for finding in json.loads(said.stdout)["findings"]}
    assert ("event_poisoned", "reporting") in found and ("event_poisoned", "intake") in found
    # What follows stands aside itself, never before its turn.
    behind = [row for row in rolling.aside("--service", "intake") if row["reason"] == "an earlier event of its key is set aside"]
    assert behind and all(int(row["version"]) > 1 for row in behind)

    said = rolling.ztc("poison", "retry", "--service", "reporting", "--key", row["key"])
    assert said.returncode == 1 and "taken up 0, still set aside" in said.stdout, said
    again, *_ = rolling.aside("--service", "reporting", "--key", row["key"])  # an order of two squads has two
    assert (again["version"], again["tries"], again["retrying"]) == (row["version"], "2", "f")

    for service in ("reporting", "notification", "evaluation", "intake"):
        rolling.replace(service)
    rolling.more_lives()
    said = rolling.ztc("poison", "retry")
    assert said.returncode == 0, said
    rolling.finish()
    assert rolling.aside() == []
    after = versions(rolling, row["district"], row["key"])
    assert after == list(range(1, len(after) + 1)) and len(after) >= len(blocked) + 3
    assert rolling.audit() == []
    assert "an event that was set aside is taken up again" in rolling.stack.log("reporting")
