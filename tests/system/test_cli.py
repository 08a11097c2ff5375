"""ztc as an operator types it: against the running services, and against a feed of the test's own that is slow, deaf or late."""

import csv
import json
import os
import signal
import subprocess
import threading
import time

import msgpack
import pytest
import zmq
import zmq.auth

OK, REFUSED, USAGE, UNANSWERED, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 4, 130
VILLAGE, TOWN, SQUAD = "330212106209", "330212106", "hrss-social-insurance"


class Ran:
    def __init__(self, ran):
        self.code, self.out, self.err = ran.returncode, ran.stdout, ran.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"


@pytest.fixture
def ztc(stack, tmp_path):
    """ztc(*arguments, key=role): runs to its end in an empty directory."""

    def run(*arguments, key="operator", zh=False, **options):
        before = os.environ.get("ZTC_LANG")
        os.environ["ZTC_LANG"] = "zh" if zh else "en"
        try:
            return Ran(stack.ztc(*arguments, key=key, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 timeout=120, **options))
        finally:
            os.environ.pop("ZTC_LANG")
            if before is not None:
                os.environ["ZTC_LANG"] = before

    return run


def submitted(ztc, *arguments):
    ran = ztc("submit", "--need", "社保咨询", "--squads", SQUAD, "--json", *arguments, key="village")
    assert ran.code == OK, ran
    return ran.json


# --- commands and queries --------------------------------------------------------------------------------------------------------


def test_an_order_through_its_first_steps(ztc):
    answer = submitted(ztc, "--window-start", "2030-03-01 09:00", "--window-end", "2030-03-01 17:00", "--zone", "Asia/Shanghai")
    order = str(answer["result"]["order"])
    ran = ztc("place", order, "--note", "尽快", "--verbose", key="town")
    assert ran.code == OK and f"order {order}: placed" in ran.out and "position: intake:" in ran.out and "id: ztc-" in ran.err, ran
    position = ran.out.split("position: ")[1].split()[0]
    page = ztc("show", order, "--after", position, "--json", key="village").json
    assert page["order"] == int(order) and page["need"] == "社保咨询"
    assert page["window_start"] == 1898557200000
    table = ztc("show", order, "--after", position, key="village")
    assert table.code == OK and "2030-03-01 09:00" in table.out and "Huilong Village (330212106209)" in table.out, table
    in_chinese = ztc("show", order, key="village", zh=True)
    assert "回龙村" in in_chinese.out and "经过" in in_chinese.out and "村社已点单" in in_chinese.out, in_chinese
    assert ztc("cancel", order, "--reason", "test", key="town").code == OK


def test_a_refusal_says_what_to_do(ztc):
    order = str(submitted(ztc)["result"]["order"])
    ran = ztc("confirm", order, "--satisfaction", "5", key="village")
    assert ran.code == REFUSED and ran.out == "", ran
    for part in ("illegal_step", "state: submitted", "order_withdraw (ztc withdraw)", "what to do: "):
        assert part in ran.err, ran
    ran = ztc("confirm", order, "--satisfaction", "5", key="village", zh=True)
    assert "当前状态：已点单" in ran.err and "处理办法：" in ran.err, ran
    assert ztc("place", "999999999", key="town").code == REFUSED
    assert ztc("withdraw", order, key="village").code == OK


def test_the_same_id_is_one_order(ztc):
    identity = f"cli-{time.time_ns()}"
    first, second = (submitted(ztc, "--id", identity) for _ in range(2))
    assert first == second
    ran = ztc("submit", "--need", "something else", "--id", identity, key="village")
    assert ran.code == REFUSED and "id_reused" in ran.err, ran
    assert ztc("withdraw", str(first["result"]["order"]), key="village").code == OK


@pytest.mark.parametrize("arguments", [
    [], ["sumbit"], ["submit"], ["submit", "--need"], ["submit", "--nonsense"], ["place"], ["place", "x"], ["place", "0"],
    ["submit", "--need", "x", "--window-start", "soon"], ["complete", "1", "--people-served", "1", "--items", "card"],
    ["submit", "--need", "x", "--id", "i" * 129], ["show", "1", "--after", "nowhere:1"], ["keys", "forge"], ["import"],
    ["import", "x.csv", "--mapping", "nowhere.json"], ["seed", "--dir", "nowhere"],
])
def test_wrong_usage(ztc, arguments):
    ran = ztc(*arguments, key="village")
    assert ran.code == USAGE and ran.err != "" and ran.out == "", ran


def test_help_in_both_languages(ztc):
    verbs = [line.split()[0] for line in ztc("help").out.splitlines() if line.startswith("  ")]
    assert {"submit", "check-in", "close-external", "stars", "keys", "import", "play"} <= set(verbs)
    for verb in verbs:
        if verb not in ("help", "version"):
            assert "Exit codes" in ztc(verb, "--help").out
            assert "退出码" in ztc("help", verb, zh=True).out
    assert "did you mean 'submit'" in ztc("sumbit").err
    assert ztc("version").out.startswith("ztc ")


def test_trouble_with_the_environment(stack, tmp_path):
    env = {"PATH": os.environ["PATH"], "ZTC_LANG": "en"}

    def run(*arguments, **more):
        return Ran(subprocess.run([str(stack.binaries / "ztc"), *arguments], env={**env, **more}, cwd=tmp_path, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60))

    ran = run("place", "1")
    assert ran.code == ENVIRONMENT and "--key" in ran.err, ran
    ran = run("place", "1", "--key", stack.env["ZTC_KEY_TOWN"])
    assert ran.code == ENVIRONMENT and "ZTC_FEED" in ran.err, ran
    assert run("place", "1", "--env", "nowhere").code == ENVIRONMENT
    assert run("place", "1", "--key", "nowhere").code == ENVIRONMENT
    (tmp_path / "no.key_secret").write_text("nonsense\n")
    env.update(stack.env)
    assert run("place", "1", "--key", "no.key_secret").code == ENVIRONMENT
    # A file found by itself, and named.
    del env["ZTC_FEED"]
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "env").write_text(f"ZTC_FEED={stack.env['ZTC_FEED']}\n")
    assert run("place", "999999999", "--as", "town").code == REFUSED


def test_keys(ztc, tmp_path):
    assert ztc("keys", "make", "visitor", "--dir", "k").code == OK
    secret = tmp_path / "k" / "visitor.key_secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    public, private = zmq.auth.load_certificate(str(secret))
    assert private and ztc("keys", "public", "k/visitor.key").out.strip() == public.decode()
    assert public.decode() in ztc("keys", "files", "--dir", "k").out
    assert ztc("keys", "make", "visitor", "--dir", "k").code == ENVIRONMENT, "never overwritten"
    assert ztc("keys", "make", "visitor", "--dir", "k", "--force").code == OK
    assert zmq.auth.load_certificate(str(secret))[0] != public and secret.stat().st_mode & 0o777 == 0o600
    # Nobody knows the key yet: the handshake is denied.
    assert ztc("list", "--key", str(secret), "--timeout", "2").code == UNANSWERED
    ran = ztc("keys", "register", "--public", "k/visitor.key", "--district", "330212", "--organisation", VILLAGE, "--role", "village")
    assert ran.code == OK, ran
    ran = ztc("submit", "--need", "x", "--squads", SQUAD, "--json", "--key", str(secret))
    assert ran.code == OK, ran
    assert ztc("withdraw", str(ran.json["result"]["order"]), "--key", str(secret)).code == OK
    check_rotation(ztc, public_of(secret))
    assert ztc("keys", "revoke", "--public", "k/visitor.key").code == OK
    assert ztc("submit", "--need", "x", "--key", str(secret), "--timeout", "2").code in (REFUSED, UNANSWERED)


def public_of(secret):
    return zmq.auth.load_certificate(str(secret))[0].decode()


def check_rotation(ztc, old):
    assert ztc("keys", "make", "next", "--dir", "k").code == OK
    rotate = ["keys", "rotate", "--old", "k/visitor.key", "--public", "k/next.key"]
    for wrong in (["--overlap", "7"], ["--overlap", "d"], ["--overlap", "-1d"], ["--overlap", "1y"], ["--overlap", "53w"],
                  ["--overlap", "1h", "--now"]):
        assert ztc(*rotate, *wrong).code == USAGE, wrong
    assert ztc("keys", "rotate", "--public", "k/next.key").code == USAGE
    assert ztc("keys", "rotate", "--old", "k/none.key", "--public", "k/next.key").code == ENVIRONMENT
    assert ztc(*rotate, "--overlap", "2h").code == OK
    ran = ztc(*rotate)
    assert ran.code == REFUSED and "expiring" in ran.err + ran.out
    rows = {row["public_key"]: row for row in ztc("keys", "list", "--organisation", VILLAGE, "--json").json["keys"]}
    successor = next(row for row in rows.values() if row.get("replaces") == old)
    assert rows[old]["expires"] - rows[old]["rotated"] == 2 * 3600 * 1000 and successor["state"] == "active"
    assert old in ztc("keys", "list", "--state", "expiring").out
    chinese = ztc("keys", "list", "--state", "expiring", zh=True).out
    assert "将失效" in chinese and "失效时间" in chinese


def test_seeds_and_migrations_again_change_nothing(ztc, ledger, root):
    def facts():
        return ledger.value("SELECT count(*) FROM intake.event WHERE type LIKE '%%_registered'")

    before = facts()
    for more in ([], ["--fresh"]):
        ran = ztc("seed", "--dir", str(root / "seeds"), "--quiet", *more)
        assert ran.code == OK and "0 refused" in ran.out, ran
    assert facts() == before
    ran = ztc("migrate", "--dsn", ledger.connection.dsn)
    # psycopg2 hides the password in its dsn; with it or without, nothing may be applied again.
    assert "applied" not in ran.out, ran


def test_bad_seeds_name_their_line(ztc, tmp_path, root):
    (tmp_path / "s" / "t-cli-bad").mkdir(parents=True)
    here = tmp_path / "s" / "t-cli-bad"
    (here / "district.csv").write_text("code,name_zh,name_en,time_zone\nt-cli-bad,测试,Test,Asia/Shanghai\n")
    (here / "categories.csv").write_text("code,name_zh,name_en\ngeneral,综合,General\nBad Code,坏,Bad\n")
    ran = ztc("seed", "--dir", "s", "--quiet")
    assert ran.code == USAGE and "categories.csv line 3" in ran.err, ran
    (here / "categories.csv").write_text("code,name_zh\n")
    assert "name_en" in ztc("seed", "--dir", "s", "--quiet").err
    (here / "categories.csv").write_text("code,name_zh,name_en\ngeneral,综合,General\n")
    (here / "organisations.csv").write_text(
        "code,kind,name_zh,name_en,short_zh,parent,site_kind,sample,commands,places\nv,village,村,V,,nowhere,,,,\nt,town,镇,T,,,,,,\n")
    (here / "squads.csv").write_text("code,department,name_zh,name_en,brand,categories,capacity,sample\n")
    ran = ztc("seed", "--dir", "s", "--quiet")
    assert ran.code == REFUSED and "organisations.csv line 2" in ran.err and "1 refused" in ran.out, ran
    # Mended, it goes in, although the village was refused a moment ago.
    text = (here / "organisations.csv").read_text().replace("nowhere", "t").splitlines()
    (here / "organisations.csv").write_text("\n".join([text[0], text[2], text[1]]) + "\n")
    assert ztc("seed", "--dir", "s", "--quiet").code == OK


def test_the_documents_case(ztc):
    for zh in (False, True):
        ran = ztc("play", zh=zh)
        assert ran.code == OK, ran
        for part in ("1000", "电子社保卡", "780", "鄞聚一卡通·智慧码上行", "dispatch:", "intake:"):
            assert part in ran.out, ran
    assert "考评" in ran.out and "星" in ran.out


def test_the_same_documents_every_time(ztc, tmp_path):
    assert ztc("docs", "--dir", "one").code == OK
    assert ztc("docs", "--dir", "two", zh=True).code == OK
    pages = sorted(path.name for path in (tmp_path / "one").iterdir())
    english = {page for page in pages if page.endswith(".md") and not page.endswith(".zh-CN.md")}
    assert {"commands.md", "rest.md"} <= english
    assert set(pages) == english | {page.replace(".md", ".zh-CN.md") for page in english} | {"openapi.json"}
    for page in pages:
        assert (tmp_path / "one" / page).read_bytes() == (tmp_path / "two" / page).read_bytes()


# --- import ----------------------------------------------------------------------------------------------------------------------

HEADER = ["id", "opened", "closed", "status", "where", "who", "what", "title", "result"]


def mapping(district):
    return {
        "format": 1,
        "district": {"code": district, "name_en": district, "name_zh": "测试", "time_zone": "America/New_York"},
        "feed": {"code": f"{district}-feed", "name_en": "Feed"},
        "committee": {"code": f"{district}-committee", "name_en": "Committee"},
        "id": {"column": "id"},
        "opened": {"column": "opened", "format": "%Y-%m-%d %H:%M"},
        "closed": {"column": "closed", "format": "%Y-%m-%d %H:%M"},
        "state": {"column": "status", "closed": ["closed"], "open": ["open"]},
        "town": {"column": "where", "empty": {"code": "unknown", "name_en": "unknown"}},
        "squad": {"column": "who", "department": "same"},
        "category": {"column": "what"},
        "activity": {"column": "title"},
        "need": {"columns": ["title", "what"], "join": " · "},
        "outcome": {"column": "result"},
    }


@pytest.fixture
def imports(ztc, stack, ledger, tmp_path, request):
    """imports(rows, *arguments): imports a file of these rows (lists, or raw text) into a district of this test's own."""
    # A name for the district that no other test has.
    district = "t-cli-" + str(abs(hash(request.node.name)) % 10**8)
    (tmp_path / "map.json").write_text(json.dumps(mapping(district)))

    def run(rows, *arguments, wait=True):
        write_rows(tmp_path / "in.csv", rows)
        arguments = ["import", "in.csv", "--mapping", "map.json", "--register", "--key-dir", "keys", "--json", "--quiet", *arguments]
        if wait:
            return ztc(*arguments)
        env = {**os.environ, **stack.env, "ZTC_LANG": "en"}
        return subprocess.Popen([str(stack.binaries / "ztc"), *arguments], cwd=tmp_path, env=env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    run.district = district
    run.dir = tmp_path

    def counts(by):
        """As reporting has them once it has applied all that was imported."""
        ledger.wait_quiet("reporting")
        groups = ztc("counts", by, "--json", "--key", str(tmp_path / "keys" / f"{district}-committee.key_secret")).json["groups"]
        return {group["name_en"]: group for group in groups}

    run.counts = counts
    return run


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8", newline="", errors="surrogateescape") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for row in rows:
            if isinstance(row, str):
                out.write(row)
            else:
                writer.writerow(row)


def case(number, closed=False, **cells):
    row = {"id": f"C{number}", "opened": "2015-03-08 02:30", "closed": "2015-03-09 10:00" if closed else "",
           "status": "closed" if closed else "open", "where": "North End", "who": "PWDx", "what": "Pothole", "title": "A hole",
           "result": "done" if closed else ""}
    row.update(cells)
    return [row[name] for name in HEADER]


def summary(ran, *names):
    return tuple(ran.json[name] for name in names)


def test_a_dirty_file(imports, ztc):
    rows = [
        case(1), case(2, closed=True), case(3, title='say "hi",\r\nthere\t!'), case(4, where=""),
        "C5,2015-01-01 10:00,,open\r\n",
        case(6, opened="yesterday"), case(7, status="lost"), case("", closed=True, id=""), case(8, closed=True, who="BTDT"),
        "C9,2015-01-01 10:00,,open,N\udcff,PWDx,Pothole,x,\r\n",
        'C10,"2015-01-01 10:00,,open,N,PWDx,Pothole,x,\r\n',
        case(11, title="社" * 200, closed=True, result="r" * 9000),
        case(12, status="closed"),
    ]
    ran = imports(rows)
    assert ran.code == REFUSED, ran
    assert summary(ran, "read", "orders", "rejected", "closed", "open", "clipped") == (13, 6, 7, 3, 3, 2), ran
    with open(imports.dir / "in.csv.rejects.csv", encoding="utf-8", errors="surrogateescape", newline="") as rejects:
        told = [(row["line"], row["id"], row["code"], row["field"]) for row in csv.DictReader(rejects)]
    assert told == [
        ("7", "", "field_count", ""), ("8", "C6", "bad_time", "opened"), ("9", "C7", "unknown_word", "status"),
        ("10", "", "missing_field", "id"), ("12", "C9", "bad_text", ""), ("13", "", "quote_open", ""), ("15", "C12", "bad_time", "closed"),
    ]
    assert {name: group["orders"] for name, group in imports.counts("town").items()} == {"North End": 5, "unknown": 1}
    assert {name: group["closed"] for name, group in imports.counts("squad").items()} == {"PWDx": 2, "BTDT": 1}
    page = ztc("show", "--feed", f"{imports.district}-feed", "--external-id", "C3", "--json", "--key",
               str(imports.dir / "keys" / f"{imports.district}-feed.key_secret")).json
    assert page["activity"] == 'say "hi",\r\nthere\t!'
    assert page["opened"] == 1425799800000, "an hour that was skipped is moved forward"


def test_again_and_changed(imports):
    assert summary(imports([case(1), case(2, closed=True)]), "opened_new", "closed_new") == (2, 1)
    again = imports([case(1), case(2, closed=True)])
    assert again.code == OK
    assert summary(again, "opened_new", "opened_before", "closed_new", "closed_before") == (0, 2, 0, 1)
    # The city closed the first case meanwhile, and has another title for it; a third is new, and is there twice.
    later = imports([case(1, closed=True, title="A deep hole"), case(2, closed=True), case(3), case(3)])
    assert summary(later, "opened_new", "opened_before", "closed_new", "closed_before", "rejected") == (1, 3, 1, 1, 0)
    assert summary(imports([case(9)], "--dry-run"), "read", "orders") == (1, 1)
    assert imports.counts("state")["closed"]["orders"] == 2


def test_a_killed_import_goes_on(imports):
    rows = [case(number, closed=number % 3 != 0, where=f"Town {number % 7}") for number in range(3000)]
    rows[1234][1] = "never"
    progress = imports.dir / "progress.json"
    process = imports(rows, "--resume", "progress.json", "--in-flight", "2", wait=False)
    try:
        deadline = time.monotonic() + 60
        while not progress.exists():
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    reached = json.loads(progress.read_text())["totals"]["read"]
    assert 0 < reached < 3000
    ran = imports(rows, "--resume", "progress.json")
    assert ran.code == REFUSED, ran
    assert summary(ran, "read", "opened_new", "opened_before", "closed_new", "rejected") == (3000, 2999, 0, 1999, 1), ran
    assert not progress.exists(), "what is done needs no resuming"
    assert len((imports.dir / "in.csv.rejects.csv").read_text().splitlines()) == 2
    assert sum(group["orders"] for group in imports.counts("town").values()) == 2999


def test_a_killed_import_goes_on_behind_a_stray_quote(imports):
    """The quote of the third row would swallow all up to the next one, far behind where the import was killed."""
    rows = [case(number) for number in range(3000)]
    rows[2] = 'C2,2015-03-08 02:30,,open,North End,PWDx,Pothole,"A hole,\r\n'
    rows[2900] = 'C2900,2015-03-08 02:30,,open,"North End",PWDx,Pothole,A hole,\r\n'
    progress = imports.dir / "progress.json"
    process = imports(rows, "--resume", "progress.json", "--in-flight", "2", wait=False)
    try:
        deadline = time.monotonic() + 60
        while not progress.exists():
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert 3 < json.loads(progress.read_text())["line"] < 2900
    ran = imports(rows, "--resume", "progress.json")
    assert ran.code == REFUSED, ran
    assert summary(ran, "read", "opened_new", "opened_before", "rejected") == (3000, 2999, 0, 1), ran


def test_an_interrupted_import_says_how_to_go_on(imports):
    rows = [case(number) for number in range(5000)]
    process = imports(rows, "--resume", "progress.json", "--in-flight", "4", wait=False)
    deadline = time.monotonic() + 60
    while not (imports.dir / "progress.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED and "run it again" in err, err
    reached = json.loads(out)["read"]
    saved = json.loads((imports.dir / "progress.json").read_text())
    assert saved["totals"]["read"] == reached and saved["line"] == reached + 2
    # Another file is not taken for the rest of this one.
    (imports.dir / "map.json").write_text(json.dumps(mapping("t-cli-other")))
    assert imports(rows, "--resume", "progress.json").code == USAGE


def test_standard_input(imports, ztc):
    imports([case(1)])
    with open(imports.dir / "in.csv", encoding="utf-8") as rows:
        ran = ztc("import", "-", "--mapping", "map.json", "--key-dir", "keys", "--json", stdin=rows)
    assert ran.code == OK and summary(ran, "read", "opened_before") == (1, 1), ran


# --- a feed of the test's own ----------------------------------------------------------------------------------------------------


class Feed:
    """A CURVE ROUTER that does as `answer(message, how often it came)` says: a status, None for silence."""

    def __init__(self, answer):
        self.answer, self.seen = answer, []
        self.public, secret = zmq.curve_keypair()
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.curve_server = True
        self.socket.curve_secretkey, self.socket.curve_publickey = secret, self.public
        self.socket.linger = 0
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.env = {"ZTC_FEED": f"tcp://127.0.0.1:{port}", "ZTC_SERVER_KEY": self.public.decode(), "ZTC_LANG": "en",
                    "PATH": os.environ["PATH"]}
        self.ends = False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ends:
            if not self.socket.poll(20):
                continue
            *address, frame = self.socket.recv_multipart()
            message = msgpack.unpackb(frame)
            self.seen.append(frame)
            status = self.answer(message, self.seen.count(frame))
            if status is not None:
                answer = {"id": message["id"], "status": status, "events": []}
                if status == "ok":
                    answer["result"] = {"order": 1, "version": 1, "state": "submitted"}
                else:
                    answer["error"] = {"code": "busy" if status == "retry" else "not_yours", "message": ""}
                self.socket.send_multipart([*address, msgpack.packb(answer)])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()
        self.socket.close()


def submit_to(feed, stack, tmp_path, *arguments):
    public, secret = zmq.curve_keypair()
    certificate = tmp_path / "own.key_secret"
    certificate.write_text(f'metadata\ncurve\n    public-key = "{public.decode()}"\n    secret-key = "{secret.decode()}"\n')
    return Ran(subprocess.run([str(stack.binaries / "ztc"), "submit", "--need", "x", "--key", str(certificate), *arguments],
                              env=feed.env, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=60))


def test_retry_is_asked_again_with_the_same_id(stack, tmp_path):
    with Feed(lambda message, times: "ok" if times > 3 else "retry") as feed:
        ran = submit_to(feed, stack, tmp_path)
        assert ran.code == OK, ran
        assert len(feed.seen) == 4 and len(set(feed.seen)) == 1, "the same bytes each time"


def test_silence_is_asked_again_too(stack, tmp_path):
    with Feed(lambda message, times: "ok" if times > 1 else None) as feed:
        ran = submit_to(feed, stack, tmp_path)
        assert ran.code == OK and len(set(feed.seen)) == 1, ran


def test_in_vain(stack, tmp_path):
    with Feed(lambda message, times: "retry") as feed:
        ran = submit_to(feed, stack, tmp_path, "--timeout", "1", "--id", "mine")
        assert ran.code == UNANSWERED and "busy" in ran.err and "id: mine" in ran.err, ran
    with Feed(lambda message, times: None) as feed:
        ran = submit_to(feed, stack, tmp_path, "--timeout", "1")
        assert ran.code == UNANSWERED and "unanswered" in ran.err and "id: ztc-" in ran.err, ran


def test_an_answer_for_somebody_else_is_no_answer(stack, tmp_path):
    def confused(message, times):
        message["id"] = "another" if times == 1 else message["id"]
        return "ok"

    with Feed(confused) as feed:
        ran = submit_to(feed, stack, tmp_path, "--timeout", "10")
        assert ran.code == OK and len(feed.seen) == 2, ran
