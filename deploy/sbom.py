#!/usr/bin/python3
"""Prints a bill of materials (CycloneDX 1.5, JSON) of a file system that is read as tar from standard input: the named component, and every
Debian package that its dpkg database has, with version, supplier, and licences where the copyright file is machine-readable (DEP-5)."""

import argparse
import json
import re
import sys
import tarfile
import uuid

STATUS = "var/lib/dpkg/status"
COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright")
SPACE = uuid.UUID("8f8f31b2-7a0e-4f43-9d0f-2f1f8a4b6c01")  # of the serial numbers that follow from what is listed


def paragraphs(text):
    """Fields of each paragraph, continued lines joined by line ends."""
    for block in re.split(r"\n\s*\n", text):
        fields, name = {}, None
        for line in block.splitlines():
            if line[:1] in " \t" and name:
                fields[name] += "\n" + line.strip()
            elif ":" in line and line[:1] != "#":
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            yield fields


def licences(text):
    """The short names in a DEP-5 file, sorted; none when it is not one."""
    all_fields = list(paragraphs(text))
    if not all_fields or "copyright-format" not in all_fields[0].get("Format", ""):
        return []
    names = {fields["License"].splitlines()[0].strip() for fields in all_fields if fields.get("License")}
    return sorted(name for name in names if name)


def read(stream):
    """(text of dpkg's database, {package: text of its copyright file}, {symbolic links to copyright files or their directories})."""
    status, texts, links = "", {}, {}
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name == STATUS:
                status = archive.extractfile(member).read().decode("utf-8", "replace")
            elif (match := COPYRIGHT.fullmatch(name)) and member.isfile():
                texts[match.group(1)] = archive.extractfile(member).read().decode("utf-8", "replace")
            elif member.issym() and (match := re.fullmatch(r"usr/share/doc/([^/]+)(/copyright)?", name)):
                links[match.group(1)] = next(part for part in member.linkname.split("/") if part not in ("..", ".", ""))
    return status, texts, links


def component(fields, text):
    name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}&distro=debian-12"
    row = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
           "supplier": {"name": re.sub(r"\s*<.*>", "", fields.get("Maintainer", "Debian"))}}
    source = fields.get("Source", name).split()[0]
    row["properties"] = [{"name": "debian:source", "value": source}]
    if found := licences(text):
        row["licenses"] = [{"license": {"name": licence}} for licence in found]
    return row


def bill(name, version, stream):
    status, texts, links = read(stream)
    installed = [fields for fields in paragraphs(status) if fields.get("Status", "").endswith(" installed")]
    if not installed:
        raise SystemExit(f"sbom.py: no packages in {STATUS}")
    rows = [component(fields, texts.get(fields["Package"]) or texts.get(links.get(fields["Package"]), "")) for fields in installed]
    rows.sort(key=lambda row: row["bom-ref"])
    own = f"pkg:generic/{name}@{version}"
    serial = uuid.uuid5(SPACE, "\n".join([own, *(row["bom-ref"] for row in rows)]))
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": own, "name": name, "version": version, "purl": own,
                                   "supplier": {"name": name}}},
        "components": rows,
        "dependencies": [{"ref": own, "dependsOn": [row["bom-ref"] for row in rows]}],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    options = parser.parse_args()
    json.dump(bill(options.name, options.version, sys.stdin.buffer), sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
