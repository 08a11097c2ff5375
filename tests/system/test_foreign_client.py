"""The README's client of a foreign system, run as it stands there: it places an order and prints the answer."""

import os
import re
import subprocess

from stack_home import ROOT
from zhitongche import read_env

LINES_MAX = 20


def readme_block():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, "the README has one Python client"
    return blocks[0]


def run(stack, program, **more):
    env = {"PATH": os.environ["PATH"], **read_env(stack.home.env_file), **more}
    return subprocess.run(["/usr/bin/python3", "-c", program], env=env, capture_output=True, text=True, timeout=60, check=False)


def test_is_twenty_lines_of_plain_zmq_and_msgpack():
    block = readme_block()
    assert len([line for line in block.splitlines() if line.strip()]) <= LINES_MAX
    imported = {name.strip().split(".")[0] for line in re.findall(r"^import (.*)$", block, flags=re.MULTILINE) for name in line.split(",")}
    assert imported <= {"os", "uuid", "time", "msgpack", "zmq"}


def test_places_an_order_and_prints_its_answer(stack, ledger):
    before = ledger.value("SELECT count(*) FROM intake.orders WHERE place = '330212106209' AND district = '330212'")
    ran = run(stack, readme_block())
    assert ran.returncode == 0, ran.stderr
    order = re.search(r"^ok .*'order': (\d+)", ran.stdout)
    assert order, ran.stdout
    assert ledger.value("SELECT count(*) FROM intake.orders WHERE place = '330212106209' AND district = '330212'") == before + 1
    state = ledger.value("SELECT state FROM intake.orders WHERE district = '330212' AND id = %s", int(order.group(1)))
    assert state == "submitted"


def test_prints_a_refusal_too(stack):
    """With a key that may not pick, the same client prints why not."""
    ran = run(stack, readme_block(), ZTC_KEY_VILLAGE=stack.env["ZTC_KEY_SQUAD"])
    assert ran.returncode == 0 and ran.stdout.startswith("refused") and "forbidden" in ran.stdout


def test_environment_file_can_be_sourced(stack):
    """By a shell, as README says; the values arrive as they are."""
    shell = subprocess.run(["sh", "-c", f"set -a; . {stack.home.env_file}; exec env"], capture_output=True, text=True, check=True,
                           env={"PATH": os.environ["PATH"]})
    there = dict(line.split("=", 1) for line in shell.stdout.splitlines() if line.startswith("ZTC_"))
    assert there == stack.env
