import base64
import json
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gateway_admin.kong_api.paging import token
from tests.gateway_admin.builders import a_consumer, a_route, a_service, a_target, an_upstream, to

pytestmark = pytest.mark.django_db


def names(page):
    return [entity["name"] for entity in page["data"]]


def walk(kong, path):
    """All pages by their ``next``."""
    found = []
    while path:
        page = kong.get(path).json()
        assert ("offset" in page) == (page["next"] is not None)
        found.append(page["data"])
        path = page["next"]
    return found


def test_pages_follow_the_primary_key_and_the_last_has_no_offset(kong):
    keys = sorted(str(a_service().pk) for _ in range(5))
    pages = walk(kong, "/services?size=2")
    assert [[entity["id"] for entity in page] for page in pages] == [keys[:2], keys[2:4], keys[4:]]
    assert len(walk(kong, "/services?size=5")) == 1


def test_next_repeats_tags_and_size_at_the_root(kong):
    for _ in range(2):
        a_service(tags=["a", "b"])
    page = kong.get("/services?size=1&tags=a,b&more=1").json()
    assert page["next"] == f"/services?offset={quote(page['offset'])}&tags=a%2Cb&size=1"
    assert len(walk(kong, "/services?size=1&tags=a,b")) == 2


def test_next_repeats_nothing_below_a_parent(kong):
    service = a_service(name="café")
    for _ in range(3):
        a_route(service=to(service))
    page = kong.get("/services/café/routes?size=2&tags=x").json()
    assert page["next"] == f"/services/caf%C3%A9/routes?offset={quote(page['offset'])}"
    assert [len(data) for data in walk(kong, "/services/café/routes?size=2")] == [2, 1]


@pytest.mark.parametrize("size", ["x", "", "1e", "--1"])
def test_a_size_that_is_no_number(kong, size):
    answer = kong.get(f"/services?size={size}")
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": 9, "name": "invalid size", "message": "size must be a number"},
    )


@pytest.mark.parametrize("size", ["0", "1001", "1.5", "-1", "1e400", "nan", "inf"])
def test_a_size_out_of_range(kong, size):
    told = kong.get(f"/services?size={size}").json()
    assert (told["code"], told["message"]) == (9, "size must be an integer between 1 and 1000")


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        ("x", "bad base64 encoding"),
        ("é", "bad base64 encoding"),
        (base64.b64encode(b"x").decode(), "bad json encoding"),
        (base64.b64encode(b"[" * 300).decode(), "bad json encoding"),
        (base64.b64encode(b"\xff").decode(), "bad json encoding"),
    ],
)
def test_a_bad_offset(kong, offset, reason):
    answer = kong.get("/services", {"offset": offset})
    assert (answer.status_code, answer.json()["code"]) == (400, 7)
    assert answer.json()["message"] == f"'{offset}' is not a valid offset: {reason}"


@pytest.mark.parametrize("after", [None, 1, "x", [], {}, ["a", 1, "b"], [1, 2, 3], 10**400])
def test_an_offset_of_another_list_begins_at_the_start(kong, after):
    target = a_target(an_upstream(name="pool"))
    offset = base64.b64encode(json.dumps(after).encode()).decode()
    assert kong.get("/upstreams", {"offset": offset}).json()["data"][0]["name"] == "pool"
    assert kong.get("/upstreams/pool/targets", {"offset": offset}).json()["data"][0]["id"] == str(target.pk)
    assert kong.get("/tags", {"offset": offset}).status_code == 200


# --- Targets -----------------------------------------------------------------------------------------------


def test_targets_come_newest_first_and_by_id_on_demand(kong):
    upstream = an_upstream(name="pool")
    made = [str(a_target(upstream, created_at=at).pk) for at in (1, 2, 2, 3)]
    page = [target["id"] for data in walk(kong, "/upstreams/pool/targets?size=1") for target in data]
    assert (page[0], set(page[1:3]), page[3]) == (made[3], set(made[1:3]), made[0])
    every = [target["id"] for data in walk(kong, "/upstreams/pool/targets/all?size=3") for target in data]
    assert every == sorted(made)


def test_the_offset_of_another_upstream_begins_at_the_start(kong):
    """deck asks the next upstream with the last offset of the one before."""
    for name, moments in (("a", (1, 2)), ("b", (3, 4))):
        upstream = an_upstream(name=name)
        for moment in moments:
            a_target(upstream, created_at=moment)
    offset = kong.get("/upstreams/a/targets?size=1").json()["offset"]
    assert len(kong.get("/upstreams/a/targets", {"offset": offset}).json()["data"]) == 1
    assert len(kong.get("/upstreams/b/targets", {"offset": offset}).json()["data"]) == 2


def test_a_late_page_of_targets_costs_what_the_first_does(kong):
    """Both are a walk of the index that begins at the right place: no sorting, no skipping."""
    upstream = an_upstream(name="pool")
    key = str(a_target(upstream).pk)
    for offset in ({}, {"offset": token([str(upstream.pk), 10**15, key])}):
        with CaptureQueriesContext(connection) as queries:
            kong.get("/upstreams/pool/targets", offset)
        statements = [sql for query in queries if "ORDER BY" in (sql := query["sql"]) and "catalog_target" in sql]
        assert statements
        for statement in statements if connection.vendor == "sqlite" else ():
            plan = connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            assert "targets_newest_first" in str(plan)
            assert "TEMP B-TREE" not in str(plan)


def test_targets_of_one_and_the_same_moment_are_paged_whole(kong):
    upstream = an_upstream(name="pool")
    made = {str(a_target(upstream, created_at=at).pk) for at in (1, 2, 2, 2, 2, 2, 3)}

    for size in (1, 2, 3, 7):
        page = [target["id"] for data in walk(kong, f"/upstreams/pool/targets?size={size}") for target in data]
        assert (len(page), set(page)) == (7, made)


# --- Tags --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "found"),
    [("a", {"ab", "a"}), ("a,b", {"ab"}), ("a/c", {"ab", "a", "c"}), ("d", set()), ("a%2Cb", {"ab"}), ("ü", {"ü"})],
)
def test_tags_select(kong, tags, found):
    for name, own in (("ab", ["a", "b"]), ("a", ["a"]), ("c", ["c"]), ("ü", ["ü"]), ("none", None)):
        a_service(name=name, tags=own)
    assert set(names(kong.get(f"/services?tags={tags}").json())) == found


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ("", "cannot be null"),
        ("a,b/c", "invalid filter syntax"),
        ("a,", "invalid filter syntax"),
        ("a%00", "invalid filter syntax"),
        ("%ff", "invalid filter syntax"),
        ("a,b,c,d,e,f", "cannot query more than 5 tags"),
    ],
)
def test_bad_tags_are_refused(kong, tags, reason):
    answer = kong.get(f"/services?tags={tags}")
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "code": 11,
            "name": "invalid options",
            "message": f"invalid option (tags: {reason})",
            "options": {"tags": reason},
        },
    )


def test_tags_are_ignored_below_a_parent(kong):
    a_route(service=to(a_service(name="s")), tags=["a"])
    assert len(kong.get("/services/s/routes?tags=b").json()["data"]) == 1


def test_all_tags_are_listed_one_row_each(kong):
    service, consumer = a_service(tags=["b", "a"]), a_consumer(tags=["a"])
    a_service(tags=[]), a_service()
    rows = [(row["entity_name"], row["entity_id"], row["tag"]) for row in kong.get("/tags").json()["data"]]
    wanted = [("consumers", consumer, "a"), ("services", service, "a"), ("services", service, "b")]
    assert rows == [(kind, str(entity.pk), tag) for kind, entity, tag in wanted]
    assert len(kong.get("/tags/a").json()["data"]) == 2
    assert kong.get("/tags/none").json() == {"data": [], "next": None}
    assert kong.get("/tags/a%2Cb").status_code == 400
    assert kong.post("/tags", {}).status_code == 405


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_tags_miss_and_double_nothing(kong, size):
    for number in range(4):
        a_service(tags=[f"t{n}" for n in range(number)])
        a_consumer(tags=["x"])
    path, found = "/tags?", []
    while path:
        page = kong.get(f"{path}&size={size}").json()
        found += [tuple(row.values()) for row in page["data"]]
        path = page["next"]
    assert len(found) == len(set(found)) == 10
