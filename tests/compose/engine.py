"""A container engine of the tests' own: dockerd with its own directory, socket and pid file; and everything that it changed on this machine
(rules of iptables, bridges, forwarding) put back as it was found."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "build" / "engine"  # layers are kept from run to run; make clean removes them
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
BASE = "debian:bookworm-slim"
UP_S, DOWN_S = 60.0, 60.0
COUNTERS = re.compile(r"\[\d+:\d+\]|^#.*$", re.MULTILINE)


def output(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def rules():
    """{(family, table): as iptables-save prints it}."""
    found = {}
    for family in ("iptables", "ip6tables"):
        for block in re.findall(r"^\*.*?^COMMIT$", output(f"{family}-save", stderr=subprocess.DEVNULL), re.MULTILINE | re.DOTALL):
            found[family, block.splitlines()[0][1:]] = COUNTERS.sub("", block) + "\n"
    return found


def bridges():
    return {path.name for path in Path("/sys/class/net").iterdir() if (path / "bridge").exists()}


def groups():
    return {path for path in Path("/sys/fs/cgroup").glob("*/docker")} | set(Path("/sys/fs/cgroup").glob("docker"))


class Machine:
    """What dockerd changes, as it was found."""

    def __init__(self):
        self.rules, self.bridges, self.groups, self.forward = rules(), bridges(), groups(), FORWARD.read_text(encoding="ascii")

    def put_back(self):
        for bridge in bridges() - self.bridges:
            subprocess.run(["ip", "link", "delete", bridge], check=True)
        for (family, table), now in rules().items():
            before = self.rules.get((family, table))
            if before == now:
                continue
            if before is not None:
                subprocess.run([f"{family}-restore", f"--table={table}"], input=before, text=True, check=True)
            else:
                kind = "ip" if family == "iptables" else "ip6"
                subprocess.run(["nft", "delete", "table", kind, table], check=True)
        FORWARD.write_text(self.forward, encoding="ascii")
        for group in groups() - self.groups:
            for inner in sorted(group.rglob("*/"), reverse=True):
                inner.rmdir()
            group.rmdir()

    def differences(self):
        return [name for name, before, now in (("rules", self.rules, rules()), ("bridges", self.bridges, bridges()), ("groups", self.groups, groups()),
                                               ("forwarding", self.forward, FORWARD.read_text(encoding="ascii"))) if before != now]


class Engine:
    def __init__(self):
        self.machine = Machine()
        # Sockets have short paths.
        self.directory = Path(tempfile.mkdtemp(prefix="ztc-engine-", dir="/var/tmp"))
        self.socket = f"unix://{self.directory}/docker.sock"
        # Debian's client before any other.
        self.env = {**os.environ, "DOCKER_HOST": self.socket, "DOCKER_BUILDKIT": "0", "PATH": "/usr/bin:/usr/sbin:/bin:/sbin:" + os.environ["PATH"],
                    "DOCKER_CONFIG": str(self.directory), "COMPOSE_PROJECT_NAME": "ztctest"}
        self.process = None

    def start(self):
        STORE.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            ["/usr/sbin/dockerd", "--data-root", str(STORE), "--exec-root", str(self.directory / "exec"), "--host", self.socket,
             "--pidfile", str(self.directory / "docker.pid"), "--group", "root"],
            env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.directory / "dockerd.log", "wb"))
        deadline = time.monotonic() + UP_S
        while self.docker("info", check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("dockerd does not start:\n" + (self.directory / "dockerd.log").read_text(errors="replace")[-4000:])
            time.sleep(0.2)
        if self.docker("image", "inspect", BASE, check=False).returncode != 0:
            self.make_base()

    def make_base(self):
        tar = self.directory / "base.tar"
        subprocess.run(["mmdebstrap", "--variant=apt", "--quiet", "bookworm", str(tar)], check=True, stdin=subprocess.DEVNULL)
        self.docker("import", str(tar), BASE)
        tar.unlink()

    def docker(self, *arguments, check=True, **options):
        ran = subprocess.run(["docker", *arguments], env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=False, **options)
        assert not check or ran.returncode == 0, f"docker {' '.join(arguments)}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def stop(self):
        """All of it, whatever state it is in."""
        try:
            if self.process is not None and self.process.poll() is None:
                if left := self.docker("ps", "--all", "--quiet", check=False).stdout.split():
                    self.docker("rm", "--force", "--volumes", *left, check=False)
                self.docker("network", "prune", "--force", check=False)
                self.docker("volume", "prune", "--force", check=False)
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(DOWN_S)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
        finally:
            self.machine.put_back()
        shutil.rmtree(self.directory, ignore_errors=True)


def digests(directory):
    """{path: digest} of all files under a directory."""
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(directory).rglob("*") if path.is_file()}
