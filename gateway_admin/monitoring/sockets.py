"""Open pages, kept current: each socket renders again the fragments that its page is made of.

A notice only says that something is new. So notices that come close together make one push, and one that was lost costs
a few seconds: the page is rendered again now and then in any case. Before each push it is asked whether the person is
still signed in; a tab left open must not go on telling a former colleague what happens.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import MappingProxyType, SimpleNamespace

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict

from gateway_admin.catalog.changes import CONFIG_GROUP
from gateway_admin.catalog.views.live import reported_of_upstream, upstream_fragments
from gateway_admin.common.permissions import UNDECLARED, may, refusal_of_socket

from .notices import ENGINES, OVERVIEW, upstream_group
from .timeline import timeline_fragments
from .views import engines_fragment, overview_fragments

log = logging.getLogger(__name__)

SIGNED_OUT, FORBIDDEN = 4401, 4403  # the page does not try again after these codes (static/live.js)
TRY_AGAIN = 1013
PAUSE_S = 0.2  # between two pushes to one page
REFRESH_S = 15.0  # the longest between two looks at the truth

in_thread = partial(database_sync_to_async, thread_sensitive=False)


class LiveSocket(AsyncWebsocketConsumer):
    """One page. Subclasses say which groups concern it, what it is made of, and of which kind what it tells is."""

    kind: str | None = UNDECLARED

    def page_groups(self) -> list[str]:
        """Besides the engines, which stand in the top bar of every page."""
        raise NotImplementedError

    def render(self, *, user, only_engines: bool) -> str:
        """Elements with ids, for ``static/live.js`` to put in place, as this user may see them. Runs queries."""
        raise NotImplementedError

    async def __call__(self, scope, receive, send):
        self._news = asyncio.Event()
        self._page_is_stale = True
        self._pusher: asyncio.Task | None = None
        try:
            return await super().__call__(scope, receive, send)
        finally:
            if self._pusher is not None:
                self._pusher.cancel()
                await asyncio.wait([self._pusher])

    async def connect(self):
        await self.accept()  # only an accepted connection can be told why it is closed
        user = await in_thread(user_of)(self.scope)
        if not user.is_authenticated:
            await self.close(SIGNED_OUT)
        elif await in_thread(refusal_of_socket)(self.scope, user, self.kind):
            await self.close(FORBIDDEN)
        elif not await self._may_join():
            await self.close(TRY_AGAIN)
        else:
            self._news.set()  # what changed since the page was rendered
            self._pusher = asyncio.create_task(self._push())

    async def _may_join(self) -> bool:
        try:
            await self._join()
        except Exception as error:  # noqa: BLE001 - whatever the layer raises, the page comes back later
            log.warning("a page cannot be kept current: %s", error or type(error))
            return False
        return True

    async def _join(self):
        for group in (ENGINES, *self.page_groups()):
            await self.channel_layer.group_add(group, self.channel_name)

    async def disconnect(self, code):
        for group in (ENGINES, *self.page_groups()):
            with suppress(Exception):  # a layer that is away has forgotten us already
                await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        """Pages have nothing to say."""

    async def config_changed(self, notice):
        self._page_is_stale = True
        self._news.set()

    async def health_changed(self, notice):
        self._page_is_stale = True
        self._news.set()

    async def engines_changed(self, notice):
        self._news.set()

    async def _push(self):
        last = ""
        while True:
            await self._wait_for_news()
            only_engines, self._page_is_stale = not self._page_is_stale, False
            try:
                user = await in_thread(user_of)(self.scope)
                is_told = may(user, None, "read", self.kind)
                html = await in_thread(self.render)(user=user, only_engines=only_engines) if is_told else ""
            except Exception:
                log.exception("a page could not be rendered for its socket")
                self._page_is_stale = True
                continue
            if not is_told:
                await self.close(FORBIDDEN if user.is_authenticated else SIGNED_OUT)
                return
            if html != last:
                await self.send(html)
                last = html

    async def _wait_for_news(self):
        await asyncio.sleep(PAUSE_S)
        try:
            await asyncio.wait_for(self._news.wait(), REFRESH_S)
        except TimeoutError:
            self._page_is_stale = True
        self._news.clear()


class UpstreamSocket(LiveSocket):
    kind = "upstreams"
    _reported: Mapping = MappingProxyType({})  # as last rendered

    @property
    def upstream_id(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["upstream_id"])

    def page_groups(self):
        return [CONFIG_GROUP, upstream_group(self.upstream_id)]

    def render(self, *, user, only_engines):
        """Engines report every other second, and seldom anything that concerns the targets."""
        before, self._reported = self._reported, reported_of_upstream(self.upstream_id)
        if only_engines and self._reported == before:
            return engines_fragment()
        return upstream_fragments(self.upstream_id, user) + engines_fragment()


class TimelineSocket(UpstreamSocket):
    """Of an upstream or of one of its targets (``?of=``), narrowed as the page is by the rest of the query."""

    def render(self, *, user, only_engines):
        if only_engines:
            return engines_fragment()
        query = QueryDict(self.scope.get("query_string", b""))
        return timeline_fragments(self.upstream_id, query, user) + engines_fragment()


class OverviewSocket(LiveSocket):
    kind = None

    def page_groups(self):
        return [CONFIG_GROUP, OVERVIEW]

    def render(self, *, user, only_engines):
        return overview_fragments(user)  # which lists the engines too


class EnginesSocket(LiveSocket):
    """Of all other pages: only the top bar is live. How far behind an engine is depends on the configuration too."""

    kind = None

    def page_groups(self):
        return [CONFIG_GROUP]

    def render(self, *, user, only_engines):
        return engines_fragment()


class NoSocket(AsyncWebsocketConsumer):
    """Addresses below /ws/ that are nobody's are refused without a traceback in the log."""

    async def connect(self):
        await self.close()


def user_of(scope):
    """By the stored session, not by the one that was read when the socket was opened. Two statements."""
    key = getattr(scope.get("session"), "session_key", None)
    if not key:
        return AnonymousUser()
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return auth.get_user(SimpleNamespace(session=session))
