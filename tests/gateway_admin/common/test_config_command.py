"""``manage.py config``: the configuration as a file, from the command line."""

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command

from gateway_admin.catalog.models import Change, Service
from tests.gateway_admin.builders import a_service, an_upstream
from tests.gateway_admin.catalog.transfer.files import EVERYTHING, a_file, configuration, load

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kong.yaml"
    path.write_bytes(a_file(services=[{"name": "orders", "host": "h", "port": 81}]))
    return str(path)


def config(*arguments):
    """What it prints; progress goes elsewhere."""
    out = io.StringIO()
    call_command("config", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_an_export_can_be_imported_again(tmp_path):
    load(EVERYTHING)
    before, path = configuration(), tmp_path / "all.yaml"

    assert config("export", "--secrets", "--with-id", "-o", str(path)) == ""
    load(a_file())
    config("import", "--yes", str(path))

    assert path.stat().st_mode & 0o077 == 0
    assert configuration().keys() == before.keys()


def test_an_export_may_be_json_or_of_an_earlier_version():
    a_service(name="old", tags=["a"])
    load(a_file())

    document = json.loads(config("export", "--format", "json", "--at-version", "1"))
    assert [service["name"] for service in document["services"]] == ["old"]
    assert "old" not in config("export")
    assert "old" not in config("export", "--at-version", "1", "--select-tag", "b")


def test_validate_says_what_would_come(file):
    assert "is valid; against version 0: 1 to create, 0 to change, 0 to delete" in config("validate", file)
    assert Change.objects.count() == 0


def test_diff_shows_each_field(file):
    a_service(name="orders", host="h", port=80)
    an_upstream(name="gone")

    assert config("diff", file).splitlines() == [
        "- upstream gone",
        "~ service orders",
        "    port: 80 → 81",
        "0 to create, 1 to change, 1 to delete",
    ]
    assert "gone" not in config("diff", "--keep", file)


def test_diff_can_tell_by_its_exit_code(file):
    with pytest.raises(SystemExit) as left:
        config("diff", "--exit-code", file)
    assert left.value.code == 2
    load(a_file(services=[{"name": "orders", "host": "h", "port": 81}]))
    assert config("diff", "--exit-code", file) == "nothing differs\n"


def test_import_makes_it_so(file):
    assert "done as version 1" in config("import", "--yes", file)

    assert Service.objects.get().port == 81
    assert Change.objects.get().via == "import"
    assert "(command line)" in Change.objects.get().actor


def test_a_dry_run_only_tells(file):
    assert "+ service orders" in config("import", "--dry-run", file)
    assert Service.objects.count() == 0


def test_import_asks_first(file, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, count in (("n", 0), ("", 0), ("y", 1)):
        monkeypatch.setattr("builtins.input", lambda prompt, answer=answer: answer)
        if count:
            config("import", file)
        else:
            with pytest.raises(CommandError, match="nothing was changed"):
                config("import", file)
        assert Service.objects.count() == count


def test_without_anybody_to_ask_it_does_nothing(file):
    with pytest.raises(CommandError, match="--yes"):
        config("import", file)
    assert Service.objects.count() == 0


def test_the_file_may_come_from_standard_input(monkeypatch):
    text = a_file(services=[{"name": "orders", "host": "h"}])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))

    config("import", "--yes", "-")

    assert Service.objects.get().name == "orders"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            b'_format_version: "3.0"\nservices:\n- host: h\n  port: x\n',
            r"line 4: services\[0\]\.port: expected an integer",
        ),
        (b"a: !!python/name:os.system", "line 1: tags are not taken"),
        (b"{}", "_format_version: expected one of"),
    ],
)
@pytest.mark.parametrize("what", ["validate", "diff", "import"])
def test_a_bad_file_is_told_with_its_places(tmp_path, what, text, says):
    path = tmp_path / "bad.yaml"
    path.write_bytes(text)
    with pytest.raises(CommandError, match=says):
        config(what, *(["--yes"] if what == "import" else []), str(path))
    assert Service.objects.count() == 0


@pytest.mark.parametrize(
    "arguments", [["diff", "/nowhere"], ["export", "-o", "/nowhere/file"], ["export", "--at-version", "9"]]
)
def test_what_is_not_there_is_told(arguments):
    with pytest.raises(CommandError):
        config(*arguments)
