"""The shape of every answer under /api: ``{success, data, meta}`` or ``{success, error: {code, message, details}}``."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import OperationalError
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from proxy_engine.spec import ENTITY, Problem

from .parsers import BodyTooLarge
from .problems import EntityChanged, EntityInvalid, EntityNotFound

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
STRANGER = "sign in, or send a token as Authorization: Bearer TOKEN"

# The codes of problems that make an answer something else than VALIDATION_ERROR, when there are no others.
_KINDS_OF_PROBLEMS = (
    ({"unique"}, "DUPLICATE", 409),
    ({"reference", "in_use"}, "RELATION_ERROR", 400),
)

_CODES = {
    exceptions.ParseError: "VALIDATION_ERROR",
    exceptions.ValidationError: "VALIDATION_ERROR",
    exceptions.NotAuthenticated: "UNAUTHORIZED",
    exceptions.AuthenticationFailed: "UNAUTHORIZED",
    exceptions.PermissionDenied: "FORBIDDEN",
    exceptions.NotFound: "NOT_FOUND",
    exceptions.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    exceptions.Throttled: "TOO_MANY_REQUESTS",
    exceptions.UnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
    BodyTooLarge: "PAYLOAD_TOO_LARGE",
}


def success(data, *, pagination: dict | None = None, warnings: Iterable[str] = ()) -> dict:
    meta = {"timestamp": timestamp(datetime.now(UTC))}
    if pagination is not None:
        meta["pagination"] = pagination
    if warnings := list(warnings):
        meta["warnings"] = warnings
    return {"success": True, "data": data, "meta": meta}


def failure(code: str, message: str, details: Iterable[dict] = ()) -> dict:
    return {"success": False, "error": {"code": code, "message": message, "details": list(details)}}


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@csrf_exempt
def not_found(request, *args, **kwargs) -> JsonResponse:
    """For addresses under /api that are nobody's. Exempt because it does nothing, and says so in JSON."""
    return JsonResponse(failure("NOT_FOUND", f"there is nothing at {request.path}"), status=404)


def answer_to_exception(exception: Exception, context: dict) -> Response:
    """Django REST framework calls this with whatever a view raised."""
    set_rollback()
    view = context["view"]
    if isinstance(exception, EntityInvalid):
        return _answer_to_problems(exception.problems, getattr(view, "field_of", _field_of))
    if isinstance(exception, EntityNotFound):
        return Response(failure("NOT_FOUND", str(exception)), status=404)
    if isinstance(exception, EntityChanged):
        return Response(failure("PRECONDITION_FAILED", str(exception)), status=412)
    if isinstance(exception, OperationalError):
        log.error("the database refused: %s", exception)
        message = "the database cannot be reached or is busy; nothing was changed"
        return Response(failure("UNAVAILABLE", message), status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    response = exception_handler(exception, context)
    if response is None:
        log.error("%s %s failed", context["request"].method, context["request"].path, exc_info=exception)
        return Response(failure("INTERNAL_ERROR", "something went wrong on our side; the log tells what"), status=500)
    response.data = failure(_code(exception), _message(exception, response), _details(exception))
    return response


def _field_of(problem: Problem) -> str:
    return problem.field


def _answer_to_problems(problems: list[Problem], field_of) -> Response:
    details = [{"field": field_of(problem), "message": problem.message} for problem in problems]
    codes = {problem.code for problem in problems}
    code, status = next(
        ((code, status) for wanted, code, status in _KINDS_OF_PROBLEMS if codes <= wanted), ("VALIDATION_ERROR", 400)
    )
    place = "" if problems[0].path == ENTITY else f"{details[0]['field']}: "
    first = place + problems[0].message
    message = first if len(details) == 1 else f"{first} (and {len(details) - 1} more)"
    return Response(failure(code, message, details), status=status)


def _code(exception: Exception) -> str:
    return next((code for kind, code in _CODES.items() if isinstance(exception, kind)), "NOT_FOUND")


def _message(exception: Exception, response: Response) -> str:
    if isinstance(exception, exceptions.NotAuthenticated):
        return STRANGER
    if isinstance(exception, exceptions.ValidationError):
        return "; ".join(f"{detail['field']}: {detail['message']}" for detail in _details(exception))
    return str(response.data.get("detail", exception))


def _details(exception: Exception) -> list[dict]:
    if not isinstance(exception, exceptions.ValidationError) or not isinstance(exception.detail, dict):
        return []
    return [{"field": field, "message": str(text)} for field, texts in exception.detail.items() for text in texts]
