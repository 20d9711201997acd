"""What a worker's circuit breakers keep out comes with the node's report: a supervisor with two real workers."""

from __future__ import annotations

import time
from dataclasses import replace

from proxy_engine.net.listen import Listen
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.targets import a_response, answering
from tests.proxy_engine.support.waiting import until

BAD = a_response(b"no", status=b"503 Service Unavailable")
RULES = {"consecutive_failures": 2, "max_ejected": 100, "open_time": 600}


async def test_an_ejection_is_the_workers_own_and_the_control_plane_hears_of_it(make_node, scene, origin):
    origin.script = answering(BAD)
    rules = values("upstreams", circuit_breaker=RULES)["circuit_breaker"]
    scene.source.edit("upstreams", scene.upstream | {"circuit_breaker": rules})
    node = make_node(scene.source)
    node.supervisor.settings = replace(node.supervisor.settings, proxy_listen=(Listen("127.0.0.1", 0),))
    await node.start()
    for _ in range(2):
        client = await node.connect(node.supervisor.workers[0].sockets[0].getsockname()[1])
        assert (await client.ask(a_request("/", b"Connection: close"))).status == 503
    await until(lambda: node.reporter.last.workers[0].ejected)

    one, other = node.reporter.last.workers
    (told,) = one.ejected
    assert (told.target_id, told.state) == (scene.target["id"], "open")
    assert told.cause == "2 failures in a row: 503; ejected for 600 s"
    assert told.since <= time.time() + 1 < told.until
    assert other.ejected == []
