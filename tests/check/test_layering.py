"""The tree keeps to its layers, and the check would notice if it did not."""

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SPEC = importlib.util.spec_from_file_location("layering", HERE / "layering.py")
layering = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(layering)

# A small tree of the right shape, to plant things in.
SOUND = {
    "common/base/text.h": "",
    "common/domain/order.h": '#include "base/text.h"\n',
    "common/events/message.h": '#include "domain/order.h"\n#include <stdint.h>\n',
    "common/bus/bus.h": '#include <czmq.h>\n#include "events/message.h"\n',
    "common/records/records.h": '#include "base/text.h"\n',
    "common/records/records.c": '#include "records/records.h"\n#include "records_sql.h"\n#include <libpq-fe.h>\n',
    "common/live/live.h": '#include "base/text.h"\n',
    "common/runtime/desk.h": '#include "bus/bus.h"\n#include "records/records.h"\n#include "live/live.h"\n',
    "services/intake/core.h": '#include "domain/order.h"\n',
    "services/intake/core_order.c": '#include "services/intake/core.h"\n#include "events/message.h"\n#include <string.h>\n',
    "services/intake/shell.c": '#include "services/intake/core.h"\n#include "runtime/desk.h"\n#include "intake_sql.h"\n',
    "services/dispatch/core.h": '#include "domain/order.h"\n',
    "services/dispatch/shell.h": '#include "runtime/desk.h"\n',
    "cli/migrate.c": '#include "records/records.h"\n#include "dispatch_sql.h"\n',
}

PLANTED = [
    ("common/base/text.h", '#include "domain/order.h"\n'),
    ("common/domain/order.h", '#include "events/message.h"\n'),
    ("common/events/message.h", '#include "records/records.h"\n'),
    ("common/events/message.h", '  #  include "../records/records.h"\n'),
    ("common/bus/bus.h", '#include "records/records.h"\n'),
    ("common/records/records.h", '#include "runtime/desk.h"\n'),
    ("common/live/live.h", '#include "intake_sql.h"\n'),
    ("common/runtime/desk.h", '#include "services/intake/core.h"\n'),
    ("services/intake/core_order.c", '#include "runtime/desk.h"\n'),
    ("services/intake/core_order.c", '#include "records_sql.h"\n'),
    ("services/intake/core_order.c", '#include <time.h>\n'),
    ("services/dispatch/core.h", '#include "shell.h"\n'),
    ("services/intake/shell.c", '#include "services/dispatch/core.h"\n'),
    ("services/intake/shell.c", '#include "dispatch_sql.h"\n'),
    ("services/intake/shell.c", '#include "base/nowhere.h"\n'),
    ("cli/migrate.c", '#include "services/intake/core.h"\n'),
    ("common/util/strings.h", ""),
]


def plant(root, files):
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def test_the_tree_keeps_its_layers(root):
    assert [f"{path}:{line}: {name}" for path, line, name in layering.violations(root)] == []


def test_a_sound_tree_passes(tmp_path):
    plant(tmp_path, SOUND)
    assert layering.violations(tmp_path) == []


@pytest.mark.parametrize("path, text", PLANTED, ids=[f"{path}-{number}" for number, (path, _) in enumerate(PLANTED)])
def test_a_planted_violation_is_found(tmp_path, path, text):
    plant(tmp_path, {**SOUND, path: SOUND.get(path, "") + text})
    found = layering.violations(tmp_path)
    assert len(found) == 1 and found[0][0] == path, found
