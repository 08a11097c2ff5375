"""Bad input, one test per case. Each time: a precise refusal, nothing changed (row by row of both owners' tables), no process restarted,
and a valid neighbour of the same burst stored."""

import itertools
import os
import socket as sockets
import struct
import time
import urllib.request

import msgpack
import pytest
import tables
import zmq
from people import District, Order, bring, burst, now_ms, ok
from stack_home import SERVICES
from tables import Field

FRAME_MAX = 64 * 1024
TEXT_ITEM_MAX, COUNT_MAX = 512, 1000000000
INSTANT_MIN, INSTANT_MAX = -2208988800000, 7258118400000


def pack(value):
    """Texts may hold bytes that are no UTF-8, as surrogates."""
    return msgpack.packb(value, use_bin_type=True, unicode_errors="surrogateescape")


def is_id(value):
    """Whether an answer can name it."""
    try:
        return isinstance(value, str) and len(value.encode("utf-8")) <= 128 and "\0" not in value
    except UnicodeEncodeError:
        return False


# --- what is asserted each time --------------------------------------------------------------------------------------------------


class Bench:
    """A district of its own, its keys, and the one way in which every case is tried."""

    def __init__(self, stack, people, ledger):
        self.stack, self.people, self.ledger = stack, people, ledger
        self.district = District(people, "t-bad")
        self.village = self.district.as_("village", "village-a")
        self.numbers = itertools.count(1)
        self.pids = self.processes()
        ledger.wait_quiet()

    def processes(self):
        return {name: self.stack.pid(name) for name in (*SERVICES, "postgres", "redis")}

    def new_id(self):
        return f"bad-{os.getpid()}-{next(self.numbers)}"

    def neighbour(self):
        return {"id": self.new_id(), "type": "order_submit", "body": {"need": "相邻的好命令", "squads": ["squad-a"]}}

    def receive(self, client, wanted):
        """`wanted` answers as raw frames."""
        frames = []
        while len(frames) < wanted:
            assert client.socket.poll(10000), f"{wanted - len(frames)} answers did not come"
            frames.append(client.socket.recv_multipart()[-1])
        return frames

    def frame_of(self, message):
        return message if isinstance(message, (bytes, list)) else pack(message)

    def try_it(self, message, client=None):
        """Sends what is bad between two good neighbours. Returns its answer."""
        client = client or self.village
        neighbours = [self.neighbour(), self.neighbour()]
        self.ledger.wait_quiet("dispatch")
        before = self.ledger.counts(self.ledger.owned)
        self.village.send_raw(pack(neighbours[0]))
        frame = self.frame_of(message)
        client.send_raw(*(frame if isinstance(frame, list) else [frame]))
        self.village.send_raw(pack(neighbours[1]))
        if client is self.village:
            raw = self.receive(client, 3)
        else:
            raw = [*self.receive(self.village, 2), *self.receive(client, 1)]
        answers = [msgpack.unpackb(one, raw=False) for one in raw]
        good = [answer for answer in answers if answer["id"] in {one["id"] for one in neighbours}]
        assert len(good) == 2, answers
        for answer in ok(good):
            stored = self.ledger.value("SELECT state FROM intake.orders WHERE district = 't-bad' AND id = %s", answer["result"]["order"])
            assert stored == "submitted"
        (answer,) = [answer for answer in answers if answer not in good]
        kept = answer["status"] == "refused" and tables.REFUSAL_KEPT[answer["error"]["code"]]
        change = self.ledger.change(before, self.ledger.owned)
        commands = {name: change.pop(name, 0) for name in ("intake.command", "dispatch.command")}
        assert change == {"intake.orders": 2, "intake.event": 2}, f"rows changed beside the neighbours': {change}"
        assert sum(commands.values()) == 2 + kept, commands
        assert self.processes() == self.pids, "a process was restarted"
        return answer

    def refused(self, message, code, field=None, client=None, state=None, allowed=None, status="refused", order=None):
        """The case must be refused just so."""
        answer = self.try_it(message, client)
        assert answer["status"] == status, answer
        error = answer["error"]
        got = (error["code"], error.get("field"), error.get("state"), error.get("allowed"), error.get("order"))
        assert got == (code, field, state, allowed, order), (answer, message if not isinstance(message, (bytes, list)) else "raw")
        assert error["message"] and "result" not in answer and answer["events"] == []
        if isinstance(message, dict):
            assert answer["id"] == (message.get("id") if is_id(message.get("id")) else "")
        return answer

    def key(self, role):
        organisation = {"village": "village-a", "site": "site-a", "town": "town-a", "squad": "squad-a", "department": "department-a",
                        "surveyor": "surveyor-a", "committee": "committee", "operator": "committee", "feed": "feed-a",
                        "resident": "village-a"}[role]
        return self.district.as_(role, organisation)


@pytest.fixture(scope="module")
def bench(stack, people, ledger):
    return Bench(stack, people, ledger)


# --- generated from the tables: every field of every command and query, every fault it can have --------------------------------------

WRONG = {"int": 7, "negative int": -7, "bool": True, "float": 1.5, "str": "x", "bin": b"x", "array": [], "map": {},
         "ext": msgpack.ExtType(5, b"x"), "timestamp": msgpack.Timestamp(1, 0)}
RIGHT_NAMES = {"text": {"str"}, "code": {"str"}, "word": {"str"}, "int": {"int", "negative int"}, "time": {"int", "negative int"},
               "flag": {"bool"}, "texts": {"array"}, "codes": {"array"}, "counts": {"map"}, "windows": {"array"},
               "resolutions": {"array"}}


WINDOW = [1_900_000_000_000, 1_900_003_600_000]
RESOLUTION = {"text": "设立窗口", "owner": "nowhere", "due": "2026-03-31"}


def sample(field):
    """A value that the decoder takes."""
    if field.kind == "text":
        return "k" * max(1, field.min)
    if field.kind == "word":
        return field.words[-1]
    return {"code": "nowhere", "int": max(field.min, 1), "time": 1_900_000_000_000, "flag": False, "texts": ["a"], "codes": ["a"],
            "counts": {"a": 1}, "windows": [WINDOW], "resolutions": [RESOLUTION]}[field.kind]


def body_of(fields):
    return {field.name: sample(field) for field in fields if field.required}


def text_faults(field, thorough):
    yield "too long", "k" * (field.max + 1), "too_long"
    yield "holds NUL", "a\0b"[:field.max] if field.max >= 3 else "\0", "bad_text"
    yield "is no UTF-8", "a\udcff", "bad_text"
    if field.min > 0:
        yield "is empty", "", "out_of_range"
    if field.min > 1:
        yield "is too short", "k" * (field.min - 1), "out_of_range"
    if field.kind == "code":
        yield "has capitals", "ABC", "out_of_range"
    if not thorough:
        return
    yield "too long by bytes, not characters", "中" * (field.max // 3 + 1), "too_long"
    yield "is UTF-8 of a surrogate", "\udced\udca0\udc80", "bad_text"
    yield "is overlong UTF-8", "\udcc0\udcaf", "bad_text"
    if field.kind == "code":
        for name, text in (("begins with a dash", "-a"), ("has a blank", "a b"), ("has a slash", "a/b"), ("has a quote", "a'b"),
                           ("is Chinese", "回龙村")):
            yield name, text, "out_of_range"


def number_faults(field, thorough):
    low, high = (INSTANT_MIN, INSTANT_MAX) if field.kind == "time" else (field.min, field.max)
    yield "below its range", low - 1, "out_of_range"
    yield "above its range", min(high + 1, 2**64 - 1), "out_of_range"
    if thorough:
        yield "the largest uint64", 2**64 - 1, "out_of_range"
        yield "the smallest int64", -2**63, "out_of_range"


def counts_faults(field):
    yield "too many", {f"k{i}": 1 for i in range(field.max + 1)}, "too_long"
    yield "a negative count", {"a": -1}, "out_of_range"
    yield "too large a count", {"a": COUNT_MAX + 1}, "out_of_range"
    yield "a count that is text", {"a": "1"}, "wrong_type"
    yield "a name that is too long", {"a" * (TEXT_ITEM_MAX + 1): 1}, "too_long"
    yield "an empty name", {"": 1}, "out_of_range"
    yield "a name with NUL", {"a\0": 1}, "bad_text"
    yield "a name that is a number", {1: 1}, "malformed"


def list_faults(field):
    longest = 64 if field.kind == "codes" else TEXT_ITEM_MAX
    yield "too many", ["a"] * (field.max + 1), "too_long"
    yield "an empty item", [""], "out_of_range"
    yield "an item that is too long", ["a" * (longest + 1)], "too_long"
    yield "an item that is a number", ["a", 1], "wrong_type"
    yield "an item that is nil", ["a", None], "wrong_type"
    yield "an item with NUL", ["a\0"], "bad_text"
    yield "an item that is no UTF-8", ["\udcff"], "bad_text"


def window_faults(field):
    yield "too many", [WINDOW] * (field.max + 1), "too_long"
    yield "a window that is a number", [1], "wrong_type"
    yield "a window of one end", [[1]], "wrong_type"
    yield "a window of three", [[1, 2, 3]], "wrong_type"
    yield "a window that begins with text", [["x", 2]], "wrong_type"
    yield "a window beyond all years", [[1, INSTANT_MAX + 1]], "out_of_range"


def resolution_faults(field):
    yield "too many", [RESOLUTION] * (field.max + 1), "too_long"
    yield "a resolution that is text", ["x"], "wrong_type"
    for key in RESOLUTION:
        yield f"a resolution without {key}", [{name: value for name, value in RESOLUTION.items() if name != key}], "missing_field"
        yield f"a resolution whose {key} is a number", [{**RESOLUTION, key: 1}], "wrong_type"
        yield f"a resolution whose {key} is empty", [{**RESOLUTION, key: ""}], "out_of_range"
    yield "a resolution that is too long", [{**RESOLUTION, "text": "a" * (TEXT_ITEM_MAX + 1)}], "too_long"
    yield "an owner with capitals", [{**RESOLUTION, "owner": "ABC"}], "out_of_range"
    yield "a due that is no day", [{**RESOLUTION, "due": "2026-02-30"}], "out_of_range"
    yield "a due with NUL", [{**RESOLUTION, "due": "2026-02-2\0"}], "bad_text"


def faults(field, thorough=True):
    """(name, value, code) of what can be wrong with a field's value."""
    wrong = [(name, value) for name, value in WRONG.items() if name not in RIGHT_NAMES[field.kind]]
    for name, value in wrong if thorough else wrong[len(field.name) % len(wrong):][:1]:
        yield f"is {name}", value, "wrong_type"
    if field.kind in ("text", "code"):
        yield from text_faults(field, thorough)
    elif field.kind == "word":
        yield "is no word of its list", "sometimes", "unknown_word"
        yield "is empty", "", "unknown_word"
        yield "has NUL", f"{field.words[0]}\0", "unknown_word"
    elif field.kind in ("int", "time"):
        yield from number_faults(field, thorough)
    elif field.kind == "counts":
        yield from counts_faults(field)
    elif field.kind == "windows":
        yield from window_faults(field)
    elif field.kind == "resolutions":
        yield from resolution_faults(field)
    elif field.kind in ("texts", "codes"):
        yield from list_faults(field)


def field_cases(which):
    """The faults of every field; all that there are of the first field of each kind."""
    met = set()
    for message, fields in which.items():
        for field in fields:
            for name, value, code in faults(field, thorough=field.kind not in met):
                yield pytest.param(field, value, code, id=f"{message}-{field.name} {name}")
            met.add(field.kind)


def sender_of(bench, command):
    role = sorted(tables.roles_of(command))[0] if command in tables.ORDER_COMMANDS else "operator"
    return bench.key(role)


@pytest.mark.parametrize("field, value, code", field_cases(tables.COMMANDS))
def test_field_of_a_command(bench, field, value, code):
    body = {**body_of(tables.COMMANDS[field.message]), field.name: value}
    bench.refused({"id": bench.new_id(), "type": field.message, "body": body}, code, field.name, sender_of(bench, field.message))


@pytest.mark.parametrize("field", [pytest.param(field, id=f"{name}-{field.name}") for name, fields in tables.COMMANDS.items()
                                   for field in fields if field.required])
@pytest.mark.parametrize("way", ["absent", "nil"])
def test_required_field_of_a_command(bench, field, way):
    body = body_of(tables.COMMANDS[field.message])
    if way == "nil":
        body[field.name] = None
    else:
        del body[field.name]
    bench.refused({"id": bench.new_id(), "type": field.message, "body": body}, "missing_field", field.name,
                  sender_of(bench, field.message))


@pytest.mark.parametrize("field", [pytest.param(field, id=f"{name}-{field.name}") for name, fields in tables.COMMANDS.items() for field in fields])
def test_field_given_twice(bench, field):
    pairs = [*body_of(tables.COMMANDS[field.message]).items()]
    pairs += [(field.name, sample(field))] * (2 if field.name not in dict(pairs) else 1)
    body = bytes([0x80 | len(pairs)]) + b"".join(pack(name) + pack(value) for name, value in pairs)
    name = bench.new_id()
    frame = b"\x83" + pack("id") + pack(name) + pack("type") + pack(field.message) + pack("body") + body
    answer = bench.refused(frame, "malformed", field.name, sender_of(bench, field.message))
    assert answer["id"] == name


# --- the same for queries, which must not disturb their neighbours either --------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(bench):
    return bench.district.as_("committee", "committee", face="query")


def refused_query(bench, reader, message, code, field):
    good = {"id": bench.new_id(), "type": "board", "body": {}}
    burst_frames = [pack(message) if isinstance(message, dict) else message, pack(good)]
    for frame in burst_frames:
        reader.send_raw(frame)
    answers = [msgpack.unpackb(frame, raw=False) for frame in bench.receive(reader, 2)]
    (fine,) = [answer for answer in answers if answer["id"] == good["id"]]
    (bad,) = [answer for answer in answers if answer["id"] != good["id"]]
    assert fine["status"] == "ok"
    assert (bad["status"], bad["error"]["code"], bad["error"].get("field")) == ("refused", code, field), bad
    assert bench.processes() == bench.pids
    return bad


@pytest.mark.parametrize("field, value, code", field_cases(tables.QUERIES))
def test_field_of_a_query(bench, reader, field, value, code):
    body = {**body_of(tables.QUERIES[field.message]), field.name: value}
    refused_query(bench, reader, {"id": bench.new_id(), "type": field.message, "body": body}, code, field.name)


POSITION = {"producer": "intake", "part": 0, "offset": 1}


@pytest.mark.parametrize("after, code", [
    (7, "wrong_type"), ({}, "wrong_type"), ([7], "wrong_type"), ([POSITION] * 17, "too_long"),
    ([{**POSITION, "producer": "nobody"}], "unknown_word"), ([{**POSITION, "part": 256}], "out_of_range"),
    ([{**POSITION, "offset": -1}], "out_of_range"), ([{"part": 0, "offset": 1}], "missing_field"),
    ([{**POSITION, "offset": "1"}], "wrong_type")], ids=str)
def test_positions_of_a_query(bench, reader, after, code):
    refused_query(bench, reader, {"id": bench.new_id(), "type": "board", "after": after, "body": {}}, code, "after")


@pytest.mark.parametrize("kind, body, code, field", [
    ("counts", {"by": "colour"}, "unknown_word", "by"),
    ("counts", {"by": "state", "from": 2000, "to": 1000}, "unfit", "to"),
    ("counts", {"by": "state", "feed": "nobody"}, "unknown_organisation", "feed"),
    ("stars", {"quarter": "2026Q9"}, "out_of_range", "quarter"),
    ("stars", {"quarter": "yester"}, "out_of_range", "quarter"),
    ("stars", {"squad": "nobody"}, "unknown_squad", "squad"),
    ("stars", {"squad": "village-a"}, "unknown_squad", "squad"),
    ("queue", {"squad": "nobody"}, "unknown_squad", "squad"),
    ("order_list", {"squad": "nobody"}, "unknown_squad", "squad"),
    ("order_list", {"town": "nobody"}, "unknown_organisation", "town"),
    ("order_list", {"place": "nobody"}, "unknown_organisation", "place"),
    ("order_show", {}, "missing_field", "order"),
    ("order_show", {"order": 2**62}, "unknown_order", "order"),
    ("order_show", {"external_id": "x"}, "missing_field", "feed"),
    ("order_show", {"feed": "feed-a", "external_id": "never"}, "unknown_order", "external_id"),
    ("inbox", {"organisation": "nobody"}, "unknown_organisation", "organisation"),
    ("directory_list", {"kind": "castle"}, "unknown_word", "kind"),
    ("no_such_query", {}, "unknown_type", "type"),
    ("order_submit", {"need": "a command to the wrong face"}, "unknown_type", "type")], ids=str)
def test_query_that_names_what_is_not_there(bench, reader, kind, body, code, field):
    refused_query(bench, reader, {"id": bench.new_id(), "type": kind, "body": body}, code, field)


# --- envelopes --------------------------------------------------------------------------------------------------------------------

GOOD = {"type": "order_submit", "body": {"need": "好", "squads": ["squad-a"]}}
HEAD = {field.name: field for field in tables.ENVELOPES["command_head"]}


@pytest.mark.parametrize("field, value, code", [pytest.param(field, value, code, id=f"{field.name} {name}")
                                                for field in HEAD.values() for name, value, code in faults(field)])
def test_field_of_the_envelope(bench, field, value, code):
    bench.refused({"id": bench.new_id(), **GOOD, field.name: value}, code, field.name)


@pytest.mark.parametrize("field", ["id", "type", "body"])
@pytest.mark.parametrize("way", ["absent", "nil"])
def test_envelope_without(bench, field, way):
    message = {"id": bench.new_id(), **GOOD, field: None}
    if way == "absent":
        del message[field]
    bench.refused(message, "missing_field", field)


@pytest.mark.parametrize("value", [7, "x", b"x", [], True, 1.5], ids=repr)
def test_body_that_is_no_map(bench, value):
    bench.refused({"id": bench.new_id(), **GOOD, "body": value}, "wrong_type", "body")


@pytest.mark.parametrize("kind", ["", "order", "ORDER_SUBMIT", "auto_offer", "auto_escalate", "order_submitted", "order_submit\0", "board",
                                  "no such"])
def test_unknown_type(bench, kind):
    field = "type"
    bench.refused({"id": bench.new_id(), **GOOD, "type": kind}, "bad_text" if "\0" in kind else "unknown_type", field)


# --- bytes that are no command ------------------------------------------------------------------------------------------------------

WHOLE = pack({"id": "bad-truncated", **GOOD})


def nested(depth, opening):
    """Containers in containers, the innermost empty."""
    return opening * (depth - 1) + (b"\x90" if opening == b"\x91" else b"\x80")


BROKEN = {
    "one byte that msgpack never uses": b"\xc1",
    "nil": b"\xc0",
    "an int": b"\x07",
    "a text": pack("order_submit"),
    "an array": pack(["order_submit"]),
    "155 bytes that claim 254 GB": b"\xdd\xff\xff\xff\xff" + b"\xdd\xff\xff\xff\xff" * 30,
    "an array that claims 4 billion items": b"\xdd\xff\xff\xff\xff",
    "a map that claims 4 billion pairs": b"\xdf\xff\xff\xff\xff",
    "a map that claims 2 billion pairs": b"\xdf\x7f\xff\xff\xff" + b"\xa1a\x01" * 20,
    "a text that claims 4 GB": b"\x81\xa2id\xdb\xff\xff\xff\xff",
    "a bin that claims 4 GB": b"\x81\xa2id\xc6\xff\xff\xff\xff",
    "an ext that claims 4 GB": b"\x81\xa2id\xc9\xff\xff\xff\xff\x01",
    "a text one byte longer than the frame": b"\x81\xa2id\xa5abcd",
    "a thousand arrays in arrays": nested(1000, b"\x91"),
    "sixty thousand arrays in arrays": nested(60000, b"\x91"),
    "a thousand maps in maps": b"\x81\xa1a" * 1000 + b"\x80",
    "two commands in one frame": WHOLE + WHOLE,
    "a command and a byte": WHOLE + b"\xc0",
    "a key that is a number": b"\x84" + WHOLE[1:] + b"\x01\x01",
    "a key that is nil": b"\x84" + WHOLE[1:] + b"\xc0\x01",
    "a key that is a map": b"\x84" + WHOLE[1:] + b"\x80\x01",
    "a key that is bin": b"\x84" + WHOLE[1:] + b"\xc4\x04type\x01",
    "HTTP": b"POST /v1/orders HTTP/1.1\r\nHost: x\r\n\r\n",
    "JSON": b'{"id": "x", "type": "order_submit", "body": {}}',
    "zeroes": bytes(1000),
    "0xff": b"\xff" * 1000,
}


@pytest.mark.parametrize("frame", BROKEN.values(), ids=BROKEN)
def test_broken_msgpack(bench, frame):
    answer = bench.try_it(frame)
    assert (answer["status"], answer["error"]["code"]) == ("refused", "malformed"), answer


def test_every_truncation(bench):
    """A command cut off after each of its bytes: in one burst with good ones between."""
    before = bench.ledger.counts(bench.ledger.owned)
    good = []
    for length in range(1, len(WHOLE)):
        bench.village.send_raw(WHOLE[:length])
        if length % 10 == 0:
            good.append(bench.neighbour())
            bench.village.send(good[-1])
    answers = [msgpack.unpackb(frame, raw=False) for frame in bench.receive(bench.village, len(WHOLE) - 1 + len(good))]
    assert [answer["error"]["code"] for answer in answers if answer["id"] == ""] == ["malformed"] * (len(WHOLE) - 1)
    assert {answer["id"] for answer in answers if answer["status"] == "ok"} == {message["id"] for message in good}
    assert bench.ledger.change(before, bench.ledger.owned) == dict.fromkeys(("intake.orders", "intake.event", "intake.command"), len(good))
    assert bench.processes() == bench.pids


def test_depth(bench):
    """Unknown keys are skipped, but what is nested too deep is not looked at."""
    def deep(levels):
        value = 1
        for _ in range(levels):
            value = [value]
        return {"id": bench.new_id(), **GOOD, "more": value}
    assert ok(bench.village.ask(deep(15)))["result"]["order"]
    answer = bench.try_it(deep(16))
    assert (answer["id"], answer["error"]["code"]) == ("", "malformed")


def test_unknown_keys_are_skipped(bench):
    message = {"id": bench.new_id(), **GOOD, "later": {"a": [1, 2.5, None, b"x", msgpack.ExtType(3, b"y")]}}
    message["body"] = {**GOOD["body"], "v": 1, "brand_new": {"nested": [True]}}
    ok(bench.village.ask(message))


# --- frames -----------------------------------------------------------------------------------------------------------------------


def padded(message, length):
    """The command with an unknown key that brings its frame to just this length."""
    short = len(pack({**message, "pad": b"x" * 65536}))
    frame = pack({**message, "pad": b"x" * (65536 + length - short)})
    return frame if len(frame) == length else pack({**message, "pad": b"x" * (65536 + length - short + length - len(frame))})


def test_largest_frame_is_taken(bench):
    message = {"id": bench.new_id(), **GOOD}
    frame = padded(message, FRAME_MAX)
    assert len(frame) == FRAME_MAX
    bench.village.send_raw(frame)
    answer = msgpack.unpackb(bench.receive(bench.village, 1)[0], raw=False)
    assert (answer["id"], answer["status"]) == (message["id"], "ok")


@pytest.mark.parametrize("length", [FRAME_MAX + 1, FRAME_MAX + 100, FRAME_MAX + FRAME_MAX // 4])
def test_oversize_frame(bench, length):
    answer = bench.refused(padded({"id": "over", **GOOD}, length), "oversize")
    assert answer["id"] == ""


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.parametrize("megabytes", [1, 64, 300])
def test_huge_frame_resets_the_connection(bench, megabytes):
    before = bench.ledger.counts(bench.ledger.owned)
    resident = resident_kb(bench.stack.pid("intake"))
    client = bench.people.connect("feed", bench.people.pair("t-bad", "village-a", "village"))
    monitor = client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    ok(client.ask(bench.neighbour()))
    client.send_raw(bytes(megabytes * 1024 * 1024))
    assert monitor.poll(120000), "the connection stays open"  # the client encrypts all of it first
    client.socket.disable_monitor()
    client.close()
    assert resident_kb(bench.stack.pid("intake")) - resident < 48 * 1024
    assert ok(bench.village.ask(bench.neighbour()))
    assert bench.ledger.change(before, bench.ledger.owned) == dict.fromkeys(("intake.orders", "intake.event", "intake.command"), 2)
    assert bench.processes() == bench.pids


@pytest.mark.parametrize("frames", [
    [b""], [b"", b""], [b"", b"", b""], [WHOLE, WHOLE], [b"", WHOLE, WHOLE], [WHOLE, b""], [b"x", WHOLE], [WHOLE] * 10, [b""] * 50], ids=len)
def test_not_exactly_one_frame(bench, frames):
    answer = bench.try_it(frames)
    assert (answer["status"], answer["error"]["code"], answer["id"]) == ("refused", "malformed", "")


def test_request_socket_is_answered_with_its_delimiter(bench):
    client = bench.people.connect("feed", bench.people.pair("t-bad", "village-a", "village"), socket_type=zmq.REQ)
    ok(client.ask({"id": bench.new_id(), **GOOD}))
    client.send_raw(b"\xc1")
    assert msgpack.unpackb(client.socket.recv(), raw=False)["error"]["code"] == "malformed"
    ok(client.ask({"id": bench.new_id(), **GOOD}))
    client.close()


def test_garbage_on_the_wire(bench):
    """Not even ZMTP: connections that say anything, and ones that say nothing, disturb nobody."""
    host, port = bench.people.env["ZTC_FEED"].removeprefix("tcp://").rsplit(":", 1)
    opened = []
    for said in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 64, bytes(64), os.urandom(4096), b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + bytes(48),
                 struct.pack(">B8xB", 0xff, 0x7f) + os.urandom(2000)) * 8:
        connection = sockets.create_connection((host, int(port)))
        connection.sendall(said)
        opened.append(connection)
    assert ok(bench.village.ask(bench.neighbour()))
    for connection in opened:
        connection.close()
    assert ok(bench.village.ask(bench.neighbour()))
    assert bench.processes() == bench.pids


def test_half_open_connections_are_given_back(bench):
    """The handshake has a second; then the descriptors are free again."""
    pid = bench.stack.pid("intake")
    host, port = bench.people.env["ZTC_FEED"].removeprefix("tcp://").rsplit(":", 1)
    before = len(os.listdir(f"/proc/{pid}/fd"))
    opened = [sockets.create_connection((host, int(port))) for _ in range(200)]
    until = time.monotonic() + 15
    while len(os.listdir(f"/proc/{pid}/fd")) > before + 20 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(os.listdir(f"/proc/{pid}/fd")) <= before + 20
    for connection in opened:
        connection.close()
    assert ok(bench.village.ask(bench.neighbour()))


# --- ids and repeats --------------------------------------------------------------------------------------------------------------


def raw_answer(bench, message, client=None):
    client = client or bench.village
    client.send_raw(pack(message))
    return bench.receive(client, 1)[0]


def test_repeat_gets_the_first_answer_again_byte_by_byte(bench):
    message = {"id": bench.new_id(), **GOOD}
    first = raw_answer(bench, message)
    before = bench.ledger.counts(bench.ledger.owned)
    assert [raw_answer(bench, message) for _ in range(3)] == [first] * 3
    assert bench.ledger.change(before, bench.ledger.owned) == {}


def test_repeats_of_one_burst_are_one_command(bench):
    before = bench.ledger.counts(bench.ledger.owned)
    frame = pack({"id": bench.new_id(), **GOOD})
    for _ in range(50):
        bench.village.send_raw(frame)
    assert len(set(bench.receive(bench.village, 50))) == 1
    assert bench.ledger.change(before, bench.ledger.owned) == dict.fromkeys(("intake.orders", "intake.event", "intake.command"), 1)


def test_kept_refusal_is_repeated_byte_by_byte(bench):
    message = {"id": bench.new_id(), "type": "order_place", "body": {"order": 2**61}}
    town = bench.key("town")
    first = raw_answer(bench, message, town)
    assert msgpack.unpackb(first, raw=False)["error"]["code"] == "unknown_order"
    assert raw_answer(bench, message, town) == first


def test_answer_of_dispatch_is_repeated_byte_by_byte(bench):
    (order,) = bring([Order(bench.district, way="offered")])
    client, message = order.command("assignment_accept")
    first = raw_answer(bench, message, client)
    before = bench.ledger.counts(bench.ledger.owned)
    assert msgpack.unpackb(first, raw=False)["status"] == "ok"
    assert raw_answer(bench, message, client) == first
    assert bench.ledger.change(before, bench.ledger.owned) == {}


@pytest.mark.parametrize("other", [
    {"body": {"need": "好的", "squads": ["squad-a"]}}, {"body": {**GOOD["body"], "expected_people": 5}},
    {"body": {"squads": ["squad-a"], "need": "好"}}, {"type": "order_withdraw", "body": {"order": 1}},
    {"on_behalf_of": "village-a"}, {"time": 1_700_000_000_000}], ids=str)
def test_id_with_another_body(bench, other):
    message = {"id": bench.new_id(), **GOOD}
    ok(bench.village.ask(message))
    bench.refused({**message, **other}, "id_reused", "id")


def test_id_of_dispatch_with_another_body(bench):
    (order,) = bring([Order(bench.district, way="offered")])
    client, message = order.command("assignment_accept")
    ok(client.ask(message))
    bench.refused({**message, "body": order.body("assignment_accept")}, "id_reused", "id", client)


def test_same_id_of_another_caller_is_another_command(bench):
    message = {"id": bench.new_id(), **GOOD}
    first, second = (ok(client.ask(message)) for client in (bench.village, bench.district.as_("village", "village-b")))
    assert first["result"]["order"] != second["result"]["order"]


def test_malformed_command_does_not_use_up_its_id(bench):
    message = {"id": bench.new_id(), **GOOD}
    bench.refused({**message, "body": {"squads": ["squad-a"]}}, "missing_field", "need")
    ok(bench.village.ask(message))


@pytest.mark.parametrize("name", ["k" * 128, "订单" * 21, "a b'c\"d", "../../etc/passwd", "%s%n", "'; DROP TABLE intake.orders; --"])
def test_any_clean_text_is_an_id(bench, name):
    answer = ok(bench.village.ask({"id": name, **GOOD}))
    assert answer["id"] == name
    assert bench.ledger.value("SELECT count(*) FROM intake.command WHERE district = 't-bad' AND id = %s", name) == 1


# --- what the content says ---------------------------------------------------------------------------------------------------------

NEED = {"need": "需求"}
SQUAD = {**NEED, "squads": ["squad-a"]}
EXTERNAL = {"external_id": "x-1", "place": "village-a", "squad": "squad-a", "need": "外部"}
ORGANISATION = {"code": "new-1", "kind": "town", "name_zh": "新"}
HOUR = 3600 * 1000
CONTENT = [
    ("village", "order_submit", {**NEED, "squads": ["nobody"]}, "unknown_squad", "squads"),
    ("village", "order_submit", {**NEED, "squads": ["squad-a", "nobody"]}, "unknown_squad", "squads"),
    ("village", "order_submit", {**NEED, "squads": ["town-a"]}, "unknown_squad", "squads"),
    ("village", "order_submit", {**NEED, "squads": ["squad-a", "squad-a"]}, "unfit", "squads"),
    ("village", "order_submit", {**NEED, "category": "nothing"}, "unknown_category", "category"),
    ("village", "order_submit", {**SQUAD, "category": "nothing"}, "unknown_category", "category"),
    ("village", "order_submit", NEED, "missing_field", "squads"),
    ("village", "order_submit", {**SQUAD, "place": "village-b"}, "not_yours", "place"),
    ("village", "order_submit", {**SQUAD, "place": "nowhere"}, "not_yours", "place"),
    ("village", "order_submit", {**SQUAD, "external_id": "mine"}, "forbidden", "external_id"),
    ("village", "order_submit", {**SQUAD, "window_start": 1_900_000_000_000}, "missing_field", "window_end"),
    ("village", "order_submit", {**SQUAD, "window_end": 1_900_000_000_000}, "missing_field", "window_start"),
    ("village", "order_submit", {**SQUAD, "window_start": 1_900_000_000_000, "window_end": 1_900_000_000_000}, "window_unfit", "window_end"),
    ("village", "order_submit", {**SQUAD, "window_start": 1_900_000_000_000, "window_end": 1_800_000_000_000}, "window_unfit", "window_end"),
    ("village", "order_submit", {**SQUAD, "window_start": HOUR, "window_end": 2 * HOUR}, "window_unfit", "window_end"),
    ("feed", "order_submit", SQUAD, "missing_field", "place"),
    ("feed", "order_submit", {**SQUAD, "place": "nowhere"}, "unknown_organisation", "place"),
    ("feed", "order_submit", {**SQUAD, "place": "town-a"}, "unfit", "place"),
    ("feed", "order_submit", {**SQUAD, "place": "squad-a"}, "unfit", "place"),
    ("feed", "order_open_external", {**EXTERNAL, "place": "nowhere"}, "unknown_organisation", "place"),
    ("feed", "order_open_external", {**EXTERNAL, "place": "department-a"}, "unfit", "place"),
    ("feed", "order_open_external", {**EXTERNAL, "squad": "nobody"}, "unknown_squad", "squad"),
    ("feed", "order_open_external", {**EXTERNAL, "squad": "village-a"}, "unknown_squad", "squad"),
    ("feed", "order_open_external", {**EXTERNAL, "category": "nothing"}, "unknown_category", "category"),
    ("feed", "order_close_external", {}, "missing_field", "external_id"),
    ("feed", "order_close_external", {"external_id": "never seen"}, "unknown_order", "external_id"),
    *[("committee" if command == "order_assign" else sorted(tables.roles_of(command) & {"village", "town", "squad", "feed"})[0], command,
       {"order": 2**61, **{name: value for name, value in body.items()}}, "unknown_order",
       "external_id" if command == "order_close_external" else "order")
      for command, body in {
          "order_return": {"reason": "x"}, "order_resubmit": SQUAD, "order_withdraw": {}, "order_place": {}, "order_cancel": {"reason": "x"},
          "order_assign": {"squad": "squad-a"}, "assignment_accept": {}, "assignment_decline": {"reason": "x"}, "assignment_check_in": {},
          "assignment_complete": {"people_served": 1}, "order_confirm": {"satisfaction": 5}, "order_reopen": {"reason": "x"},
          "order_close_external": {}}.items()],
    ("committee", "organisation_register", {**ORGANISATION, "district": "330212"}, "other_district", "district"),
    ("committee", "organisation_register", {**ORGANISATION, "district": "nowhere"}, "other_district", "district"),
    ("committee", "organisation_register", {**ORGANISATION, "kind": "village"}, "missing_field", "parent"),
    ("committee", "organisation_register", {**ORGANISATION, "kind": "village", "parent": "nobody"}, "unknown_organisation", "parent"),
    ("committee", "organisation_register", {**ORGANISATION, "kind": "village", "parent": "squad-a"}, "unfit", "parent"),
    ("committee", "organisation_register", {**ORGANISATION, "kind": "squad", "parent": "town-a"}, "unfit", "parent"),
    ("committee", "organisation_register", {**ORGANISATION, "kind": "site", "parent": "town-a"}, "unfit", "site_kind"),
    ("committee", "organisation_register", {**ORGANISATION, "site_kind": "park"}, "unfit", "site_kind"),
    ("committee", "organisation_register", {**ORGANISATION, "categories": ["nothing"]}, "unknown_category", "categories"),
    ("committee", "organisation_register", {**ORGANISATION, "commands": ["order_place"]}, "unknown_word", "commands"),
    ("committee", "organisation_register", {**ORGANISATION, "places": ["nowhere"]}, "unknown_organisation", "places"),
    ("committee", "organisation_register", {**ORGANISATION, "code": "squad-a"}, "unfit", "kind"),
    ("operator", "district_register", {"district": "330212", "name_zh": "别区", "time_zone": "Asia/Shanghai"}, "other_district", "district"),
    ("operator", "district_register", {"district": "t-bad", "name_zh": "区", "time_zone": "Nowhere/City"}, "out_of_range", "time_zone"),
    ("operator", "district_register", {"district": "t-bad", "name_zh": "区", "time_zone": "../../../etc/passwd"}, "out_of_range", "time_zone"),
    ("operator", "district_register", {"district": "t-bad", "name_zh": "区", "time_zone": "Europe/Berlin"}, "unfit", "time_zone"),
    ("operator", "key_register", {"public_key": "k" * 40, "role": "village"}, "missing_field", "organisation"),
    ("operator", "key_register", {"public_key": "k" * 40, "role": "village", "organisation": "nobody"}, "unknown_organisation", "organisation"),
    ("operator", "key_register", {"public_key": "k" * 40, "role": "village", "organisation": "town-a"}, "unfit", "role"),
    ("operator", "key_register", {"public_key": "k" * 39 + "~", "role": "village", "organisation": "village-a"}, "out_of_range", "public_key"),
    ("operator", "key_register", {"public_key": "k" * 40, "role": "village", "organisation": "village-a", "district": "demo2"},
     "other_district", "district"),
    ("operator", "key_revoke", {"public_key": "k" * 40}, "unknown_key", "public_key"),
]


@pytest.mark.parametrize("role, command, body, code, field", CONTENT, ids=[f"{case[1]}-{case[3]}-{case[4]}-{n}" for n, case in enumerate(CONTENT)])
def test_content(bench, role, command, body, code, field):
    bench.refused({"id": bench.new_id(), "type": command, "body": body}, code, field, bench.key(role))


def test_directory_commands_of_the_whole_deployment(bench):
    operator = bench.people.operator
    bench.refused({"id": bench.new_id(), "type": "category_register", "body": {"code": "c", "name_zh": "类"}}, "missing_field", "district",
                  operator)
    bench.refused({"id": bench.new_id(), "type": "category_register", "body": {"district": "nowhere", "code": "c", "name_zh": "类"}},
                  "unknown_district", "district", operator)
    bench.refused({"id": bench.new_id(), "type": "order_submit", "body": SQUAD}, "forbidden", client=operator)


def test_unknown_assignment(bench):
    first, second = bring([Order(bench.district, way="offered"), Order(bench.district, way="scheduled")])
    for assignment in (2**61, second.assignment):
        client, message = first.command("assignment_accept", assignment=assignment)
        bench.refused(message, "unknown_assignment", "assignment", client)


def test_windows_of_an_accept(bench):
    first, wanted = bring([Order(bench.district, way="offered"), Order(bench.district, way="submitted")])
    client = first.client("assignment_accept")

    def accept(code, field, **window):
        message = {"id": bench.new_id(), "type": "assignment_accept", "body": {"order": first.id, **window}}
        bench.refused(message, code, field, client)
    soon = now_ms() + 24 * HOUR
    accept("window_required", "window_start")
    accept("missing_field", "window_end", window_start=soon)
    accept("missing_field", "window_start", window_end=soon)
    accept("window_unfit", "window_end", window_start=soon, window_end=soon)
    accept("window_unfit", "window_end", window_start=soon, window_end=soon - 1)
    accept("window_unfit", "window_end", window_start=HOUR, window_end=2 * HOUR)
    accept("window_unfit", "window_end", window_start=soon, window_end=soon + 745 * HOUR)
    assert wanted.state == "submitted"


def test_window_outside_the_wanted_one(bench):
    window = bench.district.window(hours=4)
    order = Order(bench.district)
    client, message = order.begin()
    message["body"].update(window)
    order.took(ok(client.ask(message)))
    order.took(ok(order.client("order_place").ask(order.command("order_place")[1])))
    squad = order.client("assignment_accept")
    for start, end, field in ((-1, 1, "window_start"), (3, 5, "window_end"), (-2, 9, "window_start")):
        body = {"order": order.id, "window_start": window["window_start"] + start * HOUR, "window_end": window["window_start"] + end * HOUR}
        bench.refused({"id": bench.new_id(), "type": "assignment_accept", "body": body}, "window_unfit", field, squad)
    order.took(ok(squad.ask({"id": bench.new_id(), "type": "assignment_accept", "body": {"order": order.id}})))
    assert order.state == "scheduled"


def test_window_taken(bench):
    first, second = bring([Order(bench.district, way="offered"), Order(bench.district, way="offered")])
    window = bench.district.window()
    client, message = first.command("assignment_accept", **window)
    ok(client.ask(message))
    client, message = second.command("assignment_accept", **window)
    bench.refused(message, "window_taken", "window_start", client)


def test_external_id_is_unique_for_ever(bench):
    feed = bench.key("feed")
    body = {**EXTERNAL, "external_id": bench.new_id()}
    first = ok(feed.ask({"id": bench.new_id(), "type": "order_open_external", "body": body}))["result"]["order"]
    again = {"id": bench.new_id(), "type": "order_open_external", "body": {**body, "need": "又一次"}}
    bench.refused(again, "exists", "external_id", feed, order=first)
    submit = {"id": bench.new_id(), "type": "order_submit", "body": {**SQUAD, "place": "village-a", "external_id": body["external_id"]}}
    bench.refused(submit, "exists", "external_id", feed, order=first)
    other = ok(bench.district.as_("feed", "feed-b").ask({"id": bench.new_id(), "type": "order_open_external", "body": body}))
    assert other["result"]["order"] != first, "another feed's ids are its own"


# --- steps --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way, command, role", [
    ("submitted", "order_confirm", "village"), ("submitted", "assignment_accept", "squad"), ("returned", "order_place", "town"),
    ("withdrawn", "order_withdraw", "village"), ("offered", "order_place", "town"), ("offered", "order_resubmit", "village"),
    ("scheduled", "assignment_decline", "squad"), ("in_service", "order_cancel", "committee"), ("completed", "assignment_complete", "squad"),
    ("closed", "order_reopen", "village"), ("closed", "order_cancel", "village"), ("cancelled", "order_confirm", "village"),
    ("closed by its feed", "order_close_external", "feed"), ("placed", "order_assign", "committee")])
def test_illegal_step(bench, way, command, role):
    (order,) = bring([Order(bench.district, way=way)])
    message = bench.people.message(command, **order.body(command))
    bench.refused(message, "illegal_step", client=bench.key(role), state=order.state, allowed=tables.legal_in(order.state, tables.PART_OF_STATE.get(order.state)) or None)


@pytest.mark.parametrize("way, command, role, organisation", [
    ("submitted", "order_withdraw", "village", "village-b"), ("submitted", "order_place", "town", "town-b"),
    ("submitted", "order_cancel", "site", "site-a"), ("returned", "order_resubmit", "village", "village-b"),
    ("offered", "assignment_accept", "squad", "squad-b"), ("offered", "assignment_accept", "department", "department-b"),
    ("scheduled", "assignment_check_in", "squad", "squad-b"), ("completed", "order_confirm", "village", "village-b"),
    ("placed", "order_close_external", "feed", "feed-b"), ("closed", "order_reopen", "village", "village-b")])
def test_somebody_elses_order(bench, way, command, role, organisation):
    (order,) = bring([Order(bench.district, way=way)])
    message = bench.people.message(command, **order.body(command))
    bench.refused(message, "not_yours", "order", bench.district.as_(role, organisation))


@pytest.mark.parametrize("command", sorted(tables.COMMANDS))
@pytest.mark.parametrize("role", ["resident", "surveyor"])
def test_roles_that_may_send_nothing(bench, command, role):
    bench.refused({"id": bench.new_id(), "type": command, "body": body_of(tables.COMMANDS[command])}, "forbidden", client=bench.key(role))


def test_role_is_refused_at_the_front_door_already(bench, stack):
    """The owner's core would refuse it too; the door does before anything waits for the records, and counts it."""
    def turned_away():
        with urllib.request.urlopen(stack.http("intake") + "/metrics", timeout=5) as page:
            return next(float(line.split()[-1]) for line in page.read().decode().splitlines()
                        if line.startswith("ztc_unauthorised_total"))

    before = turned_away()
    for role, command in (("resident", "order_submit"), ("village", "order_place"), ("town", "assignment_accept"), ("squad", "key_register")):
        bench.refused({"id": bench.new_id(), "type": command, "body": body_of(tables.COMMANDS[command])}, "forbidden", client=bench.key(role))
    assert turned_away() == before + 4


@pytest.mark.parametrize("role", ["village", "site", "town", "squad", "department", "committee", "operator"])
def test_time_stated_by_who_is_no_feed(bench, role):
    command = next((name for name in tables.ORDER_COMMANDS if role in tables.roles_of(name)), "category_register")
    body = {**body_of(tables.COMMANDS[command]), "code": "c"} if command == "category_register" else body_of(tables.COMMANDS[command])
    bench.refused({"id": bench.new_id(), "type": command, "time": 1_700_000_000_000, "body": body}, "forbidden", "time", bench.key(role))


def test_feed_states_the_time(bench):
    body = {**EXTERNAL, "external_id": bench.new_id()}
    answer = ok(bench.key("feed").ask({"id": bench.new_id(), "type": "order_open_external", "time": 1_500_000_000_123, "body": body}))
    recorded = bench.ledger.value("""SELECT extract(epoch FROM "time") * 1000 FROM intake.event WHERE district = 't-bad' AND key = %s""",
                                  f"order/{answer['result']['order']}")
    assert int(recorded) == 1_500_000_000_123


def test_feed_is_held_to_what_it_is_registered_for(bench):
    register = bench.district.organisation
    bench.district.register([register("feed-small", "feed", commands=["order_submit"], places=["village-a"])])
    small = bench.district.as_("feed", "feed-small")
    bench.refused({"id": bench.new_id(), "type": "order_open_external", "body": EXTERNAL}, "forbidden", "place", small)
    bench.refused({"id": bench.new_id(), "type": "order_submit", "body": {**SQUAD, "place": "village-b"}}, "forbidden", "place", small)
    ok(small.ask({"id": bench.new_id(), "type": "order_submit", "body": {**SQUAD, "place": "village-a"}}))


@pytest.mark.parametrize("acting, code", [("village-b", "not_yours"), ("town-a", "not_yours"), ("squad-a", "not_yours"),
                                          ("nobody", "unknown_organisation"), ("site-b", "not_yours")])
def test_acting_for_somebody_else(bench, acting, code):
    bench.refused({"id": bench.new_id(), "type": "order_submit", "on_behalf_of": acting, "body": SQUAD}, code, "on_behalf_of")


@pytest.mark.parametrize("command", tables.DIRECTORY_COMMANDS)
def test_acting_for_somebody_in_the_directory(bench, command):
    body = {**body_of(tables.COMMANDS[command])}
    bench.refused({"id": bench.new_id(), "type": command, "on_behalf_of": "committee", "body": body}, "forbidden", "on_behalf_of",
                  bench.key("operator"))


# --- keys ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face, question", [("feed", {**GOOD}), ("query", {"type": "board", "body": {}})])
def test_key_that_nobody_registered_gets_no_answer(bench, face, question):
    before = bench.ledger.counts(bench.ledger.owned)
    client = bench.people.connect(face, zmq.curve_keypair())
    for _ in range(3):
        client.send({"id": bench.new_id(), **question})
    assert client.receive(1.0) is None
    client.close()
    assert bench.ledger.change(before, bench.ledger.owned) == {}


@pytest.mark.parametrize("face", ["feed", "query"])
def test_wrong_server_key_gets_no_answer(bench, face):
    other = zmq.Context.instance().socket(zmq.DEALER)
    other.linger = 0
    other.curve_publickey, other.curve_secretkey = bench.people.pair("t-bad", "village-a", "village")
    other.curve_serverkey = zmq.curve_keypair()[0]
    other.connect(bench.people.env["ZTC_FEED" if face == "feed" else "ZTC_QUERY"])
    other.send(pack({"id": bench.new_id(), **GOOD}))
    assert not other.poll(1000)
    other.close()


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
@pytest.mark.parametrize("face", ["ZTC_FEED", "ZTC_QUERY"])
def test_connection_without_curve_gets_no_answer(bench, face, mechanism):
    other = zmq.Context.instance().socket(zmq.DEALER)
    other.linger = 0
    if mechanism == "PLAIN":
        other.plain_username, other.plain_password = b"admin", b"admin"
    other.connect(bench.people.env[face])
    other.send(pack({"id": bench.new_id(), **GOOD}))
    assert not other.poll(1000)
    other.close()


@pytest.mark.parametrize("face, question", [("feed", GOOD), ("query", {"type": "board", "body": {}})])
def test_revoked_key_is_refused_at_once(bench, face, question):
    """On the connection that stands, in words; a new one is not even let in."""
    public, secret = zmq.curve_keypair()
    registered = ok(bench.people.operator.command("key_register", district="t-bad", organisation="village-a", role="village",
                                                  public_key=public.decode()))
    bench.people.seen(registered)
    client = bench.people.connect(face, (public, secret))
    ok(client.ask({"id": bench.new_id(), **question}))
    revoked = ok(bench.people.operator.command("key_revoke", public_key=public.decode()))
    if face == "query":
        bench.people.seen(revoked)
    before = bench.ledger.counts(bench.ledger.owned)
    number = bench.new_id()
    client.send({"id": number, **question})
    answer = client.receive(5)
    assert (answer["status"], answer["error"]["code"], answer["id"]) == ("refused", "unknown_key", number)
    client.close()
    again = bench.people.connect(face, (public, secret))
    again.send({"id": bench.new_id(), **question})
    assert again.receive(1.0) is None
    again.close()
    assert bench.ledger.change(before, bench.ledger.owned) == {}
    refused = {"id": bench.new_id(), "type": "key_register", "body": {"district": "t-bad", "organisation": "village-a", "role": "village",
                                                                      "public_key": public.decode()}}
    bench.refused(refused, "exists", "public_key", bench.people.operator)


def test_key_does_not_change_hands(bench):
    public = bench.people.pair("t-bad", "village-a", "village")[0].decode()
    for change in ({"organisation": "village-b", "role": "village"}, {"organisation": "village-a", "role": "resident"}):
        message = {"id": bench.new_id(), "type": "key_register", "body": {"public_key": public, **change}}
        bench.refused(message, "exists", "public_key", bench.key("operator"))


# --- all of it at once ---------------------------------------------------------------------------------------------------------------


def test_good_commands_in_a_storm_of_bad_ones(bench):
    """One burst from three connections, thousands of bad frames among a hundred good ones: in all tables of all services there is just
    what the good ones leave."""
    bench.ledger.wait_quiet()
    before = bench.ledger.counts()
    ok(burst([(bench.village, bench.neighbour()) for _ in range(4)]))
    bench.ledger.wait_quiet()
    left_by_one = {name: rows // 4 for name, rows in bench.ledger.change(before).items()}
    assert left_by_one["intake.orders"] == left_by_one["reporting.history"] == left_by_one["notification.inbox"] == 1

    before = bench.ledger.counts()
    clients = [bench.village, bench.district.as_("village", "village-b"), bench.key("feed")]
    bad = [*BROKEN.values(), *(pack({"id": "storm", "type": name, "body": {}}) for name in tables.COMMANDS if name != "order_close_external")]
    good, wanted = [], dict.fromkeys(clients, 0)
    for number in range(3000):
        client = clients[number % 3]
        client.send_raw(bad[number % len(bad)])
        wanted[client] += 1
        if number % 30 == 0:
            good.append(bench.neighbour())
            bench.village.send(good[-1])
            wanted[bench.village] += 1
    told = {}
    for client, count in wanted.items():
        for frame in bench.receive(client, count):
            answer = msgpack.unpackb(frame, raw=False)
            told[answer["id"]] = answer["status"]
    assert {name for name, status in told.items() if status == "ok"} == {message["id"] for message in good}
    bench.ledger.wait_quiet()
    assert bench.ledger.change(before) == {name: rows * len(good) for name, rows in left_by_one.items()}
    assert bench.processes() == bench.pids
