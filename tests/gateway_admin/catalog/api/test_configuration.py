"""The configuration as a whole over REST: files, versions, rollback and undo, and who may."""

import json

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import Change, Service, Upstream
from tests.gateway_admin.builders import ALICE, a_service, a_token, a_user, an_upstream
from tests.gateway_admin.catalog.transfer.files import EVERYTHING, a_file, configuration, load

from .conftest import RestClient

pytestmark = pytest.mark.django_db

ONE = {"_format_version": "3.0", "services": [{"name": "orders", "host": "h", "port": 81}]}
YAML = "application/yaml"


@pytest.fixture
def api(db):
    return RestClient(a_token(a_user("root", role="admin"), scope="admin"))


def client(role, scope=None):
    return RestClient(a_token(a_user(role, role=role), scope=scope or "admin"))


def send(api, path, text, content_type=YAML):
    return api.generic("POST", f"/api/config/{path}", text, content_type)


def upload(api, path, **fields):
    return api.generic("POST", f"/api/config/{path}", *multipart(fields))


def multipart(fields):
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    return encode_multipart(BOUNDARY, fields), MULTIPART_CONTENT


# --- Files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "post",
    [
        lambda api: send(api, "import", json.dumps(ONE), "application/json"),
        lambda api: send(api, "import", yaml.safe_dump(ONE)),
        lambda api: send(api, "import", yaml.safe_dump(ONE), "text/yaml; charset=utf-8"),
        lambda api: send(api, "import", json.dumps({"config": yaml.safe_dump(ONE)}), "application/json"),
        lambda api: upload(api, "import", config=SimpleUploadedFile("kong.yaml", yaml.safe_dump(ONE).encode())),
        lambda api: upload(api, "import", config=json.dumps(ONE)),
    ],
)
def test_a_file_comes_in_many_wrappings(api, post):
    answer = post(api)

    assert answer.status_code == 200, answer.content
    assert answer.headers["X-Gateway-Version"] == "1"
    assert answer.json()["data"]["summary"] == {"create": 1, "change": 0, "delete": 0}
    change = Change.objects.get()
    assert (change.actor, change.via, Service.objects.get().port) == ("root (token ci)", "import", 81)


@pytest.mark.parametrize("path", ["validate", "diff", "import?dryRun=true"])
def test_looking_changes_nothing(api, path):
    a_service(name="old")

    answer = send(api, path, a_file())

    assert (answer.status_code, answer.json()["data"]["summary"]["delete"]) == (200, 1)
    assert (Service.objects.count(), Change.objects.count()) == (1, 1)


def test_a_diff_tells_each_field(api):
    a_service(name="orders", host="h", port=80)

    [step] = send(api, "diff", yaml.safe_dump(ONE)).json()["data"]["steps"]

    assert (step["action"], step["kind"], step["label"]) == ("change", "services", "orders")
    assert step["fields"] == [{"field": "port", "before": 80, "after": 81}]


def test_secrets_are_masked_in_diffs(api):
    load(EVERYTHING)

    text = send(api, "diff", EVERYTHING.replace("alices-secret-key", "another-secret")).content.decode()

    assert "alices-secret-key" not in text
    assert "another-secret" not in text


def test_tags_and_keep_are_parameters(api):
    a_service(name="mine", tags=["a"])
    a_service(name="theirs", tags=["b"])

    assert send(api, "diff?selectTag=a&keep=true", a_file()).json()["data"]["steps"] == []
    assert [step["label"] for step in send(api, "diff?selectTag=a", a_file()).json()["data"]["steps"]] == ["mine"]


def test_what_is_wrong_is_told_with_field_and_line(api):
    answer = send(api, "validate", '_format_version: "3.0"\nservices:\n- name: a\n  host: h\n  port: x\n')

    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == [
        {"field": "services[0].port", "message": "expected an integer", "line": 5}
    ]


@pytest.mark.parametrize(
    ("text", "content_type", "status"),
    [
        (" ", YAML, 400),
        ("x: !!python/object/apply:os.system [id]", YAML, 400),
        ("[" * 5000, "application/json", 400),
        (b"\xff\xfe", YAML, 400),
        ("a: \x00", YAML, 400),
        ("{}", "image/png", 415),
        ("{}", "", 415),
        ("no form", "multipart/form-data", 400),
        ("no form", "multipart/form-data; boundary=x", 400),
        ('{"config": 1}', "application/json", 400),
        ('{"_format_version": "3.0", "services": 1e400}', "application/json", 400),
    ],
)
def test_nonsense_is_refused(api, text, content_type, status):
    assert send(api, "import", text, content_type).status_code == status


def test_a_file_over_the_limit_is_too_large(api, settings):
    settings.CONFIG_UPLOAD_MAX_BYTES = 100

    assert send(api, "import", b"#" * 101).status_code == 413
    assert upload(api, "import", config=SimpleUploadedFile("k", b"#" * 101)).status_code == 413


@pytest.mark.parametrize(
    "path",
    ["import?dryrun=true", "import?dryRun=yes", "import?selectTag=", "import?seenVersion=-1", "diff?dryRun=true"],
)
def test_parameters_that_make_no_sense_are_refused(api, path):
    assert send(api, path, a_file()).status_code == 400


def test_another_version_than_the_one_seen_is_refused(api):
    a_service()

    assert send(api, "import?seenVersion=0", a_file()).status_code == 412
    assert send(api, "import?seenVersion=1", a_file()).status_code == 200


def test_an_export_can_be_imported_again(api):
    load(EVERYTHING)
    before = configuration()

    answer = api.get("/api/config/export?secrets=true")
    assert answer.headers["Content-Type"].startswith("application/yaml")
    load(a_file())
    assert send(api, "import", answer.content).status_code == 200

    assert _without_times(configuration()) == _without_times(before)


def _without_times(entities):
    return {at: {name: value for name, value in one.items() if name != "created_at"} for at, one in entities.items()}


def test_an_export_can_be_narrowed(api):
    a_service(name="mine", tags=["a", "x"])
    a_service(name="theirs")
    an_upstream(name="pool", when_all_unhealthy="use_all")

    document = api.get("/api/config/export?format=json&selectTag=a").json()
    assert document["_info"] == {"select_tags": ["a"]}
    assert [(service["name"], service["tags"]) for service in document["services"]] == [("mine", ["x"])]
    assert "use_all" in api.get("/api/config/export").content.decode()
    assert "use_all" not in api.get("/api/config/export?kongOnly=true").content.decode()


def test_an_export_of_an_earlier_version(api):
    a_service(name="old")
    load(a_file())

    assert "old" in api.get("/api/config/export?version=1").content.decode()
    assert "old" not in api.get("/api/config/export").content.decode()
    assert api.get("/api/config/export?version=3").status_code == 404


# --- Versions ----------------------------------------------------------------------------------------------


def test_entities_as_of_a_version(api):
    service = a_service(name="orders", port=81)
    actions.update(kind="services", entity_id=service.pk, values={"port": 82}, actor=ALICE)

    data = api.get("/api/config/versions/1/entities").json()["data"]
    assert [one["port"] for one in data["entities"]["services"]] == [81]
    only = api.get("/api/config/versions/2/entities?kind=services").json()["data"]["entities"]
    assert (list(only), only["services"][0]["port"]) == (["services"], 82)
    assert api.get("/api/config/versions/1/entities?kind=x").status_code == 400


def test_secrets_of_a_version_are_masked(api):
    load(EVERYTHING)

    text = api.get(f"/api/config/versions/{head_version()}/entities").content.decode()
    assert "alices-secret-key" not in text


def test_the_difference_between_two_versions(api):
    a_service(name="orders")
    an_upstream(name="pool")

    steps = api.get("/api/config/versions/1/diff").json()["data"]["steps"]
    assert [(step["action"], step["label"]) for step in steps] == [("create", "pool")]
    assert api.get("/api/config/versions/1/diff?to=1").json()["data"]["steps"] == []
    assert api.get("/api/config/versions/1/diff?to=9").status_code == 404


def test_rollback_is_previewed_then_done(api):
    a_service(name="orders")
    an_upstream(name="pool")

    shown = api.post("/api/config/versions/1/rollback?dryRun=true").json()["data"]
    assert ([step["label"] for step in shown["steps"]], Upstream.objects.count()) == (["pool"], 1)
    done = api.post(f"/api/config/versions/1/rollback?seenVersion={shown['version']}")
    assert (done.status_code, done.headers["X-Gateway-Version"], Upstream.objects.count()) == (200, "3", 0)
    assert set(Change.objects.filter(version=3).values_list("via", flat=True)) == {"rollback"}


@pytest.mark.parametrize("path", ["config/versions/9/rollback", "changes/9/undo", f"changes/{10**17}/undo"])
def test_versions_that_never_were_are_not_found(api, path):
    assert api.post(f"/api/{path}").status_code == 404


def test_undo_is_refused_where_later_changes_stand_in_the_way(api):
    service = a_service(name="orders", port=81)
    for port in (82, 83):
        actions.update(kind="services", entity_id=service.pk, values={"port": port}, actor=ALICE)

    refused = api.post("/api/changes/2/undo")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    assert "service orders was changed since" in refused.json()["error"]["message"]
    assert api.post("/api/changes/2/undo?dryRun=true").json()["data"]["obstacles"]
    assert api.post("/api/changes/2/undo?force=true").status_code == 200
    service.refresh_from_db()
    assert service.port == 81


# --- Who may -----------------------------------------------------------------------------------------------

READS = [("GET", "config/export"), ("GET", "config/versions/1/entities"), ("GET", "config/versions/0/diff")]
LOOKS = [("POST", "config/validate"), ("POST", "config/diff")]
WRITES = [("POST", "config/import"), ("POST", "config/versions/0/rollback")]


@pytest.mark.parametrize(("method", "path"), [*READS, *LOOKS, *WRITES, ("POST", "changes/1/undo")])
def test_strangers_may_nothing(method, path, db):
    a_service()
    assert RestClient().generic(method, f"/api/{path}", a_file(), YAML).status_code == 401


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("admin", 200)])
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_only_administrators_replace_everything(role, status, method, path, db):
    a_service()
    assert client(role).generic(method, f"/api/{path}", a_file(), YAML).status_code == status


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
@pytest.mark.parametrize(("method", "path"), [*READS, *LOOKS])
def test_everybody_may_look(role, method, path, db):
    a_service()
    assert client(role).generic(method, f"/api/{path}", a_file(), YAML).status_code == 200


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 200), ("admin", 200)])
def test_who_may_edit_may_undo(role, status, db):
    a_service()
    assert client(role).post("/api/changes/1/undo").status_code == status


def test_a_token_that_only_reads_undoes_nothing(db):
    a_service()
    assert client("admin", scope="read").post("/api/changes/1/undo").status_code == 403


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("admin", 200)])
def test_secrets_leave_with_administrators_only(role, status, db):
    assert client(role).get("/api/config/export?secrets=true").status_code == status


def test_an_export_without_secrets_has_none(db):
    load(EVERYTHING)
    text = client("viewer").get("/api/config/export").content.decode()
    assert "alices-secret-key" not in text
    assert "(hidden)" in text


@pytest.mark.parametrize("path", ["diff", "validate"])
@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 200)])
def test_viewers_cannot_guess_secrets_by_comparing(role, status, path, db):
    load(EVERYTHING)
    assert send(client(role), path, EVERYTHING).status_code == status
