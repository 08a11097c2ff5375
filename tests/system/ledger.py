"""What a test reads in PostgreSQL beside the services: how many rows each table has, where the consumers stand."""

import time

import psycopg2
from checker import CONSUMES, SERVICES

# A heartbeat changes the one; the other is pruned and has a row for every batch, however many events came in it.
UNSTEADY = ("lease", "cursor")


class Ledger:
    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        names = self.rows("""
            SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relname = ANY (%s)
            ORDER BY 1""", list(SERVICES), list(UNSTEADY))
        self.tables = [name for name, in names]
        # What commands change; what intake makes of dispatch's events comes a moment later.
        self.owned = [name for name in self.tables if name.split(".")[0] in ("intake", "dispatch") and name != "intake.contact_part"]

    def close(self):
        self.connection.close()

    def rows(self, statement, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, *arguments):
        return self.rows(statement, *arguments)[0][0]

    def counts(self, tables=None):
        """{table: rows}, all of one instant."""
        return dict(self.rows(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables or self.tables)))

    def behind(self, *consumers):
        """Events that these consumers, or all, have not applied yet."""
        return self.value("SELECT " + " + ".join(
            f"""(SELECT coalesce(max("offset"), 0) FROM {producer}.event)
                - (SELECT coalesce(max(to_offset), 0) FROM {consumer}.cursor WHERE producer = '{producer}')"""
            for consumer in consumers or CONSUMES for producer in CONSUMES[consumer]))

    def wait_quiet(self, *consumers, patience_s=30.0):
        until = time.monotonic() + patience_s
        while self.behind(*consumers):
            assert time.monotonic() < until, "the consumers do not reach the heads of the logs"
            time.sleep(0.005)

    def change(self, before, tables=None):
        """What is different now: {table: rows more}."""
        after = self.counts(tables)
        return {name: after[name] - count for name, count in before.items() if after[name] != count}
