"""Why a request goes where it goes: every route asked, with its answer.

The winner is what ``RouteTable.match`` says, so an explanation cannot differ from what the engine does; the reasons
of the others come from the same conditions that the table consults. Walks all routes: for people, not for traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from proxy_engine.spec import Route, Service

from .candidates import Candidate
from .hosts import split_host
from .match import Headers, Match, Rank, RequestHead
from .paths import normalise_path, upstream_path
from .table import RouteTable

Outcome = Literal["won", "outranked", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one path of one route. ``path`` is None for a route without paths."""

    route: Route
    path: str | None
    outcome: Outcome
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """``refusal`` says why the request is answered with 400 before any routing; then there is nothing else.

    ``verdicts``: the winner, then what it outranked, then those that came nearest to matching.
    ``considered`` counts all candidates, also those beyond the limit.
    """

    refusal: str | None
    path: bytes
    query: bytes
    match: Match | None
    upstream_path: bytes | None
    verdicts: tuple[Verdict, ...]
    considered: int


def explain(
    table: RouteTable,
    *,
    method: bytes,
    target: bytes,
    host: bytes,
    headers: Headers,
    port: int,
    scheme: str,
    sni: str | None = None,
    limit: int = 50,
) -> Explanation:
    """Arguments as for ``RouteTable.match``, but ``target`` is raw. At most ``limit`` verdicts are told."""
    try:
        path, query = normalise_path(target)
    except ValueError as problem:
        return Explanation(str(problem), target, b"", None, None, (), 0)
    match = table.match(method, host, path, lambda: headers, port, scheme, sni)
    name, named_port = split_host(host)
    head = RequestHead(method, name, port if named_port is None else named_port, path, lambda: headers, scheme, sni)
    judged = sorted(
        ((candidate, _judge(candidate, service, head, match)) for candidate, service in table.candidates()),
        key=_nearest_first,
    )
    return Explanation(
        refusal=None,
        path=path,
        query=query,
        match=match,
        upstream_path=_rewritten(match, path),
        verdicts=tuple(verdict for _, verdict in judged[:limit]),
        considered=len(judged),
    )


def _rewritten(match: Match | None, path: bytes) -> bytes | None:
    if match is None or match.service is None:
        return None
    return upstream_path(match, path, match.service.path.encode() if match.service.path else None)


def _judge(candidate: Candidate, service: Service | None, head: RequestHead, match: Match | None) -> Verdict:
    refusals = tuple(_refusals(candidate, service, head))
    path = candidate.path.text if candidate.path else None
    if refusals or match is None:
        return Verdict(candidate.route, path, "refused", refusals)
    if match.rank == candidate.rank:
        return Verdict(candidate.route, path, "won", ())
    return Verdict(candidate.route, path, "outranked", (_outranked(match, candidate.rank),))


def _refusals(candidate: Candidate, service: Service | None, head: RequestHead) -> Iterator[str]:
    if service is not None and not service.enabled:
        yield f"its service {service.name or service.id} is disabled"
    for condition in candidate.conditions:
        if not condition.holds(head):
            yield condition.refusal(head)


def _nearest_first(judged: tuple[Candidate, Verdict]) -> tuple[int, int, tuple]:
    candidate, verdict = judged
    place = ("won", "outranked", "refused").index(verdict.outcome)
    return place, len(verdict.reasons), tuple(_descending(candidate.rank))


def _descending(rank: Rank) -> Iterator[int]:
    yield from (-int(value) for value in (*rank[:6], rank.order))


_CRITERIA = {
    "kinds": "it sets {ours} kinds of condition, this one {theirs}",
    "plain_hosts": "it names hosts without wildcard",
    "header_names": "it asks for {ours} headers, this one for {theirs}",
    "is_regex": "its path is a regular expression, this one's a prefix",
    "regex_priority": "its regex_priority is {ours}, this one's {theirs}",
    "prefix_length": "its path is longer by {difference}",
    "id": "otherwise equal, it has the larger id",
    "order": "of the same route's paths it is listed earlier",
}


def _outranked(match: Match, theirs: Rank) -> str:
    name = match.route.name or match.route.id
    for criterion, ours, other in zip(Rank._fields, match.rank, theirs, strict=True):
        if ours != other:
            facts = {"ours": ours, "theirs": other}
            if criterion == "prefix_length":
                facts["difference"] = ours - other
            return f"outranked by {name}: " + _CRITERIA[criterion].format(**facts)
    raise AssertionError("a candidate is not outranked by itself")
