"""Traffic alone takes a target out, on every worker and on the pages, and the way back is never lost."""

from tests.support.client import request
from tests.support.eventually import eventually
from tests.support.scene import Scene

PASSIVE = {"passive": {"unhealthy": {"httpFailures": 3}}}
PASSIVE_OFF = {"passive": {"unhealthy": {"httpFailures": 0}}}


def test_errors_take_a_target_out_until_the_checks_are_switched_off(stack, targets):
    failing, _ = targets
    scene = Scene(stack, targets, healthcheck=PASSIVE)
    failing.behave(status=500)

    def is_out() -> bool:
        request("GET", scene.url)
        return scene.is_unhealthy("a")

    eventually(is_out, what="every worker leaves a out")
    eventually(lambda: stored(stack, scene)["health"] == "unhealthy", what="the mark is stored")
    assert stored(stack, scene)["healthCause"] == "3 of 3 HTTP failures: 500, 500, 500"
    asked = failing.count()
    assert {request("GET", scene.url).status for _ in range(20)} == {200}
    assert failing.count() == asked

    stack.api.apply("PATCH", f"upstreams/{scene.upstream['id']}", {"healthcheck": PASSIVE_OFF})
    eventually(lambda: scene.is_healthy("a"), what="the mark is lifted")


def stored(stack, scene) -> dict:
    return stack.api.call("GET", f"targets/{scene.targets['a']['id']}").json["data"]
