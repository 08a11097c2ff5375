"""The auditor itself: after real traffic it finds nothing, and each bug planted for it is found (verification.md)."""

import json

import checker
import pytest
from audit import audit
from load import Load
from people import District, Order, bring, ok


@pytest.fixture(scope="module")
def history(stack, people, tmp_path_factory):
    """A load of whole lives, told in a history, and an open offer beside them."""
    name = tmp_path_factory.mktemp("audit") / "history.jsonl"
    load = Load(stack.env, 7, 80, str(name))
    while load.turn():
        pass
    load.close()
    assert load.refused == []
    district = District(people, "t-audit")
    bring([Order(district, way="offered"), Order(district, way="scheduled")])
    assert audit(stack, [str(name)]) == []
    return str(name)


def look(stack, plant=None, histories=()):
    return checker.Audit(stack.env["ZTC_DSN"], stack.env["ZTC_REDIS"], plant).run(histories)


@pytest.mark.parametrize("name", checker.PLANTS)
def test_planted_bug_is_caught(stack, history, ledger, name):
    before = ledger.counts()
    assert look(stack, checker.PLANTS[name], [history]), "the auditor misses it"
    assert ledger.change(before) == {}, "the plant was not taken back"
    assert look(stack, histories=[history]) == []


def altered(history, tmp_path, change):
    """The history with one line that the stored answers do not bear out."""
    lines = open(history, encoding="utf-8").read().splitlines()
    copy = tmp_path / "altered.jsonl"
    copy.write_text("\n".join([*lines, json.dumps(change([json.loads(line) for line in lines]))]) + "\n", encoding="utf-8")
    return [str(copy)]


@pytest.mark.parametrize("name, change", [
    ("an ok that was never stored", lambda lines: {**lines[-1], "key": [*lines[-1]["key"][:2], "load:7:never"], "told": "ok"}),
    ("an ok of another order", lambda lines: {**next(line for line in reversed(lines) if line["told"] == "ok"), "order": 1}),
    ("a refusal of what was done", lambda lines: {**next(line for line in lines if line["told"] == "ok"), "told": "refused", "code": "x"})])
def test_history_that_does_not_agree_is_caught(stack, history, tmp_path, name, change):
    assert look(stack, histories=altered(history, tmp_path, change)), name


REDIS = {
    "an offer too many": lambda redis, tag: redis.zadd(f"{tag}:offers", {"999999999": 1}),
    "an offer lost": lambda redis, tag: redis.delete(f"{tag}:offers"),
    "an older position": lambda redis, tag: redis.hset(f"{tag}:versions", "position", 1),
    "everything flushed": lambda redis, tag: redis.delete(f"{tag}:offers", f"{tag}:versions", f"{tag}:notbefore"),
}


@pytest.mark.parametrize("name", REDIS)
def test_other_live_queue_than_the_records_is_caught(stack, history, name):
    """Redis has no transaction to take a plant back in: its keys are put back by hand. Dispatch may have healed them before."""
    audited = checker.Audit(stack.env["ZTC_DSN"], stack.env["ZTC_REDIS"])
    tag = "ztc:{t-audit/squad-a}"
    keys = [f"{tag}:{part}" for part in ("offers", "notbefore", "versions")]
    kept = {key: audited.redis.dump(key) for key in keys}
    assert all(kept.values())
    REDIS[name](audited.redis, tag)
    audited.check_live()
    for key, content in kept.items():
        audited.redis.restore(key, 0, content, replace=True)
    assert audited.findings, name
    assert audit(stack) == []


def test_every_confirmation_is_recounted(stack, history, people):
    """What the auditor counted is what the services say."""
    audited = checker.Audit(stack.env["ZTC_DSN"], stack.env["ZTC_REDIS"])
    assert audited.run([history]) == []
    assert audited.counted["confirmations"] >= 80 and audited.counted["commands told ok"] >= 400
    total = ok(people.observer.query("counts", by="state"))["result"]["total"]
    assert total["confirmed"] == len({line["order"] for line in map(json.loads, open(history, encoding="utf-8"))
                                      if line["told"] == "ok" and line["type"] == "order_confirm"}) or total["confirmed"] >= 80
