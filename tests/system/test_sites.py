"""Sites of every kind (product.md §1): each orders by the way that is its own, with its key or through its village, park or town, and the
order is placed by its one placing body."""

import pytest
import tables
from people import YINZHOU, ok

SQUAD = "hrss-social-insurance"
# Placing body: (role of its key, organisation).
TOWN_OF = {
    "site-sample-logistics-park": ("town", "site-sample-logistics-park"), "site-sample-free-park": ("town", "site-sample-free-park"),
    "site-sample-worksite": ("town", "330212014"), "site-sample-village-worksite": ("town", "330212106"),
    "site-sample-park-worksite": ("town", "site-sample-park"), "site-sample-building": ("town", "330212008"),
    "site-sample-mall": ("town", "330212008"), "site-sample-tower": ("town", "330212005"), "site-sample-key-project": ("town", "330212001"),
    "site-sample-bridge": ("town", "330212106"), "site-sample-laboratory": ("town", "town-sample-park-committee"),
    "site-sample-enterprise": ("town", "330212110"), "site-sample-village-enterprise": ("town", "330212106"),
    "site-sample-park-enterprise": ("town", "site-sample-free-park"), "site-sample-tech-enterprise": ("town", "site-sample-tech-park"),
}
# (kind, site, who sends the order: role, organisation)
WAYS = [
    ("park", "site-sample-logistics-park", "site", "site-sample-logistics-park"),
    ("park", "site-sample-free-park", "site", "site-sample-free-park"),
    ("worksite", "site-sample-worksite", "site", "site-sample-worksite"),
    ("worksite", "site-sample-village-worksite", "village", "330212106209"),
    ("worksite", "site-sample-park-worksite", "site", "site-sample-park"),
    ("building", "site-sample-building", "site", "site-sample-building"),
    ("building", "site-sample-mall", "village", "330212008006"),
    ("building", "site-sample-tower", "town", "330212005"),
    ("key_project", "site-sample-key-project", "site", "site-sample-key-project"),
    ("key_project", "site-sample-bridge", "town", "330212106"),
    ("key_project", "site-sample-laboratory", "town", "town-sample-park-committee"),
    ("enterprise", "site-sample-enterprise", "site", "site-sample-enterprise"),
    ("enterprise", "site-sample-village-enterprise", "village", "330212106209"),
    ("enterprise", "site-sample-park-enterprise", "town", "site-sample-free-park"),
    ("enterprise", "site-sample-tech-enterprise", "town", "site-sample-tech-park"),
]


@pytest.fixture(scope="module")
def keys(people):
    people.register([(YINZHOU, organisation, role) for _, _, role, organisation in WAYS])
    people.register([(YINZHOU, organisation, role) for role, organisation in TOWN_OF.values()])
    return people


def test_the_list_has_every_kind_and_every_way():
    kinds = [kind for kind in tables.read_words("site_kind") if kind != "none"]
    assert {kind for kind, *_ in WAYS} == set(kinds)
    assert all(any(site == organisation for kind, site, _, organisation in WAYS if kind == one) for one in kinds), "no own key"
    assert {role for _, site, role, organisation in WAYS if site != organisation} == {"village", "site", "town"}
    assert {site for _, site, *_ in WAYS} == set(TOWN_OF)


@pytest.mark.parametrize("kind, site, role, organisation", WAYS, ids=lambda value: value)
def test_a_site_orders_its_own_way(keys, kind, site, role, organisation):
    (registered,) = [row for row in ok(keys.observer.query("directory_list", kind="site", limit=500))["result"]["organisations"]
                     if row["code"] == site]
    assert registered["site_kind"] == kind and registered["sample"]
    sender = keys.as_(role, organisation)
    acting = {} if site == organisation else {"on_behalf_of": site}
    answer = ok(sender.command("order_submit", need="上门政策咨询", squads=[SQUAD], **acting))
    order = answer["result"]["order"]
    placing_role, placing = TOWN_OF[site]
    others = [pair for pair in TOWN_OF.values() if pair[1] != placing]
    refused = keys.as_(*others[0]).command("order_place", order=order)
    assert refused["error"]["code"] == "not_yours"
    placed = ok(keys.as_(placing_role, placing).command("order_place", order=order))
    shown = ok(keys.observer.query("order_show", order=order, positions=placed["events"]))["result"]
    assert shown["place"] == site and shown["town"] == placing and shown["place_zh"].startswith("示例")
    ok(sender.command("order_cancel", order=order, reason="演示完毕", **acting))


@pytest.mark.parametrize("role, organisation", [("village", "330212008006"), ("town", "330212005"), ("site", "site-sample-enterprise")])
def test_nobody_else_enters_for_it(keys, role, organisation):
    refused = keys.as_(role, organisation).command("order_submit", on_behalf_of="site-sample-village-worksite", need="x", squads=[SQUAD])
    assert refused["error"]["code"] == "not_yours" and refused["error"]["field"] == "on_behalf_of"


def test_who_has_a_key_is_not_entered_for(keys):
    """A site with a key of its own speaks for itself."""
    refused = keys.as_("town", "330212014").command("order_submit", on_behalf_of="site-sample-worksite", need="x", squads=[SQUAD])
    assert refused["error"]["code"] == "not_yours"
