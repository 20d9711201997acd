"""The words of this dialect: camelCase at every depth, references by id or name, and what may come along in a body."""

import pytest

from gateway_admin.catalog.api.names import names_out
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Sni
from tests.gateway_admin.builders import a_certificate, a_consumer, a_key, a_plugin, a_route, a_service, an_upstream
from tests.proxy_engine.pems import a_pair

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", KINDS)
def test_references_are_called_after_the_id_that_they_show(kind):
    for field in KINDS[kind].references:
        assert names_out(kind)[field].endswith("Id")
    assert not any("_" in name for name in names_out(kind).values())


@pytest.mark.parametrize(
    ("kind", "name", "make", "body"),
    [
        ("routes", "serviceId", lambda: a_service(name="one"), {"paths": ["/"]}),
        ("targets", "upstreamId", lambda: an_upstream(name="one"), {"target": "a:80"}),
        ("acls", "consumerId", lambda: a_consumer(username="one"), {"group": "gold"}),
        ("keyauth_credentials", "consumerId", lambda: a_consumer(username="one"), {}),
        ("plugins", "routeId", lambda: a_route(name="one"), {"name": "cors"}),
        ("plugins", "consumerId", lambda: a_consumer(username="one"), {"name": "cors"}),
    ],
)
def test_references_are_taken_by_id_and_by_name(api, kind, name, make, body):
    owner = make()

    for key in ("one", str(owner.pk)):
        created = api.post(f"/api/{kind}", body | {name: key})
        if created.status_code == 400:  # the plugin has no such scope
            assert "value must be null" in created.content.decode()
            return
        assert created.json()["data"][name] == str(owner.pk)
        assert api.delete(f"/api/{kind}/{created.json()['data']['id']}").status_code == 200
    refused = api.post(f"/api/{kind}", body | {name: "nobody"})
    assert refused.json()["error"]["details"][0]["field"] == name


@pytest.mark.parametrize("key", ["nobody", "%", "a" * 300, ""])
def test_what_has_no_name_is_referred_to_by_id_only(api, key):
    refused = api.post("/api/snis", {"name": "a.example.com", "certificateId": key})

    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "certificateId")


def test_consumers_snis_and_plugins_are_found_by_their_names(api):
    consumer = a_consumer(username="alice")
    plugin = a_plugin(instance_name="one", name="cors")

    assert api.get("/api/consumers/alice").json()["data"]["id"] == str(consumer.pk)
    assert api.get("/api/plugins/one").json()["data"]["id"] == str(plugin.pk)
    assert api.get("/api/plugins/cors").status_code == 404  # there may be many


def test_a_key_is_no_name(api):
    """It would stand in logs, and asking would tell whether there is such a key."""
    a_key(key="open-sesame")

    assert api.get("/api/keyauth_credentials/open-sesame").status_code == 404
    assert api.get("/api/keyauth_credentials?key=open-sesame").status_code == 400
    assert api.get("/api/keyauth_credentials?search=sesame").json()["data"] == []
    assert api.get("/api/keyauth_credentials?orderBy=key").status_code == 400


def test_settings_of_plugins_are_camel_case_and_taken_in_kongs_words_too(api):
    created = api.post("/api/plugins", {"pluginName": "key-auth", "config": {"keyNames": ["x-key"]}})
    assert created.status_code == 201, created.content
    config = created.json()["data"]["config"]
    assert config["keyNames"] == ["x-key"]
    assert not any("_" in name for name in config)

    path = f"/api/plugins/{created.json()['data']['id']}"
    patched = api.patch(path, {"config": {"hide_credentials": True}}).json()["data"]["config"]
    assert patched == config | {"hideCredentials": True}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"keyNmaes": ["x"]}, "config.keyNmaes"),
        ({"key_names": ["x"], "keyNames": ["x"]}, "config.keyNames"),
        ({"keyNames": "x"}, "config.keyNames"),
        ({"keyNames": ["a b"]}, "config.keyNames.0"),
    ],
)
def test_problems_of_settings_stand_under_the_clients_names(api, config, field):
    refused = api.post("/api/plugins", {"name": "key-auth", "config": config})

    assert refused.status_code == 400
    assert [detail["field"] for detail in refused.json()["error"]["details"]] == [field]


def test_a_certificate_brings_its_server_names(api):
    certificate = a_certificate()
    path = f"/api/certificates/{certificate.pk}"

    assert api.patch(path, {"snis": ["b.example.com", "a.example.com"]}).json()["data"]["snis"] == [
        "a.example.com",
        "b.example.com",
    ]
    assert api.patch(path, {"tags": ["x"]}).json()["data"]["snis"] == ["a.example.com", "b.example.com"]
    assert api.patch(path, {"snis": []}).json()["data"]["snis"] == []
    assert not Sni.objects.exists()
    refused = api.patch(path, {"snis": ["127.0.0.1"]})
    assert refused.json()["error"]["details"][0]["field"].startswith("snis")


def test_a_key_may_come_with_its_lifetime(api):
    created = api.post("/api/keyauth_credentials", {"consumerId": str(a_consumer().pk), "ttl": 60}).json()["data"]

    assert created["expiresAt"] > 0
    assert "ttl" not in created
    assert len(created["key"]) == 32


def test_the_digest_of_an_authority_is_computed_and_never_taken(api):
    body = {"cert": a_pair("EC", is_authority=True).cert, "certDigest": "0" * 64}

    assert api.post("/api/ca_certificates", body).json()["data"]["certDigest"] != "0" * 64


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_object_is_no_empty_list(api, kind):
    refused = api.post(f"/api/{kind}", {"tags": {}})

    assert refused.status_code == 400
    assert "tags" in [detail["field"] for detail in refused.json()["error"]["details"]]


def test_services_show_their_certificate_by_id(api):
    certificate = a_certificate()
    body = {"host": "a", "protocol": "https", "clientCertificateId": str(certificate.pk)}

    service = api.post("/api/services", body).json()["data"]
    assert service["clientCertificateId"] == str(certificate.pk)
    found = api.get(f"/api/services?clientCertificateId={certificate.pk}").json()["data"]
    assert [item["id"] for item in found] == [service["id"]]
