"""The configuration as a file: out by a download; in after a look at what would change, all or nothing."""

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from gateway_admin.catalog.actions import update
from gateway_admin.catalog.models import Change, Service
from gateway_admin.catalog.transfer import drafts
from tests.gateway_admin.builders import ALICE, a_key, a_service, a_user

FILE = """_format_version: "3.0"
services:
- name: orders
  url: http://orders.local:81
  routes:
  - name: orders-v1
    paths: [/orders]
"""
BROKEN = FILE.replace("paths: [/orders]", "paths: [orders]\n    colour: red")


def send(page, text="", *, way="keep", **fields):
    data = {"text": text, "way": way, "select_tags": "", "keep_ours": "on", **fields}
    return page.client.post(reverse("config-import"), data)


def browser_of(role):
    client = Client()
    client.force_login(a_user(role, role=role))
    return client


def test_a_file_is_previewed_and_then_imported_as_one_step(page):
    sent = send(page, FILE)
    assert sent.status_code == 303
    assert not Service.objects.exists()
    preview = page.client.get(sent["Location"])
    assert "2 to create, 0 to change, 0 to delete" in preview.text
    assert "orders-v1" in preview.text
    done = page.client.post(sent["Location"], {"seen": preview.context["plan"].version})
    assert done["Location"] == reverse("config-file")
    assert "Imported the file as version 2." in page.client.get(done["Location"]).text
    assert set(Change.objects.values_list("via", flat=True)) == {"import"}
    assert Change.objects.values("batch").distinct().count() == 1


def test_a_file_is_uploaded(page):
    sent = send(page, file=SimpleUploadedFile("kong.yaml", FILE.encode()))
    assert "orders-v1" in page.client.get(sent["Location"]).text


@pytest.mark.parametrize(("way", "deletes"), [("keep", "0 to delete"), ("exact", "1 to delete")])
def test_what_the_file_does_not_have_goes_only_where_one_says_so(page, way, deletes):
    a_service(name="other")
    assert deletes in page.client.get(send(page, FILE, way=way)["Location"]).text


def test_select_tags_bound_what_is_touched(page):
    a_service(name="theirs")
    sent = send(page, FILE, way="exact", select_tags="team-a")
    assert "0 to delete" in page.client.get(sent["Location"]).text


def test_what_is_wrong_with_a_file_is_told_by_line_and_place(page):
    answer = send(page, BROKEN)
    assert answer.status_code == 400
    found = {(problem["line"], problem["place"]) for problem in answer.context["wrong"]}
    assert found == {(7, "services[0].routes[0].paths[0]"), (8, "services[0].routes[0].colour")}
    assert "services[0].routes[0].paths[0]" in answer.text
    assert "colour: red" in answer.text  # what was typed is not lost
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "file"),
        ({"text": FILE, "file": SimpleUploadedFile("kong.yaml", b"x")}, "file"),
        ({"file": SimpleUploadedFile("kong.yaml", b"\xff\xfe")}, "file"),
        ({"text": FILE, "select_tags": "a\nb"}, "select_tags"),
        ({"text": FILE, "way": "other"}, "way"),
    ],
    ids=["nothing", "both", "not UTF-8", "a bad tag", "no way"],
)
def test_what_cannot_be_sent_is_said_at_its_field(page, fields, field):
    answer = send(page, **fields)
    assert answer.status_code == 400
    assert field in answer.context["import_form"].errors


def test_a_file_that_is_too_large_is_refused(page, settings):
    settings.CONFIG_UPLOAD_MAX_BYTES = 10
    answer = send(page, file=SimpleUploadedFile("kong.yaml", FILE.encode()))
    assert "larger than 10 bytes" in answer.text


def test_a_change_in_between_asks_for_another_look(page):
    service = a_service(name="orders")
    sent = send(page, FILE)
    seen = page.client.get(sent["Location"]).context["plan"].version
    update(kind="services", entity_id=service.pk, values={"port": 8080}, actor=ALICE)
    answer = page.client.post(sent["Location"], {"seen": seen})
    assert answer.status_code == 409
    assert "Somebody changed the configuration meanwhile" in answer.text
    assert Service.objects.get().port == 8080


def test_a_file_that_a_change_made_wrong_is_told_so(page):
    sent = send(
        page,
        'plugins: [{name: cors, service: orders}]\n_format_version: "3.0"\n' + "services: [{name: orders, host: a}]",
    )
    assert sent.status_code == 303
    drafted = drafts.keep(page.client.session["_auth_user_id"], drafts.Draft(BROKEN))
    answer = page.get("config-preview", drafted)
    assert answer.status_code == 409
    assert answer.context["wrong"]


def test_a_draft_is_sealed_and_its_senders_only(page):
    sent = send(page, FILE)
    stored = [value for value in caches["default"]._cache.values() if b"orders" in value]
    assert stored == []
    other = browser_of("admin")
    assert other.get(sent["Location"]).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_admins_import_and_everybody_exports(db, role):
    client = browser_of(role)
    shown = client.get(reverse("config-file")).text
    assert "Show what it would change" not in shown
    assert "Download kong.yaml" in shown
    assert client.post(reverse("config-import"), {"text": FILE, "way": "keep"}).status_code == 403
    assert client.get(reverse("config-preview", args=["x"])).status_code == 403
    assert client.get(reverse("config-export")).status_code == 200


def test_the_download_is_what_can_be_imported(page):
    a_service(name="orders", tags=["a"])
    a_service(name="other")
    answer = page.get("config-export", query="?select_tags=a")
    assert answer["Content-Disposition"] == 'attachment; filename="kong.yaml"'
    assert "name: orders" in answer.text
    assert "other" not in answer.text
    sent = send(page, answer.text)
    assert "Nothing would change" in page.client.get(sent["Location"]).text


def test_a_bad_tag_is_said_at_its_field(page):
    answer = page.get("config-export", query="?select_tags=a%00b")
    assert answer.status_code == 400
    assert "select_tags" in answer.context["export_form"].errors


@pytest.mark.parametrize(("role", "sees"), [("operator", False), ("admin", True)])
def test_secrets_are_exported_for_admins_on_demand(db, role, sees):
    a_key(key="open-sesame")
    client = browser_of(role)
    assert "open-sesame" not in client.get(reverse("config-export")).text
    assert ("open-sesame" in client.get(reverse("config-export") + "?with_secrets=on").text) is sees
