"""The check at the end of every run that no log holds a telephone number: it must find one that is there."""

import os
import subprocess
import sys

import pytest
import telephones

PLANTED = """
import telephones

def test_planted(stack_maker):
    stack = stack_maker("planted", services=())
    (stack.home.path / "log" / "intake.log").write_text("level=info msg=called phone={number}\\n", encoding="utf-8")
"""


@pytest.mark.parametrize("text, found", [
    ("call 13857421234", ["13857421234"]), ("电话13857421234。", ["13857421234"]), ("+8613857421234", ["8613857421234"]), ("138 5742 1234", ["138 5742 1234"]),
    ("tel=138-5742-1234;", ["138-5742-1234"]), ("key=order/13857421234", ["13857421234"]), ("138****1234", []), ("offset=113857421234", []),
    ("12857421234", []), ("1385742123", []), ("time=2026-03-01T13:57:42.123Z", []),
    ("trace=d6c0a15972913651f11facba710adf9e", []), ("bearer/" + "a15972913651b" + "0" * 51 + " (version 1)", []),
    ("order=0190a3f2-7c1e-7d3b-8a4f-a15972913651", []), ("id=a15972913651b", ["15972913651"]),
    ("trace=d6c0a15972913651f11facba710adf9e phone=15972913651", ["15972913651"])])
def test_what_counts_as_a_number(text, found):
    assert telephones.found_in(text) == found


def test_known_numbers_are_found_whatever_their_shape():
    assert telephones.found_in("0571-88008800") == []
    telephones.used("0571-88008800")
    assert telephones.found_in("… 0571-88008800 …") == ["0571-88008800"]


@pytest.mark.parametrize("number, status", [("13857421234", 1), ("138****1234", 0)])
def test_a_planted_number_fails_the_run(root, binaries, tmp_path, number, status):
    (tmp_path / "test_planted.py").write_text(PLANTED.format(number=number), encoding="utf-8")
    paths = os.pathsep.join(str(root / place) for place in ("tests", "tests/support", "deploy"))
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
                         env={**os.environ, "PYTHONPATH": paths, "ZTC_BIN": str(binaries)}, cwd=tmp_path, text=True, check=False, timeout=300,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (ran.returncode != 0) == bool(status), ran.stdout
    assert ("telephone numbers in logs" in ran.stdout) == bool(status), ran.stdout
    assert "1 passed" in ran.stdout, ran.stdout  # the test itself was content
