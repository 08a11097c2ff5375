"""Races for a squad's time: whoever comes at once, no more bookings than its parallel capacity; behind the core's own check stands a
constraint of the database, which other writers meet as well."""

import random
import threading

import psycopg2
import pytest
from people import HOUR_MS, District, Order, bring, burst

RACERS = 1000


@pytest.fixture(scope="module")
def district(people):
    return District(people, "t-race", squads={"one": {"capacity": 1}, "three": {"capacity": 3}, "writers": {"capacity": 1},
                                              "touching": {"capacity": 1}, "grows": {"capacity": 1},
                                              "contended": {"capacity": 1}, "contended-3": {"capacity": 3}})


@pytest.fixture(scope="module")
def sockets(people, district):
    """Ten connections each of one squad's key: the answers of a socket are not in step with those of another."""
    opened = {squad: [people.connect("feed", people.pair(district.code, squad, "squad")) for _ in range(10)] for squad in ("one", "three")}
    yield opened
    for clients in opened.values():
        for client in clients:
            client.close()


def overlapping(ledger, district, squad):
    """The most bookings of a squad at one instant."""
    return ledger.value("""
        SELECT coalesce(max(busy), 0) FROM (
            SELECT (SELECT count(*) FROM dispatch.booking o WHERE o.district = b.district AND o.squad = b.squad
                    AND o.during @> lower(b.during)) AS busy
            FROM dispatch.booking b WHERE b.district = %s AND b.squad = %s) AS counted""", district.code, squad)


@pytest.mark.parametrize("squad, capacity", [("one", 1), ("three", 3)])
def test_a_thousand_accept_one_window(district, sockets, ledger, squad, capacity):
    orders = bring(Order(district, squads=(squad,), way="offered") for _ in range(RACERS))
    window = district.window()
    answers = burst([order.command("assignment_accept", sockets[squad][number % 10], **window) for number, order in enumerate(orders)])
    codes = [answer["status"] if answer["status"] == "ok" else answer["error"]["code"] for answer in answers]
    assert codes.count("ok") == capacity
    assert codes.count("window_taken") == RACERS - capacity
    assert all(answer["error"]["field"] == "window_start" for answer in answers if answer["status"] == "refused")
    assert ledger.value("SELECT count(*) FROM dispatch.booking WHERE district = %s AND squad = %s", district.code, squad) == capacity
    assert overlapping(ledger, district, squad) == capacity
    states = dict(ledger.rows("SELECT state, count(*) FROM dispatch.orders WHERE district = %s AND id = ANY (%s) GROUP BY state",
                              district.code, [order.id for order in orders]))
    assert states == {"scheduled": capacity, "offered": RACERS - capacity}
    # Whoever lost takes another window as if nothing had been.
    lost = next(order for order, code in zip(orders, codes) if code == "window_taken")
    (answer,) = burst([lost.command("assignment_accept")])
    assert answer["status"] == "ok"


def test_windows_that_touch_do_not_overlap(district, ledger):
    orders = bring(Order(district, squads=("touching",), way="offered") for _ in range(8))
    base = district.window(hours=8)["window_start"]
    hour = 3600 * 1000
    hours = [(0, 1), (1, 2), (2, 3), (0, 3), (1, 2), (3, 4), (2, 4), (4, 5)]
    answers = burst([order.command("assignment_accept", window_start=base + begin * hour, window_end=base + end * hour)
                     for order, (begin, end) in zip(orders, hours)])
    assert [answer["status"] == "ok" for answer in answers] == [True, True, True, False, False, True, False, True]
    assert overlapping(ledger, district, "touching") == 1


def test_cancelling_gives_the_window_back(district):
    first, second = bring(Order(district, squads=("touching",), way="offered") for _ in range(2))
    window = district.window()
    answers = burst([first.command("assignment_accept", **window)])
    answers += burst([second.command("assignment_accept", **window)])
    assert [answer["status"] for answer in answers] == ["ok", "refused"]
    assert burst([first.command("order_cancel")])[0]["status"] == "ok"
    assert burst([second.command("assignment_accept", **window)])[0]["status"] == "ok"


def test_more_capacity_means_more_bookings(district, ledger):
    orders = bring(Order(district, squads=("grows",), way="offered") for _ in range(3))
    window = district.window()
    assert [answer["status"] for answer in burst([order.command("assignment_accept", **window) for order in orders[:2]])].count("ok") == 1
    district.register([district.organisation("grows", "squad", parent="department-a", capacity=2, categories=["general"])])
    answers = burst([order.command("assignment_accept", **window) for order in orders[1:]])
    assert [answer["status"] for answer in answers].count("ok") == 1
    assert overlapping(ledger, district, "grows") == 2


COPY = """
    INSERT INTO dispatch.booking (district, assignment, "order", squad, lane, during)
    SELECT district, assignment + %s, "order", squad, %s, during FROM dispatch.booking WHERE district = %s AND squad = %s LIMIT 1"""


def test_constraint_refuses_a_second_booking_by_sql(district, env):
    """No service in between: the database itself."""
    bring([Order(district, squads=("writers",), way="scheduled")])
    connection = psycopg2.connect(env["ZTC_DSN_DISPATCH"])
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.ExclusionViolation):
        cursor.execute(COPY, (1_000_000_000, 0, district.code, "writers"))
    connection.rollback()
    connection.close()


def test_constraint_lets_one_of_many_sql_writers_through(district, env, ledger):
    """Twenty transactions open at once, each with a booking of the same lane and time that the services do not know of."""
    results, ready = [], threading.Barrier(20)

    def write(number):
        connection = psycopg2.connect(env["ZTC_DSN_DISPATCH"])
        try:
            with connection.cursor() as cursor:
                ready.wait()
                cursor.execute(COPY, (2_000_000_000 + number, 7, district.code, "writers"))
            connection.commit()
            results.append("ok")
        except psycopg2.errors.ExclusionViolation:
            results.append("refused")
        except psycopg2.errors.DeadlockDetected:
            results.append("deadlock")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("ok") == 1 and len(results) == 20
    assert ledger.value("SELECT count(*) FROM dispatch.booking WHERE district = %s AND lane = 7", district.code) == 1
    ledger.rows("DELETE FROM dispatch.booking WHERE district = %s AND lane = 7", district.code)


class SqlWriter(threading.Thread):
    """Somebody beside the services who books the same windows by SQL, one transaction each, in an order of its own."""

    def __init__(self, dsn, district, squad, capacity, windows, number):
        super().__init__()
        self.dsn, self.district, self.squad, self.number = dsn, district, squad, number
        self.tries = [(window, lane) for window in windows for lane in range(capacity)]
        random.Random(number).shuffle(self.tries)
        self.won, self.begun = [], threading.Event()

    def run(self):
        connection = psycopg2.connect(self.dsn)
        for count, (window, lane) in enumerate(self.tries):
            try:
                with connection.cursor() as cursor:
                    assignment = 4_000_000_000 + self.number * 1_000_000 + count
                    cursor.execute("""
                        INSERT INTO dispatch.booking (district, assignment, "order", squad, lane, during)
                        VALUES (%s, %s, 1, %s, %s, tstzrange(to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0)))""",
                                   (self.district, assignment, self.squad, lane, window["window_start"], window["window_end"]))
                connection.commit()
                self.won.append(assignment)
                self.begun.set()
            except (psycopg2.errors.ExclusionViolation, psycopg2.errors.DeadlockDetected):
                connection.rollback()
        connection.close()


@pytest.mark.parametrize("squad, capacity", [("contended", 1), ("contended-3", 3)])
def test_a_thousand_accept_while_two_sql_writers_book(district, people, env, ledger, squad, capacity):
    """The writers are seen by no core, so that the constraint itself is met: every window is full exactly, who was refused hears
    window_taken, nothing is doubled, and the service goes on. They leave a third of the windows alone, however fast they are."""
    orders = bring(Order(district, squads=(squad,), way="offered") for _ in range(RACERS))
    windows = [district.window() for _ in range(RACERS // (10 * capacity))]
    clients = [people.connect("feed", people.pair(district.code, squad, "squad")) for _ in range(10)]
    contested = windows[len(windows) // 3:]
    writers = [SqlWriter(env["ZTC_DSN_DISPATCH"], district.code, squad, capacity, contested, number) for number in (1, 2)]
    for writer in writers:
        writer.start()
    assert writers[0].begun.wait(30) or writers[1].begun.wait(1)
    try:
        answers = burst([order.command("assignment_accept", clients[number % 10], **windows[number % len(windows)])
                         for number, order in enumerate(orders)], patience_s=120)
    finally:
        for writer in writers:
            writer.join()
        for client in clients:
            client.close()
    codes = [answer["status"] if answer["status"] == "ok" else answer["error"]["code"] for answer in answers]
    won = [assignment for writer in writers for assignment in writer.won]
    booked = ledger.rows("SELECT lower(during), count(*) FROM dispatch.booking WHERE district = %s AND squad = %s GROUP BY 1",
                         district.code, squad)
    stored = {assignment for assignment, in ledger.rows(
        "SELECT assignment FROM dispatch.booking WHERE district = %s AND squad = %s", district.code, squad)}
    most = overlapping(ledger, district, squad)
    ledger.rows("DELETE FROM dispatch.booking WHERE assignment = ANY (%s)", won)
    assert set(codes) <= {"ok", "window_taken"}
    assert won and codes.count("ok") > 0, "somebody was never in the race"
    assert codes.count("ok") + len(won) == capacity * len(windows)
    assert [count for _, count in booked] == [capacity] * len(windows) and most == capacity
    assert {answer["result"]["assignment"] for answer in answers if answer["status"] == "ok"} | set(won) == stored
    lost = next(order for order, code in zip(orders, codes) if code == "window_taken")
    assert burst([lost.command("assignment_accept")])[0]["status"] == "ok"


def test_lanes_are_rearranged(district, ledger):
    """Capacity 3, each lane taken somewhere in the window, no moment full: what has not started moves, and the new one fits."""
    hours = [(0, 2), (1, 3), (1, 4), (4, 6), (4, 7)]  # lanes 0, 1, 2, 0, 1
    orders = bring(Order(district, squads=("three",), way="offered") for _ in range(len(hours) + 2))
    base = district.window(hours=10)["window_start"]

    def accept(order, begin, end):
        return burst([order.command("assignment_accept", window_start=base + begin * HOUR_MS, window_end=base + end * HOUR_MS)])[0]

    for order, (begin, end) in zip(orders, hours):
        assert accept(order, begin, end)["status"] == "ok"
    answer = accept(orders[-2], 2, 7)  # meets lanes 1 and 2 first, 0 and 1 later: never more than two at a time
    assert answer["status"] == "ok", answer
    assert accept(orders[-1], 4, 5)["error"]["code"] == "window_taken"  # three are there now
    lanes = ledger.rows("""SELECT lane, lower(during), upper(during) FROM dispatch.booking
                           WHERE district = %s AND squad = 'three' AND "order" = ANY (%s)""", district.code, [order.id for order in orders])
    assert len(lanes) == 6 and {lane for lane, _, _ in lanes} == {0, 1, 2}
    assert overlapping(ledger, district, "three") == 3


def test_accept_meets_a_booking_that_the_core_did_not_see(district, env):
    """Another writer took the lane and has not committed yet: the accept waits, loses by the constraint, and is refused, not stuck."""
    first, second = bring(Order(district, squads=("writers",), way="offered") for _ in range(2))
    window = district.window()
    connection = psycopg2.connect(env["ZTC_DSN_DISPATCH"])
    with connection.cursor() as cursor:
        cursor.execute("""
            INSERT INTO dispatch.booking (district, assignment, "order", squad, lane, during)
            VALUES (%s, 3000000000, 1, 'writers', 0, tstzrange(to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0)))""",
                       (district.code, window["window_start"], window["window_end"]))
    client, message = first.command("assignment_accept", **window)
    client.send(message)
    assert client.receive(0.5) is None
    connection.commit()
    answer = client.receive(10)
    assert (answer["status"], answer["error"]["code"]) == ("refused", "window_taken")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dispatch.booking WHERE assignment = 3000000000")
    connection.commit()
    connection.close()
    assert burst([second.command("assignment_accept", **window)])[0]["status"] == "ok"
