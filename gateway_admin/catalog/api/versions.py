"""Read your writes: "does every engine run version *v* yet?"

A plain asynchronous view. Waiting clients hold no thread, no database connection and no transaction: they are woken by
the group ``engines`` of the Channels layer, and look for themselves every second in case a notice was lost.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgiref.sync import SyncToAsync, sync_to_async
from channels.layers import get_channel_layer
from django.apps import apps
from django.db import close_old_connections
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from gateway_admin.accounts.plain_views import permitted_client
from gateway_admin.catalog.changes import head_version
from gateway_admin.common.envelope import failure, success

log = logging.getLogger(__name__)

ENGINES_GROUP = "engines"
LOOK_AGAIN_S = 1.0
MAX_WAIT_S = 60
LAYER_TIMEOUT_S = 1.0


@csrf_exempt  # nothing but safe methods gets further than a 405
@permitted_client("read", None)
@require_safe
async def head(request):
    return JsonResponse(success({"version": await sync_to_async(head_version)()}))


@csrf_exempt
@permitted_client("read", None)
@require_safe
async def version_state(request, version: int):
    if unknown := sorted(set(request.GET) - {"wait"}):
        return _refused(unknown[0][:100], "unknown query parameter")
    wait_s = _wait(request.GET.get("wait", "0"))
    if wait_s is None:
        return _refused("wait", f"expected a number of seconds between 0 and {MAX_WAIT_S}")
    await _let_go_of_thread()
    return JsonResponse(success(await _state_when_live(version, wait_s)))


def _refused(field: str, text: str) -> JsonResponse:
    details = [{"field": field, "message": text}]
    return JsonResponse(failure("VALIDATION_ERROR", f"{field}: {text}", details), status=400)


async def _let_go_of_thread() -> None:
    """asgiref keeps one thread, and Django in it one connection, for each request until it is answered.

    A thousand waiting clients would keep a thousand of both; what is left to do here uses shared threads for a moment.
    """
    await sync_to_async(close_old_connections)()
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if executor is not None:
        executor.shutdown(wait=False)


def _wait(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MAX_WAIT_S else None


async def _state_when_live(version: int, wait_s: float) -> dict:
    state = await _state(version)
    if state["live"] or not wait_s:
        return state
    deadline = asyncio.get_running_loop().time() + wait_s
    async with _notices() as notices:
        while True:
            state = await _state(version)
            left_s = deadline - asyncio.get_running_loop().time()
            if state["live"] or left_s <= 0:
                return state
            await _next(notices, min(left_s, LOOK_AGAIN_S))


async def _state(version: int) -> dict:
    return await sync_to_async(_look, thread_sensitive=False)(version)


def _look(version: int) -> dict:
    """In a shared thread. No engine at all is not "live": nobody serves the version then."""
    close_old_connections()
    try:
        return _read_state(version)
    finally:
        close_old_connections()


def _read_state(version: int) -> dict:
    nodes = apps.get_model("monitoring", "EngineNode").objects
    seen = nodes.live().order_by("name", "node_id")
    engines = [
        {"nodeId": str(node_id), "name": name, "version": runs}
        for node_id, name, runs in seen.values_list("node_id", "name", "version")
    ]
    live = bool(engines) and all(engine["version"] >= version for engine in engines)
    return {"version": version, "live": live, "engines": engines}


@asynccontextmanager
async def _notices() -> AsyncIterator[asyncio.Event]:
    """An event that is set by each notice. Without Redis it never is, and looking each second has to do."""
    heard = asyncio.Event()
    listener = asyncio.create_task(_listen(heard))
    try:
        yield heard
    finally:
        listener.cancel()
        await asyncio.wait([listener], timeout=LAYER_TIMEOUT_S)


async def _listen(heard: asyncio.Event) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(LAYER_TIMEOUT_S):
            channel = await layer.new_channel()
            await layer.group_add(ENGINES_GROUP, channel)
        heard.set()  # what was announced before we listened
        try:
            while True:
                await layer.receive(channel)
                heard.set()
        finally:
            await layer.group_discard(ENGINES_GROUP, channel)
    except Exception as error:  # noqa: BLE001 - whatever the layer raises, the view looks for itself
        log.warning("no notices of engines: %s", str(error) or type(error).__name__)


async def _next(heard: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await heard.wait()
    except TimeoutError:
        return
    heard.clear()
