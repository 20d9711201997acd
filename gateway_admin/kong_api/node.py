"""``/`` and what else Kong tells of a node: enough for its clients to recognise one, and the truth about ours."""

import os
import socket
import uuid
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponseRedirect

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Head
from gateway_admin.monitoring.models import EngineNode

from . import errors
from .views import ONLY_READS, VERSION, KongView, answer

_UNITS = {"b": 0, "k": 1, "m": 2, "g": 3}


class Node(KongView):
    asks = ONLY_READS


class Root(Node):
    """Browsers are led to the dashboard; API clients do not ask for HTML."""

    def dispatch(self, request, *args, **kwargs):
        if request.method in ("GET", "HEAD") and "text/html" in request.META.get("HTTP_ACCEPT", ""):
            return HttpResponseRedirect("/admin-ui/", headers={"Vary": "Accept"})
        return super().dispatch(request, *args, **kwargs)

    def get(self, request):
        return answer(
            {
                "tagline": f"Welcome to Gatehouse {own_version()}, speaking Kong's Admin API",
                "version": VERSION,
                "edition": "community",
                "hostname": socket.gethostname(),
                "node_id": node_id(),
                "timers": {"running": 0, "pending": 0},
                "plugins": {"available_on_server": available_plugins(), "enabled_in_cluster": configured_plugins()},
                "lua_version": "none",
                "configuration": configuration(),
                "pids": {"master": os.getppid(), "workers": [os.getpid()]},
            }
        )


class Status(Node):
    """Of this process and, for traffic, of all engines that report."""

    def get(self, request):
        show = _shown_in(request.query_params)
        workers = [worker for node in EngineNode.objects.live() for worker in node.workers]
        active = sum(worker["connections"] for worker in workers)
        return answer(
            {
                "database": {"reachable": _is_database_reachable()},
                "memory": {
                    "lua_shared_dicts": {},
                    "workers_lua_vms": [{"pid": os.getpid(), "http_allocated_gc": show(_resident_bytes())}],
                },
                "server": {
                    "connections_accepted": active,
                    "connections_active": active,
                    "connections_handled": active,
                    "connections_reading": 0,
                    "connections_waiting": max(0, active - sum(worker["active"] for worker in workers)),
                    "connections_writing": sum(worker["active"] for worker in workers),
                    "total_requests": sum(worker["requests"] for worker in workers),
                },
            }
        )


class EnabledPlugins(Node):
    def get(self, request):
        return answer({"enabled_plugins": sorted(available_plugins())})


class Config(Node):
    """Kong's way to load a file is for nodes without a database; ours is at ``/api/config``."""

    def get(self, request):
        message = "this endpoint is only available when Kong is configured to not use a database"
        raise errors.plain(400, message)

    post = get


def configuration() -> dict:
    return {
        "database": "postgres",  # to Kong's clients: entities are edited here and not loaded from a file ("off")
        "router_flavor": "traditional_compatible",
        "role": "traditional",
        "admin_listen": _listens("GATEWAY_ADMIN_LISTEN", "127.0.0.1:8001"),
        "proxy_listen": _listens("GATEWAY_PROXY_LISTEN", "0.0.0.0:8000"),
        "plugins": ["bundled"],
        "loaded_plugins": dict.fromkeys(available_plugins(), True),
        "log_level": settings.LOGGING["root"]["level"].lower(),
    }


def _listens(name: str, default: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def available_plugins() -> dict[str, dict]:
    from proxy_engine.spec import PLUGINS

    return {name: {"version": plugin.version, "priority": plugin.priority} for name, plugin in PLUGINS.items()}


def configured_plugins() -> list[str]:
    if "plugins" not in KINDS:
        return []
    rows = KINDS["plugins"].model.objects.order_by("name")
    return list(rows.values_list("name", flat=True).distinct())


def node_id() -> str:
    """The same after every start, on this machine and with this database."""
    epoch = Head.objects.filter(pk=1).values_list("epoch", flat=True).first() or uuid.NAMESPACE_OID
    return str(uuid.uuid5(epoch, socket.gethostname()))


@cache
def own_version() -> str:
    try:
        return version("gatehouse")
    except PackageNotFoundError:
        return "from a checkout"


def _is_database_reachable() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _resident_bytes() -> int:
    """From the kernel's own file; 0 on systems that have none."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _shown_in(query):
    """How amounts of memory are told: ``0.04 MiB``, in bytes as numbers."""
    unit = query.get("unit", "m")
    if unit.lower() not in _UNITS:
        raise errors.plain(400, f"invalid unit '{unit}' (expected 'k/K', 'm/M', or 'g/G')")
    scale = query.get("scale", "2")
    digits = int(scale) if scale.isascii() and scale.isdigit() and len(scale) < 3 else 2
    power = _UNITS[unit.lower()]
    if not power:
        return lambda amount: amount
    return lambda amount: f"{amount / 1024**power:.{digits}f} {unit.upper()}iB"
