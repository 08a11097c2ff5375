"""The peers of make bench PEERS=1: what a user would pick instead, on the same work, each durable at acknowledgement. peers/README.md tells what
each figure is. Every server is private: in the stack's own directory, on free ports of 127.0.0.1, made anew for each run and ended by its pid."""

import os
import shutil
import socket
import statistics
import subprocess
import time
from pathlib import Path

import psycopg2

from stack_servers import free_port

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parent.parent / "build" / "peers"

# measure -> what peers.mjs says, the figure it becomes, its unit, and which of ours stands beside it.
MEASURES = {
    "feed": [("rate", "feed", "jobs/s", "accepted_feed")],
    "batch": [("rate", "batch", "jobs/s", "accepted_batch")],
    "chain": [("rate", "chain", "lives/s", "lives")],
    "start": [("p50", "start_p50", "ms", "applied_p50"), ("p99", "start_p99", "ms", "applied_p99")],
}
BOOT_S = 120.0


class Trouble(Exception):
    """Why a peer could not be measured."""


class Processes:
    """Of one private server: ended together, the last started first, and by the kernel when this process is gone."""

    def __init__(self, directory):
        self.directory = directory
        self.running = []
        directory.mkdir(parents=True)

    def start(self, *command, **environment):
        with open(self.directory / "log", "ab") as log:
            self.running.append(subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(self.directory), **environment}))

    def wait_port(self, port):
        deadline = time.monotonic() + BOOT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                pass
            if any(process.poll() is not None for process in self.running) or time.monotonic() > deadline:
                raise Trouble("the server did not come up:\n" + (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-2000:])
            time.sleep(0.05)

    def end(self):
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory)


class Redis:
    """Every write is in the append-only file, and that on the disk, before it is answered."""

    def __init__(self, directory, _stack):
        self.processes = Processes(directory)

    def start(self):
        port = free_port()
        self.processes.start("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", self.processes.directory, "--daemonize", "no",
                             "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
        self.processes.wait_port(port)
        return f"127.0.0.1:{port}"

    def end(self):
        self.processes.end()

    def empty(self):
        pass  # each measurement has queues of its own


class Postgres:
    """The stack's own, which has fsync and synchronous_commit on, with a database of its own."""

    def __init__(self, _directory, stack):
        self.dsn = stack.dsn

    def start(self):
        return self.dsn.rpartition("/")[0] + "/peer"

    def end(self):
        self._do("DROP DATABASE IF EXISTS peer WITH (FORCE)")

    def empty(self):
        self._do("DROP DATABASE IF EXISTS peer WITH (FORCE)", "CREATE DATABASE peer")

    def _do(self, *statements):
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()


class RabbitMQ:
    """A node of its own with its epmd, its cookie and everything it writes in its directory. A quorum queue confirms what is on the disk."""

    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

    def __init__(self, directory, _stack):
        self.processes = Processes(directory)

    def start(self):
        home = self.processes.directory
        taken = []
        while len(taken) < 3:
            taken.append(free_port(taken))
        port, epmd_port, distribution_port = taken
        epmd = {"ERL_EPMD_PORT": str(epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        (home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n", encoding="ascii")
        (home / "env.conf").write_text("", encoding="ascii")
        (home / "plugins").write_text("[].\n", encoding="ascii")
        # In the foreground, so that the node finds one and starts none that would stay behind.
        self.processes.start("epmd", **epmd)
        self.processes.wait_port(epmd_port)
        # Input allowed, and at once refused to the VM: so the script becomes the VM, under its own pid, instead of a parent of it.
        self.processes.start(self.program, **epmd, RABBITMQ_ALLOW_INPUT="yes", RABBITMQ_NODENAME=f"ztc-bench-{port}@localhost",
                             RABBITMQ_DIST_PORT=str(distribution_port), RABBITMQ_BASE=str(home), RABBITMQ_CONF_ENV_FILE=str(home / "env.conf"),
                             RABBITMQ_CONFIG_FILE=str(home / "rabbitmq.conf"), RABBITMQ_ADVANCED_CONFIG_FILE=str(home / "advanced.config"),
                             RABBITMQ_ENABLED_PLUGINS_FILE=str(home / "plugins"), RABBITMQ_MNESIA_BASE=str(home / "mnesia"),
                             RABBITMQ_LOG_BASE=str(home / "log.d"), RABBITMQ_PID_FILE=str(home / "pid"),
                             RABBITMQ_GENERATED_CONFIG_DIR=str(home / "config"),
                             RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput -kernel inet_dist_use_interface {127,0,0,1}")
        self.processes.wait_port(port)
        return f"amqp://guest:guest@127.0.0.1:{port}"

    def end(self):
        self.processes.end()

    def empty(self):
        pass


# name -> its server and what it can do; the order is that of the runs and of the lines printed.
PEERS = {
    "bullmq": (Redis, ("feed", "batch", "chain", "start")),
    "pgboss": (Postgres, ("feed", "batch", "chain", "start")),
    "graphile": (Postgres, ("feed", "batch", "chain", "start")),
    "rabbitmq": (RabbitMQ, ("feed", "chain", "start")),
}


def chosen(wanted, everyone):
    """Of what --only lists: peer_NAME picks that one, `peers` picks all, and so does --peers where none is picked."""
    picked = [name for name in PEERS if f"peer_{name}" in wanted]
    return picked or (list(PEERS) if everyone or "peers" in wanted else [])


class Peers:
    def __init__(self, stack, names, seconds, note):
        self.stack, self.names, self.seconds, self.note = stack, names, seconds, note
        self.got = {}  # figure -> values, one a run
        self.failed = {}  # figure -> why
        if names and not (INSTALLED / "installed").exists():
            raise SystemExit("the peers are not installed: make bench PEERS=1")
        if names:
            shutil.copy(HERE / "peers" / "peers.mjs", INSTALLED)  # Node looks for packages beside the program

    def run(self):
        """Every measurement of every peer once, one after another, nothing else being asked of the machine meanwhile."""
        for name in self.names:
            kind, measures = PEERS[name]
            try:
                self._measure_all(name, kind(self.stack.home.path / "peers" / name, self.stack), measures)
            except (Trouble, OSError, psycopg2.Error) as trouble:
                self._fail(name, measures, trouble)

    def _measure_all(self, name, server, measures):
        try:
            address = server.start()
            for measure in measures:
                self._measure(name, measure, server, address)
        finally:
            server.end()

    def _measure(self, name, measure, server, address):
        try:
            server.empty()
            ran = subprocess.run(["setpriv", "--pdeathsig", "KILL", "--", "node", "peers.mjs", name, measure, str(self.seconds)], cwd=INSTALLED,
                                 env={**os.environ, "ZTC_PEER": address}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                 timeout=4 * self.seconds + 60)
        except subprocess.TimeoutExpired:
            self._fail(name, [measure], "it did not end in time")
            return
        if ran.returncode != 0:
            self._fail(name, [measure], ran.stderr.strip() or f"exit status {ran.returncode}")
            return
        words = ran.stdout.split()
        said = dict(zip(words[::2], map(float, words[1::2])))
        self.note(f"{name} {measure}: {ran.stdout.strip()}")
        for key, figure, _, _ in MEASURES[measure]:
            self.got.setdefault(f"peer_{name}_{figure}", []).append(said[key])

    def _fail(self, name, measures, why):
        for measure in measures:
            for _, figure, _, _ in MEASURES[measure]:
                self.failed[f"peer_{name}_{figure}"] = why

    def print(self, ours):
        """The medians, each beside ours: ours / theirs, `-` where ours was not measured. False when something could not be measured."""
        for name in self.names:
            for measure in PEERS[name][1]:
                for _, figure, unit, beside in MEASURES[measure]:
                    self._print_one(f"peer_{name}_{figure}", unit, ours(beside))
        for figure, why in self.failed.items():
            self.note(f"{figure}: not measured: {why}")
        return not self.failed

    def _print_one(self, figure, unit, mine):
        if figure in self.failed:
            return
        theirs = statistics.median(self.got[figure])
        ratio = "-" if mine is None else f"{mine / theirs:.3f}"
        print(f"{figure} {theirs:.{0 if unit.endswith('/s') else 2}f} {unit} {ratio}", flush=True)
