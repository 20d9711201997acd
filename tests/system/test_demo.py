"""``make demo``: something to look at, without having set up anything."""

from collections import Counter

import pytest

from tests.support.client import Session
from tests.support.ports import free_ports
from tests.support.stack import Stack


@pytest.fixture
def demo(tmp_path):
    ports = ",".join(map(str, free_ports(2)))
    stack = Stack(tmp_path / "var", arguments=("--demo", "--echo-ports", ports))
    stack.start()
    yield stack
    stack.destroy()


def names(stack, times):
    session = Session(stack.proxy)
    try:
        return Counter(session.get("/demo/hello").json["name"] for _ in range(times))
    finally:
        session.close()


def test_both_echo_targets_answer_and_a_second_start_adds_nothing(demo):
    assert names(demo, 20) == {"echo-a": 10, "echo-b": 10}
    targets = demo.api.call("GET", "targets").json["data"]
    demo.stop()
    demo.start()
    assert names(demo, 20) == {"echo-a": 10, "echo-b": 10}
    again = demo.api.call("GET", "targets").json["data"]
    assert [target["id"] for target in again] == [target["id"] for target in targets]
