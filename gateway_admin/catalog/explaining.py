"""What the engine would do with a request, asked on the stored configuration (``proxy_engine.explain``).

Each process compiles the configuration when it is first asked and again when it has changed since; health is brought
up to date with every question. So a question costs three statements, however large the configuration. Limits on heads
are those of this process's environment: engines elsewhere are to be started with the same.
"""

import os
import threading
from dataclasses import dataclass
from uuid import UUID

from gateway_admin.common.transactions import consistent_read
from proxy_engine.explain import Explanation, Replica, explain
from proxy_engine.proxy.forward import Peer
from proxy_engine.settings import Limits
from proxy_engine.sources import HealthFact

from .engine_reports import worker_reports
from .models import Head
from .ramps import ramps
from .source import read_health, read_snapshot


@dataclass(frozen=True)
class Question:
    """A request as a client would write it. ``port`` is that of the listener it would come in at."""

    method: str
    target: str  # path and query
    host: str
    headers: tuple[tuple[str, str], ...]  # others than Host; a name may come several times
    scheme: str  # the one the client used, as far as the gateway believes it
    port: int
    client_ip: str

    @property
    def raw_head(self) -> bytes:
        fields = (("Host", self.host), *self.headers)
        return "\r\n".join((f"{self.method} {self.target} HTTP/1.1", *(": ".join(field) for field in fields))).encode()

    @property
    def peer(self) -> Peer:
        return Peer(self.client_ip, scheme=self.scheme, port=self.port, is_trusted=False)


class Explainer:
    """Keeps the compiled configuration of one (epoch, version).

    A question holds the lock until it is answered: a runtime is made for one thread.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._key: tuple[UUID, int] | None = None
        self._health_seq = 0
        self._replica: Replica | None = None

    def explain(self, question: Question) -> Explanation:
        with self._lock:
            self._catch_up()
            runtime, bounds = self._replica.runtime, Limits.from_env(os.environ)
            return explain(runtime, question.peer, question.raw_head, bounds=bounds)

    def _catch_up(self) -> None:
        key, seq, facts = _read_marks(self._health_seq)
        if key is None or key != self._key:
            epoch, snapshot = read_snapshot()
            self._replica = Replica(snapshot)
            self._key, self._health_seq = (epoch, snapshot.version), snapshot.health_seq
        else:
            self._replica.set_health(facts)
            self._health_seq = seq
        starting = ramps(worker_reports())
        self._replica.set_parts({str(target_id): ramp.percent for target_id, ramp in starting.items()})


def _read_marks(health_seq: int) -> tuple[tuple[UUID, int] | None, int, list[HealthFact]]:
    """What the configuration is now, and which targets' health changed above ``health_seq``."""
    with consistent_read():
        key = Head.objects.filter(pk=1).values_list("epoch", "version").first()
        return key, *read_health(health_seq)


explainer = Explainer()
"""This process's. Asked by REST and by the command."""
