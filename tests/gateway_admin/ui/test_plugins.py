"""Plugins: chosen, configured by a form made from their settings, bound, switched, listed where they act."""

import pytest
from django.test import Client
from django.urls import reverse

from gateway_admin.catalog.forms import EntityForm
from gateway_admin.catalog.forms.fields import field_for
from gateway_admin.catalog.forms.layout import rule_at
from gateway_admin.catalog.forms.plugin_layout import sections_of
from gateway_admin.catalog.models import Change, Plugin
from proxy_engine import spec
from tests.gateway_admin.builders import a_consumer, a_plugin, a_route, a_service, a_user, to

from .forms import errors
from .test_form_fields import every_path

LIMIT = {"name": "rate-limiting", "config": {"minute": 5}}


def new(page, name, **typed):
    return page.submit("plugin-new", query=f"?name={name}", **typed)


def rule(name, path):
    return rule_at("plugins", path, {"name": name})


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_each_setting_stands_in_exactly_one_section(name):
    placed = [path for section in sections_of(name) for path in section.fields]
    every = every_path(spec.KINDS["plugins"].fields_for({"name": name}))
    assert sorted(placed) == sorted(
        path for path in every if path != "name" and not getattr(rule(name, path), "forbidden", False)
    )


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_what_a_form_shows_of_defaults_reads_as_the_defaults(name):
    values = spec.defaults("plugins", {"name": name}) | {"name": name}
    form = EntityForm("plugins", values=values, options={}, given={"name": name})
    for path, field in form.fields.items():
        if path != "version":
            default = rule(name, path).fresh_default()
            shown = field.prepare_value(default)
            typed = shown if shown is None or isinstance(shown, (bool, list)) else str(shown)
            assert field.to_python(typed) == default, path


NEEDED = {
    "acl": {"config__allow": "gold"},
    "ip-restriction": {"config__allow": "10.0.0.0/8\n192.0.2.1"},
    "rate-limiting": {"config__minute": "5"},
    "proxy-cache": {"config__strategy": "memory"},
}


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_each_plugin_is_made_by_its_form_and_edited_without_a_change(page, name):
    made = new(page, name, **NEEDED.get(name, {}))
    assert made.status_code == 303, errors(made)
    plugin = Plugin.objects.get()
    assert plugin.name == name
    assert spec.check("plugins", plugin.to_values()).problems == []
    page.submit("entity-edit", "plugins", plugin.pk)
    assert Change.objects.count() == 1
    assert page.get("entity", "plugins", plugin.pk).status_code == 200


def test_one_first_chooses_which(page):
    text = page.get("plugin-new").text
    assert text.count('href="?name=') == 2 * len(spec.PLUGINS)
    assert page.get("plugin-new", query="?name=no-such").text.count("Choose") == len(spec.PLUGINS)


def test_only_those_are_offered_that_may_be_bound_so(page):
    consumer = a_consumer()
    text = page.get("plugin-new", query=f"?consumer={consumer.pk}").text
    assert f'href="?consumer={consumer.pk}&amp;name=rate-limiting"' in text
    assert "name=key-auth" not in text


def test_nested_settings_lists_and_numbers_are_stored_as_such(page):
    redis = {"config__policy": "redis", "config__redis__host": "redis.local", "config__redis__port": "6380"}
    new(page, "rate-limiting", config__minute="5", config__limit_by="header", config__header_name="X-Who", **redis)
    config = Plugin.objects.get().config
    assert (config["minute"], config["limit_by"], config["second"]) == (5, "header", None)
    assert (config["redis"]["host"], config["redis"]["port"]) == ("redis.local", 6380)


BAD = [
    ("rate-limiting", {"config__minute": "five"}, "config.minute"),
    ("rate-limiting", {"config__minute": "0"}, "config.minute"),
    ("rate-limiting", {}, "__all__"),
    ("rate-limiting", {"config__hour": "1", "config__minute": "5"}, "__all__"),
    ("rate-limiting", {"config__minute": "5", "config__policy": "redis"}, "config.redis.host"),
    ("rate-limiting", {"config__minute": "5", "config__redis__port": "70000"}, "config.redis.port"),
    ("ip-restriction", {"config__allow": "10.0.0.0/8\nnowhere"}, "config.allow"),
    ("cors", {"config__methods": "GET, FETCH"}, "config.methods"),
    ("cors", {"config__origins": "("}, "config.origins"),
    ("request-transformer", {"config__add__headers": "no colon"}, "config.add.headers"),
    ("proxy-cache", {"config__strategy": ""}, "config.strategy"),
    ("proxy-cache", {"config__strategy": "memory", "config__response_code": "200, 99"}, "config.response_code"),
    ("key-auth", {"protocols": []}, "protocols"),
    ("key-auth", {"service": "nowhere"}, "service"),
    ("key-auth", {"instance_name": "a b"}, "instance_name"),
]


@pytest.mark.parametrize(("name", "typed", "field"), BAD)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(page, name, typed, field):
    assert field in errors(new(page, name, **typed))
    assert not Plugin.objects.exists()


def test_a_plugin_is_bound_by_name_or_id(page):
    service = a_service(name="orders")
    route = a_route(service=to(service))
    new(page, "rate-limiting", config__minute="5", service="orders", route=str(route.pk))
    plugin = Plugin.objects.get()
    assert (plugin.service_id, plugin.route_id, plugin.consumer_id) == (service.pk, route.pk, None)
    assert 'value="orders"' in page.get("entity-edit", "plugins", plugin.pk).text


def test_from_the_page_of_a_service_it_is_bound_to_it(page):
    service = a_service(name="orders")
    text = page.get("entity-tab", "services", service.pk, "plugins").text
    assert f"/admin-ui/plugins/new/?service={service.pk}" in text
    assert "change no traffic" in text
    form = page.get("plugin-new", query=f"?service={service.pk}&name=key-auth")
    assert 'value="orders"' in form.text


def test_the_same_twice_is_refused(page):
    a_plugin()
    assert errors(new(page, "key-auth"))
    assert Plugin.objects.count() == 1


@pytest.mark.parametrize("kind", ["services", "routes", "consumers"])
def test_what_it_is_bound_to_shows_it(page, kind):
    row = {"services": a_service, "routes": a_route, "consumers": a_consumer}[kind]()
    bound = a_plugin(**LIMIT, **{kind.removesuffix("s"): to(row)}, instance_name="mine")
    a_plugin(**LIMIT, instance_name="everybodys")
    text = page.get("entity-tab", kind, row.pk, "plugins").text
    assert reverse("entity", args=["plugins", bound.pk]) in text
    assert "everybodys" not in text


def test_plugins_are_switched_in_the_list_and_one_stays_there(page):
    plugin = a_plugin()
    off = reverse("plugin-disable", args=[plugin.pk])
    text = page.get("entity-list", "plugins", query="?state=enabled").text
    assert f"{off}?next=%2Fadmin-ui%2Fplugins%2F%3Fstate%3Denabled" in text
    gone = page.client.post(f"{off}?next=/admin-ui/plugins/?state=enabled")
    assert gone["Location"] == "/admin-ui/plugins/?state=enabled"
    assert not Plugin.objects.get().enabled
    page.post("plugin-enable", plugin.pk)
    assert Plugin.objects.get().enabled


def test_a_switch_leads_to_no_foreign_page(page):
    plugin = a_plugin()
    gone = page.client.post(f"{reverse('plugin-disable', args=[plugin.pk])}?next=//evil.example/")
    assert gone["Location"] == reverse("entity", args=["plugins", plugin.pk])


def test_a_viewer_switches_nothing(db):
    plugin = a_plugin()
    client = Client()
    client.force_login(a_user("vera", role="viewer"))
    assert client.post(reverse("plugin-disable", args=[plugin.pk])).status_code == 403
    assert client.get(reverse("plugin-new")).status_code == 403
    assert ">Disable<" not in client.get(reverse("entity-list", args=["plugins"])).text
    assert Plugin.objects.get().enabled


NARROWED = [
    ("?scope=global", ["key-auth"]),
    ("?scope=service", ["cors"]),
    ("?scope=consumer", ["rate-limiting"]),
    ("?name=cors", ["cors"]),
    ("?q=orders", ["cors"]),
    ("?q=mobile", ["rate-limiting"]),
    ("?state=disabled", ["rate-limiting"]),
]


@pytest.mark.parametrize(("query", "found"), NARROWED)
def test_the_list_narrows_by_what_a_plugin_acts_on(page, query, found):
    a_plugin()
    a_plugin(name="cors", service=to(a_service(name="orders")))
    a_plugin(**LIMIT, consumer=to(a_consumer(username="mobile")), enabled=False)
    rows = page.get("entity-list", "plugins", query=query).context["listing"].rows
    assert [row.name for row in rows] == found


SECRET = "hunter2"


@pytest.fixture
def with_secret(db):
    redis = {"host": "redis.local", "password": SECRET}
    return a_plugin(name="rate-limiting", config={"minute": 5, "policy": "redis", "redis": redis})


def test_secret_settings_are_never_shown(page, with_secret):
    tabs = [("entity-tab", "plugins", with_secret.pk, slug) for slug in ("configuration", "history")]
    for place in (("entity", "plugins", with_secret.pk), ("entity-edit", "plugins", with_secret.pk), *tabs):
        assert SECRET not in page.get(*place).text


def password():
    return Plugin.objects.get().config["redis"]["password"]


def test_a_secret_setting_stays_is_replaced_and_goes(page, with_secret):
    edit = ("entity-edit", "plugins", with_secret.pk)
    page.submit(*edit, config__minute="6")
    assert (Plugin.objects.get().config["minute"], password()) == (6, SECRET)
    page.submit(*edit, config__redis__password="other")
    assert password() == "other"
    page.submit(*edit, config__redis__password__goes="on")
    assert password() is None


def test_a_clone_has_the_settings_without_the_secrets(page, with_secret):
    form = page.get("plugin-new", query=f"?copy={with_secret.pk}").context["form"]
    assert form["config.minute"].value() == 5
    assert form["config.redis.password"].value() is None


def test_hostile_settings_stay_text(page):
    plugin = a_plugin(name="request-termination", config={"message": "<b>&\"'"})
    for place in (("entity", "plugins", plugin.pk), ("entity-edit", "plugins", plugin.pk)):
        assert "<b>&" not in page.get(*place).text


ENTRIES = [
    ("a:1", ["a:1"]),
    ("a:1\r\n    2\r\n\r\nb:3", ["a:1\n2", "b:3"]),
    ("a:\n      deep", ["a:\n  deep"]),
    (" \n", []),
]


@pytest.mark.parametrize(("text", "value"), ENTRIES)
def test_entries_of_several_lines(text, value):
    field = field_for(rule("request-transformer", "config.add.body"))
    assert field.to_python(text) == value
    assert field.to_python(field.prepare_value(value)) == value


def test_texts_keep_their_lines():
    field = field_for(rule("request-termination", "config.body"))
    assert field.to_python("  a\r\nb\n") == "  a\nb\n"
    assert field.to_python(" \r\n") is None
