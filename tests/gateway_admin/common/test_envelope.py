"""What an exception becomes on its way to a REST client."""

import pytest
from django.db import OperationalError
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from gateway_admin.common.problems import EntityChanged, EntityInvalid, EntityNotFound
from proxy_engine.spec import ENTITY, Problem


def answer_to(exception):
    class View(APIView):
        authentication_classes = ()
        permission_classes = ()

        def get(self, request):
            raise exception

    return View.as_view()(APIRequestFactory().get("/api/x"))


@pytest.mark.parametrize(
    ("codes", "status", "code"),
    [
        (["invalid"], 400, "VALIDATION_ERROR"),
        (["unknown", "required"], 400, "VALIDATION_ERROR"),
        (["unique"], 409, "DUPLICATE"),
        (["unique", "invalid"], 400, "VALIDATION_ERROR"),
        (["reference"], 400, "RELATION_ERROR"),
        (["in_use", "reference"], 400, "RELATION_ERROR"),
    ],
)
def test_the_codes_of_the_problems_decide(codes, status, code):
    response = answer_to(EntityInvalid([Problem(("name",), "is wrong", each) for each in codes]))

    assert (response.status_code, response.data["error"]["code"]) == (status, code)
    assert response.data["error"]["details"] == [{"field": "name", "message": "is wrong"}] * len(codes)


def test_the_message_is_the_first_problem_and_how_many_more():
    one = answer_to(EntityInvalid([Problem(("paths", 0), "is wrong")]))
    assert one.data["error"]["message"] == "paths.0: is wrong"
    two = answer_to(EntityInvalid([Problem(ENTITY, "both are wrong"), Problem(("a",), "x")]))
    assert two.data["error"]["message"] == "both are wrong (and 1 more)"


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (EntityNotFound("services", "orders"), 404, "NOT_FOUND"),
        (EntityChanged("services", "orders", 7), 412, "PRECONDITION_FAILED"),
        (OperationalError("database is locked"), 503, "UNAVAILABLE"),
        (ZeroDivisionError("secret detail"), 500, "INTERNAL_ERROR"),
    ],
)
def test_every_failure_has_its_status_and_code(exception, status, code):
    response = answer_to(exception)

    assert (response.status_code, response.data["success"]) == (status, False)
    assert response.data["error"]["code"] == code


def test_our_own_failures_are_logged_and_not_shown(caplog):
    response = answer_to(ZeroDivisionError("secret detail"))

    assert "secret" not in str(response.data)
    assert "secret detail" in caplog.text
