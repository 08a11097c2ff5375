"""Where a backup is written, without a server: looked at before PostgreSQL is."""

import os
import subprocess

import pytest

NOWHERE = "postgresql://127.0.0.1:1/ztc"
REFUSED, RECORDS = 1, 6


def backup(binaries, target):
    return subprocess.run([str(binaries / "ztc"), "backup", "--to", str(target), "--dsn", NOWHERE], cwd="/", text=True, timeout=60, check=False,
                          env={"ZTC_LANG": "en"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_nothing_is_left_where_there_is_no_server(binaries, tmp_path):
    assert backup(binaries, tmp_path / "it").returncode == RECORDS
    (tmp_path / "it.unfinished").mkdir()  # of a killed run
    assert backup(binaries, tmp_path / "it").returncode == RECORDS
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_made_is_not_written_into(binaries, tmp_path):
    """He could put other bytes, and a manifest that fits them, where the superuser restores from."""
    if os.geteuid() != 0:
        pytest.skip("makes a directory of another user")
    theirs = tmp_path / "it.unfinished"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    (theirs / "records.dump").write_text("theirs", encoding="ascii")
    said = backup(binaries, tmp_path / "it")
    assert said.returncode == REFUSED and "is another user's" in said.stderr
    assert [path.name for path in theirs.iterdir()] == ["records.dump"]


def test_a_link_is_not_followed(binaries, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "it.unfinished").symlink_to("elsewhere")
    said = backup(binaries, tmp_path / "it")
    assert said.returncode not in (0, RECORDS) and "it.unfinished" in said.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
