"""Children below their parents, and parents below their children."""

import pytest

from tests.gateway_admin.builders import a_consumer, a_group, a_route, a_service, to

pytestmark = pytest.mark.django_db
UNKNOWN = "11111111-2222-4333-8444-555555555555"


def test_a_child_belongs_to_the_parent_of_its_address(kong):
    one, other = a_service(name="one"), a_service(name="other")
    made = kong.post("/services/one/routes", {"paths": ["/"], "service": to(other)})
    assert (made.status_code, made.json()["service"]) == (201, to(one))
    assert [route["id"] for route in kong.get("/services/one/routes").json()["data"]] == [made.json()["id"]]
    assert kong.get("/services/other/routes").json() == {"data": [], "next": None}


def test_everything_below_a_parent_that_is_not_there_is_not_there(kong):
    for method, body in (("GET", None), ("POST", {"paths": ["/"]})):
        answer = kong.send(method, "/services/nobody/routes", body)
        assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})


def test_a_child_of_another_parent_is_not_found_and_put_moves_it(kong):
    one, other = a_service(name="one"), a_service(name="other")
    route = a_route(name="r", service=to(other))
    assert kong.get("/services/one/routes/r").json() == {"message": "Not found"}
    assert kong.patch("/services/one/routes/r", {}).json() == {"message": "Not found"}
    assert kong.delete("/services/one/routes/r").status_code == 404
    moved = kong.put("/services/one/routes/r", {"paths": ["/x"]})
    assert (moved.status_code, moved.json()["id"], moved.json()["service"]) == (200, str(route.pk), to(one))
    assert kong.delete("/services/one/routes/r").status_code == 204
    assert kong.delete("/services/one/routes/r").status_code == 404  # unlike at the root


def test_the_parent_can_be_reached_through_the_child(kong):
    service = a_service(name="one", retries=1)
    a_route(name="r", service=to(service))
    assert kong.get("/routes/r/service").json()["id"] == str(service.pk)
    assert kong.patch("/routes/r/service", {"retries": 2}).json()["retries"] == 2
    put = kong.put("/routes/r/service", {"host": "b"}).json()
    assert (put["id"], put["host"], put["name"]) == (str(service.pk), "b", None)
    assert kong.delete("/routes/r/service").status_code == 405


def test_put_of_a_parent_that_is_not_there_makes_and_links_it(kong):
    a_route(name="r")
    for method in ("GET", "PATCH", "DELETE"):
        assert kong.send(method, "/routes/r/service", {}).status_code == 404
    made = kong.put("/routes/r/service", {"host": "b", "name": "made"})
    assert made.status_code == 200, made.content
    assert kong.get("/routes/r").json()["service"] == {"id": made.json()["id"]}


@pytest.mark.parametrize("path", ["/targets", f"/targets/{UNKNOWN}", f"/snis/{UNKNOWN}/certificate", "/workspaces"])
def test_addresses_that_kong_does_not_have(kong, path):
    answer = kong.get(path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})


# --- Credentials -------------------------------------------------------------------------------------------


def test_a_group_is_named_below_its_consumer(kong):
    alice, bob = a_consumer(username="alice"), a_consumer(username="bob")
    group = a_group(bob, group="gold")
    made = kong.put("/consumers/alice/acls/gold", {})
    assert (made.status_code, made.json()["consumer"], made.json()["group"]) == (200, to(alice), "gold"), made.content
    assert made.json()["id"] != str(group.pk)
    assert kong.put("/consumers/alice/acls/gold", {}).json()["id"] == made.json()["id"]
    assert kong.get("/consumers/bob/acls/gold").json()["id"] == str(group.pk)
    assert kong.delete("/consumers/alice/acls/gold").status_code == 204
    assert kong.get("/consumers/alice/acls/gold").status_code == 404
    assert kong.get(f"/acls/{group.pk}/consumer").json()["username"] == "bob"


def test_keys_are_found_by_themselves(kong):
    a_consumer(username="alice")
    made = kong.put("/consumers/alice/key-auth/open-sesame", {}).json()
    assert made["key"] == "open-sesame"
    assert "updated_at" not in made
    assert "ttl" not in made
    assert "expires_at" not in made
    assert kong.get("/key-auths/open-sesame").json() == made
    assert kong.get("/key-auths/open-sesame/consumer").json()["username"] == "alice"
    invented = kong.form("POST", "/consumers/alice/key-auth", "").json()
    assert len(invented["key"]) == 32


def test_a_key_tells_how_long_it_lasts(kong):
    a_consumer(username="alice")
    made = kong.form("POST", "/consumers/alice/key-auth", "ttl=60")
    assert made.status_code == 201, made.content
    assert 55 <= made.json()["ttl"] <= 60


def test_a_password_is_answered_as_a_hash(kong):
    a_consumer(username="alice")
    made = kong.form("POST", "/consumers/alice/basic-auth", "username=alice&password=pw").json()
    assert len(made["password"]) == 40
    assert kong.patch("/basic-auths/alice", {"tags": ["x"]}).json()["password"] == made["password"]


def test_credentials_need_a_consumer(kong):
    told = kong.post("/key-auths", {"key": "k"}).json()["message"]
    assert told == "schema violation (consumer: required field missing)"


def test_consumers_are_found_by_custom_id(kong):
    alice = a_consumer(custom_id="a-1")
    a_consumer()
    assert [found["id"] for found in kong.get("/consumers?custom_id=a-1").json()["data"]] == [str(alice.pk)]
    assert kong.get("/consumers?custom_id=x").json()["data"] == []
    assert kong.get("/consumers?custom_id=").json() == {"message": "custom_id must be an unempty string"}
