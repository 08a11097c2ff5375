"""The operator's book: both languages say the same, and nothing in it names what is not there."""

import re
import subprocess

import pytest
import tables
import yaml

BOOK = "docs/book"
ALARMS = "deploy/prometheus/alarms.yml"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| (\w+) \((page|warn)\) \| `([^`]+)`(?: (?:for|持续) (\w+))? \|", re.MULTILINE)
FIGURE = re.compile(r"\bztc_[a-z0-9_]+\b")
# What ztc_… names beside figures: a schema, and the beginning of the roles' names.
NO_FIGURES = {"ztc_migration", "ztc_"}


def read(root, name):
    return (root / BOOK / name).read_text(encoding="utf-8")


def pages(root):
    return sorted(path.name for path in (root / BOOK).glob("*.md"))


def chapters(root):
    return [name for name in pages(root) if not name.endswith(".zh-CN.md")]


def twin(name):
    return name.replace(".md", ".zh-CN.md")


def without_comments(shell):
    return [re.sub(r"\s*#.*", "", line) for line in shell.splitlines()]


def shape(text):
    """Levels of headings, kinds and commands of the fenced parts, columns of the table rows: the same in both languages."""
    plain = FENCE.sub("", text)
    return {"headings": [len(line.split(" ")[0]) for line in plain.splitlines() if line.startswith("#")],
            "fences": [kind for kind, _ in FENCE.findall(text)],
            "rows": [line.count(" | ") for line in plain.splitlines() if line.startswith("|")]}


def commands(text):
    return [without_comments(body) for kind, body in FENCE.findall(text) if kind == "sh" and "--need" not in body]


def anchors(text):
    """As GitHub makes them of headings."""
    lines = [line.lstrip("#").strip().lower() for line in FENCE.sub("", text).splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


def test_every_chapter_is_in_both(root):
    english = chapters(root)
    assert set(pages(root)) == set(english) | {twin(name) for name in english} and len(english) > 8
    for name in english:
        here, there = read(root, name), read(root, twin(name))
        assert shape(here) == shape(there), name
        assert commands(here) == commands(there), name
        assert f"]({twin(name)})" in here[:400] and f"]({name})" in there[:400], name


def test_the_contents_name_every_chapter(root):
    for contents, of in (("README.md", lambda name: name), ("README.zh-CN.md", twin)):
        links = set(LINK.findall(read(root, contents)))
        assert {of(name) for name in chapters(root) if name != "README.md"} <= links, contents
    for readme, contents in (("README.md", "docs/book/README.md"), ("README.zh-CN.md", "docs/book/README.zh-CN.md")):
        assert f"]({contents})" in (root / readme).read_text(encoding="utf-8"), readme


def test_every_link_leads_somewhere(root):
    sources = [root / BOOK / name for name in pages(root)] + sorted((root / "docs" / "generated").glob("happenings*.md"))
    for page in sources:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            if "://" in link:
                continue
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


@pytest.fixture(scope="module")
def figures(root):
    return {f"ztc_{arguments[0]}" for _, arguments in tables.read_rows(root / "common/runtime/metrics.def")}


def test_every_figure_is_there(root, figures):
    named = {figure for name in pages(root) for figure in FIGURE.findall(read(root, name))}
    assert named - figures - NO_FIGURES == set() and len(named) > 15


def test_every_msg_is_there(root):
    known = {arguments[1].strip('"') for macro, arguments in tables.read_rows(root / "common/runtime/happening.def") if macro == "HAPPENING"}
    named = {msg for name in pages(root) for msg in re.findall(r'msg="([^"]+)"', read(root, name))}
    assert named - known == set() and len(named) > 10


def test_every_finding_is_there(root):
    known = {arguments[0] for _, arguments in tables.read_rows(root / "cli/finding.def")}
    named = {word for name in chapters(root) for word in re.findall(r"`((?:key|keys|live|lease|service|event|disk|clock|migration|version|log|partition)_[a-z_]+)`",
                                                                  read(root, name))}
    assert named - known - {"log_level"} == set() and len(named) > 8


def test_every_setting_is_there(root):
    known = "".join(path.read_text(encoding="utf-8") for path in
                    [root / "common/runtime/config.def", *(root / "deploy").glob("*.py"), *(root / "cli").glob("*.c")])
    config = {f"ZTC_{arguments[0].upper()}" for _, arguments in tables.read_rows(root / "common/runtime/config.def")}
    named = {name for page in pages(root) for name in re.findall(r"\bZTC_[A-Z][A-Z_]*[A-Z]\b", read(root, page))}
    for name in named - config:
        assert name in known or re.fullmatch(r"ZTC_HTTP_[A-Z]+", name), name


def test_every_command_is_there(root, binaries):
    said = subprocess.run([str(binaries / "ztc"), "help"], env={"ZTC_LANG": "en"}, text=True, stdout=subprocess.PIPE, check=True).stdout
    verbs = {line.split()[0] for line in said.splitlines() if line.startswith("  ")}
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name in pages(root):
        text = read(root, name)
        shell = "\n".join(body for kind, body in FENCE.findall(text) if kind == "sh")
        assert set(re.findall(r"\bztc ([a-z-]+)", shell)) <= verbs, name
        assert set(re.findall(r"^make ([a-z-]+)", shell, re.MULTILINE)) <= targets, name


@pytest.fixture(scope="module")
def rules(root):
    groups = yaml.safe_load((root / ALARMS).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alarm_asks_for_figures_that_are_there(rules, figures):
    assert len({rule["alert"] for rule in rules}) == len(rules) > 10
    for rule in rules:
        asked = set(FIGURE.findall(rule["expr"]))
        assert asked <= figures and (asked or rule["expr"].startswith("up{")), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "warn")
        assert re.search(r"[\u4e00-\u9fff]", rule["annotations"]["zh"]) and not re.search(r"[\u4e00-\u9fff]", rule["annotations"]["en"])


@pytest.mark.parametrize("name", ["metrics.md", "metrics.zh-CN.md"])
def test_the_book_has_every_alarm_as_it_is(root, rules, name):
    told = {alarm: (severity, expr, wait or None) for alarm, severity, expr, wait in ROW.findall(read(root, name))}
    assert told == {rule["alert"]: (rule["labels"]["severity"], rule["expr"], rule.get("for")) for rule in rules}


def test_the_checks_would_notice():
    assert shape("# a\n\n```sh\nx\n```\n| a | b |\n") == {"headings": [1], "fences": ["sh"], "rows": [1]}
    assert commands("```sh\nmake up   # 注\n```\n") == [["make up"]]
    assert anchors("## A service, killed\n## 搁置的事件\n## PostgreSQL 不在\n") == {"a-service-killed", "搁置的事件", "postgresql-不在"}
    assert ROW.findall("| X (page) | `a > 1` for 5m | why |") == [("X", "page", "a > 1", "5m")]
