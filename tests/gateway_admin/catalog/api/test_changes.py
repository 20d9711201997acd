"""The change log over REST."""

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.models import Change
from tests.gateway_admin.builders import ALICE, a_service, an_upstream

pytestmark = pytest.mark.django_db


def test_changes_come_newest_first_with_both_states(api):
    service = a_service(name="orders", connect_timeout=1000)
    actions.update(kind="services", entity_id=service.pk, values={"port": 81}, actor=ALICE)

    newest, first = api.get("/api/changes").json()["data"]

    assert (newest["version"], newest["kind"], newest["label"], newest["actor"]) == (2, "services", "orders", "alice")
    assert (newest["before"]["port"], newest["after"]["port"]) == (80, 81)
    assert (first["before"], first["after"]["connectTimeout"], first["entityId"]) == (None, 1000, str(service.pk))


def test_changes_of_an_older_release_lack_the_fields_that_came_since(api):
    an_upstream(tags=["a"])
    change = Change.objects.get()
    for field in ("probe", "retry", "circuit_breaker", "connections", "when_all_unhealthy"):
        change.after.pop(field)
    change.save()

    [found] = api.get("/api/changes").json()["data"]

    assert (found["after"]["retry"], found["after"]["whenAllUnhealthy"], found["after"]["tags"]) == (None, None, ["a"])


def test_changes_of_one_entity_one_kind_one_person(api):
    service = a_service()
    an_upstream()

    for query in (f"entityId={service.pk}", "kind=services"):
        assert [change["kind"] for change in api.get(f"/api/changes?{query}").json()["data"]] == ["services"]
    assert len(api.get("/api/changes?actor=alice&via=api").json()["data"]) == 2
    assert api.get("/api/changes?actor=bob").json()["data"] == []


@pytest.mark.parametrize("query", ["entityId=x", "batch=x", "knid=services", "limit=0", "actor=%00"])
def test_what_makes_no_sense_is_refused(api, query):
    assert api.get(f"/api/changes?{query}").status_code == 400
