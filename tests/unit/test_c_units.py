"""The unit tests in C, each program one test here; what it printed is shown when it fails."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(source.stem for source in HERE.glob("test_*.c"))
PATIENCE_S = 300


@pytest.mark.parametrize("name", PROGRAMS)
def test_c(name, unit_programs, servers, root):
    program = unit_programs / name
    assert program.exists(), f"{program} is not built: make unit-programs"
    env = {**os.environ, "ZTC_TEST_DSN": servers.dsn, "ZTC_TEST_REDIS": servers.redis}
    ran = subprocess.run([str(program)], cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE_S, check=False)
    print(ran.stdout)
    assert ran.returncode == 0, f"{name}: exit status {ran.returncode}"
