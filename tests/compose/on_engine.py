"""docker-compose.yml on a real container engine (make compose-test): the first day as README.md tells it, then everything looked at, played,
killed and stopped. In order: each test goes on where the one before ended. Others' images are stood in for (stand-ins.yml)."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import msgpack
import pytest
import zmq
import zmq.auth
from engine import ROOT, Engine, digests
from stack_home import SERVICES
from stack_servers import free_port

VERSION = subprocess.run(["make", "-s", "-C", str(ROOT), "version"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
IMAGE = f"zhitongche:{VERSION}"
SEALED = ("postgres", "redis", *SERVICES, "nginx")
HEALTHY_S, BACK_S = 300.0, 120.0
DAY_MS = 24 * 3600 * 1000


class Deployment:
    """The files of a deployment in a directory of their own, and docker-compose there."""

    def __init__(self, engine, directory):
        self.engine = engine
        self.directory = Path(directory)
        shutil.copy(ROOT / "docker-compose.yml", self.directory)
        shutil.copytree(ROOT / "deploy", self.directory / "deploy")
        shutil.copytree(ROOT / "tests" / "compose", self.directory / "tests" / "compose")
        self.secrets = self.directory / "secrets"
        self.ports = {}
        for name in ("TLS_PORT", "FEED_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT"):
            self.ports[name] = free_port(self.ports.values())
        self.env = {**engine.env, "PUBLISH_ADDRESS": "127.0.0.1", **{name: str(port) for name, port in self.ports.items()}}
        self.trust = self.position = None

    def make(self, *arguments):
        return subprocess.run(["make", "-C", str(ROOT), f"SECRETS={self.secrets}", f"IMAGE={IMAGE}", *arguments], env=self.env, check=True,
                              text=True, stdout=subprocess.PIPE).stdout

    def compose(self, *arguments, check=True):
        ran = subprocess.run(["docker-compose", "-f", "docker-compose.yml", "-f", "tests/compose/stand-ins.yml", *arguments], cwd=self.directory,
                             env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert not check or ran.returncode == 0, f"docker-compose {' '.join(arguments)}\n{ran.stdout[-8000:]}\n{ran.stderr[-8000:]}"
        return ran

    def inspect(self, service):
        ids = self.compose("--profile", "observe", "ps", "--all", "--quiet", service).stdout.split()
        assert len(ids) == 1, (service, ids)
        return json.loads(self.engine.docker("inspect", ids[0]).stdout)[0]

    def health(self, service):
        state = self.inspect(service)["State"]
        return state["Health"]["Status"] if state["Running"] else state["Status"]

    def wait_healthy(self, *services, patience_s=HEALTHY_S):
        deadline = time.monotonic() + patience_s
        for service in services or SEALED:
            while (health := self.health(service)) != "healthy":
                assert time.monotonic() < deadline, f"{service} is {health}\n" + self.compose("logs", "--tail=40", service).stdout
                time.sleep(0.5)

    def kill(self, service):
        """As a crash has it: docker kill would be taken for somebody's wish. Returns when the engine has started it anew."""
        before = self.inspect(service)["State"]
        os.kill(before["Pid"], signal.SIGKILL)
        deadline = time.monotonic() + BACK_S
        while True:
            now = self.inspect(service)
            if now["State"]["Running"] and now["State"]["Pid"] not in (0, before["Pid"]):
                return now["RestartCount"]
            assert time.monotonic() < deadline, f"{service} was not started again"
            time.sleep(0.2)

    def bearer(self, role):
        return (self.secrets / "people" / f"{role}.bearer").read_text(encoding="ascii").strip()

    def rest(self, method, path, role="village", body=None, key=None):
        """(status, answer); status None: nobody answers."""
        headers = {"Authorization": f"Bearer {self.bearer(role)}", "Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        elif self.position:
            headers["Ztc-Position"] = self.position  # what was written last is to be seen
        request = urllib.request.Request(f"https://localhost:{self.ports['TLS_PORT']}{path}", method=method, headers=headers,
                                         data=json.dumps(body).encode() if body is not None else None)
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=20) as answer:
                self.position = answer.headers.get("Ztc-Position") or self.position
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")
        except (OSError, ValueError):
            return None, None

    def page(self, order):
        """An order's page, as a patient reader."""
        deadline = time.monotonic() + BACK_S
        while True:
            status, page = self.rest("GET", f"/v1/orders/{order}")
            if status == 200:
                return page
            assert status in (None, 502, 503, 504) and time.monotonic() < deadline, (status, page)
            time.sleep(0.5)

    def submit(self, need):
        """An order over REST, as a patient client: the same key until there is an answer. Its number."""
        key, deadline = str(uuid.uuid4()), time.monotonic() + BACK_S
        while True:
            status, answer = self.rest("POST", "/v1/orders", body={"need": need, "squads": ["hrss-social-insurance"]}, key=key)
            if status in (200, 201):
                return (answer.get("result") or answer)["order"]
            assert status in (None, 502, 503, 504, 409) and time.monotonic() < deadline, (status, answer)
            time.sleep(0.5)


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
    assert engine.machine.differences() == []


@pytest.fixture(scope="module")
def deployment(engine):
    directory = tempfile.mkdtemp(prefix="ztc-compose-", dir="/var/tmp")
    deployment = Deployment(engine, directory)
    try:
        yield deployment
    finally:
        deployment.compose("--profile", "observe", "--profile", "demo", "down", "--volumes", "--timeout", "30", check=False)
        shutil.rmtree(directory)


# --- The first day ---

def test_the_first_day(deployment):
    deployment.make("image")
    assert "tls.crt" in deployment.make("compose-secrets")
    deployment.compose("build", "postgres", "redis", "nginx", "prometheus")
    deployment.compose("up", "--detach")
    deployment.wait_healthy()
    for one_shot in ("migrate", "seed"):
        deadline = time.monotonic() + HEALTHY_S
        while (state := deployment.inspect(one_shot)["State"])["Status"] != "exited":
            assert time.monotonic() < deadline, one_shot
            time.sleep(0.5)
        assert state["ExitCode"] == 0, deployment.compose("logs", one_shot).stdout
    deployment.trust = ssl.create_default_context(cafile=deployment.secrets / "tls.crt")


def test_secrets_are_made_once_and_are_each_their_readers_own(deployment):
    before = digests(deployment.secrets)
    assert "0 made" in deployment.make("compose-secrets")
    assert digests(deployment.secrets) == before and len(before) > 40
    owners = {"postgres_password": 999, "grafana_password": 472, "tls.key": 101, "tls.crt": 101}
    for name in before:
        stat = (deployment.secrets / name).stat()
        assert stat.st_mode & 0o7777 == 0o600 and stat.st_uid == owners.get(name, 10001), name


def test_a_lost_secret_is_made_again_and_no_other(deployment):
    before = digests(deployment.secrets)
    lost = deployment.secrets / "people" / "surveyor.bearer"
    kept = lost.read_bytes()
    lost.unlink()
    assert "1 made" in deployment.make("compose-secrets")
    after = digests(deployment.secrets)
    assert {name for name in before if before[name] != after[name]} == {"people/surveyor.bearer"}
    lost.write_bytes(kept)


# --- Sealed ---

def test_every_container_is_sealed(deployment):
    for service in (*SEALED, "migrate", "seed"):
        container = deployment.inspect(service)
        host, config = container["HostConfig"], container["Config"]
        assert config["User"].split(":")[0] not in ("", "0", "root"), service
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0, service
        assert host["LogConfig"]["Type"] == "json-file" and host["LogConfig"]["Config"]["max-size"] == "10m", service
        if service in SEALED:
            assert host["RestartPolicy"]["Name"] == "unless-stopped" and config["Healthcheck"]["Test"], service


def test_the_processes_have_no_powers(deployment):
    """As the kernel has it, not as it was asked for."""
    for service in SEALED:
        status = Path(f"/proc/{deployment.inspect(service)['State']['Pid']}/status").read_text(encoding="ascii")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert "0" not in fields["Uid"].split() and fields["NoNewPrivs"] == "1", service
        assert all(int(fields[caps], 16) == 0 for caps in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")), service


def test_a_program_may_write_to_its_tmp_only(deployment):
    for service in SERVICES:
        assert deployment.compose("exec", "-T", service, "sh", "-c", "echo x > /tmp/x && rm /tmp/x").returncode == 0
        for place in ("/usr/bin/x", "/run/secrets/x", "/etc/x", "/x"):
            assert deployment.compose("exec", "-T", service, "sh", "-c", f"echo x > {place}", check=False).returncode != 0, place


def test_only_the_front_doors_are_published(deployment):
    published = {}
    for service in SEALED:
        for port, bound in deployment.inspect(service)["NetworkSettings"]["Ports"].items():
            if bound:
                published[service, port] = [(one["HostIp"], one["HostPort"]) for one in bound]
    assert published == {("intake", "5550/tcp"): [("127.0.0.1", str(deployment.ports["FEED_PORT"]))],
                         ("nginx", "8443/tcp"): [("127.0.0.1", str(deployment.ports["TLS_PORT"]))]}


def test_services_see_only_what_they_need(deployment):
    """Redis is dispatch's alone, and nginx has no way to PostgreSQL."""
    networks = {service: {name.partition("_")[2] for name in deployment.inspect(service)["NetworkSettings"]["Networks"]} for service in SEALED}
    assert networks["redis"] == {"live"} and [service for service in SEALED if "live" in networks[service]] == ["redis", "dispatch"]
    assert networks["postgres"] == {"records"} and "records" not in networks["nginx"]
    assert deployment.compose("exec", "-T", "intake", "sh", "-c", "getent hosts redis", check=False).returncode != 0


def test_no_secret_in_settings_or_logs(deployment):
    values = [(deployment.secrets / name).read_text(encoding="ascii").strip() for name in ("postgres_password", "webhooks.key")]
    values += [(deployment.secrets / f"records_{service}").read_text(encoding="ascii").strip().rpartition(":")[2] for service in SERVICES]
    values += [deployment.bearer(role) for role in ("operator", "village")]
    values.append(zmq.auth.load_certificate(str(deployment.secrets / "bus.key_secret"))[1].decode("ascii"))
    said = deployment.compose("logs", "--no-color").stdout + "".join(json.dumps(deployment.inspect(service)) for service in (*SEALED, "migrate", "seed"))
    assert len(said) > 10000 and not [value for value in values if len(value) < 32 or value in said]


def test_the_image_has_no_compiler_and_says_what_it_is(deployment):
    labels = json.loads(deployment.engine.docker("image", "inspect", IMAGE).stdout)[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION and len(labels["org.opencontainers.image.revision"]) == 40
    for program in ("gcc", "cc", "make", "curl", "python3", "git", "clang"):
        assert deployment.compose("exec", "-T", "intake", "sh", "-c", f"command -v {program}", check=False).returncode != 0, program
    assert deployment.compose("exec", "-T", "intake", "ztc", "--version").stdout.strip() == f"ztc {VERSION}"


def test_backups_have_what_they_need(deployment):
    """pg_dump of the server's version, and a place that the operator's tool may write to and that outlives it."""
    ran = deployment.compose("run", "--rm", "--entrypoint", "sh", "ztc", "-c", "pg_dump --version && touch /backups/kept")
    assert "pg_dump (PostgreSQL) 15" in ran.stdout
    assert "kept" in deployment.compose("run", "--rm", "--entrypoint", "ls", "ztc", "/backups").stdout


# --- Played ---

@pytest.mark.parametrize("_time", ["first", "again"])
def test_the_demonstration_is_played(deployment, _time):
    ran = deployment.compose("--profile", "demo", "run", "--rm", "demo")
    assert "an order was confirmed and scored" in ran.stdout, ran.stdout
    assert "电子社保卡 780" in ran.stdout and "rounded half up to 5 stars" in ran.stdout, ran.stdout


def test_tls(deployment):
    status, document = deployment.rest("GET", "/v1/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        urllib_context = ssl.create_default_context()
        with socket.create_connection(("127.0.0.1", deployment.ports["TLS_PORT"])) as plain:
            urllib_context.wrap_socket(plain, server_hostname="localhost")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(("127.0.0.1", deployment.ports["TLS_PORT"])) as plain:
            old.wrap_socket(plain)


def test_an_order_over_rest_and_read_again(deployment):
    order = deployment.submit("外来务工人员社保咨询")
    assert "外来务工人员社保咨询" in json.dumps(deployment.page(order), ensure_ascii=False)
    assert deployment.rest("GET", "/v1/orders", role="village")[0] == 200
    request = urllib.request.Request(f"https://localhost:{deployment.ports['TLS_PORT']}/v1/orders/{order}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, context=deployment.trust, timeout=20)
    assert refused.value.code == 401


def test_an_order_over_the_feed(deployment):
    client = zmq.Context.instance().socket(zmq.DEALER)
    client.curve_publickey, client.curve_secretkey = zmq.auth.load_certificate(str(deployment.secrets / "people" / "village.key_secret"))
    client.curve_serverkey = zmq.auth.load_certificate(str(deployment.secrets / "server.key"))[0]
    client.linger = 0
    client.connect(f"tcp://127.0.0.1:{deployment.ports['FEED_PORT']}")
    client.send(msgpack.packb({"id": str(uuid.uuid4()), "type": "order_submit",
                               "body": {"need": "从外部接入", "squads": ["hrss-social-insurance"]}}))
    assert client.poll(20000)
    assert msgpack.unpackb(client.recv())["status"] == "ok"
    client.close()


def test_the_operators_tool(deployment):
    assert "hrss-social-insurance" in deployment.compose("run", "--rm", "ztc", "keys", "list", "--json").stdout
    ran = deployment.compose("run", "--rm", "ztc", "doctor", "--json", check=False)
    said = json.loads(ran.stdout)
    assert [found for found in said["findings"] if found["severity"] != "note"] == [] and said["checks"] > 50


# --- Broken ---

@pytest.mark.parametrize("service", [*SERVICES, "redis", "nginx", "postgres"])
def test_what_is_killed_is_started_again_and_orders_go_on(deployment, service):
    """Orders are asked for from the moment of the kill on, and each is there afterwards."""
    assert deployment.kill(service) >= 1
    orders = [deployment.submit(f"{service} 被终止之后 {number}") for number in range(3)]
    deployment.wait_healthy(service, patience_s=BACK_S)
    deployment.wait_healthy(patience_s=BACK_S)
    orders.append(deployment.submit(f"{service} 恢复之后"))
    for order in orders:
        deployment.page(order)


def test_the_demonstration_is_played_after_all_that(deployment):
    deployment.compose("--profile", "demo", "run", "--rm", "demo")
    ran = deployment.compose("run", "--rm", "ztc", "doctor", "--json", check=False)
    assert [found for found in json.loads(ran.stdout)["findings"] if found["severity"] == "error"] == []


# --- Observed ---

def test_prometheus_sees_all_five_and_its_alarms_are_sound(deployment):
    deployment.compose("--profile", "observe", "up", "--detach", "prometheus")
    deployment.wait_healthy("prometheus")

    def ask(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{deployment.ports['PROMETHEUS_PORT']}/api/v1/{path}", timeout=20) as answer:
            return json.load(answer)["data"]

    deadline = time.monotonic() + BACK_S
    while sorted(target["health"] for target in ask("targets")["activeTargets"]) != ["up"] * 5:
        assert time.monotonic() < deadline, ask("targets")
        time.sleep(1)
    rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) >= 10 and all(rule["health"] != "err" for rule in rules)
    seen = ask("query?query=ztc_commands_total")["result"]
    assert {row["metric"]["service"] for row in seen} == set(SERVICES)


# --- Stopped ---

def test_everything_stops_by_itself_and_comes_back_with_what_it_had(deployment):
    order = deployment.submit("停机之前")
    every = ("--profile", "observe")
    deployment.compose(*every, "stop", "--timeout", "60")
    for service in (*SERVICES, "postgres", "redis", "nginx"):
        state = deployment.inspect(service)["State"]
        assert state["ExitCode"] == 0 and not state["OOMKilled"], (service, state)
    deployment.compose(*every, "down")
    assert deployment.engine.docker("ps", "--all", "--quiet").stdout == ""
    deployment.compose("up", "--detach")
    deployment.wait_healthy()
    deployment.page(order)
