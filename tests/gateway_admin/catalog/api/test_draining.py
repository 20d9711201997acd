"""Drains over REST: begin, change, end; one target or many; how far they are."""

import pytest

from gateway_admin.catalog.models import Change, Target
from gateway_admin.monitoring.actions import record_engine
from proxy_engine.sources import Draining, Ramping
from tests.gateway_admin.builders import a_route, a_service, a_target, a_token, a_user, an_upstream, to
from tests.gateway_admin.monitoring.builders import a_report

from .conftest import RestClient

pytestmark = pytest.mark.django_db


def read(api, target):
    return api.get(f"/api/targets/{target.pk}").json()["data"]


def details(answer):
    return [(detail["field"], detail["message"]) for detail in answer.json()["error"]["details"]]


def test_a_target_drains_until_it_is_told_otherwise(api):
    upstream = an_upstream()
    target, other = a_target(upstream), a_target(upstream)
    begun = api.post(f"/api/targets/{target.pk}/drain", {"seconds": 60, "then": "remove", "keepSticky": True})
    assert begun.status_code == 200, begun.content
    drain = begun.json()["data"]["drain"]
    assert (drain["then"], drain["keepSticky"]) == ("remove", True)
    assert drain["until"] - drain["since"] == pytest.approx(60)
    assert int(begun["X-Gateway-Version"]) == Change.objects.count()
    found = read(api, target)
    assert (found["health"], found["expectedShare"], found["inFlight"]) == ("draining", 0, None)
    assert read(api, other)["expectedShare"] == 100

    ended = api.delete(f"/api/targets/{target.pk}/drain")
    assert (ended.status_code, ended.json()["data"]["drain"]) == (200, None)
    assert read(api, target)["expectedShare"] == 50


def test_it_is_done_below_the_upstream_by_address_and_without_a_body(api):
    target = a_target(an_upstream(name="pool"), target="10.0.0.1:80")
    begun = api.post("/api/upstreams/pool/targets/10.0.0.1:80/drain")
    assert (begun.status_code, begun.json()["data"]["drain"]["then"]) == (200, "off")
    assert api.delete(f"/api/upstreams/pool/targets/{target.pk}/drain").json()["data"]["drain"] is None
    assert api.post("/api/upstreams/pool/targets/10.0.0.2:80/drain").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"seconds": -1}, "seconds"),
        ({"seconds": 8 * 86_400}, "seconds"),
        ({"seconds": "60"}, "seconds"),
        ({"then": "explode"}, "then"),
        ({"keepSticky": 1}, "keepSticky"),
        ({"keep_sticky": True}, "keep_sticky"),
        ({"until": 5}, "until"),
        ([], "@entity"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_stored(api, body, field):
    target = a_target()
    refused = api.post(f"/api/targets/{target.pk}/drain", body)
    assert (refused.status_code, details(refused)[0][0]) == (400, field)
    assert Target.objects.get().drain is None


def test_many_drain_and_return_in_one_batch(api):
    upstream = an_upstream()
    keys = [str(a_target(upstream).pk) for _ in range(3)]
    asked = {"action": "drain", "ids": keys, "drain": {"seconds": 5, "keepSticky": True}}
    done = api.post("/api/targets/bulk", asked)
    assert done.status_code == 200, done.content
    assert sorted(done.json()["data"]["changed"]) == sorted(keys)
    assert {target.drain["keep_sticky"] for target in Target.objects.all()} == {True}
    assert api.post("/api/targets/bulk", {"action": "undrain", "ids": keys}).status_code == 200
    assert {target.drain for target in Target.objects.all()} == {None}
    usual = api.post("/api/targets/bulk", {"action": "drain", "ids": keys[:1]})
    assert (usual.status_code, Target.objects.get(pk=keys[0]).drain["then"]) == (200, "off")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"action": "drain", "drain": {"seconds": -1}}, "drain.seconds"),
        ({"action": "drain", "drain": 7}, "drain"),
        ({"action": "enable", "drain": {}}, "drain"),
    ],
)
def test_a_bulk_drain_that_makes_no_sense_is_refused(api, asked, field):
    target = a_target()
    refused = api.post("/api/targets/bulk", asked | {"ids": [str(target.pk)]})
    assert (refused.status_code, details(refused)[0][0]) == (400, field)


def test_other_kinds_do_not_drain(api):
    upstream = an_upstream()
    assert api.post("/api/upstreams/bulk", {"action": "drain", "ids": [str(upstream.pk)]}).status_code == 400
    assert api.post(f"/api/upstreams/{upstream.pk}/drain").status_code == 404


def test_viewers_do_not(db):
    target = a_target()
    viewer = RestClient(a_token(a_user("vera", role="viewer")))
    assert viewer.post(f"/api/targets/{target.pk}/drain").status_code == 403
    assert viewer.delete(f"/api/targets/{target.pk}/drain").status_code == 403


def test_what_is_in_flight_is_summed_over_workers_and_engines(api):
    target = a_target()
    api.post(f"/api/targets/{target.pk}/drain")
    for active in (2, 3):
        facts = [[Draining(str(target.pk), active)], [Draining(str(target.pk), 1)]]
        record_engine(a_report(ejected=((), ()), draining=facts))
    assert read(api, target)["inFlight"] == 7


def test_who_starts_slowly_is_due_its_part(api):
    upstream = an_upstream()
    new, other = a_target(upstream), a_target(upstream)
    record_engine(a_report(ejected=((), ()), ramping=[[Ramping(str(new.pk), 20, 1_700_000_010.0)]] * 2))
    found = read(api, new)
    assert found["slowStart"] == {"percent": 20, "until": "2023-11-14T22:13:30.000Z"}
    assert found["expectedShare"] == pytest.approx(100 * 20 / 120, abs=0.01)
    assert read(api, other)["expectedShare"] == pytest.approx(100 * 100 / 120, abs=0.01)
    assert read(api, other)["slowStart"] is None


def test_an_explanation_knows_who_drains_and_who_starts_slowly(api):
    upstream = an_upstream(name="pool")
    new, other, leaving = (a_target(upstream) for _ in range(3))
    a_route(paths=["/x"], service=to(a_service(host="pool")))
    api.post(f"/api/targets/{leaving.pk}/drain")
    record_engine(a_report(ramping=[[Ramping(str(new.pk), 50, 1_700_000_010.0)]]))
    told = api.post("/api/explain", {"path": "/x", "host": "h"}).json()["data"]["forwarding"]["targets"]
    found = {target["id"]: (target["probability"], target["reasons"]) for target in told}
    assert found == {
        str(new.pk): (pytest.approx(33.33, abs=0.01), ["slow start: 50 % of its share"]),
        str(other.pk): (pytest.approx(66.67, abs=0.01), []),
        str(leaving.pk): (0, ["draining"]),
    }
