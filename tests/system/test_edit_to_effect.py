"""What is edited over REST is what the traffic does, from the moment the version is live."""

from collections import Counter

import pytest

from tests.support.client import Session, request
from tests.support.scene import Scene


def served_by(session, path, times):
    answers = [session.get(path) for _ in range(times)]
    assert {answer.status for answer in answers} == {200}
    return Counter(answer.headers["x-echo-name"] for answer in answers)


@pytest.fixture
def session(stack):
    """One connection, hence one worker."""
    session = Session(stack.proxy)
    yield session
    session.close()


def test_two_targets_get_half_each(stack, targets, session):
    scene = Scene(stack, targets)
    assert served_by(session, scene.path, 100) == {"a": 50, "b": 50}


def test_weights_of_three_and_one_give_75_and_25(stack, targets, session):
    scene = Scene(stack, targets, weights={"a": 3, "b": 1})
    assert served_by(session, scene.path, 100) == {"a": 75, "b": 25}


def test_every_worker_serves_a_live_version(stack, targets):
    scene = Scene(stack, targets)
    answers = [request("GET", scene.url) for _ in range(40)]  # each on a connection of its own
    assert {answer.status for answer in answers} == {200}
    workers = request("GET", f"{stack.status}/status").json["workers"]
    assert len(workers) == 2
    assert len({worker["version"] for worker in workers}) == 1


def test_a_patched_weight_counts_from_the_next_request_on(stack, targets, session):
    scene = Scene(stack, targets, weights={"a": 1, "b": 1})
    assert served_by(session, scene.path, 20) == {"a": 10, "b": 10}
    scene.patch_target("b", weight=0)
    assert served_by(session, scene.path, 20) == {"a": 20}
    scene.patch_target("b", weight=3)
    assert served_by(session, scene.path, 100) == {"a": 25, "b": 75}


def test_a_disabled_target_gets_nothing_and_comes_back(stack, targets, session):
    scene = Scene(stack, targets)
    scene.patch_target("a", enabled=False)
    assert served_by(session, scene.path, 20) == {"b": 20}
    scene.patch_target("a", enabled=True)
    assert served_by(session, scene.path, 20) == {"a": 10, "b": 10}


def test_a_deleted_target_gets_nothing(stack, targets, session):
    scene = Scene(stack, targets)
    stack.api.apply("DELETE", f"targets/{scene.targets['a']['id']}")
    assert served_by(session, scene.path, 20) == {"b": 20}


def test_a_deleted_route_answers_404(stack, targets):
    scene = Scene(stack, targets)
    stack.api.apply("DELETE", f"routes/{scene.route['id']}")
    answer = request("GET", scene.url)
    assert answer.status == 404
    assert b"no Route matched" in answer.body


def test_a_moved_route_answers_at_its_new_path(stack, targets):
    scene = Scene(stack, targets)
    stack.api.apply("PATCH", f"routes/{scene.route['id']}", {"paths": [f"{scene.path}-moved"]})
    assert request("GET", f"{scene.url}-moved").status == 200


def test_the_targets_see_the_path_without_the_routes_prefix(stack, targets):
    scene = Scene(stack, targets)
    answer = request("GET", f"{scene.url}/some/where?x=1")
    assert answer.json["path"] == "/some/where?x=1"


def test_a_request_body_arrives_whole(stack, targets):
    scene = Scene(stack, targets)
    answer = request("POST", scene.url, body=b"x" * 300_000)
    assert (answer.status, answer.json["body_bytes"]) == (200, 300_000)


def test_each_write_tells_its_version(stack, targets):
    scene = Scene(stack, targets)
    first = stack.api.write("PATCH", f"targets/{scene.targets['a']['id']}", {"weight": 7}).version
    second = stack.api.write("PATCH", f"targets/{scene.targets['a']['id']}", {"weight": 8}).version
    assert second == first + 1


def test_a_patch_that_changes_nothing_makes_no_version(stack, targets):
    scene = Scene(stack, targets)
    path = f"targets/{scene.targets['a']['id']}"
    version = stack.api.write("PATCH", path, {"weight": 7}).version
    assert stack.api.write("PATCH", path, {"weight": 7}).version == version
