"""Certificates, the names they are shown for, authorities; and the pages of what points at them."""

import pytest
from django.urls import reverse

from gateway_admin.catalog.models import CaCertificate, Certificate, Service, Sni
from gateway_admin.catalog.views.rows import entity_counts
from tests.gateway_admin.builders import (
    a_certificate,
    a_plugin,
    a_server_name,
    a_service,
    an_authority,
    an_upstream,
    to,
)
from tests.proxy_engine.pems import a_pair

from .forms import errors


@pytest.fixture
def certificate(db):
    return a_certificate()


def test_a_service_shows_its_certificates(page, certificate):
    authority = an_authority()
    service = a_service(protocol="https", client_certificate=to(certificate), ca_certificates=[str(authority.pk)])

    shown = page.get("entity", "services", service.pk)

    assert certificate.label in shown.text
    assert str(authority.pk) in shown.text
    assert reverse("entity", args=["certificates", certificate.pk]) in shown.text


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


# --- Their own pages -------------------------------------------------------------------------------------------------


def test_a_certificate_is_pasted_and_its_key_never_shown_again(page):
    pair = a_pair("EC", 7)
    made = page.submit("entity-new", "certificates", cert=pair.cert, key=pair.key, snis="a.example\n*.b.example")
    certificate = Certificate.objects.get()
    assert made["Location"] == reverse("entity", args=["certificates", certificate.pk])
    assert (certificate.cert, certificate.key) == (pair.cert, pair.key)
    assert set(Sni.objects.values_list("name", flat=True)) == {"a.example", "*.b.example"}
    secret = pair.key.splitlines()[1]
    places = [("entity", "certificates", certificate.pk), ("entity-edit", "certificates", certificate.pk)]
    places += [("entity-tab", "certificates", certificate.pk, slug) for slug in ("names", "configuration", "history")]
    for place in places:
        text = page.get(*place).text
        assert secret not in text
        assert "test 7" in text


def test_line_ends_of_browsers_are_no_part_of_a_certificate(page):
    pair = a_pair("EC", 7)
    page.submit(
        "entity-new", "certificates", **{name: text.replace("\n", "\r\n") for name, text in pair._asdict().items()}
    )
    assert Certificate.objects.get().cert == pair.cert


BAD = [
    ({"cert": a_pair("EC", 7).cert, "key": a_pair("EC", 8).key}, "key", "certificate does not match key"),
    ({"cert": "-----BEGIN", "key": a_pair("EC", 8).key}, "cert", "not a certificate in PEM"),
    ({"cert": a_pair("EC", 7).cert, "key": "x"}, "key", "not a private key in PEM"),
    ({"cert": a_pair("EC", 7).cert}, "key", "required field missing"),
    ({**a_pair("EC", 7)._asdict(), "snis": "127.0.0.1"}, "snis", "entry 1"),
    ({**a_pair("EC", 7)._asdict(), "cert_alt": a_pair("EC", 8).cert}, "__all__", "all or none"),
    (
        {**a_pair("EC", 7)._asdict(), "cert_alt": a_pair("RSA", 8).cert, "key_alt": a_pair("EC", 8).key},
        "key_alt",
        "alternative certificate does not match key",
    ),
    (
        {**a_pair("EC", 7)._asdict(), "cert_alt": a_pair("EC", 8).cert, "key_alt": a_pair("EC", 8).key},
        "cert_alt",
        "different type",
    ),
]


@pytest.mark.parametrize(("typed", "field", "words"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_what_is_wrong_with_a_certificate_stands_at_its_field(page, typed, field, words):
    found = errors(page.submit("entity-new", "certificates", **typed))
    assert words in found[field][0]
    assert not Certificate.objects.exists()


def test_an_edit_without_a_key_keeps_the_key(page, certificate):
    page.submit("entity-edit", "certificates", certificate.pk, tags="a")
    stored = Certificate.objects.get()
    assert (stored.key, stored.tags) == (certificate.key, ["a"])


def test_another_certificate_needs_its_key(page, certificate):
    other = a_pair("EC", 9)
    edit = ("entity-edit", "certificates", certificate.pk)
    assert errors(page.submit(*edit, cert=other.cert)) == {"key": ["certificate does not match key"]}
    assert page.submit(*edit, cert=other.cert, key=other.key).status_code == 303
    assert Certificate.objects.get().label == "test 9"


def test_a_second_certificate_comes_and_goes(page, certificate):
    edit, second = ("entity-edit", "certificates", certificate.pk), a_pair("RSA", 3)
    page.submit(*edit, cert_alt=second.cert, key_alt=second.key)
    assert "Second certificate" in page.get("entity", "certificates", certificate.pk).text
    page.submit(*edit, cert_alt="", key_alt__goes="on")
    stored = Certificate.objects.get()
    assert (stored.cert_alt, stored.key_alt) == (None, None)


def test_names_are_edited_with_their_certificate_and_alone(page, certificate):
    a_server_name(certificate, name="old.example")
    form = ("entity-edit", "certificates", certificate.pk)
    assert page.get(*form).context["form"]["snis"].value() == "old.example"
    page.submit(*form, snis="new.example")
    assert [*Sni.objects.values_list("name", flat=True)] == ["new.example"]
    made = page.submit("owned-new", "certificates", certificate.pk, "snis", name="third.example")
    assert made["Location"] == reverse("entity-tab", args=["certificates", certificate.pk, "names"])
    assert "third.example" in page.client.get(made["Location"]).text


def test_a_name_of_another_certificate_is_refused(page, certificate):
    a_server_name(a_certificate(**a_pair("EC", 2)._asdict()), name="taken.example")
    assert "snis" in errors(page.submit("entity-edit", "certificates", certificate.pk, snis="taken.example"))


@pytest.mark.parametrize(
    ("days", "pill"),
    [(-3, '<span class="pill bad">expired</span>'), (12, '<span class="pill warn">ends in 11 d</span>'), (400, "")],
)
def test_the_list_warns_of_what_ends(page, days, pill):
    certificate = a_certificate(**a_pair("EC", 5, lasts=days)._asdict())
    text = page.get("entity-list", "certificates").text
    assert (pill or "</time>") in text
    assert ("pill" in text.split("<tbody>")[1]) is bool(pill)
    counted = {row["kind"]: row["troubled"] for row in entity_counts()}
    assert counted["certificates"] == bool(pill)
    soon = page.get("entity-list", "certificates", query="?state=soon").context["listing"].rows
    assert bool(soon) is bool(pill)
    assert (certificate in page.get("entity-list", "certificates", query="?state=ended").context["listing"].rows) is (
        days < 0
    )


def test_certificates_are_found_by_subject_and_server_name(page, certificate):
    a_server_name(certificate, name="shop.example")
    a_certificate(**a_pair("EC", 6)._asdict())
    for text in ("shop", "test 0"):
        rows = page.get("entity-list", "certificates", query=f"?q={text}").context["listing"].rows
        assert rows == [certificate]
    assert "shop.example" in page.get("entity-list", "certificates").text


def test_certificates_are_sorted_by_their_end(page):
    late, early = (a_certificate(**a_pair("EC", n, lasts=days)._asdict()) for n, days in ((1, 500), (2, 100)))
    assert page.get("entity-list", "certificates", query="?sort=ends").context["listing"].rows == [early, late]


@pytest.mark.parametrize(
    ("cert", "words"),
    [
        (a_pair("EC").cert, "does not appear to be a CA"),
        (a_pair("EC", 1, is_authority=True, lasts=-1).cert, "expired"),
        (a_pair("EC", is_authority=True).cert + a_pair("EC", 1, is_authority=True).cert, "only one certificate"),
        ("", "required"),
    ],
    ids=["no CA", "expired", "two", "none"],
)
def test_what_is_no_authority_is_refused_at_the_field(page, cert, words):
    assert words in errors(page.submit("entity-new", "ca_certificates", cert=cert))["cert"][0]
    assert not CaCertificate.objects.exists()


def test_an_authority_is_pasted_and_shown(page):
    page.submit("entity-new", "ca_certificates", cert=a_pair("EC", 4, is_authority=True).cert)
    authority = CaCertificate.objects.get()
    text = page.get("entity", "ca_certificates", authority.pk).text
    assert "CN=test 4" in text
    assert "ECDSA, 256 bits" in text
    assert "does not verify targets with these yet" in text
