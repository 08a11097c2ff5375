"""ztc doctor: things broken for real, each found, with what to do, in both languages; and everything in order again afterwards."""

import json
import os
import re
import time
from pathlib import Path

import psycopg2
import pytest
import redis
from checker import CONSUMES
from ledger import Ledger
from people import District, Order, People, bring
from stack_home import SERVICES
from typed import runner

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def patient(stack_maker):
    """A stack for the doctor alone, so that what others break is not found here."""
    return stack_maker("doctor")


@pytest.fixture(scope="module")
def book(patient):
    ledger = Ledger(patient.env["ZTC_DSN"])
    yield ledger
    ledger.close()


@pytest.fixture
def doctor(patient, tmp_path):
    """doctor(*arguments, **environment): what it says, as JSON."""
    run = runner(patient, tmp_path)

    def ask(*arguments, **env):
        ran = run("doctor", "--json", *arguments, env=env)
        said = ran.json
        wrong = [found for found in said["findings"] if found["severity"] != "note"]
        assert ran.code == (1 if wrong else 0) and said["healthy"] == (not wrong), ran
        for found in said["findings"]:
            assert all(found[key] for key in ("finding", "severity", "about", "zh", "en", "do_zh", "do_en")), found
        return said

    ask.run = run
    return ask


def found(said):
    return {(finding["finding"], finding["about"]) for finding in said["findings"]}


def heals(doctor):
    """Waits until nothing is found any more."""
    until = time.monotonic() + PATIENCE_S
    while not (said := doctor())["healthy"]:
        assert time.monotonic() < until, said
        time.sleep(0.2)


@pytest.fixture(autouse=True)
def in_order(doctor):
    """What a test broke and mended is in order again when the next begins."""
    yield
    heals(doctor)


def test_nothing_wrong(doctor):
    said = doctor()
    assert said["checks"] > 100
    assert found(said) == {("live_volatile", "Redis")}  # this stack's Redis keeps nothing on disk
    ran = doctor.run("doctor")
    assert ran.code == 0 and "errors 0, warnings 0, notes 1" in ran.out
    assert "错误 0，警告 0，提示 1" in doctor.run("doctor", zh=True).out


@pytest.mark.parametrize("service", ["intake", "reporting"])
def test_a_service_that_is_down(patient, doctor, service):
    patient.stop(service)
    try:
        said = doctor()
        assert {("service_silent", service), ("lease_still", service)} <= found(said)
        assert any("make up" in finding["do_en"] for finding in said["findings"])
        ran = doctor.run("doctor", zh=True)
        assert ran.code == 1 and f"错误  {service}：服务没有应答" in ran.out and "处理办法：" in ran.out
    finally:
        patient.start(service)


def test_a_consumer_that_stands_still(patient, doctor):
    people = People(patient.env)
    district = District(people, "t-doctor-late")
    patient.stop("notification")
    try:
        bring([Order(district, way="scheduled")])
        assert {("backlog_still", "notification ← intake"), ("backlog_still", "notification ← dispatch")} <= found(doctor())
    finally:
        patient.start("notification")
        people.close()


def test_a_service_that_is_not_ready(patient, doctor):
    """Redis away is no reason; PostgreSQL away is: each service says so, and so does the doctor."""
    patient.stop("postgres")
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            said = doctor()
            if {("service_not_ready", service) for service in SERVICES} <= found(said):
                break
            assert time.monotonic() < until, said
        assert ("records_silent", "PostgreSQL") in found(said)
        assert any("records" in finding["seen"] for finding in said["findings"] if finding["finding"] == "service_not_ready")
    finally:
        patient.start("postgres")


def test_a_poisoned_event(patient, doctor, book):
    """An event of a type that nobody knows, at the end of evaluation's log, which reporting alone reads."""
    patient.stop("evaluation")
    head = book.value('SELECT coalesce(max("offset"), 0) FROM evaluation.event')
    book.rows("""INSERT INTO evaluation.event SELECT 0, %s, '00000000-0000-8000-8000-00000000000a', 'weather_changed', 1, '330212',
                        'weather/1', 'epoch', 'epoch', '', ''""", head + 1)
    patient.start("evaluation")
    try:
        until = time.monotonic() + PATIENCE_S
        while ("event_poisoned", "reporting") not in found(said := doctor()):
            assert time.monotonic() < until, said
        (finding,) = [finding for finding in said["findings"] if finding["finding"] == "event_poisoned"]
        assert finding["seen"] == "1: weather/1 unknown type of event" and finding["severity"] == "error"
    finally:
        book.rows("DELETE FROM reporting.poison WHERE key = 'weather/1'")


@pytest.mark.parametrize("schema", ["intake", "reporting"])
def test_a_missing_migration(doctor, book, schema):
    (row,) = book.rows("""DELETE FROM ztc_migration.applied a WHERE schema = %s AND series = 'own'
                          AND number = (SELECT max(number) FROM ztc_migration.applied b WHERE b.schema = a.schema AND b.series = a.series)
                          RETURNING *""", schema)
    try:
        said = doctor()
        assert ("migration_pending", schema) in found(said)
        assert any(f"{row[2]:04d} {row[3]}" == finding["seen"] for finding in said["findings"])
    finally:
        book.rows("INSERT INTO ztc_migration.applied VALUES (%s, %s, %s, %s, %s, %s)", *row)


@pytest.mark.parametrize("change, back", [
    ("UPDATE ztc_migration.applied SET checksum = 'x' || checksum WHERE schema = 'dispatch' AND series = 'own' AND number = 1",
     "UPDATE ztc_migration.applied SET checksum = substr(checksum, 2) WHERE schema = 'dispatch' AND series = 'own' AND number = 1"),
    ("INSERT INTO ztc_migration.applied VALUES ('dispatch', 'own', 99, 'future', 'x', 'epoch')",
     "DELETE FROM ztc_migration.applied WHERE number = 99")])
def test_another_builds_migrations(doctor, book, change, back):
    book.rows(change)
    try:
        assert ("migration_foreign", "PostgreSQL") in found(doctor())
    finally:
        book.rows(back)


@pytest.mark.parametrize("setting, value, finding", [
    ("synchronous_commit", "off", "durability_off"), ("synchronous_commit", "local", "durability_off"),
    ("log_min_duration_statement", "0", "log_holds_contact"), ("log_parameter_max_length_on_error", "100", "log_holds_contact")])
def test_settings_of_postgresql(doctor, book, setting, value, finding):
    """Of the database here; of the server's file or command line it would be the same."""
    book.rows(f"ALTER DATABASE ztc SET {setting} = '{value}'")
    try:
        said = doctor()
        assert (finding, "PostgreSQL") in found(said)
        assert any(f"{setting} = {value}" in one["seen"] for one in said["findings"])
    finally:
        book.rows(f"ALTER DATABASE ztc RESET {setting}")


def test_a_transaction_that_stays_open(patient, doctor, book):
    forgotten = psycopg2.connect(patient.env["ZTC_DSN"], application_name="forgotten")
    try:
        with forgotten.cursor() as cursor:
            cursor.execute("SELECT 1")
        until = time.monotonic() + PATIENCE_S
        while ("transaction_long", "forgotten") not in found(said := doctor("--long", "1")):
            assert time.monotonic() < until, said
        assert ("transaction_long", "forgotten") not in found(doctor())  # a minute is long, by default
    finally:
        forgotten.close()


@pytest.mark.parametrize("change, back, finding", [
    ("ALTER ROLE ztc_evaluation NOLOGIN", "ALTER ROLE ztc_evaluation LOGIN", "role_unusable"),
    ("ALTER ROLE ztc_evaluation BYPASSRLS", "ALTER ROLE ztc_evaluation NOBYPASSRLS", "role_too_strong"),
    ("ALTER ROLE ztc_evaluation SUPERUSER", "ALTER ROLE ztc_evaluation NOSUPERUSER", "role_too_strong")])
def test_roles(doctor, book, change, back, finding):
    book.rows(change)
    try:
        assert (finding, "ztc_evaluation") in found(doctor())
    finally:
        book.rows(back)


def test_redis_that_drops_keys(patient, doctor):
    live = redis.Redis(port=patient.ports["redis"])
    live.config_set("maxmemory-policy", "allkeys-lru")
    try:
        said = doctor()
        assert ("live_evicts", "Redis") in found(said)
        assert any(finding["seen"] == "allkeys-lru" for finding in said["findings"])
    finally:
        live.config_set("maxmemory-policy", "noeviction")
        live.close()


def test_redis_that_is_away(patient, doctor):
    patient.stop("redis")
    try:
        assert ("live_silent", "Redis") in found(doctor())
    finally:
        patient.start("redis")


def test_a_queue_that_is_not_the_records(patient, doctor, book):
    people = People(patient.env)
    district = District(people, "t-doctor-live")
    bring([Order(district, way="offered")])
    book.wait_quiet()
    people.close()
    patient.stop("dispatch")  # it would mend it at once
    live = redis.Redis(port=patient.ports["redis"])
    try:
        assert live.delete("ztc:{t-doctor-live/squad-a}:versions") == 1
        said = doctor()
        assert ("live_differs", "Redis") in found(said)
        assert any("t-doctor-live/squad-a" in finding["seen"] for finding in said["findings"])
    finally:
        live.close()
        patient.start("dispatch")


def test_keys(patient, doctor, tmp_path):
    key = Path(patient.env["ZTC_KEY_SURVEYOR"])
    key.chmod(0o644)
    try:
        assert ("key_open", str(key)) in found(doctor())
    finally:
        key.chmod(0o600)
    (tmp_path / "broken.key_secret").write_text("nonsense\n", encoding="ascii")
    assert ("key_unreadable", str(tmp_path / "broken.key_secret")) in found(doctor(ZTC_KEY_RESIDENT=str(tmp_path / "broken.key_secret")))
    assert ("key_unreadable", "/nowhere.key_secret") in found(doctor(ZTC_KEY_RESIDENT="/nowhere.key_secret"))


def test_the_doctor_knows_every_consumer(root):
    """The statement's list is the services' own, as the auditor has it."""
    text = (root / "common/records/sql/doctor_backlogs.sql").read_text(encoding="utf-8")
    assert set(re.findall(r"\('(\w+)', '(\w+)'\)", text)) == {(consumer, producer) for consumer, producers in CONSUMES.items() for producer in producers}


def test_keys_that_are_not_registered_any_more(doctor, tmp_path):
    made = doctor.run("keys", "make", "doctor-spare", "--dir", str(tmp_path))
    assert made.code == 0, made
    secret = str(tmp_path / "doctor-spare.key_secret")
    assert ("key_unregistered", secret) in found(doctor(ZTC_KEY_RESIDENT=secret))
    public = ("--public", str(tmp_path / "doctor-spare.key"))
    registered = doctor.run("keys", "register", *public, "--district", "330212", "--organisation", "330212106209", "--role", "village")
    assert registered.code == 0, registered
    assert found(doctor(ZTC_KEY_RESIDENT=secret)) == {("live_volatile", "Redis")}
    assert doctor.run("keys", "revoke", *public).code == 0
    assert ("key_revoked", secret) in found(doctor(ZTC_KEY_RESIDENT=secret))


def test_keys_that_were_replaced(doctor, tmp_path):
    """The old one in its place is told of while both are admitted, and once it is over; all that end are counted."""
    whose = ("--district", "330212", "--organisation", "330212106209", "--role", "village")
    secret = {name: str(tmp_path / f"{name}.key_secret") for name in ("first", "second", "third")}
    for name in secret:
        assert doctor.run("keys", "make", name, "--dir", str(tmp_path)).code == 0
    assert doctor.run("keys", "register", "--public", secret["first"], *whose).code == 0
    assert doctor.run("keys", "rotate", "--old", secret["first"], "--public", secret["second"]).code == 0  # for a week
    assert ("key_expiring", secret["first"]) in found(doctor(ZTC_KEY_RESIDENT=secret["first"]))
    said = doctor(ZTC_KEY_RESIDENT=secret["second"])
    assert found(said) == {("live_volatile", "Redis"), ("keys_ending", "ztc keys list --state expiring")} and said["healthy"]
    (ending,) = [finding["seen"] for finding in said["findings"] if finding["finding"] == "keys_ending"]
    assert re.fullmatch(r"1, 20[0-9-]{8}T[0-9:.]{12}Z", ending)
    assert doctor.run("keys", "revoke", "--public", secret["first"]).code == 0
    assert doctor.run("keys", "rotate", "--old", secret["second"], "--public", secret["third"], "--overlap", "1s").code == 0
    until = time.monotonic() + PATIENCE_S
    while ("key_expired", secret["second"]) not in found(said := doctor(ZTC_KEY_RESIDENT=secret["second"])):
        assert time.monotonic() < until, said
        time.sleep(0.2)
    assert found(doctor(ZTC_KEY_RESIDENT=secret["third"])) == {("live_volatile", "Redis")}


def test_settings_that_are_missing(doctor):
    assert ("setting_missing", "ZTC_REDIS") in found(doctor(ZTC_REDIS=""))
    said = doctor(ZTC_DSN="")
    assert ("setting_missing", "ZTC_DSN") in found(said)
    assert ("records_silent", "PostgreSQL") in found(doctor(ZTC_DSN="postgresql://postgres@127.0.0.1:1/ztc"))


def test_the_face_for_queries(doctor):
    assert ("queries_unanswered", "reporting") in found(doctor(ZTC_QUERY="tcp://127.0.0.1:1"))


def test_what_it_says_holds_no_password(patient, doctor):
    password = patient.env["ZTC_DSN"].split(":")[2].split("@")[0]
    said = doctor(ZTC_DSN=patient.env["ZTC_DSN"].replace("/ztc", "/nowhere"))
    assert ("records_silent", "PostgreSQL") in found(said) and password not in json.dumps(said)
    assert os.environ.get("ZTC_DSN") is None
