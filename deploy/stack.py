#!/usr/bin/python3
"""A private Zhitongche: its own PostgreSQL and Redis and the five services, on free ports, in one directory.

As a program: up, down, status, run, demo, replay (--help). As a module: class Stack, for tests."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stack_home import (ROOT, SERVERS, SERVICES, Home, Trouble, process_start, read_env, send_signal, tr)
from stack_supervisor import PORTS_OF, Supervisor

PYTHON = "/usr/bin/python3"
UP_S, DOWN_S = 900.0, 120.0
FOLLOW_S = 0.1


def say(text):
    print(text, flush=True)


class LogFollower:
    """The lines that were added to files since the last look."""

    def __init__(self, files):
        self.positions = {name: path.stat().st_size if path.exists() else 0 for name, path in files.items()}
        self.files = files

    def lines(self):
        for name, path in self.files.items():
            if not path.exists():
                continue
            with open(path, "rb") as file:
                file.seek(self.positions[name])
                added = file.read()
            whole = added[:added.rfind(b"\n") + 1]
            self.positions[name] += len(whole)
            for line in whole.decode("utf-8", "replace").splitlines():
                yield name, line


class Stack:
    """One stack, by its directory; any number of these may look at the same one. The processes belong to a supervisor of
    their own, which restarts what dies: kill() shows that, stop() and start() hold a process down."""

    def __init__(self, directory, binaries=None):
        self.home = Home(directory)
        self.binaries = Path(binaries or os.environ.get("ZTC_BIN") or ROOT / "build" / "bin").absolute()

    # --- The whole ---

    def is_up(self):
        return self.home.is_supervised() and self.home.state() == "ready"

    def up(self, services=SERVICES, settings=None, seed=True, owner=None, report=say):
        """Returns when everything is ready; raises Trouble, with nothing left running, when that fails. `settings`: further
        environment of the services. `owner`: a pid; the stack goes down by itself when that process is gone."""
        if self.home.is_supervised():
            self._await_ready(report, self._follow_supervisor())
            report(tr(f"already up: {self.home.path}", f"已在运行：{self.home.path}"))
            return
        self.home.make()
        self.home.write_wish({
            "binaries": str(self.binaries), "services": list(services), "settings": settings or {}, "seed": seed,
            "owner": {"pid": owner, "start": process_start(owner)} if owner else None,
        })
        self.home.write_state("starting")
        follower = self._follow_supervisor()
        with open(self.home.supervisor_log, "ab") as log:
            # A session of its own: it outlives this process and hears no Ctrl-C of the terminal.
            supervisor = subprocess.Popen([PYTHON, __file__, "supervise", "--dir", str(self.home.path)], cwd="/",
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            self._await_ready(report, follower, supervisor)
        except BaseException:
            if supervisor.poll() is None:
                supervisor.terminate()
                supervisor.wait()
            raise

    def _follow_supervisor(self):
        return LogFollower({"supervisor": self.home.supervisor_log})

    def _await_ready(self, report, follower, supervisor=None):
        deadline = time.monotonic() + UP_S
        while True:
            state = self.home.state()
            gone = supervisor.poll() is not None if supervisor else not self.home.is_supervised()
            for _, line in follower.lines():
                report(line.partition("Z ")[2] or line)
            if state == "ready" and not gone:
                return
            if gone or time.monotonic() > deadline:
                raise Trouble(tr(f"the stack did not come up; see {self.home.path}/log", f"未能启动；参见 {self.home.path}/log"))
            time.sleep(FOLLOW_S)

    def down(self, report=say):
        """Stops everything, gracefully where it lets itself be stopped; harmless when nothing runs."""
        if not self.home.is_supervised():
            self._end_leftovers(report)
            return
        follower = self._follow_supervisor()
        pid = int(self.home.supervisor_pid_file.read_text(encoding="ascii"))
        send_signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_S
        while self.home.is_supervised():
            for _, line in follower.lines():
                report(line.partition("Z ")[2] or line)
            if time.monotonic() > deadline:
                send_signal(pid, signal.SIGKILL)
                report(tr("killed the supervisor: it did not stop", "强制结束监管进程：未能停止"))
                self._end_leftovers(report)
                return
            time.sleep(FOLLOW_S)
        for _, line in follower.lines():
            report(line.partition("Z ")[2] or line)

    def _end_leftovers(self, report):
        """Of a supervisor that was killed."""
        if self.home.path.exists() and (self.home.path / "pids").exists():
            cleaner = Supervisor(self.home.path)
            cleaner.say = report
            cleaner.end_leftovers()
            self.home.env_file.unlink(missing_ok=True)
            self.home.supervisor_pid_file.unlink(missing_ok=True)
            if self.home.state() not in ("stopped", "failed"):
                self.home.write_state("stopped")

    def remove(self):
        """Everything that a stopped stack has stored."""
        data = self.home.path / "pg"
        if data.is_symlink():
            shutil.rmtree(data.resolve(), ignore_errors=True)
        shutil.rmtree(self.home.path, ignore_errors=True)

    # --- What runs, and where ---

    @property
    def env(self):
        """The file env; every test's way in."""
        return read_env(self.home.env_file)

    @property
    def ports(self):
        return self.home.facts()["ports"]

    @property
    def dsn(self):
        password = self.home.facts()["passwords"]["superuser"]
        return f"postgresql://postgres:{password}@127.0.0.1:{self.ports['postgres']}/ztc"

    @property
    def redis(self):
        return f"127.0.0.1:{self.ports['redis']}"

    def http(self, service):
        return f"http://127.0.0.1:{self.ports['http_' + service]}"

    def names(self):
        return [*SERVERS, *self.home.wish().get("services", [])]

    def pid(self, name):
        """None while it is down."""
        try:
            return int(self.home.pid_file(name).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    def log(self, name):
        return self.home.log(name).read_text(encoding="utf-8", errors="replace")

    def is_ready(self, name):
        """Asked of the process itself, not of what was written down about it."""
        if self.pid(name) is None:
            return False
        supervisor = Supervisor(self.home.path)
        if name in SERVERS:
            return getattr(supervisor, name).is_ready()
        return supervisor.deployment_now().services[name].is_ready()

    def wait_ready(self, *names, patience_s=60.0):
        deadline = time.monotonic() + patience_s
        for name in names or self.names():
            while not self.is_ready(name):
                if time.monotonic() > deadline:
                    raise Trouble(tr(f"{name} is not ready", f"{name} 未就绪") + "\n" + self.home.tail(name))
                time.sleep(0.05)

    # --- One process ---

    def kill(self, name, number=signal.SIGKILL):
        """Returns the pid that was signalled; the supervisor starts the process again."""
        pid = self.pid(name)
        if pid is None:
            raise Trouble(tr(f"{name} is not running", f"{name} 未在运行"))
        send_signal(pid, number)
        return pid

    def stop(self, name, number=signal.SIGTERM, patience_s=60.0):
        """Holds a process down until start()."""
        self.home.hold_file(name).touch()
        if (pid := self.pid(name)) is not None:
            send_signal(pid, signal.SIGINT if name == "postgres" and number == signal.SIGTERM else number)
        self._wait(lambda: self.pid(name) is None, name, patience_s)

    def start(self, name, patience_s=60.0):
        self.home.hold_file(name).unlink(missing_ok=True)
        self.wait_ready(name, patience_s=patience_s)

    def wait_restarted(self, name, pid, patience_s=60.0):
        """Waits until another process than `pid` runs under the name, and is ready."""
        self._wait(lambda: self.pid(name) not in (None, pid), name, patience_s)
        self.wait_ready(name, patience_s=patience_s)

    def _wait(self, condition, name, patience_s):
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                raise Trouble(tr(f"{name}: nothing happened for {patience_s:.0f} s", f"{name}：{patience_s:.0f} 秒内没有变化"))
            time.sleep(0.02)

    def set(self, **settings):
        """Changes the environment of what is started from now on; None takes a variable away."""
        wish = self.home.wish()
        kept = {**wish.get("settings", {}), **settings}
        self.home.write_wish({**wish, "settings": {name: value for name, value in kept.items() if value is not None}})

    # --- ztc ---

    def ztc(self, *arguments, key="operator", **options):
        """Runs ztc against this stack with a role's key, or with a secret certificate's path."""
        env = {**os.environ, **self.env, **self.home.wish().get("settings", {})}
        env["ZTC_KEY"] = self.env.get(f"ZTC_KEY_{key.upper()}", str(key))
        return subprocess.run([str(self.binaries / "ztc"), *arguments], env=env, check=False, **options)


# --- The program ---

class Interrupted(Exception):
    """Ctrl-C or SIGTERM."""


def interrupt(*_):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def interruptible():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def command_up(options):
    stack = Stack(options.dir)
    if options.fresh:
        if stack.home.is_supervised():
            raise Trouble(tr("it is up, so nothing is forgotten: make down first", "正在运行，未清除任何数据：请先 make down"))
        stack.remove()
    stack.up()
    say(tr(f"addresses and keys are in {stack.home.env_file}", f"地址与密钥见 {stack.home.env_file}"))
    return 0


def command_down(options):
    Stack(options.dir).down()
    say(tr(f"nothing runs under {os.path.abspath(options.dir)}", f"{os.path.abspath(options.dir)} 下没有进程在运行"))
    return 0


def command_status(options):
    stack = Stack(options.dir)
    if not stack.home.is_supervised():
        say(tr("down", "未运行"))
        return 3
    names = stack.names()
    ready = {name: stack.is_ready(name) for name in names}
    ready_all = stack.is_up() and all(ready.values())
    words = {True: tr("ready", "就绪"), False: tr("not ready", "未就绪")}
    state = words[ready_all] if stack.is_up() else stack.home.state()
    say(f"{state}  {stack.home.path}")
    for name in names:
        ports = " ".join(str(stack.ports[port]) for port in PORTS_OF[name])
        say(f"{name:13} {stack.pid(name) or '-':>8}  {ports:18} {words[ready[name]]}")
    return 0 if ready_all else 1


def command_run(options):
    stack = Stack(options.dir)
    ours = not stack.home.is_supervised()
    interruptible()
    try:
        if ours and options.fresh:
            stack.remove()
        stack.up(owner=os.getpid())
        # From before the case, so that its way through the services is the first thing seen.
        follower = LogFollower({name: stack.home.log(name) for name in (*stack.names(), "supervisor")})
        played = stack.ztc("play").returncode
        if played != 0:
            say(tr(f"the case was not played to its end: exit status {played}", f"案例未能走完：退出码 {played}"))
        say(tr("following the logs; Ctrl-C stops", "以下为各服务日志；按 Ctrl-C 停止"))
        while stack.home.is_supervised():
            for name, line in follower.lines():
                print(f"{name:12} | {line}")
            sys.stdout.flush()
            time.sleep(FOLLOW_S)
        return 1
    except Interrupted:
        return 0
    finally:
        if ours:
            say(tr("stopping", "正在停止"))
            stack.down()
        else:
            say(tr("it was up before and stays up: make down", "此前已在运行，保持运行：make down"))


def command_demo(_options):
    directory = tempfile.mkdtemp(prefix="ztc-demo-", dir="/var/tmp")
    stack = Stack(directory)
    interruptible()
    try:
        stack.up(owner=os.getpid())
        return stack.ztc("play").returncode
    except Interrupted:
        return 130
    finally:
        stack.down()
        stack.remove()


def command_replay(options):
    if not options.file:
        raise Trouble(tr("which file? FILE=cases.csv.xz", "请指定文件：FILE=cases.csv.xz"))
    stack = Stack(options.dir)
    stack.up()
    replay = [PYTHON, str(ROOT / "tests" / "chaos" / "replay.py"), "--env", str(stack.home.env_file), "--file", options.file]
    if options.kill:
        replay += ["--kill", options.kill]
    return subprocess.run(replay, env={**os.environ, "ZTC_BIN": str(stack.binaries)}, check=False).returncode


def command_supervise(options):
    return Supervisor(options.dir).run()


def arguments():
    parser = argparse.ArgumentParser(
        description="Runs a private Zhitongche in a directory. 在一个目录里运行一套私有的直通车。",
        epilog="Messages are in Chinese when ZTC_LANG or the locale is. ZTC_LANG 或系统语言为中文时，输出为中文。")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, function, text, fresh=False, directory=True):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        if directory:
            command.add_argument("--dir", default=".run", help="the stack's directory, default .run 运行目录")
        if fresh:
            command.add_argument("--fresh", action="store_true", help="forget what a former run stored 清除以前的数据")
        return command

    add("up", command_up, "start everything and leave it running 启动并在后台运行", fresh=True)
    add("down", command_down, "stop everything 全部停止")
    add("status", command_status, "show what runs; exit 0 when all is ready 查看状态")
    add("run", command_run, "start, play the first case, follow the logs until Ctrl-C 启动、演示并跟踪日志", fresh=True)
    add("demo", command_demo, "a fresh stack: start, play the first case, stop 全新启动、演示、停止", directory=False)
    replay = add("replay", command_replay, "send a file of cases through the system 回放案件文件")
    replay.add_argument("--file", help="CSV, may be .xz")
    replay.add_argument("--kill", metavar="SEED", help="kill every process on the way, as this seed has it 按种子杀进程")
    commands.add_parser("supervise").set_defaults(function=command_supervise)
    commands.choices["supervise"].add_argument("--dir", required=True)
    return parser.parse_args()


def main():
    options = arguments()
    try:
        return options.function(options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
