"""Every line that a service may log has its row in happening.def, from which the operator's page is printed, and every row its line."""

import re

import pytest
import tables

TABLE = "common/runtime/happening.def"
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
LEVEL = re.compile(r"LEVEL_(DEBUG|INFO|WARN|ERROR)\b")
# A function that logs what it was given: its messages stand where it is called.
HEAD = re.compile(r"^[a-z][\w \*]*?(\w+)\([^;{}]*\)\n\{", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
LAST_WORDS = re.compile(r'fputs\("[^"]*", stderr\);\s*abort\(\);')
# Where the logger itself is.
LOGGER = {"common/runtime/log.c", "common/runtime/log.h"}


def sources(root):
    for path in sorted([*root.glob("common/*/*.[ch]"), *root.glob("services/*/*.[ch]")]):
        name = str(path.relative_to(root))
        if name not in LOGGER:
            yield name, COMMENT.sub(" ", path.read_text(encoding="utf-8"))


def calls(text, function):
    """The arguments of each call of a function, and where it stands; not its own definition."""
    for match in re.finditer(rf"\b{function}\(", text):
        arguments, end = tables.arguments_at(text, match.end() - 1)
        if not text[end:].lstrip().startswith("{") and arguments[0]:
            yield arguments, match.start()


def literal(text):
    """The C string of neighbouring literals: "a" "b" -> ab."""
    return re.sub(r'"\s*"', "", text)


def enclosing(text, at):
    return [match.group(1) for match in HEAD.finditer(text) if match.start() < at][-1]


def lines_of(text):
    """(levels, msgs) of each place that logs; levels and texts that an expression chooses all count."""
    found = []
    for arguments, at in calls(text, "log_line"):
        levels = {level.lower() for level in LEVEL.findall(arguments[0])}
        msgs = STRING.findall(literal(arguments[1]))
        if not msgs:
            msgs = [msg for outer, _ in calls(text, enclosing(text, at)) for msg in STRING.findall(literal(outer[0]))]
        found.append((levels, set(msgs)))
    return found


def logged(root):
    """{msg: its levels} of all services."""
    found = {}
    for name, text in sources(root):
        for levels, msgs in lines_of(text):
            assert levels and msgs, f"{name}: a line is logged whose level or msg this check cannot read"
            for msg in msgs:
                found.setdefault(msg, set()).update(levels)
    return found


def rows(root, macro):
    return [tuple(argument.strip('"') for argument in arguments) for name, arguments in tables.read_rows(root / TABLE) if name == macro]


def test_every_line_has_its_row_and_every_row_its_line(root):
    found, table = logged(root), {row[1]: row[0] for row in rows(root, "HAPPENING")}
    assert len(table) == len(rows(root, "HAPPENING")), "a msg has two rows"
    assert found.keys() - table.keys() == set(), "logged, but what it means and what to do is not told"
    assert table.keys() - found.keys() == set(), "told, but never logged"
    assert {msg: level for msg, level in table.items() if level not in found[msg]} == {}
    assert len(table) > 35


def test_every_reason_of_not_starting_has_its_row(root):
    said = {STRING.fullmatch(arguments[0]).group(1)
            for arguments, _ in calls(COMMENT.sub(" ", (root / "common/runtime/front.c").read_text(encoding="utf-8")), "say")
            if STRING.fullmatch(arguments[0])}
    for name in ("shell.c", "shell_seal.c"):
        said |= set(re.findall(r'\bproblem = "([^"]*)"', (root / "services/notification" / name).read_text(encoding="utf-8")))
    table = [row[0] for row in rows(root, "REASON")]
    assert set(table) == said and len(table) == len(set(table)) > 10


def test_nothing_is_logged_past_the_check(root):
    """log_pairs and stderr are the logger's; but for a wrong setting before it is open (service.c), and the last words before abort()."""
    for name, text in sources(root):
        assert "log_pairs(" not in text and "log_pairs_" not in text, name
        if name != "common/runtime/service.c":
            assert not re.search(r"\bstderr\b|perror\(|\bsyslog\(|zsys_(?:error|warning|info)\(", LAST_WORDS.sub(" ", text)), name


@pytest.mark.parametrize("text, expected", [
    ('static void f(void)\n{\n    log_line(LEVEL_WARN,\n        "a (b), c; d",\n        {"k", log_int(g(1))});\n}\n', [({"warn"}, {"a (b), c; d"})]),
    ('void f(bool b)\n{\n    log_line(b ? LEVEL_ERROR : LEVEL_INFO, b ? "one" : "two " "three");\n}\n', [({"error", "info"}, {"one", "two three"})]),
    ('static void f(const char *what)\n{\n    log_line(LEVEL_ERROR, what);\n}\nvoid g(void)\n{\n    f("said");\n    f("and " "this");\n}\n',
     [({"error"}, {"said", "and this"})])])
def test_the_check_would_notice(text, expected):
    assert lines_of(text) == expected
