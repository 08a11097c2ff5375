"""What a stack's directory holds, and how to say things to the person at the terminal."""

import fcntl
import json
import os
import signal
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("intake", "dispatch", "notification", "evaluation", "reporting")
SERVERS = ("postgres", "redis")


class Trouble(Exception):
    """Something a person must hear of; the text is for them."""


def tr(english, chinese):
    """People read Chinese when ZTC_LANG or the locale says so, developers English."""
    language = next((value for name in ("ZTC_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
                     if (value := os.environ.get(name))), "en")
    return chinese if language.startswith("zh") else english


def write_whole(path, text, mode=0o600):
    """Readers see the old file or the new one, never half of either."""
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def read_env(path):
    """KEY=VALUE lines as a dict; raises FileNotFoundError when the stack is not up."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


class Home:
    """The paths under a stack's directory, and its two small files of facts: stack.json, kept from run to run (ports,
    passwords, where PostgreSQL's data is, which keys are registered), and wish.json, what the present run is to be."""

    def __init__(self, directory):
        self.path = Path(os.path.abspath(directory))
        self.env_file = self.path / "env"
        self.state_file = self.path / "state"
        self.supervisor_pid_file = self.path / "supervisor.pid"
        self.supervisor_log = self.log("supervisor")
        self.keys = self.path / "keys"

    def log(self, name):
        return self.path / "log" / f"{name}.log"

    def pid_file(self, name):
        return self.path / "pids" / name

    def hold_file(self, name):
        """While it exists the supervisor leaves that process stopped."""
        return self.path / "hold" / name

    def make(self):
        # PostgreSQL's own user must be able to pass through to its data, and see nothing else.
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for name in ("log", "pids", "hold", "keys", "state.d"):
            (self.path / name).mkdir(mode=0o700, exist_ok=True)

    def _read(self, name):
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def facts(self):
        return self._read("stack.json")

    def write_facts(self, facts):
        write_whole(self.path / "stack.json", json.dumps(facts, indent=4) + "\n")

    def wish(self):
        return self._read("wish.json")

    def write_wish(self, wish):
        write_whole(self.path / "wish.json", json.dumps(wish, indent=4) + "\n")

    def state(self):
        """starting, ready, stopping, stopped or failed; what the supervisor last wrote."""
        try:
            return self.state_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return "stopped"

    def write_state(self, state):
        write_whole(self.state_file, state + "\n")

    def lock(self, patience_s=2.0):
        """Held by the supervisor for as long as it lives: a descriptor, or None when another has it."""
        descriptor = os.open(self.path / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience_s  # somebody may just be looking, see below
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.02)

    def is_supervised(self):
        try:
            descriptor = os.open(self.path / "supervisor.lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)

    def tail(self, name, lines=30):
        try:
            text = self.log(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


# Processes are recognised by their working directory: each has one of its own, and unlike a pid it is not given away again.

def process_directory(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def processes_in(directory):
    """Every process whose working directory this is, postgres's backends included."""
    real = os.path.realpath(directory)
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and process_directory(entry) == real]


def process_start(pid):
    """Distinguishes a process from a later one with the same pid; None when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def send_signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_processes_in(directory, polite=signal.SIGTERM, patience_s=5.0):
    """Ends what an earlier run left behind in a directory. Returns how many there were."""
    left = found = processes_in(directory)
    for pid in found:
        send_signal(pid, polite)
    deadline = time.monotonic() + patience_s
    while (left := processes_in(directory)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        send_signal(pid, signal.SIGKILL)
    while left and processes_in(directory):
        time.sleep(0.05)
    return len(found)
