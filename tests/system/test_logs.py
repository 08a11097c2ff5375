"""What operators read: one order followed through all services by its key, no telephone number anywhere, metrics and health."""

import json
import re
import urllib.error
import urllib.request

import pytest
from people import District, Order, bring, ok
from stack_home import SERVICES

TELEPHONE = "13857421234"
CONTENT = {"/metrics": "text/plain", "/healthz": "text/plain", "/readyz": "text/plain"}
PAIR = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s|$)')
SAMPLE = re.compile(r'^([a-z_]+)\{service="([a-z]+)"\} (-?\d+(?:\.\d+)?)$')


def fields(line):
    """A line of logfmt, which must be nothing but pairs."""
    at, found = 0, {}
    while at < len(line):
        match = PAIR.match(line, at)
        assert match, f"not logfmt: {line}"
        value = match.group(2)
        found[match.group(1)] = json.loads(value) if value.startswith('"') else value
        at = match.end()
    return found


@pytest.fixture(scope="module")
def district(people):
    return District(people, "t-logs", squads={"squad-a": {"capacity": 8}})


@pytest.fixture(scope="module")
def order(district, ledger):
    """A whole life, its wish full of telephone numbers and of what would break a line."""
    order = Order(district)
    client, message = order.begin()
    message["body"].update(
        need=f"联系人王女士 {TELEPHONE}，或 +86{TELEPHONE}、0086{TELEPHONE}", activity=f"电话{TELEPHONE}",
        resources=[TELEPHONE], attachments=[f"https://example.org/{TELEPHONE}"])
    order.took(ok(client.ask(message)))
    for command in ("order_place", "assignment_accept", "assignment_check_in", "assignment_complete", "order_confirm"):
        more = {"order_place": {"note": f"打{TELEPHONE}"}, "assignment_complete": {"outcome": f"回访 {TELEPHONE}", "people_served": 3},
                "order_confirm": {"comment": f"谢谢 {TELEPHONE}", "satisfaction": 5}}.get(command, {})
        client, message = order.command(command, **more)
        order.took(ok(client.ask(message)))
    # Telephone numbers where identifiers are expected, at the door and behind it.
    for name in (TELEPHONE, f"call {TELEPHONE}", f"line\nbreak {TELEPHONE}", 'quote "x" \\ y'):
        client, message = Order(district).begin()
        ok(client.ask({**message, "id": name}))
        refused = client.ask({"id": f"{name} again", "type": "order_place", "body": {"order": order.id}})
        assert refused["status"] == "refused"
    ledger.wait_quiet()
    return order


@pytest.mark.parametrize("service", SERVICES)
def test_order_is_followed_by_its_key(stack, order, service):
    """grep key=order/N: each service says what it did with it, in the order of its versions."""
    lines = [fields(line) for line in stack.log(service).splitlines() if re.search(rf"\bkey=order/{order.id}\b", line)]
    mine = [line for line in lines if line.get("district") == "t-logs"]
    assert mine, f"{service} does not say what it did with order {order.id}"
    assert {line["service"] for line in mine} == {service}
    versions = [int(line["version"]) for line in mine if "version" in line]
    assert versions == sorted(versions) and versions


def test_whole_life_is_in_the_logs_together(stack, order):
    """All versions are there, each with the trace of the command it came from, the same in every service."""
    traces = {}
    for service in SERVICES:
        for line in stack.log(service).splitlines():
            if f"key=order/{order.id}" in line:
                found = fields(line)
                if found.get("district") == "t-logs" and "version" in found:
                    traces.setdefault(int(found["version"]), set()).add(found["trace"])
    assert set(traces) == set(range(1, 8))
    assert all(len(trace) == 1 for trace in traces.values()), traces


@pytest.mark.parametrize("service", SERVICES)
def test_every_line_is_well_formed(stack, order, service):
    lines = stack.log(service).splitlines()
    assert lines
    for line in lines:
        found = fields(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"]) and found["service"] == service
        assert found["level"] in ("debug", "info", "warn", "error") and found["msg"]
        assert all(character.isprintable() for character in line)


@pytest.mark.parametrize("name", [*SERVICES, "supervisor", "postgres", "redis"])
def test_no_telephone_number_in_any_log(stack, order, name):
    assert TELEPHONE not in stack.log(name)
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", re.sub(r"(?:offset|head|time|epoch)=\d+", "", stack.log(name)))


def test_masked_numbers_can_still_be_told_apart(stack, order):
    assert "138****1234" in stack.log("intake")


@pytest.mark.parametrize("service", SERVICES)
def test_needs_and_comments_are_in_no_log(stack, order, service):
    """Never message bodies."""
    log = stack.log(service)
    assert not any(text in log for text in ("联系人王女士", "回访", "谢谢 ", "外来务工人员社保咨询"))


# --- health and metrics --------------------------------------------------------------------------------------------------------------


def get(stack, service, path, method="GET"):
    request = urllib.request.Request(stack.http(service) + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(stack, service, path):
    status, headers, text = get(stack, service, path)
    assert status == 200 and headers["Content-Type"].startswith("text/plain") and text.strip()


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_prometheus_text(stack, order, service):
    status, headers, text = get(stack, service, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain") and text.endswith("\n")
    helped, typed, samples = set(), {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split()[2])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind in ("counter", "gauge") and name not in typed
            typed[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, line
            assert match.group(1) in typed and match.group(1) not in samples and match.group(2) == service
            samples[match.group(1)] = float(match.group(3))
    assert set(samples) == set(typed) == helped and all(name.startswith("ztc_") for name in samples)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in typed.items())
    assert samples["ztc_lease_epoch"] >= 1
    if service in ("intake", "dispatch", "evaluation"):
        assert samples["ztc_log_head"] > 0 and samples["ztc_events_written_total"] > 0
    if service != "intake":
        assert samples["ztc_events_applied_total"] > 0
    if service == "intake":
        assert samples["ztc_commands_total"] > 0 and samples["ztc_answers_ok_total"] > 0 and samples["ztc_answers_refused_total"] > 0


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path, method, wanted", [("/", "GET", 404), ("/metric", "GET", 404), ("/metrics", "POST", 405),
                                                  ("/healthz", "DELETE", 405), ("/../etc/passwd", "GET", 404)])
def test_nothing_else_is_served(stack, service, path, method, wanted):
    assert get(stack, service, path, method)[0] == wanted
    assert get(stack, service, "/healthz", "HEAD")[0] == 200
