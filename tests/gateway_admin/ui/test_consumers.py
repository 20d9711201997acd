"""Consumers and their credentials: made on the consumer's page, shown once, hidden from then on."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from gateway_admin.catalog.models import Acl, BasicauthCredential, Change, Consumer, KeyauthCredential
from tests.gateway_admin.builders import a_consumer, a_group, a_key, a_login, a_user

from .forms import errors

SECRET = "open-sesame"


@pytest.fixture
def consumer(db):
    return a_consumer(username="mobile")


def browser_of(role):
    client = Client()
    client.force_login(a_user(role, role=role))
    return client


def new(page, consumer, kind, **typed):
    return page.submit("owned-new", "consumers", consumer.pk, kind, **typed)


def test_a_consumer_is_made_and_shown(page):
    made = page.submit("entity-new", "consumers", username="Jörg & co.", custom_id="c-17", tags="team-a")
    assert made["Location"] == reverse("entity", args=["consumers", Consumer.objects.get().pk])
    text = page.client.get(made["Location"]).text
    assert "Jörg &amp; co." in text
    assert "c-17" in text
    assert "no credentials yet" in text


def test_a_consumer_needs_a_name_of_some_sort(page):
    assert "at least one of these fields" in errors(page.submit("entity-new", "consumers"))["__all__"][0]
    assert not Consumer.objects.exists()


def test_a_key_that_is_made_up_is_shown_once(page, consumer):
    answer = new(page, consumer, "keyauth_credentials")
    key = KeyauthCredential.objects.get().key
    assert re.search(r'id="once"[^>]*>([^<]+)<', answer.text)[1] == key
    assert "no-store" in answer["Cache-Control"]
    assert "New API key" in answer.text
    for place in (("entity", "consumers", consumer.pk), ("entity-tab", "consumers", consumer.pk, "history")):
        assert key not in page.get(*place).text
    assert key not in page.get("overview").text


def test_a_key_that_was_given_is_not_shown_at_all(page, consumer):
    answer = new(page, consumer, "keyauth_credentials", key=SECRET)
    assert answer["Location"] == reverse("entity", args=["consumers", consumer.pk])
    text = page.client.get(answer["Location"]).text
    assert SECRET not in text
    assert "******" in text


@pytest.mark.parametrize(("role", "sees"), [("viewer", False), ("operator", True), ("admin", True)])
def test_keys_are_shown_on_request_to_those_who_may_change_them(consumer, role, sees):
    a_key(consumer, key=SECRET)
    client = browser_of(role)
    address = reverse("entity", args=["consumers", consumer.pk])
    assert SECRET not in client.get(address).text
    assert ("Show keys" in client.get(address).text) is sees
    assert (SECRET in client.get(f"{address}?secrets=shown").text) is sees


@pytest.mark.parametrize("make", [a_key, a_login])
def test_no_page_of_a_credential_has_its_secret(page, consumer, make):
    row = make(consumer, **({"key": SECRET} if make is a_key else {"password": SECRET}))
    secret = row.key if make is a_key else row.password
    places = [("entity", row.kind, row.pk), ("entity-edit", row.kind, row.pk), ("entity-delete", row.kind, row.pk)]
    places += [("entity-tab", row.kind, row.pk, slug) for slug in ("configuration", "history")]
    places += [("entity-list", row.kind), ("history",)]
    for place in places:
        shown = page.get(*place)
        assert shown.status_code == 200
        assert SECRET not in shown.text
        assert secret not in shown.text


def test_a_key_stays_when_its_form_is_saved_without_one(page, consumer):
    row = a_key(consumer, key=SECRET)
    page.submit("entity-edit", row.kind, row.pk, tags="a")
    row.refresh_from_db()
    assert (row.key, row.tags) == (SECRET, ["a"])


def test_a_key_is_replaced_by_another(page, consumer):
    row = a_key(consumer, key=SECRET)
    page.submit("entity-edit", row.kind, row.pk, key="another")
    assert KeyauthCredential.objects.get().key == "another"


def test_a_key_ends_at_the_moment_that_was_typed(page, consumer):
    new(page, consumer, "keyauth_credentials", key=SECRET, expires_at="2099-01-31T12:00:00")
    row = KeyauthCredential.objects.get()
    assert row.expires_at == datetime(2099, 1, 31, 12, tzinfo=UTC).timestamp()
    assert "2099-01-31 12:00" in page.get("entity", "consumers", consumer.pk).text
    assert 'value="2099-01-31T12:00:00"' in page.get("entity-edit", row.kind, row.pk).text


def test_a_moment_that_is_none_is_refused_at_its_field(page, consumer):
    assert "expires_at" in errors(new(page, consumer, "keyauth_credentials", expires_at="next week"))


def test_a_password_is_kept_as_a_hash_and_stays_when_nothing_is_typed(page, consumer):
    new(page, consumer, "basicauth_credentials", username="mobile", password="correct horse")
    row = BasicauthCredential.objects.get()
    stored = row.password
    assert stored != "correct horse"
    page.submit("entity-edit", row.kind, row.pk, username="other")
    row.refresh_from_db()
    assert (row.username, row.password) == ("other", stored)
    page.submit("entity-edit", row.kind, row.pk, password="battery staple")
    row.refresh_from_db()
    assert row.password not in (stored, "battery staple")


def test_groups_are_added_and_taken_away(page, consumer):
    new(page, consumer, "acls", group="gold")
    row = Acl.objects.get()
    assert ">gold</a>" in page.get("entity", "consumers", consumer.pk).text
    gone = page.post("entity-delete", "acls", row.pk)
    assert gone["Location"] == reverse("entity", args=["consumers", consumer.pk])
    assert not Acl.objects.exists()


def test_a_group_twice_is_refused(page, consumer):
    a_group(consumer, group="gold")
    assert "group" in errors(new(page, consumer, "acls", group="gold"))


def test_a_credential_on_its_own_names_its_consumer(page, consumer):
    made = page.submit("entity-new", "acls", consumer="mobile", group="gold")
    assert made.status_code == 303
    assert Acl.objects.get().consumer_id == consumer.pk
    assert 'value="mobile"' in page.get("entity-edit", "acls", Acl.objects.get().pk).text
    nobody = errors(page.submit("entity-new", "acls", consumer="nobody", group="gold"))
    assert nobody == {"consumer": ["there is no consumer called “nobody”"]}


def test_names_are_offered_while_one_types(page, consumer):
    a_consumer(username="web")
    offered = page.get("names", "consumers", query="?consumer=MOB").text
    assert '<option value="mobile">' in offered
    assert "web" not in offered
    assert 'hx-get="/admin-ui/consumers/names/"' in page.get("entity-new", "acls").text


def test_a_deletion_names_what_goes_along(page, consumer):
    a_key(consumer)
    a_group(consumer)
    a_group(consumer)
    text = page.get("entity-delete", "consumers", consumer.pk).text
    assert "1 API key" in text
    assert "2 group memberships" in text
    page.post("entity-delete", "consumers", consumer.pk)
    assert not KeyauthCredential.objects.exists()


def test_the_history_of_a_consumer_has_that_of_its_credentials(page, consumer):
    a_key(consumer, key=SECRET)
    text = page.get("entity-tab", "consumers", consumer.pk, "history").text
    assert "created API key" in text
    assert SECRET not in text


def test_a_viewer_changes_nothing(consumer):
    row = a_group(consumer)
    client = browser_of("viewer")
    before = Change.objects.count()
    address = reverse("owned-new", args=["consumers", consumer.pk, "acls"])
    assert client.post(address, {"group": "gold"}).status_code == 403
    assert client.post(reverse("entity-delete", args=["acls", row.pk])).status_code == 403
    assert "New group membership" not in client.get(reverse("entity", args=["consumers", consumer.pk])).text
    assert Change.objects.count() == before


def test_what_belongs_to_another_kind_is_not_made_there(page, consumer):
    assert page.get("owned-new", "consumers", consumer.pk, "targets").status_code == 404


@pytest.mark.parametrize("text", ["gold", "mobile"])
def test_groups_are_found_by_name_and_consumer(page, consumer, text):
    a_group(consumer, group="gold")
    a_group(group="silver")
    rows = page.get("entity-list", "acls", query=f"?q={text}").context["listing"].rows
    assert [row.group for row in rows] == ["gold"]


def test_pages_say_what_the_engine_does_not_do_yet(page, consumer):
    assert "does not ask for credentials yet" in page.get("entity", "consumers", consumer.pk).text
    assert "yet:" not in page.get("entity-list", "services").text
