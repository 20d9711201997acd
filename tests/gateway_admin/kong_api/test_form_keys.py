import pytest

from gateway_admin.kong_api.form_keys import MAX_STEPS, document

CASES = [
    ([("name", "a")], {"name": "a"}),
    ([("healthchecks.active.http_path", "/status")], {"healthchecks": {"active": {"http_path": "/status"}}}),
    ([("paths[]", "/a"), ("paths[]", "/b")], {"paths": ["/a", "/b"]}),
    ([("paths[2]", "/b"), ("paths[1]", "/a")], {"paths": ["/a", "/b"]}),
    ([("config.key_names[1]", "apikey")], {"config": {"key_names": ["apikey"]}}),
    ([("headers[x.y]", "v")], {"headers": {"x.y": "v"}}),
    ([("headers.location[]", "eu"), ("headers.location[]", "us")], {"headers": {"location": ["eu", "us"]}}),
    ([("a.b[2].c", "v"), ("a.b[1].c", "u")], {"a": {"b": [{"c": "u"}, {"c": "v"}]}}),
    ([("methods", "GET"), ("methods", "POST"), ("methods", "PUT")], {"methods": ["GET", "POST", "PUT"]}),
    ([("service.id", "1"), ("service.name", "x")], {"service": {"id": "1", "name": "x"}}),
    # What reads as nothing stands for itself.
    ([(".a", "v")], {".a": "v"}),
    ([("a.", "v")], {"a.": "v"}),
    ([("a..b", "v")], {"a..b": "v"}),
    ([("a[b", "v")], {"a[b": "v"}),
    ([("a]b", "v")], {"a]b": "v"}),
    ([("[a]", "v")], {"[a]": "v"}),
    ([("", "v")], {"": "v"}),
    # What contradicts what came before replaces it.
    ([("a", "v"), ("a.b", "w")], {"a": {"b": "w"}}),
    ([("a.b", "w"), ("a", "v")], {"a": "v"}),
    # A place in a list costs nothing, however far out it is.
    ([("a[999999999]", "v")], {"a": ["v"]}),
    ([("a[2]", "v"), ("a[]", "w")], {"a": ["v", "w"]}),
    ([("a[9999999999]", "v")], {"a": {"9999999999": "v"}}),
    ([("a[x]", "v"), ("a[1]", "w")], {"a": {"x": "v", "1": "w"}}),
]  # fmt: skip


@pytest.mark.parametrize(("pairs", "wanted"), CASES, ids=[str(pairs) for pairs, _ in CASES])
def test_names_of_fields_say_where_their_values_stand(pairs, wanted):
    assert document(pairs) == wanted


def test_nesting_beyond_reason_is_a_name():
    name = ".".join("a" * (MAX_STEPS + 1))
    assert document([(name, "v")]) == {name: "v"}
    assert document([(name[2:], "v")]) != {name[2:]: "v"}


def test_a_thousand_appended_values_keep_their_order():
    values = [str(number) for number in range(1000)]
    assert document([("a[]", value) for value in values]) == {"a": values}
