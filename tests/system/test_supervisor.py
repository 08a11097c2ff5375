"""The stack's supervisor, with PostgreSQL and Redis alone: what dies comes back, what is stopped stays away, and nothing is
left behind."""

import os
import signal
import time

import psycopg2
import pytest

from stack_home import processes_in
from stack_services import SHELL_SAFE, certificate


@pytest.fixture(scope="module")
def own(stack_maker):
    return stack_maker("supervisor", services=())


def eventually(condition, patience_s=20.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["redis", "postgres"])
def test_a_killed_server_comes_back_on_its_port(own, name):
    before = own.ports
    own.wait_restarted(name, own.kill(name))
    assert own.ports == before
    assert f"{name} ended" in own.log("supervisor") or f"{name} 已结束" in own.log("supervisor")


def test_a_pid_file_that_names_somebody_else_does_not_keep_postgres_down(own):
    own.stop("postgres", signal.SIGKILL)
    data = own.home.path / "pg" / "data"
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n", encoding="ascii")
    own.start("postgres")


def test_what_is_held_stays_down(own):
    own.stop("redis")
    time.sleep(0.5)
    assert own.pid("redis") is None and not own.is_ready("redis")
    own.start("redis")


def test_two_stacks_run_side_by_side(own, servers):
    assert not set(own.ports.values()) & set(servers.ports.values())
    assert own.is_up() and servers.is_up()


def test_a_killed_supervisor_takes_all_with_it_and_up_recovers(own):
    places = (own.home.path / "redis", own.home.path / "pg" / "data")
    os.kill(int(own.home.supervisor_pid_file.read_text(encoding="ascii")), signal.SIGKILL)
    eventually(lambda: not any(processes_in(place) for place in places))
    assert not own.is_up()
    own.up(services=(), owner=os.getpid())
    assert own.is_ready("postgres") and own.is_ready("redis")


def test_down_is_graceful_and_harmless_twice(own):
    own.down()
    own.down()
    assert not own.is_up() and own.pid("postgres") is None
    own.up(services=(), owner=os.getpid())
    assert "was not properly shut down" not in own.log("postgres").rpartition("starting PostgreSQL")[2]


def asked(own, statement):
    connection = psycopg2.connect(own.dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def test_what_alter_system_sets_prevails(own):
    """In a directory, too, that was made before the file of settings was."""
    own.down()
    configuration = own.home.path / "pg" / "data" / "postgresql.conf"
    written = configuration.read_text(encoding="utf-8")
    before = written.removesuffix("\ninclude = '../tuning.conf'\n")  # a last line without an end, as editors leave it
    assert before != written
    configuration.write_text(before, encoding="utf-8")
    own.up(services=(), owner=os.getpid())
    assert configuration.read_text(encoding="utf-8") == written
    assert asked(own, "SHOW shared_buffers") == [("1GB",)]
    asked(own, "ALTER SYSTEM SET shared_buffers = '64MB'")
    own.stop("postgres")
    own.start("postgres")
    eventually(lambda: own.is_ready("postgres"))
    assert asked(own, "SHOW shared_buffers") == [("64MB",)]


def test_the_server_key_can_be_sourced_by_a_shell(tmp_path):
    for number in range(3):
        public, secret = certificate(tmp_path, f"key{number}")
        assert len(public) == 40 and SHELL_SAFE.fullmatch(public)
        assert secret.stat().st_mode & 0o077 == 0
