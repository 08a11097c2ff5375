"""Backup while the system works, and restore into another stack: what comes back is what the snapshot held, table by table, and whole
lives go on in it. What is damaged, unfinished, not meant or not wanted is refused by name, with nothing changed."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import closing, contextmanager

import psycopg2
import pytest
import redis
from audit import audit
from checker import SERVICES
from load import Load
from people import District, Order, People, bring, burst, ok
from receiver import Receiver, eventually, new_secret
from stack import Stack
from typed import environment

OK, REFUSED, USAGE, ENVIRONMENT, DISK, RECORDS = 0, 1, 2, 4, 5, 6
# What a restore changes on purpose.
MADE_FIT = {"dispatch.live_history", *(f"{service}.lease" for service in SERVICES)}


@contextmanager
def database(dsn, name=None, autocommit=True):
    with closing(psycopg2.connect(dsn if name is None else dsn.rsplit("/", 1)[0] + "/" + name)) as connection:
        connection.autocommit = autocommit
        with connection.cursor() as cursor:
            yield cursor


def digests(cursor):
    """{table: digest of all its rows as text, in an order of their own}: a reader that knows nothing of pg_dump."""
    cursor.execute("""SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition""", [[*SERVICES, "ztc_migration"]])
    found = {}
    for table, in cursor.fetchall():
        digest = hashlib.sha256()

        class Sink:
            write = staticmethod(digest.update)

        cursor.copy_expert(f'COPY (SELECT line FROM (SELECT t::text AS line FROM {table} t) lines ORDER BY line COLLATE "C") TO STDOUT', Sink)
        found[table] = digest.hexdigest()
    return found


def digests_of(dsn, name=None):
    with database(dsn, name) as cursor:
        return digests(cursor)


def databases(dsn):
    with database(dsn, "postgres") as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")
        return [name for name, in cursor.fetchall()]


class Flow(threading.Thread):
    """Whole lives without an end, in a thread of its own, until it is stopped."""

    PACE_S = 0.02  # between two rounds: work enough, and time for others

    def __init__(self, env, seed, history):
        super().__init__(daemon=True)
        self.load = Load(env, seed, 30, str(history), in_flight=16)
        self.stopping = threading.Event()
        self.trouble = None

    def run(self):
        try:
            while self.load.turn():
                if not self.stopping.is_set() and self.load.total - self.load.finished < 20:
                    self.load.more(20)
                self.stopping.wait(self.PACE_S)
        except Exception as error:  # told by stop(), in the test's own thread
            self.trouble = error

    def stop(self):
        self.stopping.set()
        self.join(120)
        self.load.close()
        assert not self.is_alive() and self.trouble is None and self.load.refused == [], (self.trouble, self.load.refused)


def ztc(stack, *arguments, **more):
    env = {**(environment(stack) if stack.home.env_file.exists() else {**os.environ, "ZTC_LANG": "en"}), **more}
    return subprocess.run([str(stack.binaries / "ztc"), *arguments], env=env, cwd="/", text=True, timeout=120, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def known_before(history, target, begun):
    """What a client can say of the time before the backup began: what was told until then; all else it asked is unknown to it."""
    lines = history.read_text(encoding="utf-8").splitlines()
    with open(target, "w", encoding="utf-8") as out:
        for number, line in enumerate(lines):
            entry = json.loads(line)
            if number < begun:
                out.write(line + "\n")
            elif entry["told"] == "sent":
                out.write(json.dumps({**entry, "told": "sent"}) + "\n")
    return str(target), [json.loads(line) for line in lines[:begun]]


class Saved:
    """A stack with real work, backed up while more of it flowed."""


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def saved(stack_maker, receiver, tmp_path_factory):
    saved = Saved()
    saved.directory = tmp_path_factory.mktemp("backup")
    saved.stack = stack_maker("saved", settings={"ZTC_WEBHOOK_HTTP": "yes", "ZTC_WEBHOOK_PRIVATE": "yes"})
    people = People(saved.stack.env)
    district = District(people, "t-saved", squads={"squad-a": {"capacity": 64}, "squad-b": {"capacity": 64}})
    ok(burst([(district.as_("village", "village-a"), people.message(
        "webhook_register", endpoint="copy", url=receiver.url("/saved"), secret=new_secret()))]))
    bring([Order(district, way=way) for way in ("offered", "scheduled", "in_service", "completed", "closed", "cancelled")])
    ok(burst([(district.as_("village", "village-a"), people.message(
        "order_submit", need="社保卡", squads=["squad-a"], contact_name="王秀英", contact_phone="13800001234"))]))
    receiver.wait("/saved", 1)
    saved.history = saved.directory / "history.jsonl"
    flow = Flow(saved.stack.env, 41, saved.history)
    flow.start()
    eventually(lambda: flow.load.finished >= 20, "some lives before the backup", 60)
    saved.begun = len(saved.history.read_text(encoding="utf-8").splitlines())
    saved.path = saved.directory / "first"
    with database(saved.stack.dsn, autocommit=False) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        reader.execute("SELECT pg_export_snapshot()")
        saved.said = ztc(saved.stack, "backup", "--to", str(saved.path), "--snapshot", reader.fetchone()[0])
        saved.digests = digests(reader)
        reader.execute('SELECT max("offset") FROM intake.event')
        saved.head = reader.fetchone()[0]
    done = flow.load.finished
    eventually(lambda: flow.load.finished > done + 10, "lives that end after the backup", 60)
    flow.stop()
    saved.people, saved.district = people, district
    yield saved
    people.close()
    assert audit(saved.stack, [str(saved.history)]) == []


@pytest.fixture(scope="module")
def manifest(saved):
    assert saved.said.returncode == OK, saved.said.stderr
    return json.loads((saved.path / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def other(saved, binaries):
    """Servers of another stack, with nothing in them; it has been given the keys that the operator kept apart."""
    stack = Stack(tempfile.mkdtemp(prefix="ztc-test-restored-", dir="/var/tmp"), binaries)
    stack.home.make()
    for key in saved.stack.home.keys.iterdir():
        shutil.copy2(key, stack.home.keys)
    stack.up(services=(), owner=os.getpid())
    yield stack
    stack.down()
    stack.remove()


@pytest.fixture(scope="module")
def restored(saved, manifest, other):
    """The backup in the other stack, its services not yet started."""
    said = ztc(other, "restore", "--from", str(saved.path), "--dsn", other.dsn)
    assert said.returncode == OK, said.stderr
    return said


# --- what is in it -----------------------------------------------------------------------------------------------------------------------


def test_a_backup_says_what_is_in_it_and_what_is_not(saved, manifest):
    assert {path.name for path in saved.path.iterdir()} == {"manifest.json", "records.dump"}
    assert (saved.path.stat().st_mode & 0o777, (saved.path / "records.dump").stat().st_mode & 0o777) == (0o700, 0o600)
    dump = (saved.path / "records.dump").read_bytes()
    assert manifest["records"] == {"file": "records.dump", "bytes": len(dump), "sha256": hashlib.sha256(dump).hexdigest()}
    assert {(head["service"], head["part"]): head["head"] for head in manifest["heads"]}["intake", 0] == saved.head
    assert manifest["format"] == 1 and manifest["sealed_secrets"] == 1 and len(manifest["migrations"]) >= 15
    for apart in ("ZTC_SECRETS_KEY", "ZTC_CURVE_SECRET", "ZTC_BUS_CURVE", "ZTC_OPERATOR_KEY", "TLS"):
        assert apart in saved.said.stdout, apart
    assert "webhook secrets sealed with ZTC_SECRETS_KEY: 1" in saved.said.stdout


def test_no_password_and_no_key_is_in_it(saved, manifest):
    """Compressed data hides what it holds: the dump as text is looked at."""
    text = subprocess.run(["pg_restore", "-f", "-", str(saved.path / "records.dump")], stdout=subprocess.PIPE, check=True).stdout
    facts = saved.stack.home.facts()
    hidden = [*facts["passwords"].values(), *((saved.stack.home.keys / name).read_text(encoding="ascii").strip()
                                              for name in ("secrets.key", "operator.bearer", "village.bearer"))]
    assert b"CREATE TABLE intake.contact" in text
    for secret in hidden:
        assert secret.encode() not in text


def test_it_is_sound_and_chinese_says_so_too(saved, manifest):
    said = ztc(saved.stack, "backup", "--verify", str(saved.path), ZTC_LANG="zh")
    assert said.returncode == OK and "完好" in said.stdout and "须另行保管" in said.stdout


def test_nothing_is_overwritten(saved, manifest):
    said = ztc(saved.stack, "backup", "--to", str(saved.path))
    assert said.returncode == REFUSED and "is there already" in said.stderr
    assert json.loads((saved.path / "manifest.json").read_text(encoding="utf-8")) == manifest


# --- what is refused -----------------------------------------------------------------------------------------------------------------------


def seal(manifest):
    """The manifest's digest of itself, by another implementation."""
    rest = {name: value for name, value in manifest.items() if name != "sha256"}
    manifest["sha256"] = hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
    return manifest


def changed(change):
    def spoil(path):
        file = path / "manifest.json"
        manifest = json.loads(file.read_text(encoding="utf-8"))
        change(manifest)
        file.write_text(json.dumps(seal(manifest)), encoding="utf-8")
    return spoil


def flip(path):
    data = bytearray((path / "records.dump").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "records.dump").write_bytes(data)


def cut(path):
    data = (path / "records.dump").read_bytes()
    (path / "records.dump").write_bytes(data[:len(data) - 100])


def lie(path):
    file = path / "manifest.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"rows": ', '"rows": 1'), encoding="utf-8")


SPOILT = {
    "a bit flipped": (flip, "records.dump is damaged: its SHA-256"),
    "cut off": (cut, ": truncated"),
    "no records": (lambda path: (path / "records.dump").unlink(), "No such file"),
    "no manifest": (lambda path: (path / "manifest.json").unlink(), "is no backup, or an unfinished one"),
    "half a manifest": (lambda path: os.truncate(path / "manifest.json", 200), "manifest.json is damaged (line"),
    "a manifest that was changed": (lie, "is damaged or was changed"),
    "another product's": (changed(lambda it: it.update(product="else")), "not the manifest of a backup of Zhitongche"),
    "a newer format": (changed(lambda it: it.update(format=2)), "format 2 is newer than this build knows (1)"),
    "a newer migration": (changed(lambda it: it["migrations"].append(
        {"schema": "intake", "series": "own", "number": 99, "name": "0099_tomorrow", "checksum": ""})),
        "the backup is newer than this build: intake has the migration 0099_tomorrow"),
    "a migration of another text": (changed(lambda it: it["migrations"][0].update(checksum="0" * 64)), "has another text"),
    "a newer server": (changed(lambda it: it.update(server_number=990000)), "the backup is of PostgreSQL 99"),
    "unfinished": (None, "is an unfinished backup"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_backup_is_refused_by_name(saved, manifest, other, tmp_path, name):
    spoil, words = SPOILT[name]
    copy = tmp_path / ("copy" if spoil else "copy.unfinished")
    shutil.copytree(saved.path, copy)
    if spoil:
        spoil(copy)
    before = databases(other.dsn)
    for arguments in (["restore", "--from", str(copy), "--dsn", other.dsn], ["backup", "--verify", str(copy)]):
        if name == "a newer server" and arguments[0] == "backup":
            continue  # it is sound, only not for every server
        said = ztc(other, *arguments)
        assert (said.returncode, words in said.stderr) == (REFUSED, True), said.stderr
    assert databases(other.dsn) == before


def test_what_was_not_restored_as_saved_is_thrown_away(saved, manifest, other, tmp_path):
    """A manifest that says more than the dump holds is as good as a dump that lost something."""
    copy = tmp_path / "copy"
    shutil.copytree(saved.path, copy)
    changed(lambda it: next(table for table in it["tables"] if table["table"] == "intake.event").update(rows=10**6))(copy)
    said = ztc(other, "restore", "--from", str(copy), "--dsn", other.dsn + "_b")
    assert said.returncode == ENVIRONMENT and "what was restored is not what the manifest says" in said.stderr, said.stderr
    assert not [name for name in databases(other.dsn) if name.startswith("ztc_b")]


def test_a_living_stack_is_not_restored_over(saved, manifest):
    before = databases(saved.stack.dsn)
    said = ztc(saved.stack, "restore", "--from", str(saved.path), "--replace", "--confirm", "ztc")
    assert said.returncode == REFUSED and "a service holds a live lease: " in said.stderr and "stop the five services first" in said.stderr
    assert databases(saved.stack.dsn) == before


def test_no_room_for_a_backup(saved, manifest, tmp_path):
    (tmp_path / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path / "small")], check=True)
    try:
        said = ztc(saved.stack, "backup", "--to", str(tmp_path / "small" / "it"))
        assert said.returncode == DISK and "No space left on device" in said.stderr
        assert list((tmp_path / "small").iterdir()) == []
    finally:
        subprocess.run(["umount", str(tmp_path / "small")], check=True)


@contextmanager
def stopped_in_the_middle(stack, tool, *arguments):
    """ztc with its pg_dump or pg_restore held still: (ztc, the tool's pid)."""
    running = subprocess.Popen([str(stack.binaries / "ztc"), *arguments], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "ZTC_LANG": "en"})
    children = f"/proc/{running.pid}/task/{running.pid}/children"

    def child():
        try:
            for pid in open(children, encoding="ascii").read().split():
                command = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
                if command[0].endswith(tool.encode()) and b"--list" not in command:
                    os.kill(int(pid), signal.SIGSTOP)
                    return int(pid)
        except OSError:
            pass  # it ended while it was looked at
        assert running.poll() is None, running.communicate()
        return None

    pid = None
    try:
        until = time.monotonic() + 60
        while pid is None:
            assert time.monotonic() < until, f"{tool} was never seen"
            pid = child()
        yield running, pid
    finally:
        if running.poll() is None:
            running.kill()
            running.communicate()
        if pid is not None and is_alive(pid):
            os.kill(pid, signal.SIGCONT)


def is_alive(pid):
    try:
        return open(f"/proc/{pid}/stat", encoding="ascii", errors="replace").read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_killed_backup_leaves_what_is_visibly_none(saved, manifest, tmp_path):
    target = tmp_path / "killed"
    with stopped_in_the_middle(saved.stack, "pg_dump", "backup", "--to", str(target), "--dsn", saved.stack.dsn) as (running, pid):
        eventually((tmp_path / "killed.unfinished" / "records.dump").exists, "a beginning")
        second = ztc(saved.stack, "backup", "--to", str(target))
        assert second.returncode == REFUSED and "another backup is writing" in second.stderr
        running.kill()
        running.communicate()
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: not is_alive(pid), "pg_dump ends with ztc")
    assert [path.name for path in tmp_path.iterdir()] == ["killed.unfinished"]
    assert "is an unfinished backup" in ztc(saved.stack, "backup", "--verify", f"{target}.unfinished").stderr
    again = ztc(saved.stack, "backup", "--to", str(target))
    assert again.returncode == OK and [path.name for path in tmp_path.iterdir()] == ["killed"], again.stderr


def test_an_interrupted_backup_leaves_nothing(saved, manifest, tmp_path):
    with stopped_in_the_middle(saved.stack, "pg_dump", "backup", "--to", str(tmp_path / "it"), "--dsn", saved.stack.dsn) as (running, pid):
        running.send_signal(signal.SIGINT)
        os.kill(pid, signal.SIGCONT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == ENVIRONMENT and "interrupted; no backup is left" in said
    assert list(tmp_path.iterdir()) == [] and not is_alive(pid)


# --- another stack -------------------------------------------------------------------------------------------------------------------------


def test_a_killed_restore_leaves_the_database_as_it_was(saved, manifest, other):
    before = databases(other.dsn)
    dsn = other.dsn + "_killed"
    with database(other.dsn, "postgres") as cursor:
        cursor.execute("CREATE DATABASE ztc_killed")
    with stopped_in_the_middle(other, "pg_restore", "restore", "--from", str(saved.path), "--dsn", dsn) as (running, pid):
        second = ztc(other, "restore", "--from", str(saved.path), "--dsn", dsn)
        assert second.returncode == REFUSED and "another restore runs on this server" in second.stderr
        running.kill()
        running.communicate()
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: not is_alive(pid), "pg_restore ends with ztc")
    assert set(databases(other.dsn)) == {*before, "ztc_killed", "ztc_killed_restoring"}
    assert digests_of(dsn) == {}
    eventually(lambda: ztc(other, "restore", "--from", str(saved.path), "--dsn", dsn).returncode == OK, "the lock is free")
    assert set(databases(other.dsn)) == {*before, "ztc_killed"}
    assert digests_of(dsn)["intake.event"] == saved.digests["intake.event"]


def test_postgresql_going_away_has_a_status_of_its_own(saved, manifest, other, tmp_path):
    with database(other.dsn, "postgres") as cursor:
        cursor.execute("CREATE DATABASE ztc_away")
    dsn = other.dsn + "_away"
    assert ztc(other, "restore", "--from", str(saved.path), "--dsn", dsn).returncode == OK
    for tool, arguments in (("pg_dump", ["backup", "--to", str(tmp_path / "it"), "--dsn", dsn]),
                            ("pg_restore", ["restore", "--from", str(saved.path), "--dsn", other.dsn + "_gone"])):
        with stopped_in_the_middle(other, tool, *arguments) as (running, pid):
            killed = other.kill("postgres")
            os.kill(pid, signal.SIGCONT)
            _, said = running.communicate(timeout=60)
        assert running.returncode == RECORDS and said, (tool, running.returncode, said)
        other.wait_restarted("postgres", killed)
    assert list(tmp_path.iterdir()) == []
    assert ztc(other, "backup", "--to", str(tmp_path / "it"), "--dsn", "postgresql://127.0.0.1:1/ztc").returncode == RECORDS


def test_what_is_restored_is_what_was_saved(saved, other, restored):
    """Every table of every schema, by a reader of its own in the same snapshot."""
    assert "the database ztc is restored" in restored.stdout and "ZTC_SECRETS_KEY" in restored.stdout
    found = digests_of(other.dsn)
    assert set(found) == set(saved.digests) and len(found) > 50
    assert {name for name in found if found[name] != saved.digests[name]} == MADE_FIT


def test_leases_are_nobodys_and_past_every_old_one(saved, other, restored):
    with database(saved.stack.dsn) as old, database(other.dsn) as new:
        for service in SERVICES:
            old.execute(f"SELECT epoch FROM {service}.lease")
            new.execute(f"SELECT epoch, holder, pub, router, key FROM {service}.lease")
            ((epoch, *names),) = new.fetchall()
            assert epoch > old.fetchone()[0] + 10**9 and names == ["", "", "", ""]


def test_who_is_not_asked_to_replaces_nothing(saved, other, restored):
    before = digests_of(other.dsn), databases(other.dsn)
    for arguments, words in (([], "the database ztc is not empty ("), (["--replace"], "not confirmed"),
                             (["--replace", "--confirm", "zct"], "not confirmed")):
        said = ztc(other, "restore", "--from", str(saved.path), "--dsn", other.dsn, *arguments)
        assert said.returncode == REFUSED and words in said.stderr, said.stderr
    with database(other.dsn) as cursor:
        cursor.execute("SET application_name = 'somebody'")
        said = ztc(other, "restore", "--from", str(saved.path), "--dsn", other.dsn, "--replace", "--confirm", "ztc")
        assert said.returncode == REFUSED and "is in use by: somebody" in said.stderr
    assert (digests_of(other.dsn), databases(other.dsn)) == before


def test_replacing_keeps_the_former_under_another_name(saved, other, restored):
    with database(other.dsn) as cursor:
        cursor.execute("UPDATE reporting.orders SET version = 0")
    said = ztc(other, "restore", "--from", str(saved.path), "--dsn", other.dsn, "--replace", "--confirm", "ztc")
    assert said.returncode == OK, said.stderr
    (former,) = [name for name in databases(other.dsn) if name.startswith("ztc_before_")]
    assert f'DROP DATABASE "{former}"' in said.stdout
    assert digests_of(other.dsn)["reporting.orders"] == saved.digests["reporting.orders"]
    assert digests_of(other.dsn, former)["reporting.orders"] != saved.digests["reporting.orders"]
    with database(other.dsn, "postgres") as cursor:
        cursor.execute(f'DROP DATABASE "{former}"')


def test_services_start_and_the_audit_finds_nothing(saved, other, restored, tmp_path):
    history, told = known_before(saved.history, tmp_path / "before.jsonl", saved.begun)
    other.down()
    other.up(seed=False, owner=os.getpid(), settings={"ZTC_WEBHOOK_HTTP": "yes", "ZTC_WEBHOOK_PRIVATE": "yes"})
    assert audit(other, [history]) == []
    acknowledged = {entry["order"] for entry in told if entry["told"] == "ok" and entry["type"] == "order_submit"}
    with database(other.dsn) as cursor:
        cursor.execute('SELECT "order" FROM reporting.orders')
        assert len(acknowledged) >= 20 and acknowledged <= {order for order, in cursor.fetchall()}


def test_redis_of_a_later_day_is_rebuilt(saved, other):
    """PostgreSQL set back under a Redis that was not: positions in it are newer than the records', and some equal what the records come to
    when they give the same offsets out again. Redis says which history it follows; another one's is thrown away whole."""
    source, target = (redis.Redis(host=address[0], port=int(address[1])) for address in
                      (stack.redis.split(":") for stack in (saved.stack, other)))
    other.stop("dispatch")
    for key in source.scan_iter("ztc:*"):
        target.restore(key, 0, source.dump(key), replace=True)
    orphan = "ztc:{nowhere/squad-z}:offers"
    target.zadd(orphan, {"77": 1})
    with database(saved.stack.dsn) as old, database(other.dsn) as new:
        positions = []
        for cursor in (old, new):
            cursor.execute("SELECT district, squad, position FROM dispatch.queue_position")
            positions.append({(district, squad): position for district, squad, position in cursor.fetchall()})
    assert any(positions[0][squad] > position for squad, position in positions[1].items()), "the old stack did not go on"
    said = len(other.log("dispatch"))
    other.start("dispatch")
    eventually(lambda: "Redis followed another history of the records" in other.log("dispatch")[said:], "dispatch notices")
    eventually(lambda: not target.exists(orphan), "what the records know nothing of is gone")
    assert audit(other) == []


def test_new_orders_go_on_at_the_next_offsets(saved, manifest, other, tmp_path):
    history = tmp_path / "after.jsonl"
    load = Load(other.env, 42, 30, str(history))
    while load.turn():
        pass
    load.close()
    assert load.refused == [] and load.finished == 30
    with database(other.dsn) as cursor:
        cursor.execute('SELECT count(*), max("offset") FROM intake.event')
        count, head = cursor.fetchone()
    assert count == head > saved.head
    assert audit(other, [str(history)]) == []


def test_webhook_secrets_open_under_the_key_that_was_kept_apart(saved, other, receiver):
    people = People(other.env)
    people.pairs.update(saved.people.pairs)  # the clients' keys are with the clients
    try:
        before = len(receiver.at("/saved"))
        answer = ok(people.as_("village", "village-a", "t-saved").command("order_submit", need="社保卡", squads=["squad-a"]))
        assert answer["status"] == "ok"
        ok(people.as_("town", "town-a", "t-saved").command("order_place", order=answer["result"]["order"]))
        receiver.wait("/saved", before + 1)
    finally:
        people.close()


def test_two_restores_are_equal(saved, other):
    """The same backup again, beside it: the same rows."""
    said = ztc(other, "restore", "--from", str(saved.path), "--dsn", other.dsn + "_twin")
    assert said.returncode == OK, said.stderr
    found = digests_of(other.dsn + "_twin")
    assert {name for name in found if found[name] != saved.digests[name]} == MADE_FIT
