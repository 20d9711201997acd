"""Certificates and their server names; authorities; what holds them."""

import uuid

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Edit
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import CaCertificate, Certificate, Sni
from gateway_admin.common.problems import EditsInvalid, EntityInvalid
from proxy_engine.spec import pem
from tests.gateway_admin.builders import ALICE, a_certificate, a_service, an_authority, an_upstream, to
from tests.proxy_engine.pems import a_pair

pytestmark = pytest.mark.django_db


def names_of(certificate):
    return sorted(Sni.objects.filter(certificate=certificate.pk).values_list("name", flat=True))


def change(certificate, **values):
    return actions.update(kind="certificates", entity_id=certificate.pk, values=values, actor=ALICE)


def messages(refused):
    return [(problem.field, problem.message) for problem in refused.value.problems]


# --- The list of server names ------------------------------------------------------------------------------


def test_names_that_come_along_become_rows():
    certificate = a_certificate(snis=["b.example.com", "*.example.com"])

    assert names_of(certificate) == ["*.example.com", "b.example.com"]
    assert "snis" not in certificate.to_values()


def test_an_update_brings_the_rows_in_line_and_leaves_the_others_alone():
    certificate, other = a_certificate(snis=["a.com", "b.com"]), a_certificate(snis=["c.com"])
    kept = Sni.objects.get(name="b.com")

    change(certificate, snis=["b.com", "d.com"])

    assert (names_of(certificate), names_of(other)) == (["b.com", "d.com"], ["c.com"])
    assert Sni.objects.get(name="b.com").pk == kept.pk


def test_an_update_without_the_list_keeps_the_names_and_one_with_none_removes_them():
    certificate = a_certificate(snis=["a.com"])

    change(certificate, tags=["x"])
    assert names_of(certificate) == ["a.com"]
    change(certificate, snis=[])
    assert names_of(certificate) == []


@pytest.mark.parametrize("keep_ours", [True, False])
def test_a_replacement_without_the_list_removes_the_names(keep_ours):
    certificate = a_certificate(snis=["a.com"])

    values = a_pair("EC")._asdict()
    actions.replace(kind="certificates", entity_id=certificate.pk, values=values, actor=ALICE, keep_ours=keep_ours)

    assert names_of(certificate) == []


def test_names_and_certificate_are_one_batch():
    with actions.batch(ALICE) as edits:
        a_certificate(snis=["a.com", "b.com"])

    assert [change.kind for change in edits.changes] == ["certificates", "snis", "snis"]


def test_a_name_twice_in_the_list_is_refused():
    with pytest.raises(EntityInvalid) as refused:
        a_certificate(snis=["a.com", "a.com"])

    assert messages(refused) == [("snis", "a.com is duplicated")]


def test_a_name_of_another_certificate_is_refused_and_nothing_changes():
    other, certificate = a_certificate(snis=["a.com"]), a_certificate()
    before = head_version()

    with pytest.raises(EntityInvalid) as refused:
        change(certificate, snis=["a.com"], tags=["x"])

    assert messages(refused) == [("snis", f"a.com already associated with existing certificate '{other.pk}'")]
    assert head_version() == before
    assert Certificate.objects.get(pk=certificate.pk).tags is None


@pytest.mark.parametrize("snis", ["a.com", [1], ["127.0.0.1"], ["a*b.com"]])
def test_a_bad_list_is_refused(snis):
    with pytest.raises(EntityInvalid) as refused:
        a_certificate(snis=snis)

    assert [problem.field.partition(".")[0] for problem in refused.value.problems] == ["snis"]
    assert not Certificate.objects.exists()


def test_many_edits_at_once_know_names_as_rows_only():
    key = str(uuid.uuid4())
    pair = a_pair("EC")._asdict()
    with pytest.raises(EditsInvalid):
        actions.apply(edits=[Edit("certificates", key, pair | {"snis": ["a.com"]})], actor=ALICE)

    name = Edit("snis", str(uuid.uuid4()), {"name": "a.com", "certificate": {"id": key}})
    actions.apply(edits=[name, Edit("certificates", key, pair)], actor=ALICE)

    assert names_of(Certificate.objects.get()) == ["a.com"]


def test_names_go_with_their_certificate():
    certificate = a_certificate(snis=["a.com"])

    gone = actions.delete(kind="certificates", entity_id=certificate.pk, actor=ALICE)

    assert [change.kind for change in gone] == ["snis", "certificates"]


# --- What holds them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "holder",
    [
        lambda certificate: a_service(protocol="https", client_certificate=to(certificate)),
        lambda certificate: an_upstream(client_certificate=to(certificate)),
    ],
    ids=["service", "upstream"],
)
def test_a_certificate_in_use_is_held(holder):
    certificate = a_certificate()
    user = holder(certificate)

    for delete in (
        lambda: actions.delete(kind="certificates", entity_id=certificate.pk, actor=ALICE),
        lambda: actions.apply(edits=[Edit("certificates", str(certificate.pk), None)], actor=ALICE),
    ):
        with pytest.raises(EntityInvalid) as refused:
            delete()
        assert [(problem.field, problem.code) for problem in refused.value.problems] == [("@entity", "in_use")]
        assert user.label in str(refused.value)

    actions.delete(kind=user.kind, entity_id=user.pk, actor=ALICE)
    actions.delete(kind="certificates", entity_id=certificate.pk, actor=ALICE)


def test_an_authority_that_services_trust_is_held():
    authority, other = an_authority(), an_authority()
    service = a_service(protocol="https", ca_certificates=[str(authority.pk)])

    for delete in (
        lambda: actions.delete(kind="ca_certificates", entity_id=authority.pk, actor=ALICE),
        lambda: actions.apply(edits=[Edit("ca_certificates", str(authority.pk), None)], actor=ALICE),
    ):
        with pytest.raises(EntityInvalid) as refused:
            delete()
        assert [problem.code for problem in refused.value.problems] == ["in_use"]
        assert service.label in str(refused.value)

    actions.delete(kind="ca_certificates", entity_id=other.pk, actor=ALICE)
    actions.apply(
        edits=[
            Edit("ca_certificates", str(authority.pk), None),
            Edit("services", str(service.pk), service.to_values() | {"ca_certificates": None}),
        ],
        actor=ALICE,
    )
    assert not CaCertificate.objects.exists()


def test_an_authority_is_stored_once():
    cert = an_authority().cert

    with pytest.raises(EntityInvalid) as refused:
        an_authority(cert=cert)

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("cert_digest", "unique")]


def test_a_reference_that_is_no_id_is_refused():
    with pytest.raises(EntityInvalid) as refused:
        a_service(protocol="https", client_certificate={"id": "x"})

    assert [problem.field for problem in refused.value.problems] == ["client_certificate.id"]


def test_an_authority_that_has_expired_since_may_stay_but_not_change():
    pair = a_pair("EC", 7, is_authority=True, lasts=-1)
    authority = an_authority()
    CaCertificate.objects.filter(pk=authority.pk).update(cert=pair.cert, cert_digest=pem.digest(pair.cert))
    authority.refresh_from_db()
    same = Edit("ca_certificates", str(authority.pk), authority.to_values())

    assert actions.apply(edits=[same], actor=ALICE).changes == []
    with pytest.raises(EditsInvalid):
        actions.apply(edits=[same._replace(values=same.values | {"tags": ["a"]})], actor=ALICE)
