"""docker-compose.yml without an engine: every service sealed, every setting known, every secret a file, keys that compose 1.29 and v2 both read; and
the alarms and panels name figures that exist. Its start on a real engine is make compose-test."""

import copy
import json
import os
import re
import shutil
import subprocess

import pytest
import tables
import yaml

SERVICES = ("intake", "dispatch", "notification", "evaluation", "reporting")
ONE_SHOT = ("migrate", "seed", "ztc", "demo")
DEFAULT = {"postgres", "redis", "migrate", "seed", *SERVICES, "nginx"}
# What one of the two composes does not read.
FORBIDDEN = ("include", "develop", "required", "start_interval", "dockerfile_inline", "deploy", "name", "configs")
FIGURE = re.compile(r"\bztc_([a-z_]+)\b")


@pytest.fixture(scope="module")
def compose(root):
    return yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))


def settings(root):
    """{variable: the services that read it}."""
    found = {}
    for _, arguments in tables.read_rows(root / "common" / "runtime" / "config.def"):
        readers = next(argument for argument in arguments if "ALL_SERVICES" in argument or "ONLY(" in argument)
        found["ZTC_" + arguments[0].upper()] = set(SERVICES) if "ALL" in readers else set(re.findall(r"ONLY\((\w+)\)", readers))
    return found


def unsealed(name, service):
    """What a service lacks."""
    lacks = [key for key, wanted in (("read_only", True), ("cap_drop", ["ALL"]), ("security_opt", ["no-new-privileges:true"])) if service.get(key) != wanted]
    lacks += [key for key in ("mem_limit", "cpus", "pids_limit", "tmpfs", "networks", "restart") if not service.get(key)]
    if not re.fullmatch(r"[1-9]\d*:\d+", str(service.get("user", ""))):
        lacks.append("user")
    if service.get("logging", {}).get("options", {}).keys() < {"max-size", "max-file"}:
        lacks.append("logging")
    if name not in ONE_SHOT and (service.get("restart") != "unless-stopped" or "healthcheck" not in service or "stop_grace_period" not in service):
        lacks.append("restart, healthcheck, stop_grace_period")
    return lacks + [key for key in ("privileged", "cap_add", "network_mode", "pid", "ipc") if key in service]


def forbidden(value, at=""):
    """Paths of keys that one of the two composes does not read."""
    found = []
    if isinstance(value, dict):
        for key, inner in value.items():
            top = at == "" or at.startswith(".services") and at.count(".") == 2 or "depends_on" in at or "healthcheck" in at or "build" in at
            if top and key in FORBIDDEN or at == ".secrets" and "environment" in (inner or {}):
                found.append(f"{at}.{key}")
            found += forbidden(inner, f"{at}.{key}")
    return found


def test_every_service_is_sealed(compose):
    assert {name: lacks for name, service in compose["services"].items() if (lacks := unsealed(name, service))} == {}


def test_the_check_of_seals_would_notice(compose):
    for key in ("read_only", "cap_drop", "security_opt", "mem_limit", "cpus", "pids_limit", "user", "restart", "healthcheck", "logging", "tmpfs"):
        broken = copy.deepcopy(compose["services"]["intake"])
        del broken[key]
        assert unsealed("intake", broken), key
    for key, value in (("user", "0:0"), ("user", "root"), ("read_only", False), ("cap_drop", ["NET_RAW"]), ("privileged", True), ("cap_add", ["ALL"])):
        assert unsealed("intake", {**compose["services"]["intake"], key: value}), key


def test_both_composes_read_it(compose):
    assert forbidden(compose) == [] and "version" not in compose
    assert forbidden({"name": "x"}) and forbidden({"services": {"a": {"deploy": {}}}}) and forbidden({"secrets": {"a": {"environment": "X"}}})
    assert forbidden({"services": {"a": {"depends_on": {"b": {"required": True}}}}})


def test_services_and_profiles(compose):
    profiles = {name: service.get("profiles", []) for name, service in compose["services"].items()}
    assert {name for name, of in profiles.items() if not of} == DEFAULT
    assert {name for name, of in profiles.items() if of == ["observe"]} == {"prometheus", "grafana"}
    assert profiles["demo"] == ["demo"] and profiles["ztc"] == ["tools"]
    assert compose["services"]["postgres"]["stop_signal"] == "SIGINT"
    redis = compose["services"]["redis"]["command"]
    assert redis[redis.index("--maxmemory-policy") + 1] == "noeviction" and redis[redis.index("--appendonly") + 1] == "yes"


def test_every_setting_is_one_of_the_services(root, compose):
    known = settings(root)
    assert len(known) > 30 and known["ZTC_REDIS"] == {"dispatch"}
    for name in SERVICES:
        given = compose["services"][name]["environment"]
        assert {variable for variable in given if name not in known.get(variable, ())} == set(), name
        needed = {"ZTC_DSN", "ZTC_BUS_CURVE", "ZTC_BUS_ANNOUNCE", "ZTC_HTTP"}
        assert needed <= set(given) and given["ZTC_BUS_ANNOUNCE"] == name, name
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            assert not variable.startswith("ZTC_") or variable in known, (name, variable)


def test_every_secret_is_a_file_and_none_a_setting(compose):
    for name, secret in compose["secrets"].items():
        assert list(secret) == ["file"] and secret["file"].startswith("./secrets/"), name
    used = {one if isinstance(one, str) else one["source"] for service in compose["services"].values() for one in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert "_FILE" in variable or not re.search(r"PASSWORD|SECRET|TOKEN", variable) or str(value).startswith("/run/secrets/"), (name, variable)
            assert not re.search(r"//\w+:[^@/]+@", str(value)), (name, variable)


def test_only_the_front_doors_are_published(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"intake", "nginx", "prometheus", "grafana"}
    assert published["intake"][0].endswith(":5550") and published["nginx"][0].endswith(":8443") and len(published["intake"] + published["nginx"]) == 2
    assert all(port.startswith("127.0.0.1:") for name in ("prometheus", "grafana") for port in published[name])
    internal = {name for name, network in compose["networks"].items() if network.get("internal")}
    for name in ("postgres", "redis", "migrate", "seed", "dispatch", "evaluation", "reporting"):
        assert set(compose["services"][name]["networks"]) <= internal, name


def test_the_version_is_said_once(root, compose):
    version = re.search(r'ZTC_VERSION "([^"]+)"', (root / "common" / "base" / "version.h").read_text(encoding="utf-8")).group(1)
    images = {service["image"] for name, service in compose["services"].items() if name in (*SERVICES, *ONE_SHOT)}
    assert images == {f"${{ZHITONGCHE_IMAGE:-zhitongche:{version}}}"}


def test_nginx_leads_to_the_services_ports(root, compose):
    text = (root / "deploy" / "nginx" / "nginx.conf").read_text(encoding="utf-8")
    for name in ("intake", "reporting"):
        port = compose["services"][name]["environment"]["ZTC_API"].rpartition(":")[2]
        assert f"{name}:{port}" in text


def test_alarms_and_panels_name_figures_that_exist(root):
    known = {arguments[0] for _, arguments in tables.read_rows(root / "common" / "runtime" / "metrics.def")}
    alarms = yaml.safe_load((root / "deploy" / "prometheus" / "alarms.yml").read_text(encoding="utf-8"))
    rules = [rule for group in alarms["groups"] for rule in group["rules"]]
    panels = [json.loads(path.read_text(encoding="utf-8")) for path in (root / "deploy" / "grafana" / "dashboards").glob("*.json")]
    expressions = [rule["expr"] for rule in rules] + [target["expr"] for board in panels for panel in board["panels"] for target in panel["targets"]]
    assert len(expressions) > 20 and {name for text in expressions for name in FIGURE.findall(text)} - known == set()
    for rule in rules:
        assert re.search(r"[\u4e00-\u9fff]", rule["annotations"]["zh"]) and re.search(r"[a-z]{3}", rule["annotations"]["en"]), rule["alert"]
    for path in (root / "deploy" / "grafana" / "provisioning").rglob("*.yml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["apiVersion"] == 1
    scraped = yaml.safe_load((root / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]["static_configs"][0]["targets"]
    assert scraped == [f"{name}:{9101 + at}" for at, name in enumerate(SERVICES)]


@pytest.fixture
def secrets(root, binaries, tmp_path):
    """make(): runs secrets.sh on a directory, as the image does; its output."""
    if os.geteuid() != 0:
        pytest.skip("gives files to other users")
    place = tmp_path / "image"
    shutil.copytree(root / "deploy" / "image", place)
    shutil.copy(root / "deploy" / "people.txt", place)
    env = {"PATH": f"{binaries}:/usr/bin:/bin"}

    def make():
        return subprocess.run([str(place / "secrets.sh"), str(tmp_path / "secrets")], env=env, check=True, text=True, stdout=subprocess.PIPE).stdout

    make.directory = tmp_path / "secrets"
    return make


def test_secrets_are_made_for_their_readers_and_never_again(compose, secrets):
    (secrets.directory / "people").mkdir(parents=True)
    kept = secrets.directory / "records_intake"
    kept.write_text("*:*:*:ztc_intake:of-an-earlier-day\n", encoding="ascii")
    secrets()
    files = {path: path.read_bytes() for path in secrets.directory.rglob("*") if path.is_file()}
    assert kept.read_text(encoding="ascii").strip().endswith("of-an-earlier-day")
    assert "ZTC_PASSWORD_INTAKE=of-an-earlier-day" in (secrets.directory / "migrate.env").read_text(encoding="ascii")
    for service in compose["services"].values():
        for one in service.get("secrets", []):
            name = one if isinstance(one, str) else one["source"]
            path = secrets.directory / compose["secrets"][name]["file"].removeprefix("./secrets/")
            assert path in files, name
            if path != kept:
                assert (path.stat().st_uid, path.stat().st_mode & 0o7777) == (int(service["user"].partition(":")[0]), 0o600), name
    assert "0 made" in secrets()
    assert {path: path.read_bytes() for path in secrets.directory.rglob("*") if path.is_file()} == files


def test_a_key_without_its_certificate_gets_one(secrets):
    secrets()
    key, certificate = secrets.directory / "tls.key", secrets.directory / "tls.crt"
    before = key.read_bytes()
    certificate.unlink()
    assert "1 made" in secrets() and key.read_bytes() == before

    def public(*how):
        return subprocess.run(["openssl", *how], check=True, stdout=subprocess.PIPE).stdout

    assert public("x509", "-in", str(certificate), "-noout", "-pubkey") == public("pkey", "-in", str(key), "-pubout")
