#!/usr/bin/python3
"""make bench: what this machine gives, beside what the bare parts give on it in the same run. README.md tells what each figure is.

Prints a line a figure, `name value unit ratio`, medians of three; the ratio is to the bare measurement, `-` where the aim is absolute. Notes go to
standard error: what was measured for each, and which processes the time went to."""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import zmq.auth

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "support")]
import peers  # noqa: E402
import zhitongche  # noqa: E402
from stack import SERVICES, Stack  # noqa: E402
from stack_servers import POSTGRES_BIN, free_port  # noqa: E402

DISTRICT, TOWN, PLACE = "330212", "330212106", "330212106209"
SQUADS = 16
IN_FLIGHT, BATCH_IN_FLIGHT, LIVES_IN_FLIGHT, CONNECTIONS = 64, 2048, 2048, 64
RATE = 500
SHARED_MEMORY_MAX = 4 << 30
TICKS = os.sysconf("SC_CLK_TCK")


def note(text):
    print(text, file=sys.stderr, flush=True)


def children_of(pid):
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                pass
    return found


def cpu_of(pid):
    """Seconds a process tree has used, children that have ended included."""
    while True:
        total = 0
        try:
            for one in children_of(pid):
                fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12]) + (int(fields[13]) + int(fields[14]) if one == pid else 0)
            return total / TICKS
        except OSError:  # one ended just now: its time is its parent's from now on, who was read before
            Path(f"/proc/{pid}").stat()


def rss_of(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


class Clock:
    """Processor time of everything that runs, between two moments."""

    def __init__(self, stack, names):
        self.stack, self.names = stack, names
        self.before, self.began = self.read(), time.monotonic()

    def read(self):
        return {name: cpu_of(self.stack.pid(name)) for name in self.names}

    def stop(self):
        seconds, after = time.monotonic() - self.began, self.read()
        self.used = {name: after[name] - self.before[name] for name in self.names}
        self.cores = {name: used / seconds for name, used in self.used.items()}
        return self

    def text(self, client=None):
        shares = sorted(self.cores.items(), key=lambda item: -item[1])
        said = [f"{name} {share:.2f}" for name, share in shares if share >= 0.01]
        return "cores used: " + ", ".join(said + ([f"load {client:.2f}"] if client is not None else []))


HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")


def huge_pages_free():
    return int(re.search(r"^HugePages_Free:\s+(\d+)$", Path("/proc/meminfo").read_text(), re.M).group(1))


@contextlib.contextmanager
def huge_pages(stack):
    """Pages of 2 MB for PostgreSQL's shared memory, as the operator's book advises, for as long as the measurements take."""
    needed = int(sql(stack.dsn, "SHOW shared_memory_size_in_huge_pages")[0][0])
    before, lacking = int(HUGE_PAGES.read_text()), needed - huge_pages_free()
    if lacking > 0:
        with contextlib.suppress(OSError):  # who may not set them measures without
            HUGE_PAGES.write_text(f"{before + lacking}\n")
    if huge_pages_free() >= needed:
        note(f"PostgreSQL's shared memory: {needed} huge pages" + (", given back at the end" if lacking > 0 else ""))
    else:
        note("PostgreSQL's shared memory: no huge pages to be had, so that every figure is lower, the bare ones too")
    try:
        yield
    finally:
        if int(HUGE_PAGES.read_text()) != before:
            HUGE_PAGES.write_text(f"{before}\n")


def sql(dsn, statement):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(statement)
    rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def figures(line):
    words = line.split()
    return {words[i]: float(words[i + 1]) for i in range(0, len(words) - 1, 2)}


class Bench:
    def __init__(self, stack, options):
        self.stack, self.options = stack, options
        self.programs = Path(os.environ["ZTC_BENCH"])
        self.sequence = 0
        self.got = {}  # name -> values, one a run
        self.orders = 0

    def record(self, name, value, ratio=None):
        self.got.setdefault(name, []).append((value, ratio))

    def print(self):
        for name, unit in FIGURES.items():
            if name not in self.got:
                continue
            values, ratios = zip(*self.got[name])
            ratio = "-" if ratios[0] is None else f"{statistics.median(ratios):.3f}"
            print(f"{name} {statistics.median(values):.{0 if unit.endswith('/s') or unit == 'us' else 2}f} {unit} {ratio}", flush=True)

    def median(self, name):
        return statistics.median(value for value, _ in self.got[name]) if name in self.got else None

    # --- what is measured with ---

    def give_memory(self):
        """Of the machine's memory a quarter, as PostgreSQL's manual has it (shared_buffers), and not more than is cleared in some seconds."""
        quarter = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
        sql(self.stack.dsn, f"ALTER SYSTEM SET shared_buffers = '{min(quarter, SHARED_MEMORY_MAX) >> 20}MB'")
        self.restart_postgres()

    def prepare(self):
        self.keys = self.stack.home.path / "bench-keys"
        self.keys.mkdir()
        env = self.stack.env
        operator = zhitongche.Client(env["ZTC_FEED"], env["ZTC_SERVER_KEY"], env["ZTC_KEY_OPERATOR"], timeout=60)
        committee = zhitongche.Client(env["ZTC_QUERY"], env["ZTC_SERVER_KEY"], env["ZTC_KEY_COMMITTEE"], timeout=60)
        answer = committee.query("directory_list", kind="squad", limit=SQUADS)
        self.squads = [squad["code"] for squad in answer["result"]["organisations"]]
        for code, role in [(PLACE, "village"), (TOWN, "town"), *((squad, "squad") for squad in self.squads)]:
            public, _ = zmq.auth.create_certificates(str(self.keys), code)
            key = zmq.auth.load_certificate(public)[0].decode()
            answer = operator.command("key_register", district=DISTRICT, organisation=code, role=role, public_key=key, name=f"bench {code}")
            assert answer["status"] == "ok", answer
        operator.close()
        committee.close()
        # Commit times to the microsecond tell when an event was written and when it was applied.
        sql(self.stack.dsn, "ALTER SYSTEM SET track_commit_timestamp = on")
        # Tables this young are due again every minute, for seconds, and which figure that falls into is chance: tidy() does it between them.
        sql(self.stack.dsn, "ALTER SYSTEM SET autovacuum = off")
        sql(self.stack.dsn, "CREATE DATABASE bare OWNER ztc_intake")
        self.restart_postgres()
        self.break_in()

    def break_in(self):
        """As a server is that has run for a while. It writes over old files of its log; a new one makes each, and all who commit wait for it. And it
        has its memory: a new one is given each page as it first uses it, cleared by the kernel while the statement waits."""
        sql(self.stack.dsn, """DO $$ BEGIN
                FOR n IN 1 .. pg_size_bytes(current_setting('min_wal_size')) / pg_size_bytes(current_setting('wal_segment_size')) - 8 LOOP
                    PERFORM pg_logical_emit_message(false, 'bench', ''), pg_switch_wal();
                END LOOP;
            END $$""")
        sql(self.stack.dsn, """CREATE UNLOGGED TABLE memory (page text);
            ALTER TABLE memory ALTER page SET STORAGE PLAIN;
            INSERT INTO memory SELECT repeat('x', 8000) FROM generate_series(1, pg_size_bytes(current_setting('shared_buffers')) / 8192)""")
        sql(self.stack.dsn, "DROP TABLE memory")
        sql(self.stack.dsn, "CHECKPOINT")

    def disk(self):
        """What a commit waits for, whatever else is fast."""
        place = Path(self.stack.home.facts()["postgres"]) / "fsync-test"
        ran = subprocess.run([str(POSTGRES_BIN / "pg_test_fsync"), "-s", "1", "-f", str(place)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, check=True, timeout=60)
        place.unlink(missing_ok=True)
        rate, each = re.search(r"fdatasync +([0-9.]+) ops/sec +(\d+) usecs/op", ran.stdout).groups()
        note(f"the disk: {float(rate):.0f} fdatasync of 8 kB a second, {each} us each")

    @property
    def bare_dsn(self):
        """Connected to as the services are."""
        return self.stack.env["ZTC_DSN_INTAKE"].rpartition("/")[0] + "/bare"

    def program(self, name, *arguments):
        ran = subprocess.run([str(self.programs / name), *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True, timeout=600)
        *said, last = ran.stdout.splitlines()
        for line in said:
            note(line)
        return figures(last)

    def load(self, count, in_flight, *more, squads=()):
        self.sequence += 1
        env = self.stack.env
        pairs = ["--place", f"{PLACE}={self.keys / PLACE}.key_secret", "--town", f"{TOWN}={self.keys / TOWN}.key_secret"]
        for squad in squads:
            pairs += ["--squad", f"{squad}={self.keys / squad}.key_secret"]
        before = os.times()
        got = self.program("load", *pairs, "--count", count, "--in-flight", in_flight, *more, "--", env["ZTC_FEED"], env["ZTC_SERVER_KEY"],
                           f"bench{self.sequence}")
        after = os.times()
        got["cpu"] = after.children_user + after.children_system - before.children_user - before.children_system
        self.orders += count
        return got

    def heads(self):
        with psycopg2.connect(self.stack.dsn) as connection, connection.cursor() as cursor:
            heads = {}
            for service in SERVICES:
                cursor.execute(f'SELECT coalesce(max("offset"), 0) FROM {service}.event WHERE part = 0')
                heads[service] = cursor.fetchone()[0]
            behind = 0
            for service in SERVICES:
                cursor.execute(f"SELECT producer, max(to_offset) FROM {service}.cursor GROUP BY producer")
                behind += sum(heads[producer] - upto for producer, upto in cursor.fetchall())
            return behind

    def wait_quiet(self):
        """Until every service has applied every event."""
        until = time.monotonic() + 300
        while self.heads() > 0:
            if time.monotonic() > until:
                raise SystemExit("the services did not catch up in 300 s")
            time.sleep(0.02)

    def tidy(self):
        """What is autovacuum's is done before each figure, not while it is taken."""
        for dsn in (self.stack.dsn, self.stack.dsn.rpartition("/")[0] + "/bare"):
            sql(dsn, "VACUUM (ANALYZE)")
        os.sync()  # the gigabytes the kernel still holds would go to the disk while the next figure's commits wait for it

    # --- figures ---

    def batch(self):
        bare = self.program("bare_store", "insert", self.bare_dsn, self.options.seconds)
        for name in self.at_the_door("accepted_batch"):
            got = self.measured(name, lambda: self.load(self.options.batch, BATCH_IN_FLIGHT))
            self.record(name, got["rate"], got["rate"] / bare["rate"])
        note(f"  bare: {bare['rate']:.0f} rows/s")

    def feed(self):
        for name in self.at_the_door("accepted_feed"):
            got = self.measured(name, lambda: self.load(self.options.feed, IN_FLIGHT))
            self.record(name, got["rate"])
        commit = self.program("bare_store", "commit", self.bare_dsn, self.options.seconds / 2)
        one = self.load(int(RATE * self.options.seconds), IN_FLIGHT * 4, "--rate", RATE)
        self.record("accepted_500_p50", one["p50_us"], one["p50_us"] / commit["p50_us"])
        note(f"  bare commit: p50 {commit['p50_us']:.0f} us, p99 {commit['p99_us']:.0f} us")

    def at_the_door(self, name):
        """`name` is what intake accepts while it works alone, as the bare store does; `name`_all while the four others apply every event at once. Those
        that are held back catch up before the next figure is taken."""
        for service in SERVICES[1:]:
            self.stack.stop(service)
        yield name
        for service in SERVICES[1:]:
            self.stack.start(service)
        self.stack.wait_ready()
        self.wait_quiet()
        yield name + "_all"

    def wrk(self, url, token):
        self.sequence += 1
        ran = subprocess.run(["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{self.options.seconds:.0f}s", "--script",
                              str(HERE / "orders.lua"), url, "--", f"bench{self.sequence}", PLACE, token],
                             stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout
        got = figures(ran.splitlines()[-1])
        if got["other"] > 0:
            raise SystemExit(f"{url}: {got['other']:.0f} answers were not 201:\n{ran}")
        return got

    def rest(self):
        port = free_port()
        with subprocess.Popen([str(self.programs / "bare_http"), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            server.stdout.readline()
            bare = self.wrk(f"http://127.0.0.1:{port}/v1/orders", "none")
            server.stdin.close()
        env = self.stack.env
        for name in self.at_the_door("accepted_rest"):
            got = self.measured(name, lambda: self.wrk(env["ZTC_API"] + "/v1/orders", env["ZTC_BEARER_VILLAGE"]))
            self.orders += int(got["count"])
            self.record(name, got["rate"], got["rate"] / bare["rate"])
        note(f"  bare libmicrohttpd: {bare['rate']:.0f} requests/s")

    def lives(self):
        before = cpu_of(self.stack.pid("postgres"))
        bare = self.program("bare_store", "lives", self.bare_dsn, self.options.seconds)
        bare_cpu = (cpu_of(self.stack.pid("postgres")) - before) / bare["count"]

        def whole():
            began = time.monotonic()
            got = self.load(self.options.lives, LIVES_IN_FLIGHT, "--lives", squads=self.squads)
            self.wait_quiet()
            got["seconds"] = time.monotonic() - began
            got["rate"] = got["count"] / got["seconds"]
            return got
        got = self.measured("lives", whole)
        self.record("lives", got["rate"], got["rate"] / bare["rate"])
        self.record("cpu_per_life", 1e6 * got["used"] / got["count"], got["used"] / got["count"] / bare_cpu)
        note(f"  bare: {bare['rate']:.0f} lives/s, {1e6 * bare_cpu:.0f} us of PostgreSQL a life")

    def applied(self):
        """Commit of an event to commit of its effect, at those on which it has one, from PostgreSQL's own commit times."""
        with psycopg2.connect(self.stack.dsn) as connection, connection.cursor() as cursor:
            cursor.execute('SELECT max("offset") FROM intake.event WHERE part = 0')
            head = cursor.fetchone()[0]
        self.load(int(RATE * self.options.seconds), IN_FLIGHT * 4, "--rate", RATE)
        self.wait_quiet()
        delays = []
        with psycopg2.connect(self.stack.dsn) as connection, connection.cursor() as cursor:
            for service, effect in EFFECTS.items():
                cursor.execute(f"""SELECT extract(epoch FROM f.applied - pg_xact_commit_timestamp(e.xmin)) * 1e3
                                   FROM intake.event e
                                   JOIN (SELECT "offset", min(pg_xact_commit_timestamp(xmin)) AS applied FROM {effect}
                                         WHERE producer = 'intake' GROUP BY "offset") f USING ("offset")
                                   WHERE e."offset" > %s""", (head,))
                mine = sorted(float(delay) for delay, in cursor.fetchall())
                note(f"  applied by {service}: {len(mine)} events, p50 {quantile(mine, 0.5):.2f} ms, p99 {quantile(mine, 0.99):.2f} ms")
                delays += mine
        delays.sort()
        self.record("applied_p50", quantile(delays, 0.5))
        self.record("applied_p99", quantile(delays, 0.99))

    def memory(self):
        while self.orders < self.options.orders:
            self.load(min(20000, self.options.orders - self.orders), IN_FLIGHT * 4)
        self.wait_quiet()
        for service in SERVICES:
            self.record(f"rss_{service}", rss_of(self.stack.pid(service)))

    def measured(self, name, run):
        """One run, and what it used of the processors."""
        clock = Clock(self.stack, [who for who in (*SERVICES, "postgres", "redis") if self.stack.pid(who) is not None])
        got = run()
        clock.stop()
        got["used"] = sum(clock.used.values())
        each = 1e6 * (got["used"] + got.get("cpu", 0)) / got["count"]
        note(f"{name}: {got['rate']:.0f}/s, p50 {got.get('p50_us', 0) / 1000:.1f} ms, p99 {got.get('p99_us', 0) / 1000:.1f} ms, {each:.0f} us of processor each")
        client = got["cpu"] / got["seconds"] if "cpu" in got else None
        busy = sum(clock.cores.values()) + (client or 0)
        note("  " + clock.text(client))
        note(f"  limited by {'the processors' if busy > 0.85 * os.cpu_count() else 'waiting: for commits, and for one another'}: "
             f"{busy:.2f} of {os.cpu_count()} cores")
        if self.stack.pid("reporting") is not None:
            self.wait_quiet()
        return got

    def profile(self, name, run):
        """What limits a figure: the shares of the processes and, of PostgreSQL's, of each service's statements."""
        sql(self.stack.dsn, "SELECT pg_stat_statements_reset()")
        clock = Clock(self.stack, [*SERVICES, "postgres", "redis"])
        got = run()
        self.wait_quiet()
        clock.stop()
        total = sum(clock.used.values()) + got["cpu"]
        shares = sorted([*clock.used.items(), ("load", got["cpu"])], key=lambda item: -item[1])
        note(f"profile of {name}: {1e6 * total / got['count']:.0f} us of processor each: " +
             ", ".join(f"{who} {100 * used / total:.0f} %" for who, used in shares if used > total / 200))
        rows = sql(self.stack.dsn, """SELECT r.rolname, s.calls, s.rows, s.total_exec_time, left(regexp_replace(s.query, '\\s+', ' ', 'g'), 100)
                           FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname LIKE 'ztc\\_%'
                           ORDER BY s.total_exec_time DESC LIMIT 24""")
        for role, calls, count, spent, query in rows:
            note(f"  {role[4:]:13} {1e3 * spent / got['count']:7.2f} us each, {calls:7} calls, {count:8} rows  {query}")

    def prepare_profile(self):
        sql(self.stack.dsn, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        self.restart_postgres()
        sql(self.stack.dsn, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def restart_postgres(self):
        self.stack.stop("postgres")
        self.stack.start("postgres")
        self.stack.wait_ready()


def quantile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


# Where a picked order leaves a row, and whose; dispatch and evaluation pass it by.
EFFECTS = {"notification": "notification.inbox", "reporting": "reporting.history"}

# name -> unit; in the order they are printed.
FIGURES = {
    **{f"accepted_{way}{who}": "orders/s" for way in ("batch", "feed", "rest") for who in ("", "_all")}, "accepted_500_p50": "us", "lives": "lives/s",
    "applied_p50": "ms", "applied_p99": "ms", "cpu_per_life": "us", **{f"rss_{service}": "MiB" for service in SERVICES}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each figure is taken; the median is printed")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement of a bare part, and of those that have a rate")
    parser.add_argument("--batch", type=int, default=100000, help="orders of accepted_batch")
    parser.add_argument("--feed", type=int, default=50000, help="orders of accepted_feed")
    parser.add_argument("--lives", type=int, default=20000, help="lives of lives")
    parser.add_argument("--orders", type=int, default=100000, help="orders to have been taken before memory is looked at")
    parser.add_argument("--only", default="batch,feed,rest,lives,applied,memory", help="these figures; commas between")
    parser.add_argument("--no-huge-pages", dest="huge_pages", action="store_false", help="leave the machine's huge pages as they are; otherwise what "
                        "PostgreSQL's shared memory takes is reserved for the run, where this user may")
    parser.add_argument("--profile", action="store_true", help="PostgreSQL's time by statement too")
    parser.add_argument("--peers", action="store_true", help="other systems on the same work too; their ratio is ours / theirs: above 1 we are "
                        "faster where the unit is a rate, below 1 where it is a time. --only peers or --only peer_NAME: these alone")
    options = parser.parse_args()
    settings = contextlib.ExitStack()
    stack = Stack(tempfile.mkdtemp(prefix="ztc-bench-", dir="/var/tmp"))
    try:
        stack.up(owner=os.getpid(), report=note)
        bench = Bench(stack, options)
        bench.give_memory()
        if options.huge_pages:
            settings.enter_context(huge_pages(stack))
        bench.prepare()
        bench.disk()
        wanted = options.only.split(",")
        others = peers.Peers(stack, peers.chosen(wanted, options.peers), options.seconds, note)
        for _ in range(options.runs):
            for name in ("batch", "feed", "rest", "lives", "applied"):
                if name in wanted:
                    bench.tidy()
                    getattr(bench, name)()
            others.run()
        if "memory" in wanted:
            bench.memory()
        if options.profile:
            bench.prepare_profile()
            if "batch" in wanted:
                bench.profile("accepted_batch", lambda: bench.load(options.batch, BATCH_IN_FLIGHT))
            if "feed" in wanted:
                bench.profile("accepted_feed", lambda: bench.load(options.feed, IN_FLIGHT))
            if "lives" in wanted:
                bench.profile("lives", lambda: bench.load(options.lives, LIVES_IN_FLIGHT, "--lives", squads=bench.squads))
        bench.print()
        return 0 if others.print(bench.median) else 1
    finally:
        stack.down(report=note)
        settings.close()
        stack.remove()


if __name__ == "__main__":
    sys.exit(main())
