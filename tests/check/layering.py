"""Which file may include which: architecture.md §1. Includes point one way only."""

import os
import re
from pathlib import Path

SERVICES = ("intake", "dispatch", "notification", "evaluation", "reporting")
PURE = ("base", "domain", "events")
BELOW = {
    "base": (),
    "domain": ("base",),
    "events": ("base", "domain"),
    "bus": PURE,
    "records": PURE,
    "live": PURE,
    "edge": PURE,
    "runtime": (*PURE, "bus", "records", "live", "edge"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
EMBEDDED = re.compile(r"^(?:.*/)?([a-z]+)_(?:sql|lua)\.h$")
# A core decides and does nothing else: of the system's headers it may use those that only compute.
CORE_SYSTEM = {"assert.h", "ctype.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h",
               "stdint.h", "stdio.h", "stdlib.h", "string.h"}


def room_of(path):
    """common/events/codec.c -> ("common", "events"); cli/main.c -> ("cli", "cli")."""
    parts = Path(path).parts
    return (parts[0], parts[1]) if parts[0] in ("common", "services") else (parts[0], parts[0])


def is_core(path):
    """A service's tables (.def) are its core's."""
    return Path(path).parts[0] == "services" and re.match(r"core[_.]|.*\.def$", Path(path).name) is not None


def target_of(root, path, name):
    """The included file, from the root of the tree, as the include path has it: beside the file, common, the root."""
    for base in (Path(path).parent, Path("common"), Path(".")):
        if (root / base / name).exists():
            return Path(os.path.normpath(base / name)).as_posix()
    if embedded := EMBEDDED.match(name):
        owner = embedded.group(1)
        return f"{'services' if owner in SERVICES else 'common'}/{owner}/{Path(name).name}"
    return None


def allowed(path, target):
    kind, room = room_of(path)
    target_kind, target_room = room_of(target)
    if is_core(path):
        if target_kind == "common":
            return target_room in PURE
        return target_room == room and is_core(target)
    if (kind, room) == (target_kind, target_room):
        return True
    if kind == "common":
        return target_kind == "common" and target_room in BELOW[room]
    if kind == "services":
        return target_kind == "common"
    # The command line migrates every service's schema and plays its part as a client; it looks into no service.
    return target_kind == "common" or EMBEDDED.match(target) is not None


def violations(root):
    """(file, line, included) of every include that points the wrong way, or at nothing."""
    found = []
    for pattern in ("common/*/*.[ch]", "common/*/*.def", "services/*/*.[ch]", "services/*/*.def", "cli/*.[ch]"):
        for file in sorted(root.glob(pattern)):
            path = file.relative_to(root).as_posix()
            if path.startswith("common/") and room_of(path)[1] not in BELOW:
                found.append((path, 0, "a room that layering.py does not know"))
                continue
            text = file.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                line = text.count("\n", 0, match.start(2)) + 1
                name = match.group(2)
                if match.group(1) == "<":
                    if is_core(path) and name not in CORE_SYSTEM:
                        found.append((path, line, name))
                    continue
                target = target_of(root, path, name)
                if target is None or not allowed(path, target):
                    found.append((path, line, name))
    return found
