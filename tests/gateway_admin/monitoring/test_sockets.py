"""Sockets through the whole ASGI application: who may open one, what arrives, when it ends."""

import asyncio
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.test import Client

from gateway_admin.accounts.models import User
from gateway_admin.asgi import application
from gateway_admin.monitoring import sockets
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_ejection, an_upstream, edit

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_S = 5
SILENCE_S = 0.3
in_thread = sync_to_async


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(sockets, "PAUSE_S", 0.01)


@pytest.fixture
def alice(db):
    return User.objects.create_user("alice", password="correct horse", role="operator")


@pytest.fixture
def client(alice):
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def upstream(db):
    return an_upstream("pool")


@pytest.fixture
def target(upstream):
    return a_target(upstream, "10.0.0.1:8080")


class Page:
    """A browser's tab."""

    def __init__(self, path, client=None, origin="http://localhost"):
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        if client is not None:
            cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
            headers.append((b"cookie", cookies.encode()))
        self._socket = WebsocketCommunicator(application, path, headers=headers)

    async def __aenter__(self):
        self.is_open, self.code = await self._socket.connect(timeout=WAIT_S)
        return self

    async def __aexit__(self, *_):
        await self._socket.disconnect()

    async def html(self) -> str:
        return await self._socket.receive_from(timeout=WAIT_S)

    async def html_with(self, text) -> str:
        """The first push that has it: one that was under way may still come before."""
        async with asyncio.timeout(WAIT_S):
            while text not in (html := await self.html()):
                pass
        return html

    async def closed(self) -> int:
        message = await self._socket.receive_output(timeout=WAIT_S)
        while message["type"] != "websocket.close":
            message = await self._socket.receive_output(timeout=WAIT_S)
        return message["code"]

    async def is_silent(self) -> bool:
        return await self._socket.receive_nothing(timeout=SILENCE_S)


def path_of(upstream):
    return f"/ws/upstreams/{upstream.pk}/"


# --- Who may -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/ws/overview/", "/ws/engines/", "/ws/upstreams/00000000-0000-4000-8000-000000000001/"]
)
async def test_a_stranger_is_told_to_sign_in(path):
    async with Page(path) as page:
        assert await page.closed() == 4401


@pytest.mark.parametrize(
    "origin",
    ["http://elsewhere.example", "http://localhost:3000", "http://localhost.elsewhere.example", "null", "", "http://["],
)
async def test_another_origin_is_refused_and_logged(client, origin, caplog):
    async with Page("/ws/overview/", client, origin=origin) as page:
        assert not page.is_open
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("permissions")]
    assert line.startswith("denied to 'a stranger' from ")
    assert f"'WEBSOCKET /ws/overview/': the origin {origin!a} is not ours" in line


async def test_an_address_that_is_nobodys_is_refused(client):
    async with Page("/ws/nothing/", client) as page:
        assert not page.is_open


# --- What arrives ------------------------------------------------------------------------------------------


async def test_a_page_gets_its_fragments_at_once(client, upstream, target):
    async with Page(path_of(upstream), client) as page:
        html = await page.html()
    for element in (f"targets-{target.upstream_id}", f"ready-{target.upstream_id}", "engines"):
        assert f'id="{element}"' in html


async def test_a_flip_arrives_on_the_page_of_its_upstream(client, upstream, target):
    async with Page(path_of(upstream), client) as page:
        await page.html()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        assert "unhealthy" in await page.html_with("3 of 3 HTTP failures: 503, 503, 503")


async def test_a_flip_elsewhere_does_not(client, upstream, target):
    other = await in_thread(an_upstream)()
    async with Page(path_of(other), client) as page:
        await page.html()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        assert await page.is_silent()


async def test_an_ejection_arrives_with_the_report_that_tells_it(client, upstream, target):
    report = a_report(ejected=([],))
    await in_thread(record_engine)(report)
    async with Page(path_of(upstream), client) as page:
        await page.html()
        out = replace(report, workers=[replace(report.workers[0], ejected=[an_ejection(target)])])
        await in_thread(record_engine)(out)
        assert "ejected" in await page.html_with("5 failures in a row: connection refused")
        await in_thread(record_engine)(report)
        assert "ejected" not in await page.html_with(f"targets-{upstream.pk}")


async def test_an_edit_arrives(client, upstream, target):
    async with Page(path_of(upstream), client) as page:
        await page.html()
        await in_thread(edit)(target, weight=17)
        await page.html_with('value="17"')


async def test_the_overview_hears_of_flips_and_engines(client, upstream, target):
    async with Page("/ws/overview/", client) as page:
        assert 'id="overview-board"' in await page.html()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        await page.html_with("3 of 3 HTTP failures")
        await in_thread(record_engine)(a_report(name="edge-7"))
        await page.html_with("edge-7")


async def test_other_pages_hear_of_engines_only(client, upstream, target):
    async with Page("/ws/engines/", client) as page:
        assert "no engine running" in await page.html()
        await in_thread(record_engine)(a_report())
        assert "targets-" not in await page.html_with("1 of 1 engine behind version 2")


async def test_many_notices_make_few_pushes(client, upstream, target, monkeypatch):
    monkeypatch.setattr(sockets, "PAUSE_S", 0.2)
    async with Page(path_of(upstream), client) as page:
        await page.html()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        layer = get_channel_layer()
        for seq in range(50):
            await layer.group_send(f"upstream-{target.upstream_id}", {"type": "health.changed", "seq": seq})
        await page.html_with("3 of 3 HTTP failures")
        assert await page.is_silent()


async def test_a_lost_notice_is_made_up_for(client, upstream, target, monkeypatch):
    monkeypatch.setattr(sockets, "REFRESH_S", 0.1)
    monkeypatch.setattr("gateway_admin.monitoring.notices._tell", lambda groups, message: None)
    async with Page(path_of(upstream), client) as page:
        await page.html()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        await page.html_with("3 of 3 HTTP failures")


# --- When it ends ------------------------------------------------------------------------------------------


async def test_signing_out_ends_it(client, upstream, target):
    async with Page(path_of(upstream), client) as page:
        await page.html()
        await in_thread(client.logout)()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        assert await page.closed() == 4401


async def test_deactivating_the_user_ends_it(client, alice, upstream, target):
    async with Page(path_of(upstream), client) as page:
        await page.html()
        await in_thread(User.objects.filter(pk=alice.pk).update)(is_active=False)
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        assert await page.closed() == 4401


async def test_a_new_password_ends_it(client, alice, upstream, target):
    async with Page(path_of(upstream), client) as page:
        await page.html()
        alice.set_password("battery staple")
        await in_thread(alice.save)()
        await in_thread(mark_targets)([a_flip(target)], source=Source.ACTIVE)
        assert await page.closed() == 4401


async def test_a_page_that_one_may_not_read_has_no_socket(client, upstream, target, monkeypatch, caplog):
    monkeypatch.setattr(sockets.UpstreamSocket, "kind", "users")
    async with Page(path_of(upstream), client) as page:
        assert await page.closed() == 4403
    assert f"denied to 'alice' from '': 'WEBSOCKET {path_of(upstream)}'" in caplog.text


async def test_a_viewer_is_sent_no_buttons(client, alice, upstream, target):
    async with Page(path_of(upstream), client) as page:
        assert "Disable" in await page.html()
    alice.role = "viewer"
    await in_thread(alice.save)()
    async with Page(path_of(upstream), client) as page:
        assert "Disable" not in await page.html()


async def test_a_page_that_cannot_be_rendered_is_tried_again(client, upstream, target, monkeypatch):
    broken = True

    def fragments(upstream_id, user):
        if broken:
            raise OSError("the database is away")
        return "<p id=ok></p>"

    monkeypatch.setattr(sockets, "upstream_fragments", fragments)
    monkeypatch.setattr(sockets, "REFRESH_S", 0.05)
    async with Page(path_of(upstream), client) as page:
        assert await page.is_silent()
        broken = False
        await page.html_with("<p id=ok></p>")


async def test_without_a_channel_layer_the_page_is_told_to_come_back(client, upstream, target, monkeypatch):
    async def away(self):
        raise OSError("no Redis")

    monkeypatch.setattr(sockets.LiveSocket, "_join", away)
    async with Page(path_of(upstream), client) as page:
        assert await page.closed() == 1013
