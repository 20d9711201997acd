"""Targets that come and go at random, under load: no request fails as long as one of them could have answered it."""

from tests.support.echo_target import EchoTarget
from tests.support.flapping import Flapping
from tests.support.load import Load
from tests.support.scene import Scene

CHECKS = {
    "active": {
        "httpPath": "/health",
        "timeout": 0.5,
        "healthy": {"interval": 0.5, "successes": 1},
        "unhealthy": {"interval": 0.5, "httpFailures": 1, "tcpFailures": 1, "timeouts": 1},
    },
    "passive": {"unhealthy": {"httpFailures": 2, "tcpFailures": 2, "timeouts": 1}},
}
RULES = {
    "healthcheck": CHECKS,
    "retry": {"statuses": [503], "onReadTimeout": True},
    "connections": {"readTimeout": 500},
}
REQUESTS = 4000  # ten seconds


def test_no_request_fails_that_had_a_target_to_go_to(stack):
    with EchoTarget("steady") as steady, EchoTarget("b") as b, EchoTarget("c") as c, EchoTarget("d") as d:
        scene = Scene(stack, [steady, b, c, d], **RULES)
        with Load(scene.url, connections=16) as load, Flapping([b, c, d], seed=7, longest_s=1.5) as flapping:
            load.wait_for(REQUESTS, within=60)
    assert load.failures == []
    assert flapping.turns.total() > 10
    assert sum(load.record.answers[target.name] for target in (b, c, d)) > 100
