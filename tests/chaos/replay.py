#!/usr/bin/python3
"""Replays a file of real requests into a running stack, each row an order of a district of its own, and compares what reporting says with
what Python's csv reads in the file. With --kill SEED, real lives of Yinzhou's orders run beside it while every part of the system is killed
at least once; afterwards the auditor (checker.py) must find nothing, and must find what is planted.

Run by `make replay FILE=… [KILL=SEED]`. Exit status 0: everything is equal.
"""
import argparse
import collections
import csv
import io
import json
import lzma
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tests" / "chaos"))
import checker  # noqa: E402
import zhitongche  # noqa: E402
from kills import Killer  # noqa: E402
from load import Load  # noqa: E402

MAPPING = ROOT / "seeds" / "boston-311" / "mapping.json"


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


# --- the file's own figures, by Python's csv ------------------------------------------------------------------------------------


def read_rows(name, mapping):
    """{id: [closed, department, type]} of every row, and how many rows there are."""
    raw = lzma.open(name) if str(name).endswith(".xz") else open(name, "rb")
    rows, read = {}, 0
    with raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            read += 1
            rows[row[mapping["id"]["column"]]] = [row[mapping["state"]["column"]] in mapping["state"]["closed"],
                                                  row[mapping["squad"]["column"]], row[mapping["category"]["column"]]]
    return rows, read


def merge(kept_file, rows):
    """The rows of all files that were replayed into this stack's data: an order exists once, and is closed when any says so."""
    kept = json.loads(kept_file.read_text()) if kept_file.exists() else {}
    for name, (closed, department, kind) in rows.items():
        before = kept.get(name)
        kept[name] = [closed, department, kind] if before is None else [before[0] or closed, *before[1:]]
    kept_file.write_text(json.dumps(kept))
    return kept


# --- the system's figures, from reporting ----------------------------------------------------------------------------------------


class Figures:
    def __init__(self, env, key):
        self.client = zhitongche.Client(env["ZTC_QUERY"], env["ZTC_SERVER_KEY"], str(key), timeout=60)

    def counts(self, by):
        answer = self.client.query("counts", by=by)
        if answer["status"] != "ok":
            raise SystemExit(f"reporting refuses counts by {by}: {answer}")
        return answer["result"]

    def compare(self, rows):
        """Prints both figures side by side; true when all are equal."""
        wanted = {
            "orders": len(rows),
            "closed": sum(1 for closed, _, _ in rows.values() if closed),
            "open": sum(1 for closed, _, _ in rows.values() if not closed),
        }
        total = self.counts("state")["total"]
        got = {"orders": total["orders"], "closed": total["closed"], "open": total["open"]}
        equal = wanted == got
        for name in wanted:
            print(f"  {name}: file {wanted[name]:,} · reporting {got[name]:,}")
        for by, column, title in (("squad", 1, "departments"), ("category", 2, "types")):
            in_file = collections.Counter()
            for row in rows.values():
                in_file[row[column]] += 1
            in_system = {group["name_en"]: group["orders"] for group in self.counts(by)["groups"]}
            equal &= dict(in_file) == in_system
            print(f"  {title}: file {len(in_file)} · reporting {len(in_system)} · {'equal' if dict(in_file) == in_system else 'DIFFERENT'}")
            for name in sorted(set(in_file) | set(in_system)):
                if in_file.get(name) != in_system.get(name):
                    print(f"    {name}: file {in_file.get(name)} · reporting {in_system.get(name)}")
            for name, count in in_file.most_common(5):
                print(f"    {name}: file {count:,} · reporting {in_system.get(name, 0):,}")
        return equal


# --- the run ---------------------------------------------------------------------------------------------------------------------


def importer(options, env, directory):
    """The import as a process of its own, with its progress on this terminal."""
    arguments = [os.environ.get("ZTC_BIN", str(ROOT / "build" / "bin")) + "/ztc", "import", options.file, "--mapping", str(MAPPING),
                 "--register", "--key-dir", str(directory / "keys"), "--rejects", str(directory / "replay-rejects.csv"),
                 "--timeout", "600", "--json"]
    if options.limit:
        arguments += ["--limit", str(options.limit)]
    return subprocess.Popen(arguments, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True)


def wait_quiet(env, patience_s=120):
    """Until every consumer stands at its producers' heads: the backlog is zero."""
    until = time.monotonic() + patience_s
    started = time.monotonic()
    while time.monotonic() < until:
        try:
            connection = psycopg2.connect(env["ZTC_DSN"])
            with connection, connection.cursor() as cursor:
                behind = 0
                for consumer, producers in checker.CONSUMES.items():
                    for producer in producers:
                        cursor.execute(f"""SELECT (SELECT coalesce(max("offset"), 0) FROM {producer}.event)
                            - (SELECT coalesce(max(to_offset), 0) FROM {consumer}.cursor WHERE producer = %s)""", (producer,))
                        behind += cursor.fetchone()[0]
            connection.close()
            if behind == 0:
                return time.monotonic() - started
        except psycopg2.Error:
            pass  # it is coming back
        time.sleep(0.2)
    raise SystemExit("the backlog did not reach zero in time")


def wait_live(env, patience_s=30):
    """Until Redis has followed: dispatch heals it within seconds."""
    until = time.monotonic() + patience_s
    while True:
        audit = checker.Audit(env["ZTC_DSN"], env["ZTC_REDIS"])
        try:
            audit.check_live()
        except checker.redis.RedisError as error:
            audit.say(str(error))
        if not audit.findings or time.monotonic() > until:
            return
        time.sleep(0.5)


def run_with_kills(options, env, directory, process):
    seed = options.kill
    history = directory / f"history-{seed}-{int(time.time())}.jsonl"
    load = Load(env, seed, options.lives, str(history))
    killer = Killer(env, directory, seed, load, say)
    say(f"seed {seed}: {options.lives:,} lives beside the feed; to be killed: {', '.join(killer.victims)}")
    shown = time.monotonic()
    running = True
    while running or killer.victims:
        running = load.turn()
        killer.turn()
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            say(f"lives {load.finished:,}/{load.total:,} · in flight {len(load.pending)} · killed {len(killer.killed)}")
        if not running and killer.victims:
            say(f"the load is done before all were killed; more lives for: {', '.join(killer.victims)}")
            load.more(200)
            running = True
    load.close()
    for kind, error, number in load.refused[:5]:
        say(f"life {number} was refused at {kind}: {error}")
    alive = process.poll() is None
    say(f"lives done: {load.finished - len(load.refused):,} of {load.total:,}; kills: "
        + ", ".join(f"{name} ({backlog})" for name, backlog in killer.killed) + ("; the import goes on" if alive else ""))
    return [str(history)], not load.refused


def audit(env, history_files):
    examiner = checker.Audit(env["ZTC_DSN"], env["ZTC_REDIS"])
    findings = examiner.run(history_files)
    for name, count in sorted(examiner.counted.items()):
        print(f"  {name}: {count:,}")
    for finding in findings[:40]:
        print(f"FOUND {finding}")
    print(f"audit: {len(findings)} findings")
    if findings:
        return False
    return all([checker.show_plant(env, name, history_files) for name in checker.PLANTS])


def main():
    parser = argparse.ArgumentParser(description="Replay a file of requests into a running stack and compare all figures. "
                                                 "把一份真实办件文件重放进系统，并逐项核对。")
    parser.add_argument("--env", default=".run/env", help="the stack's env file (default .run/env)")
    parser.add_argument("--file", required=True, help="CSV, or CSV.xz, with the columns of seeds/boston-311/mapping.json")
    parser.add_argument("--kill", type=int, metavar="SEED", help="run lives beside it and kill every part at least once")
    parser.add_argument("--lives", type=int, default=2000, help="lives with --kill (default 2000)")
    parser.add_argument("--limit", type=int, default=0, help="only the first rows of the file")
    options = parser.parse_args()
    directory = Path(options.env).resolve().parent
    env = checker.read_env(options.env)
    mapping = json.loads(MAPPING.read_text(encoding="utf-8"))

    rows, read = read_rows(options.file, mapping)
    if options.limit:
        rows, read = dict(list(rows.items())[:options.limit]), min(read, options.limit)
    process = importer(options, env, directory)
    history_files, lived = [], True
    if options.kill is not None:
        history_files, lived = run_with_kills(options, env, directory, process)
    output, _ = process.communicate()
    if process.returncode not in (0, 1) or not output.strip():
        say(f"the import ended with status {process.returncode}")
        return 1
    summary = json.loads(output)
    say(f"backlog zero after {wait_quiet(env):.1f} s")
    if options.kill is not None:
        wait_live(env)

    print(f"read {summary['read']:,} (Python's csv: {read:,}), new orders {summary['opened_new']:,}, there before "
          f"{summary['opened_before']:,}, newly closed {summary['closed_new']:,}, rejected {summary['rejected']:,}")
    rejects = directory / "replay-rejects.csv"
    if summary["rejected"]:
        with rejects.open(encoding="utf-8", newline="") as lines:
            for reject in csv.DictReader(lines):
                rows.pop(reject["id"], None)
    kept = merge(directory / "replay-rows.json", rows)
    equal = Figures(env, directory / "keys" / f"{mapping['committee']['code']}.key_secret").compare(kept) and summary["read"] == read
    say("figures of the file and of reporting: " + ("equal" if equal else "DIFFERENT"))
    balanced = audit(env, history_files) if options.kill is not None else True
    return 0 if equal and balanced and lived else 1


if __name__ == "__main__":
    sys.exit(main())
