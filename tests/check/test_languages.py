"""Every sentence for people exists in Chinese and in English: in the tables, in the help of ztc, in the README."""

import os
import re
import subprocess

import pytest
import tables

CHINESE = re.compile(r"[\u4e00-\u9fff]")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
# Tables without sentences: what leads where, who may.
NO_SENTENCES = {"order.def", "assignment.def", "answers.def", "owner.def", "routes.def", "status.def"}


def sentences(arguments):
    """The string literals of a row."""
    return [match.group(1) for argument in arguments if (match := STRING.fullmatch(argument))]


def defs(root):
    return sorted(path for place in ("common", "services", "cli") for path in (root / place).rglob("*.def"))


def lacks(strings):
    """Why a row's strings are not Chinese and English in turn; None: they are."""
    said = [bool(CHINESE.search(string)) for string in strings]
    if not any(said):
        return "no Chinese"
    for at, chinese in enumerate(said):
        if chinese and not (at + 1 < len(strings) and not said[at + 1] and re.search(r"[A-Za-z]", strings[at + 1])):
            return "no English"
    return None


def test_every_row_of_every_table_has_both(root):
    lacking, rows = [], 0
    shared = {name for path in defs(root) for name in re.findall(r"#define (\w+)\(", path.read_text(encoding="utf-8"))}
    for path in defs(root):
        if path.name in NO_SENTENCES:
            continue
        for macro, arguments in tables.read_rows(path):
            rows += not macro.endswith("_END")
            strings = sentences(arguments)
            if macro == "MESSAGE_END" or macro in shared:  # what is shared is looked at where it is defined and used
                continue
            if why := lacks(strings):
                lacking.append(f"{path.relative_to(root)}: {macro}({arguments[0]}, {arguments[1] if len(arguments) > 1 else ''}…): {why}")
    assert lacking == [] and rows > 500


def test_the_check_of_rows_would_notice():
    assert lacks(["订单号", "order"]) is None and lacks(["info", "日志级别", "log level"]) is None
    assert lacks(["甲", "a", "乙", "b"]) is None
    assert lacks(["order", "order"]) == "no Chinese" and lacks([]) == "no Chinese"
    assert lacks(["订单号", ""]) == lacks(["订单号"]) == lacks(["订单号", "订单"]) == lacks(["甲", "a", "乙"]) == "no English"


def ztc(binaries, *arguments, zh):
    ran = subprocess.run([str(binaries / "ztc"), *arguments], env={"PATH": os.environ["PATH"], "ZTC_LANG": "zh" if zh else "en"}, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
    return ran.stdout + ran.stderr


def verbs_of(binaries):
    return [line.split()[0] for line in ztc(binaries, "help", zh=False).splitlines() if line.startswith("  ") and line[2] != " "]


def untranslated(text):
    """Lines without a word of Chinese; a sentence that stands under a long option is of its line."""
    text = re.sub(r"\n {8,}", " ", text)
    return [line for line in text.splitlines() if line.strip() and not CHINESE.search(line)]


def test_the_help_is_in_chinese(binaries):
    verbs = [verb for verb in verbs_of(binaries) if verb not in ("help", "version")]
    assert len(verbs) > 25
    assert untranslated(ztc(binaries, "help", zh=True)) == []
    found = {verb: lines for verb in verbs if (lines := untranslated(ztc(binaries, verb, "--help", zh=True)))}
    for action in ("register", "revoke"):
        found[f"keys {action}"] = untranslated(ztc(binaries, "keys", action, "--help", zh=True))
    for action in ("show", "erase", "audit"):
        found[f"contact {action}"] = untranslated(ztc(binaries, "contact", action, "--help", zh=True))
    assert {verb: lines for verb, lines in found.items() if lines} == {}


def test_the_help_is_in_english(binaries):
    """But for what is Chinese in itself."""
    for verb in ("help", *verbs_of(binaries)):
        if verb != "version":
            text = ztc(binaries, verb, *([] if verb == "help" else ["--help"]), zh=False)
            assert text.strip() and not CHINESE.search(text), verb


@pytest.mark.parametrize("arguments", [
    ["sumbit"], ["place"], ["place", "x"], ["submit"], ["watch", "--since", "yesterday"], ["watch", "--order", "0"], ["contact"], ["keys"],
    ["contact", "show", "1", "--env", "/nowhere"], ["doctor", "--long", "0"], ["doctor", "--nonsense"], ["migrate", "--env", "/nowhere"],
    ["import"], ["docs", "--dir", "/proc/nowhere"], ["backup"], ["backup", "--verify", "/nowhere"], ["restore"], ["poison"],
    ["poison", "list", "--service", "nobody"]])
def test_what_goes_wrong_is_said_in_both(binaries, arguments):
    """System messages (a missing file) stay the system's; the rest of the line is ours."""
    zh, en = ztc(binaries, *arguments, zh=True), ztc(binaries, *arguments, zh=False)
    assert zh.strip() and en.strip() and not CHINESE.search(en), en
    if "/nowhere" not in " ".join(arguments):
        assert untranslated(zh) == [], zh


def test_generated_pages_come_in_pairs(root):
    pages = {path.name for path in (root / "docs" / "generated").glob("*.md")}
    english = {name for name in pages if not name.endswith(".zh-CN.md")}
    assert english and pages == english | {name.replace(".md", ".zh-CN.md") for name in english}
    for name in english:
        lines = [len((root / "docs" / "generated" / page).read_text(encoding="utf-8").splitlines())
                 for page in (name, name.replace(".md", ".zh-CN.md"))]
        assert lines[0] == lines[1], name


LINK = re.compile(r"\]\(([^)#\s]+)\)")


@pytest.mark.parametrize("name, other", [("README.md", "README.zh-CN.md"), ("README.zh-CN.md", "README.md")])
def test_the_readme_is_in_both(root, name, other):
    text = (root / name).read_text(encoding="utf-8")
    assert f"]({other})" in "\n".join(text.splitlines()[:4]), "not linked from its first lines"
    commands = [set(re.findall(r"`(?:build/bin/ztc|make) ([a-z]+)", (root / one).read_text(encoding="utf-8"))) for one in (name, other)]
    assert commands[0] == commands[1], "one of them leaves a command out"
    for link in LINK.findall(text):
        if "://" not in link and not link.startswith("services/dispatch"):
            assert (root / link).exists(), link
