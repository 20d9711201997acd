"""What has no pages of its own yet (certificates, plugins) does not break the pages of what points at it."""

import pytest

from gateway_admin.catalog.models import Service
from tests.gateway_admin.builders import a_certificate, a_plugin, a_service, an_authority, an_upstream, to


@pytest.fixture
def certificate(db):
    return a_certificate()


def test_a_service_shows_its_certificates(page, certificate):
    authority = an_authority()
    service = a_service(protocol="https", client_certificate=to(certificate), ca_certificates=[str(authority.pk)])

    shown = page.get("entity", "services", service.pk)

    assert certificate.label in shown.text
    assert str(authority.pk) in shown.text


def test_an_upstream_with_a_certificate_opens_in_all_tabs(page, certificate):
    upstream = an_upstream(client_certificate=to(certificate))

    for tab in ("balancing", "health", "configuration", "history"):
        assert page.get("entity-tab", "upstreams", upstream.pk, tab).status_code in (200, 404)
    assert certificate.label in page.get("entity-tab", "upstreams", upstream.pk, "balancing").text


def test_a_form_picks_a_certificate_and_keeps_it(page, certificate):
    service = a_service(protocol="https")

    page.submit("entity-edit", "services", service.pk, client_certificate=str(certificate.pk))
    assert Service.objects.get().client_certificate_id == certificate.pk
    page.submit("entity-edit", "services", service.pk, name="orders")

    assert Service.objects.get().client_certificate_id == certificate.pk


def test_a_deletion_tells_of_the_plugins_that_go_along(page):
    service = a_service()
    plugin = a_plugin(service=to(service))

    asked = page.get("entity-delete", "services", service.pk)

    assert asked.status_code == 200
    assert plugin.label in asked.text


@pytest.mark.parametrize("kind", ["certificates"])
def test_they_have_no_addresses_in_the_dashboard(client, page, kind):
    assert client.get(f"/admin-ui/{kind}/").status_code == 404
