"""Certificates and the server names that come with them."""

import pytest

from gateway_admin.catalog.models import Sni
from tests.gateway_admin.builders import a_certificate, a_service, an_authority, to
from tests.proxy_engine.pems import a_pair

pytestmark = pytest.mark.django_db
PAIR = a_pair("EC")._asdict()


def test_server_names_come_and_go_with_the_list(kong):
    made = kong.post("/certificates", PAIR | {"snis": ["b.test", "a.test"]})
    assert (made.status_code, made.json()["snis"]) == (201, ["a.test", "b.test"]), made.content
    path = f"/certificates/{made.json()['id']}"
    assert kong.patch(path, {"tags": ["x"]}).json()["snis"] == ["a.test", "b.test"]
    assert kong.patch(path, {"snis": ["b.test"]}).json()["snis"] == ["b.test"]
    assert kong.get("/certificates/b.test").json()["id"] == made.json()["id"]
    assert kong.put(path, PAIR).json()["snis"] == []
    assert not Sni.objects.exists()


def test_put_by_a_server_name_that_nobody_has_makes_a_certificate_for_it(kong):
    assert kong.get("/certificates/a.test").json() == {"message": "SNI not found"}
    made = kong.put("/certificates/a.test", PAIR)
    assert (made.status_code, made.json()["snis"]) == (200, ["a.test"]), made.content
    assert kong.get("/certificates/a.test/snis").json()["data"][0]["name"] == "a.test"


def test_server_names_are_refused_twice_and_from_another_certificate(kong):
    twice = kong.post("/certificates", PAIR | {"snis": ["a.test", "a.test"]})
    assert twice.json()["message"] == "schema violation (snis: a.test is duplicated)"
    other = a_certificate()
    assert kong.post(f"/certificates/{other.pk}/snis", {"name": "a.test"}).status_code == 201
    taken = kong.post("/certificates", PAIR | {"snis": ["a.test"]})
    assert (taken.status_code, taken.json()["message"]) == (
        400,
        f"schema violation (snis: a.test already associated with existing certificate '{other.pk}')",
    )
    assert kong.put(f"/certificates/{other.pk}", PAIR | {"snis": ["a.test"]}).status_code == 200


def test_an_unknown_certificate_is_told_with_its_key(kong):
    answer = kong.get("/certificates/11111111-2222-4333-8444-555555555555")
    assert (answer.status_code, answer.json()["code"]) == (404, 6)


def test_a_file_can_be_sent_as_a_part(kong):
    """``curl -F cert=@cert.pem``."""
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.pem"\r\n\r\n{text}\r\n'
        for name, text in PAIR.items()
    )
    made = kong.generic("POST", "/certificates", f"{parts}--x--\r\n", "multipart/form-data; boundary=x")
    assert made.status_code == 201, made.content
    assert made.json()["cert"] == PAIR["cert"]


def test_an_authority_stays_while_a_service_lists_it(kong):
    authority = an_authority()
    service = a_service(protocol="https", ca_certificates=[str(authority.pk)])
    answer = kong.delete(f"/ca_certificates/{authority.pk}")
    message = f"ca certificate {authority.pk} is still referenced by services (id = {service.pk})"
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": 19, "name": "referenced by others", "message": message},
    )


def test_the_certificate_of_a_service_is_reached_through_it(kong):
    certificate = a_certificate()
    a_service(name="s", protocol="https", client_certificate=to(certificate))
    assert kong.get("/services/s/client_certificate").json()["id"] == str(certificate.pk)
    assert kong.get(f"/certificates/{certificate.pk}/services").json()["data"][0]["name"] == "s"
    assert kong.delete(f"/certificates/{certificate.pk}").json()["fields"] == {"@referenced_by": "services"}
