"""The private PostgreSQL and Redis of a stack: how each is made, started and asked whether it is there."""

import hashlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from stack_home import Trouble, processes_in, send_signal, tr

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
PORT_FIRST, PORT_LAST = 20000, 32000
SOCKET_PATH_MAX = 107  # bytes of a Unix socket's name


def free_port(taken=()):
    """A port that nobody listens on. It is below the range from which the kernel gives ports to outgoing connections, so
    that a process which died finds it free again when it is restarted."""
    for _ in range(1000):
        port = random.SystemRandom().randint(PORT_FIRST, PORT_LAST)
        if port not in taken and port_is_free(port):
            return port
    raise Trouble(tr("no free port on 127.0.0.1", "127.0.0.1 上没有空闲端口"))


def port_is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers themselves do, so that connections of a former run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


TUNING = {"shared_buffers": "1GB", "max_wal_size": "4GB", "min_wal_size": "4GB", "checkpoint_timeout": "15min", "max_connections": "200"}


class Postgres:
    name = "postgres"
    stop_signal = signal.SIGINT  # fast: does not wait for its clients
    stop_patience_s = 30.0

    def __init__(self, home, facts):
        self.home = home
        self.facts = facts
        self.user = "postgres" if os.geteuid() == 0 else None

    @property
    def data(self):
        return Path(self.facts["postgres"]) / "data"

    directory = data

    def environment(self):
        return {"PATH": f"{POSTGRES_BIN}:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def as_user(self, command):
        """PostgreSQL refuses to run as root."""
        if self.user is None:
            return ["setpriv", "--pdeathsig", "INT", "--", *command]
        return ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups", "--pdeathsig", "INT", "--", *command]

    def run(self, *command):
        with open(self.home.log(self.name), "ab") as log:
            return subprocess.run(self.as_user(command), cwd="/", env=self.environment(), stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log, check=False).returncode == 0

    def _own(self, path):
        """Gives a directory to PostgreSQL's user; False when that user cannot reach it."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is None:
            return True
        user = pwd.getpwnam(self.user)
        os.chown(path, user.pw_uid, user.pw_gid)
        return self.run("test", "-w", str(path))

    def place(self):
        """Under the stack's directory; elsewhere when PostgreSQL's user may not pass through to there."""
        wanted = self.home.path / "pg"
        if not wanted.is_symlink() and self._own(wanted):
            return wanted
        name = hashlib.sha256(os.fsencode(self.home.path)).hexdigest()[:12]
        elsewhere = Path("/var/tmp") / f"ztc-pg-{name}"
        if elsewhere.is_symlink() or not self._own(elsewhere):
            raise Trouble(tr(f"the user {self.user} cannot write {elsewhere}", f"用户 {self.user} 无法写入 {elsewhere}"))
        if not wanted.is_symlink():
            wanted.rmdir()
            wanted.symlink_to(elsewhere)
        return elsewhere

    def prepare(self, say):
        if not (POSTGRES_BIN / "postgres").exists():
            raise Trouble(tr("PostgreSQL 15 is not installed: make packages", "未安装 PostgreSQL 15：make packages"))
        self.facts["postgres"] = str(self.place())
        if not (self.data / "PG_VERSION").exists():
            self.make_cluster(say)
        self.tune()

    def make_cluster(self, say):
        say(tr(f"making a PostgreSQL database in {self.data}", f"在 {self.data} 建立 PostgreSQL 数据库"))
        # Renamed when whole, so that an interrupted run leaves nothing that looks like a database.
        new = self.data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        password = new.with_name("password")
        password.touch(mode=0o600)
        password.write_text(self.facts["passwords"]["superuser"] + "\n", encoding="ascii")
        if self.user is not None:
            shutil.chown(password, self.user)
        made = self.run(str(POSTGRES_BIN / "initdb"), "--pgdata", str(new), "--username", "postgres", "--pwfile",
                        str(password), "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--lc-collate", "C")
        password.unlink()
        if not made:
            raise Trouble(tr("initdb failed", "initdb 失败") + "\n" + self.home.tail(self.name))
        new.rename(self.data)

    def tune(self):
        """What an operator may want otherwise stands in a file: ALTER SYSTEM prevails over it, as it would not over the command line."""
        tuning = self.data.with_name("tuning.conf")
        tuning.write_text("".join(f"{name} = '{value}'\n" for name, value in TUNING.items()), encoding="ascii")
        tuning.chmod(0o644)
        included = f"include = '../{tuning.name}'\n"
        with open(self.data / "postgresql.conf", "r+", encoding="utf-8") as file:
            written = file.read()
            if included not in written:
                file.write(included if written.endswith("\n") else "\n" + included)

    def before_start(self, say):
        """After a kill -9 of the postmaster its backends live on for a moment and a new one refuses to start beside them;
        and the pid in its file may meanwhile be somebody else's."""
        patience = time.monotonic() + 5.0
        while left := processes_in(self.data):
            if time.monotonic() > patience:
                say(tr(f"ending {len(left)} orphaned postgres processes", f"结束 {len(left)} 个残留的 postgres 进程"))
                for pid in left:
                    send_signal(pid, signal.SIGKILL)
                patience = time.monotonic() + 1.0
            time.sleep(0.02)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.facts["ports"]["postgres"], "unix_socket_directories": self.sockets() or "",
            "fsync": "on", "synchronous_commit": "on",
            "timezone": "UTC", "log_timezone": "UTC", "logging_collector": "off", "log_destination": "stderr",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self.as_user([str(POSTGRES_BIN / "postgres"), "-D", str(self.data), *options])

    def sockets(self):
        """The directory of the server's Unix socket: shorter for a service than loopback. None when its name is too long for one."""
        place, port = self.facts["postgres"], self.facts["ports"]["postgres"]
        return place if len(os.fsencode(f"{place}/.s.PGSQL.{port}")) <= SOCKET_PATH_MAX else None

    def dsn(self, role="postgres", database="ztc"):
        password = self.facts["passwords"]["superuser" if role == "postgres" else role.removeprefix("ztc_")]
        port, sockets = self.facts["ports"]["postgres"], self.sockets()
        if role == "postgres" or sockets is None:
            return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"
        return f"postgresql://{role}:{password}@{quote(sockets, safe='')}:{port}/{database}"

    def query(self, text, database="ztc"):
        """The first column of the first row, or None when it could not be asked."""
        asked = subprocess.run([str(POSTGRES_BIN / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text, self.dsn(database=database)],
                               env={**self.environment(), "PGCONNECT_TIMEOUT": "2"}, cwd="/", capture_output=True, text=True,
                               check=False)
        return asked.stdout.strip() if asked.returncode == 0 else None

    def is_ready(self):
        return self.query("SELECT 1", "postgres") == "1"

    def make_database(self):
        if self.query("SELECT count(*) FROM pg_database WHERE datname = 'ztc'", "postgres") == "0":
            self.query("CREATE DATABASE ztc", "postgres")
        if self.query("SELECT 1") != "1":
            raise Trouble(tr("cannot make the database ztc", "无法建立数据库 ztc") + "\n" + self.home.tail(self.name))


class Redis:
    """Holds nothing that is not rebuilt from PostgreSQL, so it keeps nothing on disk."""

    name = "redis"
    stop_signal = signal.SIGTERM
    stop_patience_s = 10.0

    def __init__(self, home, facts):
        self.home = home
        self.facts = facts
        self.directory = home.path / "redis"

    def prepare(self, _say):
        self.directory.mkdir(mode=0o700, exist_ok=True)

    def before_start(self, _say):
        pass

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}

    def command(self):
        return ["setpriv", "--pdeathsig", "TERM", "--", "redis-server", "--port", str(self.facts["ports"]["redis"]),
                "--bind", "127.0.0.1", "--dir", str(self.directory), "--daemonize", "no", "--save", "",
                "--appendonly", "no", "--maxmemory-policy", "noeviction", "--set-proc-title", "no"]

    def is_ready(self):
        try:
            with socket.create_connection(("127.0.0.1", self.facts["ports"]["redis"]), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
