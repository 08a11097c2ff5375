"""The five services of a stack: their environment, the keys of its people, and what is loaded before they are of use."""

import http.client
import os
import re
import secrets
import signal
from pathlib import Path

import zmq.auth

from stack_home import ROOT, SERVICES, Trouble, tr, write_whole

# Who each key of .run/env is: role -> organisation, in district 330212. The operator's works before any is registered.
DISTRICT = "330212"
ROLE_KEYS = dict(line.split() for line in (ROOT / "deploy" / "people.txt").read_text(encoding="ascii").splitlines() if line[:1] != "#")
# What the stack itself decides; not taken over from the environment of whoever starts it.
OWN_VARIABLES = {"ZTC_BIN", "ZTC_UNIT", "ZTC_DSN", "ZTC_INSTANCE", "ZTC_FEED", "ZTC_QUERY", "ZTC_API", "ZTC_REPORTS",
                 "ZTC_BUS", "ZTC_HTTP", "ZTC_REDIS", "ZTC_CURVE_SECRET", "ZTC_BUS_ANNOUNCE", "ZTC_BUS_CURVE",
                 "ZTC_BUS_CURVE_OTHER", "ZTC_SECRETS_KEY", "ZTC_OPERATOR_CERTIFICATE", "ZTC_OPERATOR_KEY",
                 "ZTC_SERVER_KEY", "ZTC_KEY", "ZTC_KEY_DIR"}
OWN_PREFIXES = ("ZTC_BEARER_", "ZTC_DSN_", "ZTC_HTTP_", "ZTC_KEY_", "ZTC_PASSWORD_", "ZTC_TEST_")
# Z85 has characters that a shell would act on; keys without them can stand in the file env, which shells source, as they are.
SHELL_SAFE = re.compile(r"[^&<>()$!]*")
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_PRELOAD",
             "FAKETIME_TIMESTAMP_FILE", "LLVM_PROFILE_FILE")


def inherited_environment():
    """What a service or ztc sees of the environment the stack was started in."""
    taken = {name: value for name, value in os.environ.items() if name in INHERITED}
    for name, value in os.environ.items():
        if name.startswith("ZTC_") and name not in OWN_VARIABLES and not name.startswith(OWN_PREFIXES):
            taken[name] = value
    return taken


def certificate(directory, name):
    """(public key, path of the secret certificate), made on first use, in zcert's format."""
    secret = directory / f"{name}.key_secret"
    while not secret.exists() or not SHELL_SAFE.fullmatch(public_key_of(secret)):
        zmq.auth.create_certificates(str(directory), name)
        secret.chmod(0o600)
    return public_key_of(secret), secret


def public_key_of(secret):
    return zmq.auth.load_certificate(str(secret))[0].decode("ascii")


def bearer(directory, name):
    """The bearer token of a role, made on first use in the file ztc keys bearer would have made."""
    path = directory / f"{name}.bearer"
    if not path.exists():
        write_whole(path, "ztc_" + secrets.token_urlsafe(32) + "\n")
    return path.read_text(encoding="ascii").strip()


def secrets_key(directory):
    """Path of the key that webhook secrets are encrypted with, made on first use."""
    path = directory / "secrets.key"
    if not path.exists():
        write_whole(path, secrets.token_hex(32) + "\n", mode=0o600)
    return path


class Service:
    stop_signal = signal.SIGTERM
    stop_patience_s = 20.0

    def __init__(self, name, stack):
        self.name = name
        self.stack = stack
        self.directory = stack.home.path / "state.d" / name

    def prepare(self, _say):
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if not self.program.exists():
            raise Trouble(tr(f"{self.program} is not built: make", f"{self.program} 尚未构建：make"))

    def before_start(self, _say):
        pass

    @property
    def program(self):
        return self.stack.binaries / self.name

    def command(self):
        return ["setpriv", "--pdeathsig", "TERM", "--", str(self.program)]

    @property
    def http(self):
        return f"127.0.0.1:{self.stack.ports['http_' + self.name]}"

    def environment(self):
        stack = self.stack
        env = {
            **inherited_environment(),
            "ZTC_DSN": stack.postgres.dsn(f"ztc_{self.name}"),
            "ZTC_INSTANCE": f"{self.name}-1",
            "ZTC_BUS": "tcp://127.0.0.1",
            "ZTC_BUS_CURVE": str(stack.bus_key[1]),
            "ZTC_HTTP": self.http,
        }
        if self.name in ("intake", "reporting"):
            env["ZTC_CURVE_SECRET"] = str(stack.server_key[1])
            env["ZTC_OPERATOR_KEY"] = stack.role_keys["operator"][0]
        if self.name == "intake":
            env["ZTC_FEED"] = stack.feed
            env["ZTC_API"] = f"127.0.0.1:{stack.ports['api_intake']}"
        if self.name == "reporting":
            env["ZTC_QUERY"] = stack.query
            env["ZTC_API"] = f"127.0.0.1:{stack.ports['api_reporting']}"
        if self.name == "notification":
            env["ZTC_SECRETS_KEY"] = str(stack.secrets_key)
        if self.name == "dispatch":
            env["ZTC_REDIS"] = f"127.0.0.1:{stack.ports['redis']}"
        return {**env, **stack.settings}

    def is_ready(self):
        return self.not_ready() is None

    def not_ready(self):
        """None when it is ready, else its own words for what is missing."""
        connection = http.client.HTTPConnection(self.http, timeout=1)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            text = answer.read(4096).decode("utf-8", "replace").strip()
            return None if answer.status == 200 else text
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        finally:
            connection.close()


class Deployment:
    """Everything that follows from a stack's facts: endpoints, keys, the services, the file env."""

    def __init__(self, home, facts, wish, postgres):
        self.home = home
        self.facts = facts
        self.postgres = postgres
        self.binaries = Path(wish["binaries"])
        self.server_key = certificate(home.keys, "server")
        self.bus_key = certificate(home.keys, "bus")
        self.role_keys = {role: certificate(home.keys, role) for role in ("operator", *ROLE_KEYS)}
        self.bearers = {role: bearer(home.keys, role) for role in ("operator", *ROLE_KEYS)}
        self.secrets_key = secrets_key(home.keys)
        self.services = {name: Service(name, self) for name in wish["services"]}

    @property
    def settings(self):
        """As they are now wished: a service that is started again takes what was changed meanwhile."""
        return self.home.wish().get("settings", {})

    @property
    def ports(self):
        return self.facts["ports"]

    @property
    def feed(self):
        return f"tcp://127.0.0.1:{self.ports['feed']}"

    @property
    def query(self):
        return f"tcp://127.0.0.1:{self.ports['query']}"

    def environment(self):
        """The content of the file env."""
        env = {
            "ZTC_FEED": self.feed,
            "ZTC_QUERY": self.query,
            "ZTC_API": f"http://127.0.0.1:{self.ports['api_intake']}",
            "ZTC_REPORTS": f"http://127.0.0.1:{self.ports['api_reporting']}",
            "ZTC_SERVER_KEY": self.server_key[0],
            "ZTC_DSN": self.postgres.dsn(),
            "ZTC_REDIS": f"127.0.0.1:{self.ports['redis']}",
        }
        for name in SERVICES:
            env[f"ZTC_HTTP_{name.upper()}"] = f"127.0.0.1:{self.ports['http_' + name]}"
            env[f"ZTC_DSN_{name.upper()}"] = self.postgres.dsn(f"ztc_{name}")
        env["ZTC_KEY_DIR"] = str(self.home.keys)
        for role, (_, secret) in self.role_keys.items():
            env[f"ZTC_KEY_{role.upper()}"] = str(secret)
        for role, token in self.bearers.items():
            env[f"ZTC_BEARER_{role.upper()}"] = token
        env["ZTC_BIN"] = str(self.binaries)
        return env

    def write_env(self):
        write_whole(self.home.env_file, "".join(f"{name}={value}\n" for name, value in self.environment().items()))

    def ztc_environment(self):
        """For ztc as the operator; a command that acts for another names that key."""
        env = {**inherited_environment(), **self.environment(), **self.settings}
        env["ZTC_KEY"] = env["ZTC_KEY_OPERATOR"]
        return env

    def migrate_environment(self):
        env = self.ztc_environment()
        for name in SERVICES:
            env[f"ZTC_PASSWORD_{name.upper()}"] = self.facts["passwords"][name]
        return env

    def loading_commands(self):
        """(what it is, arguments of ztc), in order: the reference data, then the keys that are not yet known."""
        yield "seeds", ["seed", "--dir", str(ROOT / "seeds")]
        for role, organisation in ROLE_KEYS.items():
            if role not in self.facts.setdefault("registered", []):
                public = self.home.keys / f"{role}.key"
                yield role, ["keys", "register", "--public", str(public), "--district", DISTRICT, "--organisation",
                             organisation, "--role", role]
        for role in ("operator", *ROLE_KEYS):
            what = f"bearer-{role}"
            if what not in self.facts.setdefault("registered", []):
                whose = ["--district", DISTRICT, "--organisation", ROLE_KEYS[role]] if role in ROLE_KEYS else []
                yield what, ["keys", "register-bearer", "--bearer", str(self.home.keys / f"{role}.bearer"), *whose, "--role", role]
