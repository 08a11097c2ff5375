"""No log holds a telephone number that can be dialled (product.md §2, architecture.md invariant 9): what counts as one, and which numbers
the tests give away. conftest.py looks through every log of every stack at the end of the whole run."""

import re

# A mobile number of the mainland, perhaps behind its country's code, not part of a longer run of digits.
MOBILE = re.compile(r"(?<!\d)(?:(?:00)?86)?1[3-9]\d{9}(?!\d)")
# The same in groups, as people write it.
GROUPED = re.compile(r"(?<!\d)1[3-9]\d[ -]\d{4}[ -]\d{4}(?!\d)")
# Traces, digests and UUIDs are random hex digits: among a few thousand of them one holds eleven decimals between two letters.
IDENTIFIER = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9A-Za-z])")

# Numbers that tests use as contact data, beside those that are found by their shape.
KNOWN = set()


def used(number):
    """Notes a number that no log may hold, and returns it."""
    KNOWN.add(number)
    return number


def found_in(text):
    """The numbers that stand in a text, each once, in order."""
    shaped = IDENTIFIER.sub("#", text)
    found = [match.group() for pattern in (MOBILE, GROUPED) for match in pattern.finditer(shaped)]
    found += [number for number in sorted(KNOWN) if re.search(rf"(?<!\d){re.escape(number)}(?!\d)", text)]
    return list(dict.fromkeys(found))


def found_under(directory, name=""):
    """Lines of all files under a directory that hold one: "NAME/file:line: numbers"."""
    said = []
    for path in sorted(directory.rglob("*")):
        if not path.is_file():
            continue
        with open(path, encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if found := found_in(line):
                    said.append(f"{name}/{path.name}:{number}: {', '.join(found)}")
    return said
