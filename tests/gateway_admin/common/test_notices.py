"""Notices: sent at once by whoever has no event loop, and by the event loop for the requests it serves."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from gateway_admin.common import notices
from gateway_admin.common.notices import Letterbox, tell

WAIT_S = 20


class Layer:
    """Keeps what it is sent, and hands nothing on until it is told to."""

    def __init__(self, *, is_open=True):
        self.sent = []
        self.news = asyncio.Event()
        self.open = asyncio.Event()
        if is_open:
            self.open.set()

    async def group_send(self, group, message):
        self.sent.append((group, message))
        self.news.set()
        await self.open.wait()

    async def has(self, count):
        async with asyncio.timeout(WAIT_S):
            while len(self.sent) < count:
                self.news.clear()
                await self.news.wait()


@pytest.fixture
def layer_in_use(monkeypatch):
    def use(layer):
        monkeypatch.setattr(notices, "get_channel_layer", lambda: layer)
        return layer

    return use


def told(number, *groups):
    tell([*groups] or ["config"], {"version": number}, otherwise="nobody heard")


def test_without_a_loop_it_is_sent_on_return(layer_in_use):
    layer = layer_in_use(Layer())

    told(1, "config", "overview")

    assert layer.sent == [("config", {"version": 1}), ("overview", {"version": 1})]


async def test_a_request_does_not_wait_for_the_layer(layer_in_use):
    layer = layer_in_use(Layer(is_open=False))

    with Letterbox(asyncio.get_running_loop()).in_use():
        async with asyncio.timeout(WAIT_S):
            await sync_to_async(told, thread_sensitive=False)(1)

    await layer.has(1)
    layer.open.set()


async def test_of_a_burst_the_first_and_the_newest_are_sent(layer_in_use):
    layer = layer_in_use(Layer(is_open=False))

    with Letterbox(asyncio.get_running_loop()).in_use():
        told(1)
        await layer.has(1)
        for number in range(2, 50):
            await sync_to_async(told, thread_sensitive=False)(number)
        await sync_to_async(told, thread_sensitive=False)(7, "health")
    layer.open.set()
    await layer.has(3)

    assert layer.sent == [("config", {"version": 1}), ("config", {"version": 49}), ("health", {"version": 7})]


async def test_a_layer_that_fails_is_told_of_and_asked_again(layer_in_use, caplog):
    class Flaky(Layer):
        async def group_send(self, group, message):
            if group == "config":
                raise ConnectionRefusedError("no Redis")
            await super().group_send(group, message)

    layer = layer_in_use(Flaky())
    with Letterbox(asyncio.get_running_loop()).in_use():
        told(1, "config")
        told(2, "health")
        await layer.has(1)

    assert layer.sent == [("health", {"version": 2})]
    assert "nobody heard: no Redis" in caplog.text
