"""Alerts over REST: what may stand in the fields, who may, and what the answers look like."""

import json

import jsonschema
import pytest
from django.db import connection

from gateway_admin.alerts.evaluating import look
from gateway_admin.alerts.kinds import CHANNELS, KINDS
from gateway_admin.alerts.models import AlertChannel, AlertRule
from gateway_admin.monitoring.actions import Source, mark_targets
from tests.gateway_admin.builders import a_target
from tests.gateway_admin.monitoring.builders import a_flip

from .builders import a_channel, a_rule
from .cases import BAD, GOOD, HOOK
from .test_sending import a_receiver


@pytest.mark.parametrize(("kind", "body"), [(kind, body) for kind, bodies in GOOD.items() for body in bodies])
def test_what_is_made_is_read_again(alice, script, pool, kind, body):
    send = script(alice)
    status, made = send("POST", f"/api/alerts/{kind}", body)
    assert status == 201, made
    one = f"/api/alerts/{kind}/{made['data']['id']}"
    read = send("GET", one)[1]["data"]
    assert read == made["data"]
    for name, value in body.items():
        assert read[name] == value or name == "until", name
    assert [row["id"] for row in send("GET", f"/api/alerts/{kind}")[1]["data"]] == [read["id"]]
    assert send("DELETE", one)[1]["data"] == {"id": read["id"], "deleted": True}
    assert send("GET", one)[0] == 404


@pytest.mark.parametrize(("kind", "body", "field"), BAD)
def test_what_is_wrong_is_named_and_nothing_is_stored(alice, script, pool, kind, body, field):
    status, answer = script(alice)("POST", f"/api/alerts/{kind}", body)
    assert status == 400, answer
    assert field in {detail["field"] for detail in answer["error"]["details"]}
    assert not KINDS[kind].model.objects.exists()


def test_a_name_is_taken_once(alice, script):
    send = script(alice)
    body = {"name": "down", "condition": "target_down"}
    send("POST", "/api/alerts/rules", body)
    status, answer = send("POST", "/api/alerts/rules", body)
    assert (status, answer["error"]["code"]) == (409, "DUPLICATE")


def test_a_change_leaves_what_it_does_not_name(alice, script):
    send = script(alice)
    channel = a_channel(url=HOOK, secret="s" * 16)
    path = f"/api/alerts/channels/{channel.pk}"
    status, answer = send("PATCH", path, {"groupSeconds": 60})
    assert status == 200
    assert (answer["data"]["url"], answer["data"]["secret"], answer["data"]["groupSeconds"]) == (HOOK, "s" * 16, 60)
    assert send("PATCH", path, {"groupSeconds": -1})[0] == 400
    assert AlertChannel.objects.get().group_seconds == 60


def test_a_channel_that_becomes_another_type_loses_what_it_has_no_use_for(alice, script):
    channel = a_channel(url=HOOK)
    body = {"type": "email", "recipients": ["ops@example.com"]}
    status, answer = script(alice)("PATCH", f"/api/alerts/channels/{channel.pk}", body)
    assert status == 200
    assert (answer["data"]["url"], answer["data"]["secret"]) == (None, None)


def test_a_channel_that_rules_name_stays(alice, script):
    channel = a_channel()
    a_rule(channel, name="down")
    status, answer = script(alice)("DELETE", f"/api/alerts/channels/{channel.pk}")
    assert (status, answer["error"]["code"]) == (400, "RELATION_ERROR")
    assert "down" in answer["error"]["message"]


def test_secrets_are_for_those_who_may_change_them(alice, bob, script):
    a_channel(url=HOOK, secret="s" * 16)
    [seen] = script(bob)("GET", "/api/alerts/channels")[1]["data"]
    assert (seen["url"], seen["secret"]) == ("********", "********")
    [seen] = script(alice)("GET", "/api/alerts/channels")[1]["data"]
    assert (seen["url"], seen["secret"]) == (HOOK, "s" * 16)


def test_secrets_are_sealed_in_the_database(db):
    channel = a_channel(url=HOOK, secret="s" * 16)
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret FROM alerts_alertchannel")
        stored = cursor.fetchone()
    assert all(text.startswith("g1:") and channel.secret not in text and HOOK not in text for text in stored)


def test_an_operator_makes_rules_and_no_channels(bob, charlie, script):
    send = script(bob)
    assert send("POST", "/api/alerts/rules", GOOD["rules"][0])[0] == 201
    assert send("POST", "/api/alerts/channels", GOOD["channels"][0])[0] == 403
    assert script(charlie)("POST", "/api/alerts/rules", GOOD["rules"][0])[0] == 403
    assert AlertRule.objects.count() == 1


def test_a_token_may_be_limited_to_alerts(alice, script):
    send = script(alice, kinds=["alerts"])
    assert send("GET", "/api/alerts")[0] == 200
    assert send("GET", "/api/services")[0] == 403


def test_alerts_are_listed_by_state_and_rule(alice, script, db):
    mark_targets([a_flip(a_target())], source=Source.ACTIVE)
    rule, _ = a_rule(name="now"), a_rule(name="later", for_seconds=3600)
    look()
    send = script(alice)

    def names(query):
        return [row["rule"] for row in send("GET", f"/api/alerts?{query}")[1]["data"]]

    assert sorted(names("")) == ["later", "now"]
    assert (names("state=firing"), names("state=pending"), names("state=resolved")) == (["now"], ["later"], [])
    assert names(f"ruleId={rule.pk}") == ["now"]
    for query in ("state=x", "ruleId=x", "rule=x"):
        assert send("GET", f"/api/alerts?{query}")[0] == 400


def test_the_test_of_a_channel_tells_what_became_of_it(alice, script, transactional_db):
    with a_receiver(418) as (address, got):
        channel = a_channel(url=address)
        status, answer = script(alice)("POST", f"/api/alerts/channels/{channel.pk}/test")
    assert (status, answer["data"]["state"], answer["data"]["answer"]) == (200, "failed", "418 thanks")
    assert len(got) == 1
    [seen] = script(alice)("GET", "/api/alerts/deliveries?state=failed")[1]["data"]
    assert (seen["isTest"], seen["channel"]) == (True, channel.name)


def test_answers_are_as_described(alice, script, client, pool):
    document = json.loads(client.get("/api/schema/?format=json").content)
    send = script(alice)
    for kind in ("rules", "channels"):
        send("POST", f"/api/alerts/{kind}", GOOD[kind][0])
    mark_targets([a_flip(a_target())], source=Source.ACTIVE)
    AlertRule.objects.update(channels=[str(AlertChannel.objects.get().pk)])
    look()
    send("POST", "/api/alerts/silences", GOOD["silences"][0])
    for place in ("", "/rules", "/channels", "/silences", "/deliveries"):
        answer = send("GET", f"/api/alerts{place}")[1]
        assert answer["data"]
        operation = document["paths"][f"/api/alerts{place}"]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer, nullable(schema) | {"components": document["components"]})


def nullable(schema):
    """OpenAPI 3.0's ``nullable`` in JSON Schema's words."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: nullable(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") is True else found


def test_every_kind_is_described(client, db):
    paths = json.loads(client.get("/api/schema/?format=json").content)["paths"]
    for kind in KINDS:
        assert set(paths[f"/api/alerts/{kind}"]) == {"get", "post"}
        assert set(paths[f"/api/alerts/{kind}/{{row_id}}"]) == {"get", "patch", "delete"}
    assert set(paths[f"/api/alerts/{CHANNELS.name}/{{row_id}}/test"]) == {"post"}
