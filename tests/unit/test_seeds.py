"""The reference data under seeds/ is complete, consistent and in the order its loader needs."""

import csv
import json
import re
import zoneinfo
from collections import Counter
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
DISTRICTS = sorted(path.parent.name for path in SEEDS.glob("*/district.csv"))
CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
COLUMNS = {
    "district": "code name_zh name_en time_zone",
    "categories": "code name_zh name_en",
    "organisations": "code kind name_zh name_en short_zh parent site_kind sample official_code"
    " source commands places",
    "squads": "code department name_zh name_en brand categories capacity named_by_document sample"
    " inferred_owner source",
}
KINDS = {"committee", "town", "village", "site", "department", "surveyor", "feed"}
SITE_KINDS = {"park", "worksite", "building", "key_project", "enterprise"}
FEED_COMMANDS = {"order_submit", "order_open_external", "order_close_external"}
OTHER_AUTHORITIES = {"330212004": 4, "330212015": 6, "330212016": 4, "330212103": 39}


def read(district, name):
    with open(SEEDS / district / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert all(len(row) == len(rows[0]) for row in rows)
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def kind(district, name):
    return [row for row in read(district, "organisations") if row["kind"] == name]


def items(cell):
    return cell.split("|") if cell else []


def test_districts():
    assert DISTRICTS == ["330212", "demo2"]
    assert [list(row.values()) for row in read("330212", "district")] == [
        ["330212", "鄞州区", "Yinzhou District", "Asia/Shanghai"]
    ]


@pytest.mark.parametrize("district", DISTRICTS)
@pytest.mark.parametrize("name", COLUMNS)
def test_form(district, name):
    raw = (SEEDS / district / f"{name}.csv").read_bytes()
    text = raw.decode("utf-8")
    assert b"\r" not in raw and b"\0" not in raw and not raw.startswith(b"\xef\xbb\xbf")
    assert text.endswith("\n") and text.split("\n")[0] == COLUMNS[name].replace(" ", ",")
    for row in read(district, name):
        assert all(value == value.strip() for value in row.values()), row
        assert CODE.fullmatch(row["code"]), row
        assert row["name_zh"], row


@pytest.mark.parametrize("district", DISTRICTS)
def test_codes_are_unique(district):
    assert read(district, "district")[0]["code"] == district
    zoneinfo.ZoneInfo(read(district, "district")[0]["time_zone"])
    categories = [row["code"] for row in read(district, "categories")]
    assert len(categories) == len(set(categories))
    codes = [row["code"] for name in ("organisations", "squads") for row in read(district, name)]
    assert len(codes) == len(set(codes)) and district not in codes


@pytest.mark.parametrize("district", DISTRICTS)
def test_parents_precede(district):
    seen, parks = {}, set()
    for row in read(district, "organisations"):
        assert row["kind"] in KINDS
        if row["kind"] == "village":
            assert seen.get(row["parent"]) == "town", row
        elif row["kind"] == "site":  # under a town, a village or a park; a park may place its own orders
            assert seen.get(row["parent"]) in ("town", "village") or row["parent"] in parks or (
                row["site_kind"] == "park" and row["parent"] == ""), row
            parks |= {row["code"]} if row["site_kind"] == "park" else set()
        else:
            assert row["parent"] == "", row
        assert (row["site_kind"] in SITE_KINDS) == (row["kind"] == "site"), row
        assert row["site_kind"] == "" or row["kind"] == "site", row
        seen[row["code"]] = row["kind"]
    assert Counter(seen.values())["committee"] == 1


@pytest.mark.parametrize("district", DISTRICTS)
def test_feeds(district):
    places = {row["code"] for row in read(district, "organisations")} | {district}
    for row in read(district, "organisations"):
        commands, allowed = items(row["commands"]), items(row["places"])
        assert bool(commands) == bool(allowed) == (row["kind"] == "feed"), row
        assert set(commands) <= FEED_COMMANDS and set(allowed) <= places, row


@pytest.mark.parametrize("district", DISTRICTS)
def test_squads(district):
    departments = {row["code"] for row in kind(district, "department")}
    categories = {row["code"] for row in read(district, "categories")}
    squads = read(district, "squads")
    for row in squads:
        own = items(row["categories"])
        assert row["department"] in departments, row
        assert own and set(own) <= categories and len(own) == len(set(own)), row
        assert row["capacity"] in ("1", "2", "3"), row
    assert {row["department"] for row in squads} == departments
    assert {code for row in squads for code in items(row["categories"])} == categories


@pytest.mark.parametrize("district", DISTRICTS)
def test_samples_say_so(district):
    for name in ("organisations", "squads"):
        for row in read(district, name):
            sample = row["sample"] == "yes"
            assert row["sample"] in ("", "yes")
            assert sample == row["name_zh"].endswith("（样例）"), row
            assert sample == row["name_en"].endswith("(sample)"), row
            assert sample == (row["source"] == "sample") and row["source"], row


def test_places():
    with open(SEEDS / "330212" / "yinzhou-places-2023.csv", encoding="utf-8", newline="") as file:
        places = list(csv.DictReader(file))
    assert len(places) == 407
    villages = {row["code"]: row for row in kind("330212", "village")}
    towns = {row["code"] for row in kind("330212", "town") if not row["sample"]}
    assert len(villages) == 354 and len(towns) == 21
    left_out = Counter(row["streetCode"] for row in places if row["code"] not in villages)
    assert left_out == OTHER_AUTHORITIES
    kept = {row["code"]: row for row in places if row["code"] in villages}
    assert kept.keys() == villages.keys()
    assert {row["streetCode"] for row in kept.values()} == towns
    for code, row in villages.items():
        assert (row["name_zh"], row["parent"]) == (kept[code]["name"], kept[code]["streetCode"])
        assert row["official_code"] == code and re.fullmatch(r"\d{12}", code)
        assert row["name_zh"].startswith(row["short_zh"]) and code.startswith(row["parent"])
        assert row["short_zh"].endswith(("村", "社区", "居委会"))
    for row in kind("330212", "town"):
        assert row["sample"] or (row["official_code"] == row["code"] and row["name_en"])


def test_names():
    villages = {row["code"]: row for row in kind("330212", "village")}
    towns = {row["code"]: row for row in kind("330212", "town")}
    huilong, huachuan = villages["330212106209"], villages["330212008006"]
    assert (huilong["name_zh"], huilong["short_zh"]) == ("回龙村村委会", "回龙村")
    assert huilong["name_en"] == "Huilong Village"
    assert towns[huilong["parent"]]["name_zh"] == "邱隘镇"
    assert (huachuan["name_zh"], huachuan["short_zh"]) == ("划船社区", "划船社区")
    assert towns[huachuan["parent"]]["name_zh"] == "百丈街道"
    twice = Counter(row["short_zh"] for row in villages.values())
    assert {name: n for name, n in twice.items() if n > 1} == {"东城社区": 2, "明南社区": 2}
    assert sum(row["name_en"] == "" for row in villages.values()) == 8


def test_the_52_squads():
    squads = {row["code"]: row for row in read("330212", "squads")}
    sample = {code for code, row in squads.items() if row["sample"]}
    named = {code for code, row in squads.items() if row["named_by_document"]}
    branded = squads.keys() - sample - named
    assert (len(squads), len(named), len(branded), len(sample)) == (52, 8, 4, 40)
    assert not sample & named and all(not squads[code]["brand"] for code in sample)
    assert len({squads[code]["department"] for code in sample}) == 40
    assert {squads[code]["brand"] for code in branded} == {"小巷法官", "鄞急先锋", "健康天使", "医小保"}
    brands = {row["brand"] for row in squads.values()} - {""}
    assert brands == {"小巷法官", "鄞急先锋", "健康天使", "医小保", "人社店小二", "鄞企小管家"}
    inferred = {squads[code]["department"] for code in squads if squads[code]["inferred_owner"]}
    assert inferred == {
        "court", "emergency", "health", "medical-insurance", "agriculture", "tax", "approval",
    }
    booked = squads["hrss-social-insurance"]
    assert booked["name_zh"] == "区人社局社会保险“店小二”服务小分队"
    assert (booked["department"], booked["brand"]) == ("hrss", "人社店小二")
    assert (booked["categories"], booked["capacity"]) == ("social_insurance", "3")
    assert "hrss-talent" in named
    future = {code for code in squads if "future_community" in items(squads[code]["categories"])}
    assert {squads[code]["department"] for code in future} == {
        "development-reform", "approval", "expropriation",
    }
    assert len(future) == 3 and future <= named


def test_sites_and_feeds():
    rows = {row["code"]: row for row in read("330212", "organisations")}
    sites = [row for row in rows.values() if row["kind"] == "site"]
    kinds = Counter(row["site_kind"] for row in sites)
    assert kinds.keys() == SITE_KINDS and min(kinds.values()) >= 3
    parents = {(rows[row["parent"]]["kind"], rows[row["parent"]]["site_kind"]) for row in sites if row["parent"]}
    assert parents == {("town", ""), ("village", ""), ("site", "park")}
    assert [row["code"] for row in sites if not row["parent"]] == ["site-sample-free-park"]
    assert all(row["sample"] == "yes" for row in sites)
    assert rows["site-sample-park"]["site_kind"] == "park"
    assert rows["surveyor-sample"]["kind"] == "surveyor"
    assert rows["feed-12345"]["places"] == "330212"
    assert set(items(rows["feed-12345"]["commands"])) == FEED_COMMANDS
    assert rows["feed-grid"]["kind"] == "feed"


def test_demo2_shares_codes_with_yinzhou():
    def codes(district, name):
        return {row["code"] for row in read(district, name)}

    assert codes("demo2", "squads") & codes("330212", "squads") == {"hrss-social-insurance"}
    assert codes("demo2", "organisations") & codes("330212", "organisations") == {"330212106209"}
    assert read("demo2", "district")[0]["time_zone"] == "Asia/Urumqi"
    rows = [row for name in ("organisations", "squads") for row in read("demo2", name)]
    assert all(row["sample"] == "yes" for row in rows)
    assert Counter(row["kind"] for row in read("demo2", "organisations")) == {
        "committee": 1, "town": 1, "village": 2, "department": 1, "feed": 1,
    }


def test_boston_mapping():
    mapping = json.loads((SEEDS / "boston-311" / "mapping.json").read_text(encoding="utf-8"))
    assert mapping["format"] == 1 and mapping["codes"] == "slug"
    assert mapping["district"] == {
        "code": "boston", "name_zh": "波士顿", "name_en": "Boston", "time_zone": "America/New_York",
    }
    for part in ("district", "feed", "committee"):
        assert CODE.fullmatch(mapping[part]["code"])
        assert mapping[part]["name_zh"] and mapping[part]["name_en"]
    assert mapping["town"]["empty"] == {"code": "unknown", "name_en": "unknown", "name_zh": "不详"}
    columns = {name: mapping[name]["column"] for name in (
        "id", "opened", "closed", "state", "town", "squad", "category", "activity", "outcome")}
    assert columns == {
        "id": "CASE_ENQUIRY_ID", "opened": "OPEN_DT", "closed": "CLOSED_DT",
        "state": "CASE_STATUS", "town": "neighborhood", "squad": "Department",
        "category": "TYPE", "activity": "CASE_TITLE", "outcome": "CLOSURE_REASON",
    }
    assert mapping["opened"]["format"] == mapping["closed"]["format"] == "%m/%d/%Y %I:%M:%S %p"
    assert mapping["need"]["columns"] == ["CASE_TITLE", "TYPE", "REASON", "Location"]
    assert not (SEEDS / "boston-311" / "district.csv").exists()
