"""Services that are bound to every address, as in containers: they announce a name to each other, take the operator's key from a file, and tell
ztc whether they are ready."""

import os
import subprocess

import pytest
from audit import audit
from ledger import Ledger
from people import District, Order, People, bring
from stack_home import SERVICES
from typed import REFUSED, UNANSWERED, USAGE, runner


@pytest.fixture(scope="module")
def announced(stack_maker):
    stack = stack_maker("announce", services=(), seed=False)
    stack.down()
    operator = stack.home.keys / "operator.key"  # its public part; made before the services first start
    stack.up(settings={"ZTC_BUS": "tcp://0.0.0.0", "ZTC_BUS_ANNOUNCE": "localhost", "ZTC_OPERATOR_KEY": "",
                       "ZTC_OPERATOR_CERTIFICATE": str(operator)}, owner=os.getpid())
    yield stack
    assert audit(stack) == []


def test_peers_are_told_the_name(announced):
    ledger = Ledger(announced.env["ZTC_DSN"])
    for service in SERVICES:
        for endpoint in ledger.rows(f"SELECT pub, router FROM {service}.lease")[0]:
            assert endpoint.startswith("tcp://localhost:") and endpoint.rpartition(":")[2].isdigit()
    ledger.close()


def test_an_order_goes_through_all_services_over_it(announced):
    people = People(announced.env)
    district = District(people, "t-announce", squads={"squad-a": {"capacity": 4}})
    (order,) = bring([Order(district, way="closed")])
    assert order.state == "closed"
    people.close()


def test_an_address_that_no_peer_could_reach_is_refused_at_the_start(announced):
    service = announced.home.wish()["services"][0]
    env = {"PATH": os.environ["PATH"], "ZTC_DSN": "dbname=nowhere", "ZTC_BUS": "tcp://0.0.0.0", "ZTC_HTTP": "127.0.0.1:0",
           "ZTC_BUS_CURVE": str(announced.home.keys / "bus.key_secret"), "ZTC_CURVE_SECRET": str(announced.home.keys / "server.key_secret")}
    for more, said in (({}, "ZTC_BUS_ANNOUNCE"), ({"ZTC_BUS_ANNOUNCE": "a:1"}, "ZTC_BUS_ANNOUNCE"),
                       ({"ZTC_BUS_ANNOUNCE": "localhost", "ZTC_OPERATOR_CERTIFICATE": "/nowhere"}, "operator's certificate")):
        ran = subprocess.run([str(announced.binaries / service)], env={**env, **more}, capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode != 0 and said in ran.stderr, ran.stderr


def test_ztc_asks_whether_a_service_is_ready(announced, tmp_path):
    ztc = runner(announced, tmp_path)
    for service in SERVICES:
        port = announced.ports[f"http_{service}"]
        assert ztc("ready", f"127.0.0.1:{port}").out == "ok\n"
        for address in (f"127.0.0.1:{port}", f"0.0.0.0:{port}"):
            ran = ztc("ready", env={"ZTC_HTTP": address})
            assert ran.code == 0 and ran.out == "ok\n", ran
    announced.stop("evaluation")
    assert ztc("ready", f"127.0.0.1:{announced.ports['http_evaluation']}").code == UNANSWERED
    announced.start("evaluation")
    announced.stop("postgres")
    ran = ztc("ready", f"127.0.0.1:{announced.ports['http_intake']}")
    while ran.code == 0:  # until it has noticed
        ran = ztc("ready", f"127.0.0.1:{announced.ports['http_intake']}")
    assert ran.code == REFUSED and "records" in ran.out
    announced.start("postgres")
    announced.wait_ready()
    assert ztc("ready", "127.0.0.1:1", "--timeout-ms", "0").code == USAGE
