"""The history of everything, and the ways back through the browser, with and without scripts."""

import pytest
from django.test import Client

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import batch, head_version
from gateway_admin.catalog.models import Service, Upstream
from tests.gateway_admin.builders import a_user
from tests.gateway_admin.catalog.transfer.files import EVERYTHING, load

from .builders import BOB, HOSTILE, a_service, a_target, an_upstream

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def signed_in(role):
    client = Client()
    client.force_login(a_user(role, role=role))
    return client


@pytest.fixture
def admin(db):
    return signed_in("admin")


def edited(port):
    service = Service.objects.get()
    actions.update(kind="services", entity_id=service.pk, values={"port": port}, actor=BOB)


def text(response):
    return response.content.decode()


def test_it_shows_steps_newest_first(admin):
    a_service(name="first")
    with batch(BOB):
        for number in range(7):
            an_upstream(name=f"pool-{number}")

    page = text(admin.get("/admin-ui/history/"))

    assert "made 7 changes at once" in page
    assert "versions 2 to 8" in page
    assert "and 2 more" in page
    assert page.index("pool-0") < page.index("first")


def test_it_goes_on_to_older_ones(admin):
    for number in range(25):
        an_upstream(name=f"pool-{number:02}")

    page = text(admin.get("/admin-ui/history/"))
    assert ("pool-24" in page, "pool-05" in page, "pool-04" in page) == (True, True, False)
    assert "?before=6" in page
    older = text(admin.get("/admin-ui/history/?before=6"))
    assert ("pool-04" in older, "pool-00" in older, "pool-05" in older) == (True, True, False)


def test_a_long_history_takes_no_more_statements_than_a_short_one(admin, django_assert_max_num_queries):
    for number in range(40):
        an_upstream(name=f"pool-{number}")
    with django_assert_max_num_queries(60):
        admin.get("/admin-ui/history/")


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "", "٣"])
def test_a_page_that_makes_no_sense_is_the_first(admin, before):
    an_upstream(name="pool")
    assert "pool" in text(admin.get("/admin-ui/history/", {"before": before}))


def test_an_undo_shows_what_it_changes_and_then_does_it(admin):
    a_service(port=81)
    edited(82)

    page = text(admin.get("/admin-ui/history/2/undo/"))
    assert "<del>82</del> → <ins>81</ins>" in page
    assert Service.objects.get().port == 82

    assert admin.post("/admin-ui/history/2/undo/", {"seen": "2"}).headers["Location"] == "/admin-ui/history/"
    assert "Undid version 2 as version 3." in text(admin.get("/admin-ui/history/"))
    assert Service.objects.get().port == 81


def test_with_scripts_the_preview_is_a_part_of_the_page(admin):
    a_service()

    part = text(admin.get("/admin-ui/history/1/undo/", **HTMX))

    assert ("<html" in part, 'name="seen" value="1"' in part) == (False, True)


def test_without_having_seen_a_preview_nothing_is_done(admin):
    a_service()

    for body in ({}, {"seen": ""}, {"seen": "0"}, {"seen": "x"}):
        answer = admin.post("/admin-ui/history/1/undo/", body)
        assert (answer.status_code, "Nothing was done" in text(answer)) == (409, True)
    assert Service.objects.count() == 1


def test_when_somebody_was_faster_there_is_a_new_preview(admin):
    a_service(port=81)
    edited(82)
    an_upstream(name="meanwhile")

    answer = admin.post("/admin-ui/history/1/back/", {"seen": "2"})

    assert (answer.status_code, "meanwhile" in text(answer)) == (409, True)
    assert 'name="seen" value="3"' in text(answer)
    assert Service.objects.get().port == 82


def test_obstacles_are_told_and_need_a_second_look(admin):
    a_service(port=81)
    edited(82)
    edited(83)

    page = text(admin.get("/admin-ui/history/2/undo/"))
    assert "Service orders was changed since, last by bob in version 3." in page
    assert "Undo it" not in page
    assert admin.post("/admin-ui/history/2/undo/", {"seen": "3"}).status_code == 409
    assert "Undo it all the same" in text(admin.get("/admin-ui/history/2/undo/?force=1"))
    admin.post("/admin-ui/history/2/undo/", {"seen": "3", "force": "1"})
    assert Service.objects.get().port == 81


def test_one_can_go_back_to_a_version(admin):
    a_service(port=81)
    a_target(an_upstream(name="later"))

    page = text(admin.get("/admin-ui/history/1/back/"))
    assert "later" in page
    assert "10.0.0.1:8000" in page
    admin.post("/admin-ui/history/1/back/", {"seen": str(head_version())})
    assert (Service.objects.count(), Upstream.objects.count()) == (1, 0)


@pytest.mark.parametrize("way", ["undo", "back"])
def test_versions_that_never_were_are_not_found(admin, way):
    assert admin.get(f"/admin-ui/history/9/{way}/").status_code == 404
    assert admin.get(f"/admin-ui/history/{10**40}/{way}/").status_code == 404


def test_an_entitys_own_history_offers_both_ways(admin):
    service = a_service()

    page = text(admin.get(f"/admin-ui/services/{service.pk}/history/"))

    assert "/admin-ui/history/1/undo/" in page
    assert "/admin-ui/history/1/back/" in page


def test_names_are_text_and_nothing_else(admin):
    a_service(tags=[HOSTILE])

    for path in ("", "1/undo/", "0/back/"):
        assert "<b>&" not in text(admin.get(f"/admin-ui/history/{path}"))


def test_secrets_are_not_shown(admin):
    load(EVERYTHING)
    load(EVERYTHING.replace("alices-secret-key", "another-secret"))

    for path in ("", f"{head_version()}/undo/", "0/back/"):
        page = text(admin.get(f"/admin-ui/history/{path}"))
        assert "alices-secret-key" not in page
        assert "another-secret" not in page


@pytest.mark.parametrize(
    ("role", "undoes", "goes_back"), [("viewer", False, False), ("operator", True, False), ("admin", True, True)]
)
def test_each_is_offered_what_he_may(role, undoes, goes_back, db):
    a_service()
    an_upstream()
    client = signed_in(role)

    page = text(client.get("/admin-ui/history/"))
    assert ("/undo/" in page, "/back/" in page) == (undoes, goes_back)
    assert client.post("/admin-ui/history/2/undo/", {"seen": "2"}).status_code == (303 if undoes else 403)
    assert client.post("/admin-ui/history/1/back/", {"seen": str(head_version())}).status_code == (
        303 if goes_back else 403
    )


def test_strangers_are_sent_to_sign_in(client, db):
    for path in ("", "1/undo/", "1/back/"):
        assert client.get(f"/admin-ui/history/{path}").status_code == 302
