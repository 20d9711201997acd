from gateway_admin.kong_api import errors
from proxy_engine.spec import ENTITY, Problem


def body(*problems):
    return errors.schema_violation(problems).body


def test_one_violation_is_told_with_its_field():
    assert body(Problem(("port",), "expected an integer")) == {
        "code": 2,
        "name": "schema violation",
        "message": "schema violation (port: expected an integer)",
        "fields": {"port": "expected an integer"},
    }


def test_several_come_sorted_with_the_entity_first():
    told = body(
        Problem(("path",), "should start with: /"),
        Problem(("host",), "required field missing"),
        Problem(ENTITY, "must set one of 'a', 'b'"),
    )
    assert told["message"] == (
        "3 schema violations (must set one of 'a', 'b'; host: required field missing; path: should start with: /)"
    )
    assert told["fields"]["@entity"] == ["must set one of 'a', 'b'"]


def test_items_of_a_list_are_counted_from_one_in_the_message():
    told = body(Problem(("protocols", 1), "expected one of: http"))
    assert told["message"] == "schema violation (protocols.2: expected one of: http)"
    assert told["fields"] == {"protocols": [None, "expected one of: http"]}


def test_one_level_is_flattened_and_the_rest_printed():
    told = body(
        Problem(("healthchecks", "active", "healthy", "interval"), "expected a number"),
        Problem(("healthchecks", "active", "headers"), "expected a map"),
        Problem(("healthchecks", "threshold"), "expected a number"),
    )
    assert told["message"] == (
        '2 schema violations (healthchecks.active: {headers="expected a map",healthy={interval="expected a number"}}; '
        "healthchecks.threshold: expected a number)"
    )


def test_the_first_of_two_problems_in_one_place_is_told():
    told = body(Problem(("a",), "first"), Problem(("a",), "second"), Problem(("a", "b"), "third"))
    assert told["fields"] == {"a": "first"}


def test_keys_are_quoted_as_kong_quotes_them():
    key = {"service": {"id": "1"}, "name": "x", "route": None}
    assert errors.taken(key).body["message"] == (
        """UNIQUE violation detected on '{name="x",route=null,service={id="1"}}'"""
    )


def test_what_lua_cannot_take_as_a_name_stands_in_brackets():
    assert errors.pretty({"x-y": 'say "a\\b"'}) == r'{["x-y"]="say \"a\\b\""}'
    assert errors.pretty([None, "b"]) == '{[2]="b"}'
