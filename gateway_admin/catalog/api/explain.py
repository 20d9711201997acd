"""``POST /api/explain``: what the engine would do with a request, and why."""

from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_admin.catalog.explaining import Question, explainer
from gateway_admin.common.envelope import success
from gateway_admin.common.parsers import json_body
from proxy_engine.explain import Chance, Explanation, Forwarding, OwnAnswer
from proxy_engine.routing import Verdict
from proxy_engine.spec import Route, Service, Upstream

from .question import read_question


class Explain(APIView):
    kind = "config"
    asks = {"POST": "read"}
    http_method_names = ["post"]

    def post(self, request):
        question = read_question(json_body(request))
        return Response(success(answer(question, explainer.explain(question))))


def answer(question: Question, told: Explanation) -> dict:
    routing = told.routing
    winner = routing.match.route if routing and routing.match else None
    return {
        "version": told.version,
        "request": _request(question),
        "route": _named(winner) if winner else None,
        "considered": routing.considered if routing else 0,
        "routes": [_verdict(verdict) for verdict in routing.verdicts] if routing else [],
        "answer": _own_answer(told.answer) if told.answer else None,
        "forwarding": _forwarding(told.forwarding) if told.forwarding else None,
    }


def text(raw: bytes) -> str:
    """Bytes of a head, for people: what is not UTF-8 is shown as ``\\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


def _request(question: Question) -> dict:
    return {
        "method": question.method,
        "host": question.host,
        "path": question.target,
        "scheme": question.scheme,
        "port": question.port,
        "clientIp": question.client_ip,
    }


def _named(entity: Route | Service | Upstream) -> dict:
    return {"id": entity.id, "name": entity.name}


def _verdict(verdict: Verdict) -> dict:
    return _named(verdict.route) | {
        "path": verdict.path,
        "outcome": verdict.outcome,
        "reasons": list(verdict.reasons),
    }


def _own_answer(own: OwnAnswer) -> dict:
    return {
        "status": own.status,
        "message": own.message,
        "reason": own.reason,
        "location": text(own.location) or None,
    }


def _forwarding(forwarding: Forwarding) -> dict:
    service, upstream, hashed_to = forwarding.service, forwarding.upstream, forwarding.hashed_to
    return {
        "service": _named(service),
        "upstream": _named(upstream) | {"algorithm": upstream.algorithm} if upstream else None,
        "path": text(forwarding.path),
        "targets": [_chance(chance, is_entity=upstream is not None) for chance in forwarding.targets],
        "hashedTo": hashed_to.target if hashed_to else None,
        "retries": forwarding.tries - 1,
        "retriedAfter": [kind.value for kind in forwarding.repeated_after],
        "retriedStatuses": list(forwarding.repeated_statuses),
        "connectTimeout": forwarding.connect_ms,
        "writeTimeout": forwarding.write_ms,
        "readTimeout": forwarding.read_ms,
        "totalTimeout": forwarding.total_ms,
    }


def _chance(chance: Chance, *, is_entity: bool) -> dict:
    return {
        "id": chance.target.id if is_entity else None,
        "target": chance.target.target,
        "address": chance.address,
        "eligible": not chance.obstacles or chance.percent > 0,
        "probability": round(chance.percent, 2),
        "reasons": [*chance.obstacles, *filter(None, [chance.remark])],
        "path": text(chance.path),
        "host": text(chance.host),
    }
