"""Starts a stack's processes, restarts whatever dies, and stops them all when it is told to. One process, one thread: it is
the parent of them all, and should it be killed itself the kernel tells them to stop (setpriv --pdeathsig)."""

import os
import re
import secrets
import select
import signal
import subprocess
import time
from datetime import datetime, timezone

from stack_home import SERVERS, SERVICES, Home, Trouble, kill_processes_in, process_start, tr, write_whole
from stack_servers import Postgres, Redis, free_port, port_is_free
from stack_services import Deployment

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 5.0
STEADY_S = 10.0  # alive for so long, the next death starts from the first backoff again
TICK_S = 0.1
DEATHS_AT_START_MAX = 3
PORT_RETRIES_MAX = 10
SERVER_START_S, SERVICE_START_S, COMMAND_S = 60.0, 120.0, 300.0

PORTS_OF = {"postgres": ("postgres",), "redis": ("redis",), "intake": ("feed", "api_intake", "http_intake"),
            "dispatch": ("http_dispatch",), "notification": ("http_notification",), "evaluation": ("http_evaluation",),
            "reporting": ("query", "api_reporting", "http_reporting")}
ADDRESS_IN_USE = re.compile(r"address already in use", re.IGNORECASE)


class Stopped(Exception):
    """Told to stop while starting."""


class Child:
    """One supervised process. `part` says how it is made: name, directory, command, environment, stop_signal."""

    def __init__(self, part):
        self.part = part
        self.process = None
        self.started = 0.0
        self.backoff_s = BACKOFF_FIRST_S
        self.due = 0.0
        self.deaths = 0
        self.log_from = 0

    @property
    def name(self):
        return self.part.name


def exit_cause(code):
    if code < 0:
        try:
            return tr(f"killed by {signal.Signals(-code).name}", f"被信号 {signal.Signals(-code).name} 终止")
        except ValueError:
            return tr(f"killed by signal {-code}", f"被信号 {-code} 终止")
    return tr(f"exit status {code}", f"退出码 {code}")


class Supervisor:
    def __init__(self, directory):
        self.home = Home(directory)
        self.wish = self.home.wish()
        self.facts = self.home.facts()
        self.children = {}
        self.stopping = False
        self.starting = True
        self.port_retries = 0
        self.deployment = None
        self.postgres = Postgres(self.home, self.facts)
        self.redis = Redis(self.home, self.facts)
        self.owner = self.wish.get("owner")
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def say(self, text):
        """Standard output is log/supervisor.log; whoever waits for the stack shows these lines."""
        print(datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", text, flush=True)

    # --- The whole ---

    def run(self):
        lock = self.home.lock()
        if lock is None:
            return 1
        signal.set_wakeup_fd(self.wake_write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop_asked)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        write_whole(self.home.supervisor_pid_file, f"{os.getpid()}\n")
        outcome = "stopped"
        try:
            self.bring_up()
            self.say(tr("everything is up", "全部就绪"))
            self.home.write_state("ready")
            while not self.stopping:
                self.tick()
        except Stopped:
            pass
        except Trouble as trouble:
            self.say(tr(f"trouble: {trouble}", f"出错：{trouble}"))
            outcome = "failed"
        except Exception as bug:
            self.say(f"{type(bug).__name__}: {bug}")
            outcome = "failed"
            raise
        finally:
            self.home.write_state("stopping")
            self.stop_all()
            self.home.env_file.unlink(missing_ok=True)
            self.home.supervisor_pid_file.unlink(missing_ok=True)
            self.home.write_state(outcome)
            os.close(lock)
        return 0 if outcome == "stopped" else 1

    def _stop_asked(self, *_):
        self.stopping = True

    def bring_up(self):
        self.home.write_state("starting")
        self.home.env_file.unlink(missing_ok=True)
        self.make_facts()
        self.end_leftovers()
        self.postgres.prepare(self.say)
        self.redis.prepare(self.say)
        self.home.write_facts(self.facts)
        self.start_parts([self.postgres, self.redis], SERVER_START_S)
        self.postgres.make_database()
        if self.wish["services"]:
            self.bring_up_services()
        self.starting = False

    def bring_up_services(self):
        self.deployment = self.deployment_now()
        for service in self.deployment.services.values():
            service.prepare(self.say)
        self.say(tr("migrating the database", "迁移数据库结构"))
        self.ztc("migrate", ["migrate"], self.deployment.migrate_environment())
        self.start_parts(self.deployment.services.values(), SERVICE_START_S)
        self.home.write_facts(self.facts)
        if self.wish.get("seed", True):
            self.load()
        self.deployment.write_env()

    def deployment_now(self):
        return Deployment(self.home, self.facts, self.wish, self.postgres)

    def make_facts(self):
        passwords = self.facts.setdefault("passwords", {})
        for name in ("superuser", *SERVICES):
            passwords.setdefault(name, secrets.token_hex(16))
        ports = self.facts.setdefault("ports", {})
        for names in PORTS_OF.values():
            for name in names:
                if name not in ports or not port_is_free(ports[name]):
                    ports[name] = free_port(ports.values())

    def end_leftovers(self):
        """A supervisor that was killed may have left processes that did not hear of it yet."""
        places = {name: self.home.path / "state.d" / name for name in SERVICES}
        places["redis"] = self.redis.directory
        if "postgres" in self.facts:
            places["postgres"] = self.postgres.data
        for name, place in places.items():
            polite = signal.SIGINT if name == "postgres" else signal.SIGTERM
            if ended := kill_processes_in(place, polite):
                self.say(tr(f"ended {ended} processes of {name} that a former run left", f"结束了上次运行遗留的 {ended} 个 {name} 进程"))
        for left in (self.home.path / "pids").iterdir():
            left.unlink()
        for held in (self.home.path / "hold").iterdir():
            held.unlink()

    def load(self):
        for what, arguments in self.deployment.loading_commands():
            if what == "seeds":
                self.say(tr("loading the seeds", "装载基础数据"))
            self.ztc("seed", arguments, self.deployment.ztc_environment())
            if what != "seeds":
                self.facts["registered"].append(what)
                self.home.write_facts(self.facts)

    def ztc(self, log_name, arguments, environment):
        """Runs ztc to its end while the others stay supervised."""
        program = self.deployment.binaries / "ztc"
        if not program.exists():
            raise Trouble(tr(f"{program} is not built: make", f"{program} 尚未构建：make"))
        with open(self.home.log(log_name), "ab") as log:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", str(program), *arguments], cwd=self.home.path,
                                       env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            ended = self.wait_until(lambda: process.poll() is not None, COMMAND_S)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if not ended or process.returncode != 0:
            cause = exit_cause(process.returncode)
            raise Trouble(f"ztc {' '.join(arguments)}: {cause}\n{self.home.tail(log_name)}")

    # --- Starting, watching, restarting ---

    def start_parts(self, parts, patience_s):
        children = [Child(part) for part in parts]
        for child in children:
            self.children[child.name] = child
            self.start(child)
        waiting = list(children)

        def all_ready():
            waiting[:] = [child for child in waiting if child.process is None or not child.part.is_ready()]
            return not waiting

        if not self.wait_until(all_ready, patience_s):
            child = waiting[0]
            missing = child.part.not_ready() if hasattr(child.part, "not_ready") else ""
            raise Trouble(tr(f"{child.name} is not ready after {patience_s:.0f} s: {missing}",
                             f"{child.name} 在 {patience_s:.0f} 秒内未就绪：{missing}") + "\n" + self.home.tail(child.name))

    def start(self, child):
        if self.home.hold_file(child.name).exists():
            return
        child.part.before_start(self.say)
        with open(self.home.log(child.name), "ab") as log:
            child.log_from = log.tell()
            child.process = subprocess.Popen(child.part.command(), cwd=child.part.directory if child.name != "postgres" else "/",
                                             env=child.part.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        child.started = time.monotonic()
        write_whole(self.home.pid_file(child.name), f"{child.process.pid}\n")
        ports = " ".join(str(self.facts["ports"][port]) for port in PORTS_OF[child.name])
        self.say(tr(f"started {child.name}, pid {child.process.pid}, port {ports}", f"已启动 {child.name}，进程 {child.process.pid}，端口 {ports}"))

    def tick(self):
        """Waits a moment or for a signal, then looks after every child."""
        readable, _, _ = select.select([self.wake_read], [], [], TICK_S)
        if readable:
            os.read(self.wake_read, 4096)
        now = time.monotonic()
        for child in self.children.values():
            if child.process is not None and child.process.poll() is not None:
                self.died(child, now)
            elif child.process is None and now >= child.due and not self.stopping:
                self.start(child)
        if self.owner and process_start(self.owner["pid"]) != self.owner["start"]:
            self.stopping = True

    def died(self, child, now):
        cause = exit_cause(child.process.returncode)
        child.process = None
        self.home.pid_file(child.name).unlink(missing_ok=True)
        if self.home.hold_file(child.name).exists():
            self.say(tr(f"{child.name} ended: {cause}; held", f"{child.name} 已结束：{cause}；暂不重启"))
            child.due = now
            return
        if now - child.started > STEADY_S:
            child.backoff_s = BACKOFF_FIRST_S
        child.due = now + child.backoff_s
        self.say(tr(f"{child.name} ended: {cause}; starting it again in {child.backoff_s:.1f} s",
                    f"{child.name} 已结束：{cause}；{child.backoff_s:.1f} 秒后重启"))
        child.backoff_s = min(child.backoff_s * 2, BACKOFF_MAX_S)
        if self.starting and not self.stopping:
            self.died_at_start(child, cause)

    def died_at_start(self, child, cause):
        with open(self.home.log(child.name), "rb") as log:
            log.seek(child.log_from)
            said = log.read().decode("utf-8", "replace")
        if ADDRESS_IN_USE.search(said) and self.port_retries < PORT_RETRIES_MAX:
            self.port_retries += 1
            for name in PORTS_OF[child.name]:
                self.facts["ports"][name] = free_port(self.facts["ports"].values())
            child.backoff_s = BACKOFF_FIRST_S
            return
        child.deaths += 1
        if child.deaths >= DEATHS_AT_START_MAX:
            raise Trouble(tr(f"{child.name} does not start: {cause}", f"{child.name} 无法启动：{cause}") + "\n" + self.home.tail(child.name))

    def wait_until(self, condition, patience_s):
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.tick()
            if self.stopping:
                raise Stopped
        return True

    # --- Stopping ---

    def stop_all(self):
        """Services first, then what they stand on."""
        self.stop([child for name, child in self.children.items() if name not in SERVERS])
        for name in ("redis", "postgres"):
            self.stop([child for child in self.children.values() if child.name == name])

    def stop(self, children):
        running = [child for child in children if child.process is not None and child.process.poll() is None]
        for child in running:
            child.process.send_signal(child.part.stop_signal)
        begun = time.monotonic()
        for child in running:
            try:
                child.process.wait(max(0.0, begun + child.part.stop_patience_s - time.monotonic()))
                self.say(tr(f"stopped {child.name} ({exit_cause(child.process.returncode)}, {time.monotonic() - begun:.1f} s)",
                            f"已停止 {child.name}（{exit_cause(child.process.returncode)}，{time.monotonic() - begun:.1f} 秒）"))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
                self.say(tr(f"killed {child.name}: it did not stop within {child.part.stop_patience_s:.0f} s",
                            f"强制结束 {child.name}：{child.part.stop_patience_s:.0f} 秒内未停止"))
        for child in children:
            child.process = None
            self.home.pid_file(child.name).unlink(missing_ok=True)
            if child.name == "postgres":
                kill_processes_in(child.part.directory, signal.SIGKILL)
