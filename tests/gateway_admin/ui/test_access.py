"""Who gets in, and what a stranger's browser could be made to do."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from gateway_admin.accounts.urls import urlpatterns as account_urls
from gateway_admin.catalog.models import Change, Target
from gateway_admin.catalog.urls import urlpatterns as catalog_urls
from gateway_admin.monitoring.urls import urlpatterns as monitoring_urls

from .builders import a_target, an_upstream, one_of_each
from .forms import HTMX

UNKNOWN = UUID("0b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11")  # the same in every test process

OPEN_TO_ALL = {"login", "logout"}
ARGUMENTS = {"kind": "services", "owner_kind": "upstreams", "slug": "history", "version": 1}
ARGUMENTS |= {"user_id": 999_999, "token_id": 999_999}
WRITES = (
    "entity-bulk-delete",
    "target-enable",
    "target-disable",
    "plugin-enable",
    "plugin-disable",
    "upstream-weights",
    "theme",
)


def every_address():
    for pattern in [*catalog_urls, *monitoring_urls, *account_urls]:
        names = pattern.pattern.converters
        if pattern.name not in OPEN_TO_ALL:
            yield pattern.name, reverse(pattern.name, kwargs={name: ARGUMENTS.get(name, UNKNOWN) for name in names})


@pytest.mark.parametrize(("name", "address"), list(every_address()))
def test_a_stranger_is_sent_to_sign_in_and_back(client, db, name, address):
    for response in (client.get(address), client.post(address)):
        assert response.status_code == 302
        assert response["Location"] == f"{reverse('login')}?next={address}"


def test_an_ended_session_takes_the_whole_page_to_sign_in_when_htmx_asks(client, db):
    here = "http://testserver/admin-ui/routes/?q=a"
    response = client.get(reverse("entity-list", args=["routes"]), headers={**HTMX, "HX-Current-URL": here})
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/admin-ui/login/?next=%2Fadmin-ui%2Froutes%2F%3Fq%3Da"


@pytest.mark.parametrize("name", WRITES)
def test_what_writes_cannot_be_fetched(page, name):
    address = next(address for found, address in every_address() if found == name)
    assert page.client.get(address).status_code == 405


def test_a_post_without_the_token_is_refused_and_changes_nothing(alice):
    target = a_target(an_upstream())
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    response = strict.post(reverse("target-disable", args=[target.pk]))
    assert response.status_code == 403
    assert "no longer valid" in response.text
    assert Target.objects.get().enabled


def test_reading_every_page_writes_nothing(page):
    rows = one_of_each()
    before = Change.objects.count()
    for kind, row in rows.items():
        for name in ("entity", "entity-edit", "entity-delete"):
            assert page.get(name, kind, row.pk).status_code == 200
    assert Change.objects.count() == before


def test_pages_are_not_kept_by_browsers_or_proxies(page):
    response = page.get("overview")
    assert "no-store" in response["Cache-Control"]
    assert "script-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["gadgets/", "services/x/", "services/new/x/", f"services/{UNKNOWN}/"])
def test_what_does_not_exist_is_not_found(page, path):
    response = page.client.get(f"/admin-ui/{path}")
    assert response.status_code == 404


def test_a_page_has_only_its_own_tabs(page):
    rows = one_of_each()
    assert page.get("entity-tab", "services", rows["services"].pk, "used-by").status_code == 404
