"""The golden bytes read by another implementation of msgpack: they must say what their JSON says."""

import base64
import json
import pathlib

import msgpack
import pytest

HERE = pathlib.Path(__file__).resolve().parent
FRAMES = sorted(HERE.glob("v*/*.msgpack"))


def pairs_once(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), "a key is repeated"
    return dict(pairs)


def plain(value):
    """As the JSON has it: bytes in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    assert value is None or isinstance(value, (bool, int, str))
    return value


def decoded(frame):
    return msgpack.unpackb(frame, raw=False, strict_map_key=True, object_pairs_hook=pairs_once)


def test_there_are_golden_bytes():
    assert len(FRAMES) >= 50


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.stem)
def test_frame_says_what_its_json_says(path):
    frame = decoded(path.read_bytes())
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert plain(frame) == expected


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.stem)
def test_envelope_has_its_names(path):
    frame = decoded(path.read_bytes())
    kind, _, name = path.stem.partition("-")
    names = {
        "command": {"id", "type", "on_behalf_of", "time", "body"},
        "query": {"id", "type", "after", "body"},
        "answer": {"id", "status", "result", "error", "events"},
        "event": {"specversion", "id", "source", "type", "time", "subject", "district", "recorded",
                  "part", "offset", "version", "traceparent", "data"},
        "forward": {"after", "order", "command", "caller"},
    }[kind]
    assert set(frame) <= names
    if kind in ("command", "query", "event"):
        assert frame["type"] == name
        assert "v" in frame["data" if kind == "event" else "body"]
    if kind == "forward":
        assert decoded(frame["command"])["type"] == name


def test_every_frame_has_a_json_and_every_json_a_frame():
    described = {"defaults", "words"}
    for path in HERE.glob("v*/*.json"):
        assert path.stem in described or path.with_suffix(".msgpack").exists(), path
    for path in FRAMES:
        assert path.with_suffix(".json").exists(), path
