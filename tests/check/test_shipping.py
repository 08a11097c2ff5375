"""What is shipped: the archive of a commit is the same bytes wherever it is made, and the bill of materials has what dpkg's database has."""

import io
import json
import subprocess
import tarfile

import pytest
from sbom import bill, licences

MACHINE_READABLE = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: one

Files: *
Copyright: 2001 Somebody
License: LGPL-2.1+

Files: debian/*
Copyright: 2002 Another
License: GPL-2+
 This is free software,
 .
 and so on.

License: LGPL-2.1+
 As it says.
"""
STATUS = """Package: one
Status: install ok installed
Maintainer: Debian Ones <ones@example.org>
Architecture: amd64
Source: one-src (1.0)
Version: 1:1.0+dfsg-2
Description: the first
 with more
 .
 to say

Package: two
Status: install ok installed
Maintainer: Debian Twos <twos@example.org>
Architecture: all
Version: 2.0-1

Package: three
Status: install ok installed
Maintainer: Debian Ones <ones@example.org>
Architecture: amd64
Version: 3

Package: gone
Status: deinstall ok config-files
Maintainer: Nobody <nobody@example.org>
Architecture: all
Version: 9
"""


def archive(*, status=STATUS):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        def add(name, text=None, link=None):
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
                tar.addfile(member)
            else:
                data = text.encode()
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        add("usr/share/doc/three", link="one")
        add("usr/share/doc/one/copyright", MACHINE_READABLE)
        add("usr/share/doc/two/copyright", "It is in the public domain, License: none.\n")
        add("var/lib/dpkg/status", status)
    stream.seek(0)
    return stream


def test_the_bill_has_every_package():
    made = bill("zhitongche", "1.2.3", archive())
    assert made["bomFormat"] == "CycloneDX" and made["specVersion"] == "1.5" and made["metadata"]["component"]["version"] == "1.2.3"
    rows = {row["name"]: row for row in made["components"]}
    assert set(rows) == {"one", "two", "three"}
    assert rows["one"]["version"] == "1:1.0+dfsg-2" and rows["one"]["supplier"] == {"name": "Debian Ones"}
    assert rows["one"]["purl"] == "pkg:deb/debian/one@1%3A1.0%2Bdfsg-2?arch=amd64&distro=debian-12"
    assert [one["license"]["name"] for one in rows["one"]["licenses"]] == ["GPL-2+", "LGPL-2.1+"]
    assert rows["three"]["licenses"] == rows["one"]["licenses"] and "licenses" not in rows["two"]
    assert sorted(made["dependencies"][0]["dependsOn"]) == sorted(row["bom-ref"] for row in made["components"])
    json.dumps(made)


def test_the_same_packages_give_the_same_bill_and_others_another():
    assert bill("a", "1", archive()) == bill("a", "1", archive())
    other = bill("a", "1", archive(status=STATUS.replace("2.0-1", "2.0-2")))
    assert other["serialNumber"] != bill("a", "1", archive())["serialNumber"]


def test_an_image_without_packages_is_refused():
    with pytest.raises(SystemExit):
        bill("a", "1", archive(status=""))
    assert licences("License: none\n") == licences("") == []


def test_the_same_commit_gives_the_same_archive(root, tmp_path):
    if not (root / ".git").exists():
        pytest.skip("not a clone")
    sums = []
    for number, (zone, mask) in enumerate((("UTC", "022"), ("Asia/Shanghai", "077"))):
        clone = tmp_path / f"clone-{number}"
        subprocess.run(["git", "clone", "-q", "--no-local", "--depth", "1", f"file://{root}", str(clone)], check=True)
        subprocess.run(["sh", "-c", f"umask {mask}; make -s -C '{clone}' release RELEASE_DIR='{tmp_path}/{number}'"], check=True,
                       env={"PATH": "/usr/bin:/bin", "TZ": zone}, stdout=subprocess.DEVNULL)
        (made,) = (tmp_path / str(number)).glob("*.tar.xz")
        sums.append((made.name, made.read_bytes()))
    assert sums[0] == sums[1]
    with tarfile.open(tmp_path / "0" / sums[0][0]) as tar:
        names = tar.getnames()
        prefix = sums[0][0].removesuffix(".tar.xz")
        assert f"{prefix}/Makefile" in names and f"{prefix}/docker-compose.yml" in names
        assert all(name == prefix or name.startswith(prefix + "/") for name in names)
        assert {(member.uid, member.gid, member.uname) for member in tar.getmembers()} == {(0, 0, "root")}


def test_without_a_commit_there_is_no_archive(root, tmp_path):
    """An empty archive under a release's name would pass for one."""
    said = subprocess.run([str(root / "deploy" / "release.sh"), "it", str(tmp_path / "made")], cwd=tmp_path, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert said.returncode != 0 and "git" in said.stderr
    assert list((tmp_path / "made").iterdir()) == []
