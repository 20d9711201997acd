"""Deleting says first what it would do, and then does exactly that."""

import pytest
from django.urls import reverse

from gateway_admin.catalog import actions
from gateway_admin.catalog.models import Change, Route, Service, Target, Upstream

from .builders import BOB, a_route, a_service, a_target, an_upstream, one_of_each


def test_an_upstream_takes_its_targets_along_and_says_so(page):
    upstream = an_upstream()
    a_target(upstream)
    a_target(upstream, "10.0.0.2:8000")
    text = page.get("entity-delete", "upstreams", upstream.pk).text
    assert "This also deletes 2 targets" in text
    assert "10.0.0.2:8000" in text
    response = page.post("entity-delete", "upstreams", upstream.pk)
    assert response["Location"] == reverse("entity-list", args=["upstreams"])
    assert not Upstream.objects.exists()
    assert not Target.objects.exists()


def test_who_would_be_left_without_the_upstream_is_named(page):
    upstream = an_upstream()
    a_service()
    assert "ervice orders" in page.get("entity-delete", "upstreams", upstream.pk).text


def test_a_service_with_routes_stays_and_says_why(page):
    service = a_service()
    a_route(service)
    shown = page.get("entity-delete", "services", service.pk)
    assert "It cannot be deleted." in shown.text
    assert "orders-api" in shown.text
    assert '<button class="btn danger"' not in shown.text
    assert page.post("entity-delete", "services", service.pk).status_code == 409
    assert Service.objects.exists()


def test_from_a_target_one_returns_to_its_upstream(page):
    rows = one_of_each()
    response = page.post("entity-delete", "targets", rows["targets"].pk)
    assert response["Location"] == reverse("entity", args=["upstreams", rows["upstreams"].pk])


def test_what_was_changed_after_one_looked_is_not_deleted_unseen(page):
    service = a_service()
    seen = page.get("entity-delete", "services", service.pk).context["version"]
    actions.update(kind="services", entity_id=service.pk, values={"retries": 1}, actor=BOB)
    response = page.post("entity-delete", "services", service.pk, version=seen)
    assert response.status_code == 409
    assert "<b>bob</b> changed service" in response.text
    assert Service.objects.exists()


@pytest.mark.parametrize("version", ["", "x", "9" * 30])
def test_without_a_readable_version_it_is_deleted_as_asked(page, version):
    service = a_service()
    assert page.post("entity-delete", "services", service.pk, version=version).status_code == 303


def test_several_are_shown_first_and_then_deleted_in_one_batch(page):
    routes = [a_route(name=f"r{number}") for number in range(3)]
    picks = [str(route.pk) for route in routes[:2]]
    shown = page.post("entity-bulk-delete", "routes", pick=picks)
    assert "Delete 2 routes" in shown.text
    assert Route.objects.count() == 3
    page.post("entity-bulk-delete", "routes", pick=picks, confirmed="1")
    assert [route.name for route in Route.objects.all()] == ["r2"]
    assert Change.objects.filter(after__isnull=True).values("batch").distinct().count() == 1


def test_of_several_those_in_use_are_left_out_of_the_offer(page):
    used, free = a_service("used"), a_service("free")
    a_route(used)
    shown = page.post("entity-bulk-delete", "services", pick=[str(used.pk), str(free.pk)])
    assert "cannot be deleted" in shown.text
    assert "Delete the other 1 service" in shown.text
    assert f'name="pick" value="{used.pk}"' not in shown.text


def test_all_of_them_or_none(page):
    used, free = a_service("used"), a_service("free")
    a_route(used)
    response = page.post("entity-bulk-delete", "services", pick=[str(free.pk), str(used.pk)], confirmed="1")
    assert response.status_code == 409
    assert "Nothing was deleted." in response.text
    assert Service.objects.count() == 2


@pytest.mark.parametrize("picks", [[], ["x"], ["00000000-0000-0000-0000-000000000000"]])
def test_picking_nothing_does_nothing(page, picks):
    response = page.post("entity-bulk-delete", "routes", pick=picks, confirmed="1")
    assert response["Location"] == reverse("entity-list", args=["routes"])
