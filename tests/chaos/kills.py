"""Kills: each part of a running stack once with SIGKILL, while its own backlog is not empty. The supervisor brings it back."""
import os
import random
import signal
import time
import urllib.request
from pathlib import Path

import psycopg2

from checker import CONSUMES, SERVICES


class Killer:
    """Driven by turn(), called between the load's rounds; one seed always gives the same order and pauses."""

    def __init__(self, env, directory, seed, load, say):
        self.env, self.load, self.say = env, load, say
        self.pids = Path(directory) / "pids"
        self.random = random.Random(seed)
        self.victims = [*SERVICES, "redis", "postgres"]
        self.random.shuffle(self.victims)
        # A second round for two of them, so that something is also killed while another just came back.
        self.victims += self.random.sample(SERVICES, 2)
        self.next_at = time.monotonic() + 1.0
        self.given_up_at = None
        self.killed = []

    def pid(self, name):
        return int((self.pids / name).read_text().split()[0])

    def turn(self):
        if not self.victims or time.monotonic() < self.next_at:
            return
        name = self.victims[0]
        try:
            backlog = self.kill(name)
        except (OSError, ValueError, psycopg2.Error):
            backlog = None  # it is just being restarted, or PostgreSQL is: come back later
        if not backlog:
            self.next_at = time.monotonic() + 0.05
            return
        self.victims.pop(0)
        self.killed.append((name, backlog))
        self.say(f"killed {name} with a backlog of {backlog}")
        self.next_at = time.monotonic() + self.random.uniform(1.0, 3.0)

    def kill(self, name):
        """Stops the process, looks at what it has not done yet, and kills it only when there is something. Returns how much."""
        pid = self.pid(name)
        if name == "postgres":
            backlog = len(self.load.pending)  # commands asked and not answered: their transactions are not all done
            if backlog:
                os.kill(pid, signal.SIGKILL)
            return backlog
        os.kill(pid, signal.SIGSTOP)
        try:
            backlog = self.wait_backlog(name)
            if backlog:
                os.kill(pid, signal.SIGKILL)
            return backlog
        finally:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def wait_backlog(self, name):
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            backlog = self.backlog(name)
            if backlog:
                return backlog
            self.load.turn(5)
        return 0

    def backlog(self, name):
        if name == "intake":
            return len(self.load.pending)
        if name == "redis":
            with urllib.request.urlopen(f"http://{self.env['ZTC_HTTP_DISPATCH']}/metrics", timeout=2) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith("ztc_live_backlog"):
                        return int(float(line.split()[-1]))
            return 0
        with psycopg2.connect(self.env["ZTC_DSN"]) as connection, connection.cursor() as cursor:
            total = 0
            for producer in CONSUMES[name]:
                cursor.execute(f"""SELECT (SELECT coalesce(max("offset"), 0) FROM {producer}.event)
                                        - (SELECT coalesce(max(to_offset), 0) FROM {name}.cursor WHERE producer = %s)""", (producer,))
                total += cursor.fetchone()[0]
        connection.close()
        return total
