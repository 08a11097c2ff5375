"""Signed webhooks from end to end: what a receiver gets and can check, when it is tried again (the runtime's clock being a file that the
tests move), what ends in the dead letters and how it comes back, and that neither a slow endpoint nor a kill loses or delays anything."""

import base64
import json
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import pytest
from audit import audit
from ledger import Ledger
from people import District, Order, People, bring, burst, ok
from receiver import Receiver, Reply, event_of, eventually, new_secret, signature, signatures_of, signed_by

ROOT = Path(__file__).resolve().parents[2]
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
WAITS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]


class Clock:
    """The runtime's clock as a file: it stands until it is moved."""

    def __init__(self, path):
        self.path = path
        self.now = int(time.time() * 1000)
        path.write_text(str(self.now), encoding="ascii")

    def move(self, ms):
        self.now += ms
        with open(self.path, "r+", encoding="ascii") as file:
            file.write(str(self.now))


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    return Clock(tmp_path_factory.mktemp("clock") / "now")


@pytest.fixture(scope="module")
def timed(stack_maker, clock):
    """A stack under the file's clock, whose webhooks may go to loopback; an attempt takes four seconds at most."""
    stack = stack_maker("webhooks", settings={
        "ZTC_CLOCK": str(clock.path), "ZTC_WEBHOOK_HTTP": "yes", "ZTC_WEBHOOK_PRIVATE": "yes", "ZTC_WEBHOOK_TIMEOUT_MS": "4000",
        "ZTC_WEBHOOK_CONNECT_MS": "4000", "ZTC_WEBHOOK_IN_FLIGHT_EACH": "2"})
    yield stack
    assert audit(stack) == []


@pytest.fixture(scope="module")
def residents(timed):
    people = People(timed.env)
    yield people
    people.close()


@pytest.fixture(scope="module")
def book(timed):
    ledger = Ledger(timed.env["ZTC_DSN"])
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def strict(fragile):
    """A town of a stack that does not have the two settings which let webhooks go to loopback."""
    people = People(fragile.env)
    yield Place(people, "t-strict")
    people.close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


class Place:
    """A district of one test's own, and its town's endpoints: the town hears of each order that is submitted."""

    def __init__(self, people, code):
        self.district = District(people, code)
        self.people = people
        self.town = self.district.as_("town", "town-a")
        self.reader = self.district.as_("town", "town-a", face="query")
        self.secrets = {}

    def register(self, endpoint, url, client=None, **body):
        secret = self.secrets[endpoint] = new_secret()
        return ok((client or self.town).command("webhook_register", endpoint=endpoint, url=url, secret=secret, **body))

    def submit(self, count=1, **more):
        sends = [Order(self.district).begin() for _ in range(count)]
        for _, message in sends:
            message["body"].update(more)
        return [answer["result"]["order"] for answer in ok(burst(sends))]

    def ask(self, query, **body):
        return ok(self.reader.query(query, **body))["result"]

    def delivery(self, endpoint, order):
        return next((row for row in self.ask("deliveries", endpoint=endpoint, limit=500)["deliveries"] if row["order"] == order), None)

    def state(self, endpoint, order, delivery, tries=None):
        """The delivery once it is so."""
        def there():
            row = self.delivery(endpoint, order)
            return row if row and row["delivery"] == delivery and tries in (None, row["tries"]) else None
        return eventually(there, f"{endpoint} order {order} is {delivery} after {tries}")

    def endpoint(self, code):
        return next(row for row in self.ask("webhooks")["webhooks"] if row["endpoint"] == code)


@pytest.fixture(scope="module")
def refusing(residents):
    """A place that nothing is registered in."""
    return Place(residents, "t-refusing")


@pytest.fixture
def place(residents, request):
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    return Place(residents, f"t-{name}"[:60].rstrip("-"))


def metric(stack, name):
    with urllib.request.urlopen(stack.http("notification") + "/metrics", timeout=5) as answer:
        return next(float(line.split()[-1]) for line in answer.read().decode().splitlines() if line.startswith(f"ztc_{name}{{"))


# --- what is sent -----------------------------------------------------------------------------------------------------------------------


def test_signed_cloud_event(place, receiver, clock, book):
    """Headers and signature as Standard Webhooks says, the body a CloudEvent that says what the log says."""
    place.register("main", receiver.url("/main"))
    (order,) = place.submit()
    (request,) = receiver.wait("/main")
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", request.headers["webhook-signature"])
    assert signed_by(request, place.secrets["main"])
    assert not signed_by(request, new_secret())
    assert request.headers["webhook-timestamp"] == str(clock.now // 1000)
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    event = event_of(request)
    logged, recorded = book.rows('SELECT id::text, recorded FROM intake.event WHERE district = %s AND key = %s', place.district.code,
                                 f"order/{order}")[0]
    assert request.headers["webhook-id"] == event["id"] == logged
    assert event["specversion"] == "1.0" and event["type"] == "order_submitted" and event["sequence"] == "1"
    assert event["source"] == f"/intake/{place.district.code}" and event["subject"] == f"order/{order}"
    assert event["datacontenttype"] == "application/json"
    assert datetime.fromisoformat(event["recordedtime"].replace("Z", "+00:00")) == recorded.astimezone(timezone.utc)
    assert event["data"]["order"] == order and event["data"]["place"] == "village-a" and event["data"]["need"] == "外来务工人员社保咨询"
    row = place.state("main", order, "delivered", 1)
    assert [(attempt["status"], attempt["error"]) for attempt in row["attempts"]] == [(200, "none")]


def test_only_what_the_organisation_has_a_side_in(place, receiver):
    """Each organisation is sent its own sides' events; another town nothing; the committee all of the district."""
    village, squad, feed = (place.district.as_(role, code) for role, code in
                            (("village", "village-a"), ("squad", "squad-a"), ("feed", "feed-a")))
    other = place.district.as_("town", "town-b")
    committee, department = place.district.as_("committee", "committee"), place.district.as_("department", "department-a")
    for name, client in (("village", village), ("squad", squad), ("feed", feed), ("other", other), ("committee", committee),
                         ("department", department)):
        place.register(name, receiver.url(f"/{name}"), client)
    place.register("town", receiver.url("/town"))
    (order,) = bring([Order(place.district, way="returned", feed="feed-a")])
    (offered,) = bring([Order(place.district, way="offered")])
    own = ["order_submitted", "order_returned"]
    kinds = {}
    for name, count in (("village", 5), ("town", 5), ("committee", 5), ("feed", 2), ("squad", 1), ("department", 1)):
        kinds[name] = sorted((event_of(request)["data"]["order"], event_of(request)["type"]) for request in receiver.wait(f"/{name}", count))
    every = sorted([*((order.id, kind) for kind in own), *((offered.id, kind) for kind in ("order_submitted", "order_placed", "order_offered"))])
    assert kinds["town"] == kinds["committee"] == every
    assert kinds["village"] == every
    assert kinds["feed"] == sorted((order.id, kind) for kind in own)
    assert kinds["squad"] == kinds["department"] == [(offered.id, "order_offered")]
    assert receiver.at("/other") == []


def test_events_and_rules_narrow_what_is_sent(place, receiver):
    place.register("some", receiver.url("/some"), events=["order_withdrawn"])
    place.register("ruled", receiver.url("/ruled"), by_rules=True)
    place.register("all", receiver.url("/all"))
    ok(place.town.command("subscription_set", rule="urgent-only", channel="webhook", endpoint="ruled", urgency="urgent"))
    place.submit()
    place.submit(urgency="urgent")
    bring([Order(place.district, way="withdrawn")])
    receiver.wait("/all", 4)
    assert [event_of(request)["type"] for request in receiver.wait("/some")] == ["order_withdrawn"]
    assert [event_of(request)["data"].get("urgency") for request in receiver.wait("/ruled")] == ["urgent"]
    assert len(receiver.at("/some")) == len(receiver.at("/ruled")) == 1


# --- trying again -----------------------------------------------------------------------------------------------------------------------


def test_tried_again_by_the_runtimes_clock_until_it_is_a_dead_letter(place, receiver, clock, timed):
    """Ten attempts, after 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h; none before its time; then resent by hand."""
    receiver.replies["/dead"] = [Reply(500)]
    place.register("dead", receiver.url("/dead"))
    dead = metric(timed, "webhooks_dead_total")
    (order,) = place.submit()
    for number, wait in enumerate(WAITS, 1):
        row = place.state("dead", order, "waiting", number)
        assert wait <= row["due"] - clock.now <= wait * 1.1
        clock.move(wait - SECOND)
        assert place.delivery("dead", order)["tries"] == number and len(receiver.at("/dead")) == number
        clock.move(wait // 10 + 2 * SECOND)
        receiver.wait("/dead", number + 1)
    row = place.state("dead", order, "dead", 10)
    assert row["error"] == "status" and [attempt["status"] for attempt in row["attempts"]] == [500] * 10
    assert [attempt["try"] for attempt in row["attempts"]] == list(range(1, 11))
    assert metric(timed, "webhooks_dead_total") == dead + 1
    (letter,) = place.ask("dead_letters")["dead_letters"]
    assert (letter["order"], letter["endpoint"], letter["type"]) == (order, "dead", "order_submitted")
    receiver.replies["/dead"] = [Reply(200)]
    ok(place.town.command("dead_letter_resend", endpoint="dead", event=letter["event"]))
    requests = receiver.wait("/dead", 11)
    place.state("dead", order, "delivered")
    assert {request.headers["webhook-id"] for request in requests} == {letter["event"]}
    assert len({request.body for request in requests}) == 1
    assert place.ask("dead_letters")["dead_letters"] == []
    again = place.town.command("dead_letter_resend", endpoint="dead", event=letter["event"])
    assert (again["status"], again["error"]["code"], again["error"]["field"]) == ("refused", "unknown_letter", "event")


def test_gone_disables_the_endpoint(place, receiver):
    """410: nothing more is sent there; what is told meanwhile becomes dead letters, which come back once it is enabled."""
    receiver.replies["/gone"] = [Reply(410), Reply(200)]
    place.register("gone", receiver.url("/gone"))
    (first,) = place.submit()
    assert place.state("gone", first, "dead", 1)["error"] == "gone"
    shown = place.endpoint("gone")
    assert shown["enabled"] is False and shown["status"] == 410 and "gone" in shown
    (second,) = place.submit()
    assert place.state("gone", second, "dead", 0)["error"] == "gone"
    assert len(receiver.at("/gone")) == 1
    ok(place.town.command("webhook_enable", endpoint="gone"))
    ok(place.town.command("dead_letter_resend", endpoint="gone"))
    assert {event_of(request)["data"]["order"] for request in receiver.wait("/gone", 3)[1:]} == {first, second}
    assert place.endpoint("gone")["enabled"] is True


def test_redirects_are_not_followed(place, receiver):
    receiver.replies["/moved"] = [Reply(302, {"location": receiver.url("/elsewhere")})]
    place.register("moved", receiver.url("/moved"))
    (order,) = place.submit()
    assert place.state("moved", order, "waiting", 1)["attempts"][0]["error"] == "redirect"
    assert receiver.at("/elsewhere") == []


@pytest.mark.parametrize("status, headers, rest", [
    (429, {"retry-after": "1800"}, 1800 * SECOND), (429, {}, 60 * SECOND), (502, {}, 60 * SECOND), (504, {"retry-after": "99999999"}, HOUR)])
def test_slowed_down(place, receiver, clock, status, headers, rest):
    """429, 502 and 504 leave the endpoint alone for as long as it asks, an hour at most, and all that is for it."""
    receiver.replies["/slow"] = [Reply(status, headers), Reply(200)]
    place.register("slow", receiver.url("/slow"))
    (first,) = place.submit()
    row = place.state("slow", first, "waiting", 1)
    assert row["due"] - clock.now >= rest and row["attempts"][0]["error"] == "slow_down"
    assert place.endpoint("slow")["not_before"] == clock.now + rest
    (second,) = place.submit()
    clock.move(rest - SECOND)
    assert place.state("slow", second, "waiting", 0) and len(receiver.at("/slow")) == 1
    clock.move(2 * SECOND)
    receiver.wait("/slow", 3)
    for order in (first, second):
        place.state("slow", order, "delivered")


@pytest.mark.parametrize("path, error", [("refused", "connect"), ("unresolvable", "resolve"), ("silent", "timeout"), ("garbage", "broken"),
                                         ("tls", "tls")])
def test_trouble_has_its_name(place, receiver, path, error):
    receiver.replies["/silent"] = [Reply(200, delay=20.0)]
    urls = {"refused": "http://127.0.0.1:1/", "unresolvable": "http://nowhere.invalid/", "silent": receiver.url("/silent"),
            "garbage": f"http://127.0.0.1:{place.people.env['ZTC_FEED'].rsplit(':', 1)[1]}/",
            "tls": receiver.url("/").replace("http:", "https:")}
    place.register(path, urls[path])
    (order,) = place.submit()
    assert place.state(path, order, "waiting", 1)["attempts"][0]["error"] == error


def test_long_answers_are_not_read(place, receiver):
    receiver.replies["/long"] = [Reply(200, body=b"x" * 3_000_000)]
    place.register("long", receiver.url("/long"))
    (order,) = place.submit()
    place.state("long", order, "delivered", 1)


def test_quiet_hours_hold_back_what_is_not_critical(place, receiver, clock, book):
    """From 22:00 to 07:00 of the district's local time a webhook waits, a critical one does not; at 07:00 all go out."""
    clock.move((clock.now // DAY + 1) * DAY + 15 * HOUR - clock.now)  # 23:00 in Shanghai
    place.register("hook", receiver.url("/hook"), by_rules=True)
    ok(place.town.command("subscription_set", rule="sleep", channel="webhook", endpoint="hook", quiet_from="22:00", quiet_to="07:00"))
    for urgency in ("normal", "urgent", "critical"):
        place.submit(urgency=urgency)
    assert event_of(receiver.wait("/hook")[0])["data"]["urgency"] == "critical"

    def held():
        return book.rows("""SELECT (extract(epoch FROM due) * 1000)::bigint FROM notification.delivery
            WHERE district = %s AND state = 'waiting' AND due > to_timestamp(%s)""", place.district.code, clock.now / 1000)
    assert eventually(lambda: len(held()) == 2 and held(), "two are held back") == [(clock.now + 8 * HOUR,)] * 2
    clock.move(8 * HOUR - MINUTE)
    place.register("other", receiver.url("/other"))
    place.submit()
    receiver.wait("/other")  # the courier has looked at that time
    assert len(receiver.at("/hook")) == 1
    clock.move(MINUTE)
    assert [event_of(request)["data"].get("urgency", "normal") for request in receiver.wait("/hook", 4)[1:]].count("urgent") == 1


# --- secrets ----------------------------------------------------------------------------------------------------------------------------


def test_two_signatures_while_a_secret_rotates(place, receiver, clock):
    place.register("turn", receiver.url("/turn"))
    old, new = place.secrets["turn"], new_secret(24)
    ok(place.town.command("webhook_rotate", endpoint="turn", secret=new, until=clock.now + HOUR))
    assert place.endpoint("turn")["until"] == clock.now + HOUR
    place.submit()
    (during,) = receiver.wait("/turn")
    assert len(signatures_of(during)) == 2 and signed_by(during, old) and signed_by(during, new)
    clock.move(HOUR + SECOND)
    place.submit()
    after = receiver.wait("/turn", 2)[1]
    assert len(signatures_of(after)) == 1 and signed_by(after, new) and not signed_by(after, old)


def test_secrets_are_nowhere_in_the_clear(place, receiver, timed, book):
    """Neither in any table, nor in an answer, nor in a log; at rest they are sealed."""
    place.register("sealed", receiver.url("/sealed"))
    secret = place.secrets["sealed"]
    rotated = new_secret()
    ok(place.town.command("webhook_rotate", endpoint="sealed", secret=rotated))
    place.submit()
    receiver.wait("/sealed")
    for text in (secret, rotated):
        raw = base64.b64decode(text.removeprefix("whsec_"))
        for needle in (text.encode(), text.removeprefix("whsec_").encode(), raw):
            for schema, table in book.rows("""SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('intake', 'dispatch', 'notification', 'evaluation', 'reporting')"""):
                found = book.rows(f"SELECT count(*) FROM {schema}.\"{table}\" t WHERE strpos(t::text, %s) > 0 OR strpos(t::text, %s) > 0",
                                  needle.decode("latin-1").replace("\0", "?"), needle.hex())
                assert found == [(0,)], (schema, table)
        assert text.removeprefix("whsec_") not in json.dumps(place.ask("webhooks"))
        for service in ("intake", "notification", "reporting"):
            assert text.removeprefix("whsec_") not in timed.log(service)
    sealed = book.rows("SELECT octet_length(sealed) FROM notification.webhook_secret WHERE district = %s", place.district.code)
    assert sealed == [(32 + 29,), (32 + 29,)]


def test_a_secret_moved_to_another_endpoint_does_not_open(place, receiver, book):
    """The seal binds a secret to its endpoint: a row put under another name is of no use."""
    place.register("own", receiver.url("/own"))
    place.register("thief", receiver.url("/thief"))
    book.rows("""UPDATE notification.webhook_secret t SET sealed = o.sealed FROM notification.webhook_secret o
                    WHERE t.district = %s AND o.district = t.district AND t.code = 'thief' AND o.code = 'own'""", place.district.code)
    (order,) = place.submit()
    assert place.state("thief", order, "waiting", 1)["attempts"][0]["error"] == "no_secret"
    receiver.wait("/own")
    assert receiver.at("/thief") == []


# --- one does not hold up another, nothing is lost --------------------------------------------------------------------------------------


def test_a_slow_endpoint_delays_no_other(place, receiver):
    """One endpoint lets every request hang until its time is out, with twenty waiting for it: the other has all twenty long before."""
    receiver.replies["/hangs"] = [Reply(200, delay=60.0)]
    place.register("hangs", receiver.url("/hangs"))
    place.register("quick", receiver.url("/quick"))
    begun = time.monotonic()
    orders = place.submit(20)
    receiver.wait("/quick", 20)
    took = time.monotonic() - begun
    assert {event_of(request)["data"]["order"] for request in receiver.at("/quick")} == set(orders)
    assert len(receiver.at("/hangs")) <= 2 + 2 * int(took / 4 + 1)  # two at a time, four seconds each
    assert place.endpoint("hangs")["waiting"] == 20
    ok(place.town.command("webhook_remove", endpoint="hangs"))


def test_killed_between_enqueue_and_delivery(place, receiver, timed):
    """kill -9 with requests under way and others waiting: each order's event arrives, and a receiver that drops repeats by webhook-id
    sees each exactly once."""
    receiver.replies["/kill"] = [Reply(200, delay=0.3)]
    place.register("kill", receiver.url("/kill"))
    orders = place.submit(30)
    receiver.wait("/kill", 3)
    for _ in range(2):
        timed.wait_restarted("notification", timed.kill("notification", signal.SIGKILL))
        receiver.wait("/kill", len(receiver.at("/kill")) + 1)
    eventually(lambda: place.endpoint("kill")["waiting"] == 0, "all are delivered")
    kept = {}
    for request in receiver.at("/kill"):
        assert kept.setdefault(request.headers["webhook-id"], request.body) == request.body
    assert sorted(json.loads(body)["data"]["order"] for body in kept.values()) == sorted(orders)


def test_enqueued_once_whatever_happens(place, receiver, timed, book):
    """Notification is killed while it applies events: one row for each event and endpoint."""
    place.register("once", receiver.url("/once"))
    for _ in range(3):
        pid = timed.kill("notification", signal.SIGKILL)
        place.submit(10)
        timed.wait_restarted("notification", pid)
    receiver.wait("/once", 30)
    eventually(lambda: book.value("SELECT count(*) FROM notification.delivery WHERE district = %s AND state = 'delivered'",
                                  place.district.code) == 30, "all are delivered")
    assert len({request.headers["webhook-id"] for request in receiver.at("/once")}) == 30


def test_what_was_kept_long_enough_goes_however_much_it_is(place, receiver, timed, book):
    """More than one statement takes: a busy hour's deliveries are not left for the hours after it."""
    place.register("kept", receiver.url("/kept"))
    (order,) = place.submit()
    place.state("kept", order, "delivered")
    copied = [column for (column,) in book.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'notification.delivery'::regclass AND attnum > 0")]
    values = ", ".join({"offset": "1000000 + n", "finished": "'epoch'"}.get(column, f'd."{column}"') for column in copied)
    book.rows(f"INSERT INTO notification.delivery SELECT {values} FROM notification.delivery d, generate_series(1, 12000) n "
              "WHERE d.district = %s", place.district.code)
    timed.wait_restarted("notification", timed.kill("notification", signal.SIGKILL))
    left = "SELECT count(*) FROM notification.delivery WHERE district = %s"
    eventually(lambda: book.value(left, place.district.code) == 1, "all but the new one are gone")


# --- who may what -----------------------------------------------------------------------------------------------------------------------


def refusal(answer):
    assert answer["status"] == "refused", answer
    return answer["error"]["code"], answer["error"].get("field")


def test_endpoints_of_others(place, receiver):
    """Each its own; the committee may disable, remove and resend for any of the district, an operator disable and resend."""
    place.register("mine", receiver.url("/mine"))
    other, committee = place.district.as_("town", "town-b"), place.district.as_("committee", "committee")
    operator = place.people.operator
    assert refusal(other.command("webhook_disable", endpoint="mine")) == ("unknown_webhook", "endpoint")
    assert refusal(other.command("webhook_disable", endpoint="mine", organisation="town-a")) == ("not_yours", "organisation")
    assert refusal(committee.command("webhook_rotate", endpoint="mine", organisation="town-a", secret=new_secret())) == (
        "not_yours", "organisation")
    assert refusal(operator.command("webhook_register", endpoint="x", url=receiver.url("/x"), secret=new_secret())) == ("forbidden", None)
    assert refusal(operator.command("webhook_disable", endpoint="mine", organisation="town-a")) == ("missing_field", "district")
    ok(operator.command("webhook_disable", endpoint="mine", organisation="town-a", district=place.district.code))
    assert place.endpoint("mine")["enabled"] is False
    (order,) = place.submit()
    assert place.state("mine", order, "dead", 0)["error"] == "disabled"
    ok(committee.command("webhook_enable", endpoint="mine", organisation="town-a"))
    ok(operator.command("dead_letter_resend", endpoint="mine", organisation="town-a", district=place.district.code))
    receiver.wait("/mine")
    ok(committee.command("webhook_remove", endpoint="mine", organisation="town-a"))
    assert place.ask("webhooks")["webhooks"] == []


def test_pages_leave_out_no_endpoint(place, receiver):
    """An event goes to several endpoints under one notice: where a page ends, none of them is lost."""
    for endpoint in ("a", "b", "c"):
        place.register(endpoint, receiver.url(f"/{endpoint}"), events=["order_submitted"])
    orders = place.submit(2)
    for order in orders:
        place.state("c", order, "delivered")
    found, before = [], 0
    while before is not None:
        page = place.ask("deliveries", limit=2, before=before)
        found += [(row["order"], row["endpoint"]) for row in page["deliveries"]]
        before = page.get("next")
    assert found == [(order, endpoint) for order in reversed(orders) for endpoint in ("a", "b", "c")]


def test_dead_letters_are_seen_by_their_own_and_the_operator(place, receiver, residents):
    receiver.replies["/d"] = [Reply(410)]
    place.register("d", receiver.url("/d"))
    (order,) = place.submit()
    place.state("d", order, "dead")
    operator = residents.connect("query", residents.env["ZTC_KEY_OPERATOR"])
    seen = ok(operator.query("dead_letters", district=place.district.code))["result"]["dead_letters"]
    assert [row["order"] for row in seen] == [order]
    assert not {"body", "need", "data"} & set(seen[0])  # what happened, not what was said
    operator.close()
    other = place.district.as_("town", "town-b", face="query")
    assert ok(other.query("dead_letters"))["result"]["dead_letters"] == []
    assert refusal(other.query("dead_letters", organisation="town-a")) == ("not_yours", "organisation")
    assert refusal(place.district.as_("resident", "village-a", face="query").query("dead_letters")) == ("forbidden", None)


@pytest.mark.parametrize("body, code, field", [
    ({"url": "ftp://example.org/x"}, "url_refused", "url"), ({"url": "https://user:word@example.org/"}, "url_refused", "url"),
    ({"url": "https://example.org/#part"}, "url_refused", "url"), ({"url": "nonsense"}, "url_refused", "url"),
    ({"secret": "whsec_" + base64.b64encode(b"x" * 23).decode()}, "out_of_range", "secret"),
    ({"secret": "whsec_" + base64.b64encode(b"x" * 65).decode()}, "out_of_range", "secret"),
    ({"secret": "secret" + base64.b64encode(b"x" * 32).decode()}, "out_of_range", "secret"),
    ({"secret": "whsec_" + "!" * 44}, "out_of_range", "secret"),
    ({"events": ["order_lost"]}, "unknown_word", "events"), ({"events": ["score_counted"]}, "unknown_word", "events"),
    ({"organisation": "town-b"}, "not_yours", "organisation"), ({"organisation": "nobody"}, "unknown_organisation", "organisation")], ids=str)
def test_registrations_that_are_refused(refusing, body, code, field):
    good = {"endpoint": "e", "url": "http://127.0.0.1:1/", "secret": new_secret()}
    assert refusal(refusing.town.command("webhook_register", **{**good, **body})) == (code, field)


def test_no_more_than_twenty_endpoints(place):
    for number in range(20):
        place.register(f"e{number}", "http://127.0.0.1:1/")
    answer = place.town.command("webhook_register", endpoint="e20", url="http://127.0.0.1:1/", secret=new_secret())
    assert refusal(answer) == ("too_many", "endpoint")
    place.register("e0", "http://127.0.0.1:1/")  # what is there may be changed
    ok(place.town.command("webhook_remove", endpoint="e1"))
    place.register("e20", "http://127.0.0.1:1/")


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1/", "https://localhost/", "https://10.1.2.3/", "https://[::1]/",
                                 "https://169.254.169.254/latest", "https://[::ffff:192.168.0.1]/", "https://2130706433/"])
def test_urls_that_are_refused_by_default(strict, url):
    """Without the two settings: https alone, and to nothing that is loopback, private or link-local."""
    answer = strict.town.command("webhook_register", endpoint="e", url=url, secret=new_secret())
    assert refusal(answer) == ("url_refused", "url")


def test_urls_that_are_taken_by_default(strict):
    strict.register("taken", "https://example.org:8443/hook?x=1")
    ok(strict.town.command("webhook_remove", endpoint="taken"))


def test_a_name_that_resolves_to_loopback_is_blocked_by_default(strict):
    """What a name resolves to is judged at each connection, whatever it was when it was registered."""
    strict.register("rebound", "https://hook.localhost/")  # libcurl resolves every name under localhost to loopback by itself
    (order,) = strict.submit()
    assert strict.state("rebound", order, "waiting", 1)["attempts"][0]["error"] == "blocked"


# --- by hand, and by others' code ---------------------------------------------------------------------------------------------------------


def test_ztc(stack, people, tmp_path):
    """register, list, send, dead letters, resend and remove as an operator and a town type them."""
    receiver = Receiver()
    receiver.replies["/cli"] = [Reply(410), Reply(200)]
    place = Place(people, "t-ztc-hooks")
    keys = tmp_path / "town"
    public, secret = people.pair(place.district.code, "town-a", "town")
    import zmq.auth.certs  # the file format of ztc's keys
    zmq.auth.certs._write_key_file(f"{keys}.key_secret", "#   ****  test  ****\n", public, secret)

    def ztc(*words):
        ran = stack.ztc(*words, key=f"{keys}.key_secret", capture_output=True, text=True)
        assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
        return ran.stdout
    ztc("webhooks", "register", "cli", "--url", receiver.url("/cli"), "--secret", new_secret())
    assert receiver.url("/cli") in ztc("webhooks")
    (order,) = place.submit()
    place.state("cli", order, "dead")
    letters = ztc("dead-letters")
    assert "order" in letters and "410" in letters and str(order) in letters
    ztc("webhooks", "enable", "cli")
    ztc("resend", "cli")
    receiver.wait("/cli", 2)
    assert "200" in ztc("deliveries", "cli")
    ztc("subscriptions", "set", "quiet", "--muted", "--events", "order_submitted")
    assert "quiet" in ztc("subscriptions")
    ztc("subscriptions", "remove", "quiet")
    ztc("webhooks", "remove", "cli")
    receiver.close()


def node():
    """The node that is there, else Debian's package of it, which deploy/packages.txt names."""
    found = shutil.which("node"), shutil.which("npm")
    assert all(found), "node and npm are missing: make packages"
    return found


def test_npms_standardwebhooks_and_cloudevents_take_what_was_sent(stack, people, tmp_path):
    """Others' code: the reference implementations of both formats accept what a receiver got, and refuse it when it was changed."""
    program, npm = node()
    home = ROOT / "build" / "npm"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "check.mjs"):
        shutil.copy(ROOT / "tests" / "npm" / name, home / name)
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home, check=True, timeout=300, capture_output=True)
    receiver = Receiver()
    place = Place(people, "t-npm")
    place.register("npm", receiver.url("/npm"))
    new = new_secret(64)
    ok(place.town.command("webhook_rotate", endpoint="npm", secret=new))
    (order,) = place.submit()
    (request,) = receiver.wait("/npm")
    captured = tmp_path / "request.json"
    captured.write_text(json.dumps({"headers": request.headers, "body": request.body.decode("utf-8"), "order": order,
                                    "secrets": [place.secrets["npm"], new], "wrong": new_secret()}), encoding="utf-8")
    ran = subprocess.run([program, str(home / "check.mjs"), str(captured)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.strip().endswith("accepted")
    receiver.close()


def test_lock_file_names_no_registry():
    lock = json.loads((ROOT / "tests" / "npm" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert {"node_modules/standardwebhooks", "node_modules/cloudevents"} <= set(packages)
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name


def test_vector_of_the_second_implementation():
    """verification.md's vector, so that what the tests check with is itself right."""
    assert signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                     b'{"test": 2432232314}') == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
