#!/usr/bin/python3
"""The auditor: recomputes from the tables, the logs and the clients' own history what must be true, and says where it is not.

It shares no code with the services: it reads PostgreSQL with psycopg2, Redis with redis-py, event bodies with python3-msgpack, and has
its own table of legal moves and its own arithmetic for the stars. Used after a run with kills (replay.py KILL=…), by the tests, and by hand:

    /usr/bin/python3 tests/chaos/checker.py --env .run/env [--history FILE …]

A history file holds one JSON object a line, written and fsynced by a load generator outside the system:
    {"key": [district, caller, id], "type": …, "digest": …, "told": "sent" | "ok" | "refused" | "retry", "order": …, "code": …}
The last line of a key counts; "sent" without an answer means unknown.
"""
import argparse
import collections
import datetime
import json
import sys
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgpack
import psycopg2
import redis

SERVICES = ("intake", "dispatch", "notification", "evaluation", "reporting")
CONSUMES = {
    "intake": ("dispatch",),
    "dispatch": ("intake",),
    "notification": ("intake", "dispatch"),
    "evaluation": ("intake", "dispatch"),
    "reporting": ("intake", "dispatch", "evaluation"),
}
# What an order may do: event -> (states it may come from, state it leads to; None: the seats say). Written from product.md section 3.
MOVES = {
    "order_submitted": ({None}, "submitted"),
    "order_opened_external": ({None}, "placed"),
    "order_returned": ({"submitted"}, "returned"),
    "order_resubmitted": ({"returned"}, "submitted"),
    "order_withdrawn": ({"submitted", "returned"}, "withdrawn"),
    "order_placed": ({"submitted"}, "placed"),
    "order_offered": ({"placed", "offered", "reopened", "escalated"}, None),
    "order_escalated": ({"placed", "offered", "escalated", "reopened"}, None),
    "assignment_accepted": ({"offered", "escalated", "scheduled", "in_service"}, None),
    "assignment_declined": ({"offered", "escalated", "scheduled", "in_service"}, None),
    "assignment_checked_in": ({"scheduled", "in_service"}, None),
    "assignment_completed": ({"in_service"}, None),
    "assignment_ended": ({"completed", "cancelled"}, None),
    "order_confirmed": ({"completed"}, "closed"),
    "order_reopened": ({"completed"}, "reopened"),
    "order_cancelled": ({"submitted", "returned", "placed", "offered", "escalated", "scheduled", "reopened"}, "cancelled"),
    "order_closed_external": ({"placed"}, "closed"),
}
# What a squad's part may do: event -> (states it may come from, state it leads to; None: the event says).
PART_MOVES = {
    "assignment_accepted": ({"offered"}, "accepted"),
    "assignment_declined": ({"offered"}, "declined"),
    "assignment_checked_in": ({"accepted"}, "in_service"),
    "assignment_completed": ({"in_service"}, "completed"),
    "assignment_ended": ({"offered", "accepted"}, None),
}
ENDINGS = {("completed", "offered"): "expired", ("completed", "accepted"): "no_show",
           ("cancelled", "offered"): "cancelled", ("cancelled", "accepted"): "cancelled"}
INTAKE_EVENTS = {"order_submitted", "order_opened_external", "order_returned", "order_resubmitted", "order_withdrawn", "order_placed"}
WEIGHT = 10  # of the district's mean in a squad's stars


# Bugs that are planted to show that the audit finds them: what was done, and the statement that does it to one row.
PLANTS = {
    "an event lost from a projection": """
        DELETE FROM reporting.history WHERE ctid = (SELECT max(ctid) FROM reporting.history WHERE type = 'assignment_completed')""",
    "an order lost": """
        DELETE FROM reporting.orders WHERE ctid = (SELECT max(ctid) FROM reporting.orders)""",
    "an acknowledged event lost from the log": """
        DELETE FROM dispatch.event WHERE (part, "offset") IN
            (SELECT part, "offset" FROM dispatch.event WHERE type = 'order_confirmed' ORDER BY "offset" LIMIT 1)""",
    "a confirmation counted twice": """
        INSERT INTO evaluation.counted (district, squad, quarter, producer, part, "offset", "order", place, satisfaction, "time")
        SELECT district, squad, quarter, producer, part, "offset" + 1000000000, "order", place, satisfaction, "time"
        FROM evaluation.counted LIMIT 1""",
    "a squad's sum doubled": """
        UPDATE evaluation.squad_quarter SET counted = counted + 1, total = total + 5
        WHERE ctid = (SELECT max(ctid) FROM evaluation.squad_quarter)""",
    "a booking lost": """
        DELETE FROM dispatch.booking WHERE ctid = (SELECT max(ctid) FROM dispatch.booking)""",
    "a session counted twice": """
        INSERT INTO reporting.session SELECT district, session + 1000000000, kind, "order", place, town, squads, started, ended, recorded,
            people_served, viewers, minutes, issues_found, body FROM reporting.session LIMIT 1""",
    "a squad left out of a joint session": """
        UPDATE reporting.session SET kind = 'single', squads = squads[1:1]
        WHERE ctid = (SELECT max(ctid) FROM reporting.session WHERE kind = 'joint')""",
    "a cursor that skipped": """
        UPDATE reporting.cursor SET to_offset = to_offset + 1 WHERE (producer, from_offset) IN
            (SELECT producer, from_offset FROM reporting.cursor WHERE producer = 'dispatch' ORDER BY from_offset DESC LIMIT 1)""",
}


class Seats:
    """The seats of one order, by its events alone: who sits where and how far it is, and the state that follows for the order."""

    def __init__(self):
        self.required, self.seats, self.vacant = 1, {}, set()  # seat -> [assignment, squad, state, optional]
        self.rounds = []  # of each completion: the squads that served, the lead first
        self.parts = {}  # assignment -> (squad, state), all there ever were

    def seat_of(self, assignment):
        return next((seat for seat, part in self.seats.items() if part[0] == assignment), None)

    def required_are(self, state):
        return all(self.seats.get(seat, [None, None, None])[2] == state for seat in range(1, self.required + 1))

    def move(self, kind, data, state):
        """The order's state after an event of its parts; raises ValueError when the part may not do it."""
        if kind == "order_offered":
            seat = data.get("seat", 1)
            if seat in self.seats or data.get("optional", False) != (seat > self.required):
                raise ValueError(f"seat {seat} was offered although it is taken, or is not what it says")
            if data["squad"] in (part[1] for part in self.seats.values()):
                raise ValueError(f"{data['squad']} has two seats")
            self.seats[seat] = [data["assignment"], data["squad"], "offered", seat > self.required]
            self.vacant.discard(seat)
            self.parts[data["assignment"]] = data["squad"], "offered"
            return "escalated" if self.vacant else "offered"
        if kind == "order_escalated":
            seat = data.get("seat", 1)
            if seat in self.seats or seat > self.required:
                raise ValueError(f"seat {seat} was said to be empty")
            self.vacant.add(seat)
            return "escalated"
        seat = self.seat_of(data["assignment"])
        if seat is None or self.seats[seat][1] != data["squad"]:
            raise ValueError(f"assignment {data['assignment']} of {data['squad']} has no seat")
        part = self.seats[seat]
        sources, target = PART_MOVES[kind]
        if part[2] not in sources:
            raise ValueError(f"assignment {part[0]} is {part[2]}")
        if target is None:
            target = ENDINGS[state, part[2]]
            if data["outcome"] != target or (state == "completed" and not part[3]):
                raise ValueError(f"assignment {part[0]} ended as {data['outcome']}")
        part[2] = target
        self.parts[part[0]] = part[1], target
        if kind == "assignment_declined" or (kind == "assignment_ended" and state == "completed"):
            del self.seats[seat]
        return self.after(kind, state)

    def after(self, kind, state):
        if kind == "assignment_checked_in":
            return "in_service"
        if kind == "assignment_accepted" and state in ("offered", "escalated"):
            return "escalated" if self.vacant else "scheduled" if self.required_are("accepted") else "offered"
        if kind == "assignment_completed":
            busy = any(part[2] == "in_service" for part in self.seats.values())
            if busy or not self.required_are("completed"):
                return "in_service"
            self.rounds.append([part[1] for _, part in sorted(self.seats.items()) if part[2] == "completed"])
            return "completed"
        return state

    def cancel(self, data):
        """The event stands for one part, the first there is; the others end by events of their own."""
        if not self.seats:
            return
        seat = min(self.seats)
        if data.get("assignment") != self.seats[seat][0]:
            raise ValueError("its cancelling names another part than the first")
        self.seats[seat][2] = "cancelled"
        self.parts[self.seats[seat][0]] = self.seats[seat][1], "cancelled"


class Audit:
    """Findings are sentences; an empty list means the ledger balances."""

    def __init__(self, dsn, redis_address, plant=None):
        """`plant`: a statement run in the audit's own transaction before it looks, and rolled back after: a bug to be found."""
        self.connection = psycopg2.connect(dsn)
        self.connection.set_session(readonly=plant is None, isolation_level="REPEATABLE READ")
        host, port = redis_address.rsplit(":", 1)
        self.redis = redis.Redis(host=host, port=int(port), socket_timeout=10)
        self.findings = []
        self.seats = {}  # (district, order) -> Seats
        self.counted = collections.Counter()
        if plant is not None:
            with self.connection.cursor() as cursor:
                cursor.execute(plant)
                if cursor.rowcount != 1:
                    raise ValueError(f"the plant touched {cursor.rowcount} rows, not one: {plant}")

    def say(self, text):
        self.findings.append(text)

    def rows(self, statement, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall()

    # --- the logs themselves ---------------------------------------------------------------------------------------------

    def check_logs(self):
        """Offsets are dense, ids unique, each key's versions continue without a gap."""
        for service in SERVICES:
            low, high, count, ids = self.rows(
                f'SELECT min("offset"), max("offset"), count(*), count(DISTINCT id) FROM {service}.event')[0]
            self.counted[f"events of {service}"] = count
            if count and (low != 1 or high != count):
                self.say(f"{service}'s log is not dense: {count} events from {low} to {high}")
            if ids != count:
                self.say(f"{service}'s log repeats an id: {count} events, {ids} ids")
        gaps = self.rows("""
            SELECT district, key, count(*), min(version), max(version) FROM (
                SELECT district, key, version FROM intake.event UNION ALL SELECT district, key, version FROM dispatch.event) e
            GROUP BY district, key HAVING min(version) <> 1 OR max(version) <> count(*) OR count(DISTINCT version) <> count(*)""")
        for district, key, count, low, high in gaps[:5]:
            self.say(f"versions of {district} {key} are not 1..n: {count} events from {low} to {high}")

    # --- orders ----------------------------------------------------------------------------------------------------------

    def histories(self):
        """(district, order) -> [(version, type, data, service, offset, time)]"""
        found = collections.defaultdict(list)
        for service in ("intake", "dispatch"):
            cursor = self.connection.cursor(name=f"log_{service}")
            cursor.itersize = 20000
            cursor.execute(f"""SELECT district, key, version, type, body, "offset", "time" FROM {service}.event
                               WHERE key LIKE 'order/%'""")
            for district, key, version, kind, body, offset, time in cursor:
                data = msgpack.unpackb(bytes(body), raw=False, strict_map_key=True)
                found[district, int(key[6:])].append((version, kind, data, service, offset, time))
            cursor.close()
        for events in found.values():
            events.sort(key=lambda event: event[0])
        return found

    def check_histories(self, histories):
        """Each history makes legal moves only, in its owners' logs, and ends in the rows that dispatch and reporting keep."""
        ends = {}
        for (district, order), events in histories.items():
            state, handed_over = None, False
            seats = self.seats[district, order] = Seats()
            for version, kind, data, service, _, _ in events:
                if kind not in MOVES:
                    self.say(f"order {district}/{order} v{version}: {kind} is no move of an order")
                    break
                sources, target = MOVES[kind]
                try:
                    target = self.seats_after(seats, kind, data, state, target)
                except (ValueError, KeyError) as error:
                    self.say(f"order {district}/{order} v{version}: {kind}: {error}")
                    break
                if state not in sources or data.get("state") != target:
                    self.say(f"order {district}/{order} v{version}: {kind} from {state} to {data.get('state')} is not legal")
                    break
                if data.get("order") != order:
                    self.say(f"order {district}/{order} v{version}: its event names order {data.get('order')}")
                if kind == "order_offered" and state == "placed" and events[0][1] == "order_opened_external":
                    self.say(f"order {district}/{order}: an external order was offered")
                by_intake = kind in INTAKE_EVENTS or (kind == "order_cancelled" and not handed_over)
                if by_intake != (service == "intake"):
                    self.say(f"order {district}/{order} v{version}: {kind} was written by {service}")
                handed_over |= kind in ("order_placed", "order_opened_external")
                state = target
            ends[district, order] = (state, len(events))
            left = [part for part in seats.seats.values() if part[2] in ("offered", "accepted", "in_service")]
            if state in ("completed", "closed", "cancelled") and left:
                self.say(f"order {district}/{order} is {state} and has a part that is {left[0][2]}")
        self.counted["orders"] = len(ends)
        for table, owned in (("reporting.orders", lambda state: True),):
            stored = {(district, order): (state, version) for district, order, state, version in
                      self.rows(f'SELECT district, "order", state, version FROM {table}')}
            self.compare(f"{table} against the histories", stored, ends)
        stored = {(district, order): (state, version) for district, order, state, version in
                  self.rows("SELECT district, id, state, version FROM dispatch.orders")}
        self.compare("dispatch.orders against the histories", stored,
                     {key: end for key, end in ends.items()
                      if any(event[1] in ("order_placed", "order_opened_external") for event in histories[key])})
        return ends

    @staticmethod
    def seats_after(seats, kind, data, state, target):
        """Lets an event move the seats; the state that the order must be in after it."""
        if kind == "order_placed":
            seats.required = max(1, len(data.get("required", [])))
        elif kind == "order_confirmed":
            served = seats.rounds[-1]
            if data["squad"] != served[0] or data.get("squads", [data["squad"]]) != served:
                raise ValueError(f"{served} served, not {data.get('squads', [data['squad']])}")
        elif kind == "order_cancelled":
            seats.cancel(data)
        elif kind == "order_reopened":
            seats.seats.clear()
        return target if target is not None else seats.move(kind, data, state)

    def check_parts(self):
        """Each part's row is where its order's events left it; booked is what is accepted, served or at it, and nothing else."""
        wanted = {(district, order, part): squad_state for (district, order), seats in self.seats.items()
                  for part, squad_state in seats.parts.items()}
        stored = {(district, order, part): (squad, state) for district, order, part, squad, state in
                  self.rows('SELECT district, "order", id, squad, state FROM dispatch.assignment')}
        self.compare("dispatch.assignment against the histories", stored, wanted)
        seated = {(district, part[0]) for (district, _), seats in self.seats.items() for part in seats.seats.values()
                  if part[2] in ("accepted", "in_service", "completed")}
        booked = set(self.rows("SELECT DISTINCT district, assignment FROM dispatch.booking"))
        self.compare_sets("dispatch.booking against the histories", booked, seated)

    def check_sessions(self):
        """One session for each completion of an order, of just the squads that served, as dispatch said and reporting keeps it."""
        said = collections.defaultdict(list)
        stored = set()
        for district, offset, key, body in self.rows(
                """SELECT district, "offset", key, body FROM dispatch.event WHERE type = 'session_held' ORDER BY "offset" """):
            data = msgpack.unpackb(bytes(body), raw=False)
            if key != f"session/{offset}" or data["session"] != offset:
                self.say(f"session {district} {key} is not named by its offset {offset}")
            if data["kind"] != ("joint" if len(data["squads"]) > 1 else "single"):
                self.say(f"session {district}/{offset} of {len(data['squads'])} squads is said to be {data['kind']}")
            said[district, data["order"]].append(data["squads"])
            stored.add((district, offset, data["kind"], data["order"], tuple(data["squads"]), data["people_served"]))
        wanted = {key: seats.rounds for key, seats in self.seats.items() if seats.rounds}
        self.counted["sessions"] = len(stored)
        self.compare("sessions against the histories", dict(said), wanted)
        kept = {(district, session, kind, order, tuple(squads), people) for district, session, kind, order, squads, people in
                self.rows('SELECT district, session, kind, "order", squads, people_served FROM reporting.session')}
        self.compare_sets("reporting.session against the log", kept, stored)

    def compare(self, what, got, wanted):
        if got == wanted:
            return
        keys = [key for key in set(got) | set(wanted) if got.get(key) != wanted.get(key)]
        for key in sorted(keys, key=str)[:5]:
            self.say(f"{what}: {key} is {got.get(key)} and should be {wanted.get(key)}")
        if len(keys) > 5:
            self.say(f"{what}: {len(keys) - 5} more differ")

    # --- consumers ---------------------------------------------------------------------------------------------------------

    def check_consumers(self, histories):
        """Cursors stand at the heads, their rows join without gap or overlap; nothing is set aside; effects equal events."""
        for consumer, producers in CONSUMES.items():
            for producer in producers:
                head = self.rows(f'SELECT coalesce(max("offset"), 0) FROM {producer}.event')[0][0]
                steps = self.rows(f"""SELECT from_offset, to_offset FROM {consumer}.cursor WHERE producer = %s
                                      ORDER BY from_offset""", producer)
                at = steps[-1][1] if steps else 0
                if at != head:
                    self.say(f"{consumer} has applied {producer}'s log to {at} of {head}")
                for (_, end), (begin, _) in zip(steps, steps[1:]):
                    if end != begin:
                        self.say(f"{consumer}'s cursor over {producer} jumps from {end} to {begin}")
            count = self.rows(f"SELECT count(*) FROM {consumer}.poison")[0][0]
            if count:
                self.say(f"{consumer}.poison holds {count} events")
        events = {(district, order, version, kind, service, offset)
                  for (district, order), history in histories.items() for version, kind, _, service, offset, _ in history}
        stored = self.rows('SELECT district, "order", version, type, producer, "offset" FROM reporting.history')
        self.counted["effects in reporting"] = len(stored)
        if len(set(stored)) != len(stored):
            self.say("reporting.history holds a row twice")
        self.compare_sets("reporting.history against the events", set(stored), events)
        versions = {(district, order): version for district, order, version in self.rows('SELECT district, "order", version FROM reporting.orders')}
        self.compare("reporting.orders against the histories", versions, {key: len(history) for key, history in histories.items()})

    def compare_sets(self, what, got, wanted):
        for name, difference in (("too many", got - wanted), ("missing", wanted - got)):
            for item in sorted(difference, key=str)[:3]:
                self.say(f"{what}: {name}: {item}")
            if len(difference) > 3:
                self.say(f"{what}: {name}: {len(difference) - 3} more")

    # --- stars ---------------------------------------------------------------------------------------------------------------

    def check_stars(self, histories):
        """Every confirmation counted once, in the quarter of its district's local time; stars as recomputed."""
        zones = {}
        for district, body in self.rows("SELECT district, body FROM intake.directory_fact WHERE type = 'district_registered'"):
            zones[district] = ZoneInfo(msgpack.unpackb(bytes(body), raw=False)["time_zone"])
        sums, district_sums, wanted = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0]), set()
        for (district, order), history in histories.items():
            for _, kind, data, _, offset, time in history:
                if kind != "order_confirmed":
                    continue
                local = time.astimezone(zones[district])
                quarter = f"{local.year}Q{(local.month + 2) // 3}"
                for squad in data.get("squads", [data["squad"]]):  # each that served, once
                    for table, key in ((sums, (district, squad, quarter)), (district_sums, (district, quarter))):
                        table[key][0] += 1
                        table[key][1] += data["satisfaction"]
                    wanted.add((district, squad, quarter, order, data["satisfaction"], offset))
        counted = self.rows('SELECT district, squad, quarter, "order", satisfaction, "offset" FROM evaluation.counted')
        self.counted["confirmations"] = len(wanted)
        if len(counted) != len(set(counted)):
            self.say("evaluation.counted holds a confirmation twice")
        self.compare_sets("evaluation.counted against the confirmations", set(counted), wanted)
        stars = {}
        for (district, squad, quarter), (count, total) in sums.items():
            district_count, district_total = district_sums[district, quarter]
            mean = Fraction(district_total, district_count) if district_count else Fraction(3)
            shrunk = (total + WEIGHT * mean) / (count + WEIGHT)
            stars[district, squad, quarter] = (min(5, max(1, int(shrunk + Fraction(1, 2)))), count, total)
        for table in ("evaluation.squad_quarter", "reporting.stars"):
            stored = {(district, squad, quarter): (star, count, total) for district, squad, quarter, star, count, total in
                      self.rows(f"SELECT district, squad, quarter, stars, counted, total FROM {table}")}
            self.compare(f"{table} against the recomputation", stored, stars)

    # --- bookings, the live queue ------------------------------------------------------------------------------------------

    def check_bookings(self):
        capacity = {}
        for district, body in self.rows("SELECT district, body FROM intake.directory_fact WHERE type = 'organisation_registered'"):
            fact = msgpack.unpackb(bytes(body), raw=False)
            if fact["kind"] == "squad":
                capacity[district, fact["code"]] = fact.get("capacity", 1)
        edges = collections.defaultdict(list)
        for district, squad, begin, end in self.rows(
                "SELECT district, squad, lower(during), upper(during) FROM dispatch.booking"):
            edges[district, squad] += [(begin, 1), (end, -1)]
        for key, changes in edges.items():
            busy = 0
            for _, change in sorted(changes):
                busy += change
                if busy > capacity.get(key, 0):
                    self.say(f"squad {key} is booked {busy} times at once, its capacity is {capacity.get(key, 0)}")
                    break
        self.counted["bookings"] = sum(len(changes) for changes in edges.values()) // 2

    def check_live(self):
        """Redis holds just the open offers, at the squads' last positions."""
        wanted = collections.defaultdict(set)
        for district, squad, assignment in self.rows("SELECT district, squad, id FROM dispatch.assignment WHERE state = 'offered'"):
            wanted[district, squad].add(str(assignment))
        positions = {(district, squad): position for district, squad, position in
                     self.rows("SELECT district, squad, position FROM dispatch.queue_position")}
        for (district, squad), position in positions.items():
            tag = f"ztc:{{{district}/{squad}}}"
            offers = {member.decode() for member in self.redis.zrange(f"{tag}:offers", 0, -1)}
            versions = {key.decode(): int(value) for key, value in self.redis.hgetall(f"{tag}:versions").items()}
            if versions.pop("position", 0) != position:
                self.say(f"Redis has {district}/{squad} at another position than {position}")
            if offers != wanted[district, squad] or set(versions) != offers:
                self.say(f"Redis has other offers for {district}/{squad} than the records: "
                         f"{len(offers)} and {len(wanted[district, squad])}")
            if {member.decode() for member in self.redis.zrange(f"{tag}:notbefore", 0, -1)} != offers:
                self.say(f"Redis has other not-before times than offers for {district}/{squad}")
        self.counted["open offers"] = sum(len(offers) for offers in wanted.values())
        for key in set(wanted) - set(positions):
            self.say(f"squad {key} has offers and no position")

    # --- what clients were told ------------------------------------------------------------------------------------------------

    def check_told(self, files, histories):
        """Told ok is in the records, once; in the records is told ok or unknown."""
        told = {}
        for name in files:
            with open(name, encoding="utf-8") as lines:
                for line in lines:
                    if line.endswith("\n"):
                        entry = json.loads(line)
                        told[tuple(entry["key"])] = {**told.get(tuple(entry["key"]), {}), **entry}
        if not told:
            return
        self.counted["commands told ok"] = sum(1 for entry in told.values() if entry["told"] == "ok")
        answers = collections.defaultdict(dict)
        for service in ("intake", "dispatch"):
            for district, caller, name, answer in self.rows(f"SELECT district, caller, id, answer FROM {service}.command"):
                answers[district, caller, name][service] = msgpack.unpackb(bytes(answer), raw=False)
        offsets = {service: {(district, order, offset) for (district, order), history in histories.items()
                             for _, _, _, by, offset, _ in history if by == service} for service in ("intake", "dispatch")}
        for district, offset, body in self.rows("""SELECT district, "offset", body FROM dispatch.event WHERE type = 'session_held'"""):
            offsets["dispatch"].add((district, msgpack.unpackb(bytes(body), raw=False)["order"], offset))
        orders = collections.Counter()
        for key, entry in told.items():
            stored = answers.get(key, {})
            kept = [answer for answer in stored.values() if answer["status"] == "ok"]
            if entry["told"] == "ok":
                if len(kept) != 1:
                    self.say(f"{entry['type']} {key} was told ok and is stored {len(kept)} times")
                    continue
                result = kept[0].get("result", {})
                if entry.get("order") not in (None, result.get("order")):
                    self.say(f"{entry['type']} {key} was told order {entry['order']}, stored is {result.get('order')}")
                for position in kept[0].get("events", []):
                    if (key[0], result.get("order"), position["offset"]) not in offsets[position["producer"]]:
                        self.say(f"{entry['type']} {key} was told an event that is not in the log: {position}")
                if entry["type"] in ("order_submit", "order_open_external"):
                    orders[key[0], result.get("order")] += 1
            elif entry["told"] == "refused" and kept:
                self.say(f"{entry['type']} {key} was told refused and is stored as ok")
        for order, count in orders.items():
            if count > 1:
                self.say(f"order {order} was given to {count} commands")
        # Ids are load:SEED:PROCESS:…: of the processes whose histories are here every stored one must have been sent.
        runs = {tuple(name.split(":")[:3]) for _, _, name in told}
        for district, caller, name in set(answers) - set(told):
            if tuple(name.split(":")[:3]) in runs:
                self.say(f"command {name} of {caller} is stored and was never sent")

    def run(self, history_files=()):
        histories = self.histories()
        self.check_logs()
        self.check_histories(histories)
        self.check_parts()
        self.check_sessions()
        self.check_consumers(histories)
        self.check_stars(histories)
        self.check_bookings()
        self.check_live()
        self.check_told(history_files, histories)
        self.connection.rollback()
        return self.findings


def read_env(path):
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines if "=" in line)


def main():
    parser = argparse.ArgumentParser(description="Audit a running system from its tables, logs and the clients' histories. "
                                                 "审计：由表、日志与客户端记录复算一切应成立之事。")
    parser.add_argument("--env", default=".run/env", help="file with ZTC_DSN and ZTC_REDIS (default .run/env)")
    parser.add_argument("--plant", action="store_true",
                        help="show that the audit finds planted losses and doubles (each in a transaction that is rolled back)")
    parser.add_argument("--history", action="append", default=[], help="a client's history, one JSON object a line")
    options = parser.parse_args()
    env = read_env(options.env)
    audit = Audit(env["ZTC_DSN"], env["ZTC_REDIS"])
    started = datetime.datetime.now()
    findings = audit.run(options.history)
    for name, count in sorted(audit.counted.items()):
        print(f"  {name}: {count:,}")
    for finding in findings:
        print(f"FOUND {finding}")
    print(f"audit: {len(findings)} findings in {(datetime.datetime.now() - started).total_seconds():.1f} s")
    if findings or not options.plant:
        return 1 if findings else 0
    missed = [name for name in PLANTS if not show_plant(env, name, options.history)]
    return 1 if missed else 0


def show_plant(env, name, history_files):
    """Plants one bug, prints what the audit says to it; true when it was found."""
    found = Audit(env["ZTC_DSN"], env["ZTC_REDIS"], PLANTS[name]).run(history_files)
    print(f"planted: {name}: " + (f"caught ({len(found)} findings; {found[0]})" if found else "MISSED"))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
