"""Pages by number: the right rows wherever the page lies, and no cost that grows with its number."""

import pytest

from gateway_admin.catalog.models import Target
from gateway_admin.common import paging
from gateway_admin.common.paging import Page
from tests.gateway_admin.builders import a_target, an_upstream

pytestmark = pytest.mark.django_db


@pytest.fixture
def targets(monkeypatch):
    monkeypatch.setattr(paging, "NEAR", 3)
    upstream = an_upstream()
    return [a_target(upstream) for _ in range(23)]


@pytest.mark.parametrize("order", [("created_at", "pk"), ("-created_at", "-pk"), ("weight", "-pk")])
@pytest.mark.parametrize("limit", [1, 5, 7, 100])
def test_pages_put_together_are_the_whole_list(targets, order, limit):
    rows = Target.objects.order_by(*order)

    pages = [Page(limit, offset).cut(rows) for offset in range(0, 40, limit)]

    assert [row for found, _ in pages for row in found] == list(rows)
    assert all(pagination["total"] == 23 for _, pagination in pages)


def test_a_page_too_far_is_empty(targets):
    assert Page(5, 23).cut(Target.objects.order_by("pk"))[0] == []
    assert Page(5, 10**9).cut(Target.objects.order_by("pk"))[0] == []


def test_a_page_far_on_reads_its_own_rows_only(targets, django_assert_num_queries):
    rows = Target.objects.select_related("upstream").order_by("pk")

    with django_assert_num_queries(3) as asked:
        Page(5, 15).cut(rows)

    _, skipping, reading = [query["sql"] for query in asked.captured_queries]
    assert "OFFSET" in skipping
    assert "weight" not in skipping
    assert "OFFSET" not in reading


@pytest.mark.parametrize("order", [("created_at", "id"), ("-created_at", "-id"), ("-weight", "-id"), ("target", "id")])
def test_the_order_of_lists_is_an_index(targets, order):
    plan = Target.objects.order_by(*order).values_list("pk").explain()

    assert "TEMP B-TREE" not in plan  # SQLite's word for sorting
