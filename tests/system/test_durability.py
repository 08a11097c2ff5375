"""What waits for the disk: whatever somebody is told of does, what is derived from the logs alone does not (decision 19)."""

import os
import signal
import time

import psycopg2
import pytest
from audit import audit
from load import Load
from people import District, Order, bring

TOLD = ("intake.command", "intake.event_000000", "dispatch.command", "dispatch.event_000000", "evaluation.event_000000")
DERIVED = ("notification.inbox", "reporting.history", "reporting.orders")


@pytest.fixture
def probe(stack):
    """Writes down, as each transaction commits, what it asks of the disk. The trigger is taken back."""
    connection = psycopg2.connect(stack.dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("""CREATE SCHEMA durability;
            CREATE TABLE durability.seen (place text NOT NULL, setting text NOT NULL);
            CREATE FUNCTION durability.look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                INSERT INTO durability.seen VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, current_setting('synchronous_commit'));
                RETURN NULL;
            END $$;
            GRANT USAGE ON SCHEMA durability TO PUBLIC""")
        try:
            for place in (*TOLD, *DERIVED):
                cursor.execute(f"""CREATE CONSTRAINT TRIGGER durability AFTER INSERT ON {place}
                                   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION durability.look()""")
            yield cursor
        finally:
            for place in (*TOLD, *DERIVED):
                cursor.execute(f"DROP TRIGGER IF EXISTS durability ON {place}")
            cursor.execute("DROP SCHEMA durability CASCADE")
            connection.close()


def test_only_what_is_derived_does_not_wait(people, ledger, probe):
    bring([Order(District(people, "t-durable"), way="closed")])
    ledger.wait_quiet()
    probe.execute("SELECT place, array_agg(DISTINCT setting) FROM durability.seen GROUP BY place")
    seen = dict(probe.fetchall())
    assert seen == {**dict.fromkeys(TOLD, ["on"]), **dict.fromkeys(DERIVED, ["off"])}


def settle(stack, statement):
    """As the superuser, as soon as PostgreSQL takes it."""
    until = time.monotonic() + 60
    while True:
        try:
            connection = psycopg2.connect(stack.dsn)
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
            connection.close()
            return
        except psycopg2.OperationalError:
            assert time.monotonic() < until, "PostgreSQL does not come back"
            time.sleep(0.05)


def test_postgres_crashes_again_and_again(fragile, tmp_path):
    """What was not on the disk yet is applied again: every notice, every row of the histories stands there once."""
    history = tmp_path / "history.jsonl"
    load = Load(fragile.env, 51, 100, str(history))
    # Nobody writes the log but those who wait for it: as much as can be is lost.
    settle(fragile, "ALTER SYSTEM SET wal_writer_delay = '10s'")
    settle(fragile, "SELECT pg_reload_conf()")
    crashes, due = 0, time.monotonic() + 0.5
    try:
        while load.turn(5) or crashes < 4:
            if crashes < 4 and time.monotonic() > due:
                os.kill(fragile.pid("postgres"), signal.SIGKILL)
                crashes += 1
                settle(fragile, "SELECT 1")
                due = time.monotonic() + 0.7
    finally:
        settle(fragile, "ALTER SYSTEM RESET wal_writer_delay")
        settle(fragile, "SELECT pg_reload_conf()")
    load.close()
    assert load.refused == []
    assert audit(fragile, [str(history)]) == []
