"""What a migration makes of rows that are there already: the series is applied step by step in a schema of its own."""

from pathlib import Path

import psycopg2
import pytest

COMMON = sorted((Path(__file__).resolve().parents[2] / "common" / "records" / "migrations").glob("*.sql"))


@pytest.fixture
def bench(stack):
    """A cursor in an empty schema; nothing of it is kept."""
    connection = psycopg2.connect(stack.dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA migration_bench; SET search_path = migration_bench")
            yield cursor
    finally:
        connection.rollback()
        connection.close()


def apply(cursor, first, last):
    for path in COMMON:
        if first <= int(path.name[:4]) <= last:
            cursor.execute(path.read_text())


def test_what_was_parked_waits_among_what_is_set_aside(bench):
    apply(bench, 1, 4)
    bench.execute("""INSERT INTO poison (producer, part, "offset", district, key, version, type, reason, recorded, body)
                     VALUES ('intake', 0, 7, 'd', 'order/1', 1, 'order_placed', 'unknown type of event', 'epoch', '\\x01')""")
    bench.execute("""INSERT INTO parked (district, key, version, producer, part, "offset", id, type, "time", recorded, traceparent, body)
                     SELECT 'd', 'order/1', n, 'dispatch', 0, 40 + n, gen_random_uuid(), 'order_offered', 'epoch', 'epoch', '', '\\x02'
                     FROM generate_series(2, 3) n""")
    apply(bench, 5, 5)
    bench.execute('SELECT producer, "offset", version, retry, tries, body FROM poison ORDER BY version')
    assert [(*row[:5], bytes(row[5])) for row in bench.fetchall()] == [
        ("intake", 7, 1, False, 1, b"\x01"), ("dispatch", 42, 2, True, 1, b"\x02"), ("dispatch", 43, 3, True, 1, b"\x02")]
    bench.execute("SELECT to_regclass('line'), to_regclass('parked')")
    assert bench.fetchone() == (None, None)
