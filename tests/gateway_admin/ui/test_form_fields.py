"""Text ⇄ value of each kind of form field, and that the forms know every field of the spec."""

import pytest
from django import forms

from gateway_admin.catalog.forms.fields import field_for, number, read_address, write_address
from gateway_admin.catalog.forms.layout import ATTRIBUTES, BY_ACTION, LAYOUT, PRESETS, labels, rule_at, value_at
from proxy_engine import spec
from proxy_engine.spec.schema import nest

BESIDE = {"certificates": {"snis"}}  # rows of their own, edited along
COMPUTED = {"ca_certificates": {"cert_digest"}}


def every_path(fields, before=""):
    for name, field in fields.items():
        if isinstance(field, spec.Record):
            yield from every_path(field.fields, f"{before}{name}.")
        else:
            yield f"{before}{name}"


@pytest.mark.parametrize("kind", LAYOUT)
def test_each_field_of_the_spec_stands_in_exactly_one_section(kind):
    placed = [path for section in LAYOUT[kind] for path in section.fields]
    fields = {name: field for name, field in spec.KINDS[kind].fields.items() if (kind, name) not in BY_ACTION}
    asked = {*every_path(fields), *BESIDE.get(kind, ())} - COMPUTED.get(kind, set())
    assert sorted(placed) == sorted(asked)


def test_presets_and_attributes_name_fields_that_exist():
    for preset in PRESETS.values():
        assert all(rule_at("upstreams", path) for path in preset.values)
    assert all(rule_at(kind, path) for kind, path in ATTRIBUTES)


def test_presets_are_valid_and_act():
    values = spec.merge("upstreams", spec.defaults("upstreams"), {"name": "a"})
    for preset in PRESETS.values():
        values = spec.merge("upstreams", values, nest(preset.values))
    assert spec.check("upstreams", values).problems == []


TEXTS = [  # kind, field, text, value
    ("services", "name", " a ", "a"),
    ("services", "name", "", None),
    ("services", "port", "8080", 8080),
    ("services", "port", "eighty", "eighty"),
    ("services", "port", "80.5", 80.5),
    ("services", "tls_verify", "True", True),
    ("services", "tls_verify", "False", False),
    ("services", "tls_verify", "", None),
    ("services", "protocol", "https", "https"),
    ("services", "protocol", "gopher", "gopher"),
    ("routes", "https_redirect_status_code", "301", 301),
    ("routes", "paths", "/a\n\n /b \r\n", ["/a", "/b"]),
    ("routes", "paths", " \n", None),
    ("routes", "headers", "X-A: 1, 2\nX-B:3\nX-A: 4", {"X-A": ["1", "2", "4"], "X-B": ["3"]}),
    ("routes", "headers", "", None),
    ("routes", "sources", "10.0.0.0/8\n10.1.1.1:80\n:443", [
        {"ip": "10.0.0.0/8", "port": None}, {"ip": "10.1.1.1", "port": 80}, {"ip": None, "port": 443},
    ]),
    ("upstreams", "healthchecks.active.timeout", "0.5", 0.5),
    ("upstreams", "healthchecks.active.healthy.http_statuses", "200, 302 404", [200, 302, 404]),
    ("upstreams", "healthchecks.active.healthy.http_statuses", "200, ok", [200, "ok"]),
    ("upstreams", "healthchecks.active.healthy.http_statuses", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "text", "value"), TEXTS)
def test_text_becomes_the_value_it_means(kind, path, text, value):
    assert field_for(rule_at(kind, path)).to_python(text) == value


VALUES = [
    ("services", "port", 80),
    ("upstreams", "healthchecks.active.timeout", 1.0),
    ("upstreams", "healthchecks.active.timeout", 0.25),
    ("services", "tls_verify", False),
    ("routes", "paths", ["/a", "~/b$"]),
    ("routes", "headers", {"X-A": ["1", "2"]}),
    (
        "routes",
        "destinations",
        [{"ip": "2001:db8::1", "port": 80}, {"ip": "10.0.0.1", "port": None}, {"ip": None, "port": 1}],
    ),
    ("upstreams", "healthchecks.passive.healthy.http_statuses", [200, 201]),
    ("routes", "service", {"id": "6d4c1f0e-0000-4000-8000-000000000000"}),
]


@pytest.mark.parametrize(("kind", "path", "value"), VALUES)
def test_a_stored_value_survives_being_shown_and_sent_back(kind, path, value):
    field = field_for(rule_at(kind, path))
    shown = field.prepare_value(value)
    assert field.to_python(str(shown)) == value


def test_a_header_without_a_colon_is_refused_by_name():
    with pytest.raises(forms.ValidationError, match="“X-A 1” has no colon"):
        field_for(rule_at("routes", "headers")).to_python("X-A 1")


@pytest.mark.parametrize(
    ("line", "ip", "port"),
    [("10.0.0.1", "10.0.0.1", None), ("10.0.0.1:80", "10.0.0.1", 80), ("[::1]:80", "::1", 80), ("[::1]", "::1", None),
     ("2001:db8::/32", "2001:db8::/32", None), (":80", None, 80), ("a:b", "a", "b")],
)  # fmt: skip
def test_addresses_are_read(line, ip, port):
    assert read_address(line) == {"ip": ip, "port": port}


@pytest.mark.parametrize(("ip", "port", "line"), [("::1", 80, "[::1]:80"), ("::1", None, "::1"), (None, 80, ":80")])
def test_addresses_are_written(ip, port, line):
    assert write_address(ip, port) == line


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ("-7", -7), ("7.5", 7.5), ("x", "x"), ("9" * 5000, float("inf"))]
)
def test_numbers_that_are_none_stay_text(text, value):
    assert number(text) == value


def test_labels_are_made_from_names_unless_given():
    assert labels("read_timeout", port="Number") == {"read_timeout": "Read timeout", "port": "Number"}


def test_dotted_paths_lead_into_records():
    assert nest({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert value_at({"a": {"b": 1}}, "a.b") == 1
    assert value_at({"a": None}, "a.b") is None
