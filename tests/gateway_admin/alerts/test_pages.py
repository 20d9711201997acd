"""The pages of alerts: what they show, what their forms do, and to whom they offer it."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from gateway_admin.alerts.evaluating import look
from gateway_admin.alerts.models import AlertChannel, AlertDelivery, AlertRule, AlertSilence
from gateway_admin.monitoring.actions import Source, mark_targets
from tests.gateway_admin.builders import a_target
from tests.gateway_admin.monitoring.builders import a_flip

from .builders import a_channel, a_mail_channel, a_rule, a_silence
from .cases import HOOK
from .test_messages import an_item
from .test_sending import a_receiver

PAGES = ("alerts", "alert-rules", "alert-channels", "alert-silences", "alert-deliveries")


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_an_empty_state(charlie, browser, name):
    response = browser(charlie).get(reverse(name))
    assert response.status_code == 200
    assert 'class="empty"' in response.text


def test_what_fires_stands_on_the_page_and_in_the_bar(alice, browser, pool):
    target = a_target(pool)
    mark_targets([a_flip(target, cause="3 of 3 <b>failures</b>")], source=Source.ACTIVE)
    a_rule(name="Target down")
    a_silence(reason="we know")
    look()
    text = browser(alice).get(reverse("alerts")).text
    assert "3 of 3 &lt;b&gt;failures" in text
    assert reverse("entity", args=["targets", target.pk]) in text
    assert "we know" in text
    assert re.search(r'id="count-alerts">1 ', text)
    assert re.search(r'id="count-alerts">1 ', browser(alice).get(reverse("overview")).text)


def test_the_usual_rules_are_made_once_and_tell_every_channel(bob, browser, db):
    channel = a_channel()
    page = browser(bob)
    page.post(reverse("alert-rules-usual"))
    page.post(reverse("alert-rules-usual"))
    rules = AlertRule.objects.all()
    assert (len(rules), {rule.condition for rule in rules} >= {"target_down", "engine_silent"}) == (6, True)
    assert all(rule.channels == [str(channel.pk)] for rule in rules)
    assert "looking" in page.get(reverse("alert-rules")).text


RULE = {"name": "half", "condition": "upstream_below", "threshold": "40", "for_seconds": "2.5", "remind_minutes": ""}


def test_a_rule_is_made_and_changed(bob, browser, pool):
    page, channel = browser(bob), a_channel()
    made = page.post(
        reverse("alert-rules-new"), RULE | {"upstreams": " pool \r\n", "channels": [str(channel.pk)], "enabled": "on"}
    )
    assert made.status_code == 303
    rule = AlertRule.objects.get()
    assert (rule.threshold, rule.for_seconds, rule.remind_minutes, rule.enabled) == (40, 2.5, 0, True)
    assert (rule.upstreams, rule.channels) == (["pool"], [str(channel.pk)])

    address = reverse("alert-rules-edit", args=[rule.pk])
    form = page.get(address).text
    assert 'value="40"' in form
    assert ">\npool</textarea>" in form
    page.post(address, RULE | {"name": "less", "threshold": "10"})
    rule.refresh_from_db()
    assert (rule.name, rule.threshold, rule.upstreams, rule.channels, rule.enabled) == ("less", 10, None, [], False)


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("rules", RULE | {"threshold": "101"}, "threshold"),
        ("rules", RULE | {"upstreams": "nobody"}, "upstreams"),
        ("rules", RULE | {"name": ""}, "name"),
        ("rules", RULE | {"for_seconds": "nan"}, "for_seconds"),
        ("channels", {"name": "x", "type": "webhook", "url": "gopher://x"}, "url"),
        ("channels", {"name": "x", "type": "email", "recipients": "ops"}, "recipients"),
        ("channels", {"name": "x", "type": "webhook", "url": HOOK, "secret": "short"}, "secret"),
        ("silences", {"reason": "", "lasts": "3600"}, "reason"),
        ("silences", {"reason": "x", "lasts": "7"}, "lasts"),
        ("silences", {"reason": "x", "lasts": "3600", "upstreams": "nobody"}, "upstreams"),
    ],
)
def test_what_is_wrong_stands_at_its_field(alice, browser, pool, kind, data, field):
    response = browser(alice).post(reverse(f"alert-{kind}-new"), data)
    assert (response.status_code, set(response.context["form"].errors)) == (400, {field})
    assert not any(model.objects.exists() for model in (AlertRule, AlertChannel, AlertSilence))


def test_a_made_up_secret_is_shown_when_it_is_made_and_not_again(alice, browser):
    page = browser(alice)
    shown = page.post(reverse("alert-channels-new"), {"name": "hook", "type": "webhook", "url": HOOK, "enabled": "on"})
    channel = AlertChannel.objects.get()
    assert channel.secret.startswith("whsec_")
    assert channel.secret in shown.text
    for address in (reverse("alert-channels"), reverse("alert-channels-edit", args=[channel.pk])):
        text = page.get(address).text
        assert channel.secret not in text
        assert HOOK not in text


def test_secrets_stay_where_their_fields_are_left_empty(alice, browser):
    channel = a_channel(url=HOOK, secret="s" * 16)
    data = {"name": "new name", "type": "webhook", "url": "", "secret": "", "group_seconds": "5", "enabled": "on"}
    browser(alice).post(reverse("alert-channels-edit", args=[channel.pk]), data)
    channel.refresh_from_db()
    assert (channel.name, channel.url, channel.secret, channel.tell_resolved) == ("new name", HOOK, "s" * 16, False)


def test_an_operator_is_not_offered_channels_and_a_viewer_nothing(bob, charlie, browser, db):
    a_rule(a_channel())
    a_mail_channel()
    assert "New rule" in browser(bob).get(reverse("alert-rules")).text
    assert "New channel" not in browser(bob).get(reverse("alert-channels")).text
    for text in (browser(charlie).get(reverse(name)).text for name in PAGES):
        assert not re.search(r">(New \w+|Edit|Delete|Silence|Test|Make the usual rules)<", text)


def test_a_silence_is_made_for_a_rule_and_ended(bob, browser, db):
    page, rule = browser(bob), a_rule(name="down")
    form = page.get(f"{reverse('alert-silences-new')}?rule={rule.pk}").text
    assert f'<option value="{rule.pk}" selected>' in form
    page.post(reverse("alert-silences-new"), {"reason": "upgrade", "rule": str(rule.pk), "lasts": "3600"})
    silence = AlertSilence.objects.get()
    assert (silence.rule, silence.made_by) == (rule, "bob")
    assert 3590 < (silence.until - timezone.now()).total_seconds() <= 3600
    assert "in force" in page.get(reverse("alert-silences")).text
    assert "End the silence" in page.get(reverse("alert-silences-delete", args=[silence.pk])).text
    page.post(reverse("alert-silences-delete", args=[silence.pk]))
    assert not AlertSilence.objects.exists()


def test_a_channel_in_use_is_not_deleted_and_it_is_said_why(alice, browser, db):
    channel = a_channel()
    a_rule(channel, name="down")
    page = browser(alice)
    page.post(reverse("alert-channels-delete", args=[channel.pk]))
    assert "these rules name the channel: down" in page.get(reverse("alert-channels")).text
    assert AlertChannel.objects.exists()


def test_the_test_button_says_what_became_of_it(alice, browser, transactional_db):
    with a_receiver() as (address, _):
        channel = a_channel(url=address)
        page = browser(alice)
        page.post(reverse("alert-channels-test", args=[channel.pk]))
    assert f"{channel.name} took the test: 200 thanks" in page.get(reverse("alert-channels")).text


def test_deliveries_are_listed_and_sent_again(alice, browser, db):
    channel = a_channel()
    AlertDelivery.objects.create(
        channel=channel, channel_name=channel.name, items=[an_item()] * 7, state="failed", attempts=8, answer="503"
    )
    page = browser(alice)
    text = page.get(reverse("alert-deliveries")).text
    assert "given up" in text
    assert "and 2 more" in text
    page.post(reverse("alert-deliveries-again", args=[AlertDelivery.objects.get().pk]))
    assert "gathering" in page.get(reverse("alert-deliveries") + "?state=waiting").text
    assert page.get(reverse("alert-deliveries") + "?state=nonsense").status_code == 404
