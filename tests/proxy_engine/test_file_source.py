"""The engine's configuration from a file: read, read again, and never replaced by a bad one."""

import asyncio
import logging

import pytest

from proxy_engine.file_source import BadFile, FileSource, differences, load
from proxy_engine.sources import SnapshotNeeded

GOOD = '_format_version: "3.0"\nservices:\n- {name: a, host: h}\n- {name: b, host: h}\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kong.yaml"
    path.write_text(GOOD)
    return path


async def next_notice(source):
    source.reload_soon()
    return await asyncio.wait_for(anext(source.notices()), 5)


async def test_it_loads_the_file(file):
    snapshot = await FileSource(file).load()
    assert [service["name"] for service in snapshot.entities["services"]] == ["a", "b"]


async def test_reading_again_gives_only_what_differs(file):
    source = FileSource(file)
    before = await source.load()
    file.write_text(GOOD.replace("name: b, host: h", "name: c, host: h"))
    assert await next_notice(source) == "config"
    rows = await source.changes_since(before.version)
    assert [(row.kind, row.after and row.after["name"]) for row in rows] == [("services", None), ("services", "c")]
    assert await source.changes_since(rows[-1].version) == []


async def test_who_missed_a_step_is_told_to_load(file):
    source = FileSource(file)
    for name in "cd":
        file.write_text(GOOD.replace("name: b", f"name: {name}"))
        await next_notice(source)
    with pytest.raises(SnapshotNeeded):
        await source.changes_since(1)


async def test_a_bad_file_leaves_the_old_configuration(file, caplog):
    source = FileSource(file)
    file.write_text("_format_version: 3.0")
    source.reload_soon()
    with caplog.at_level(logging.ERROR), pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(source.notices()), 0.3)
    assert "_format_version" in caplog.text
    assert len((await source.load()).entities["services"]) == 2


def test_a_file_with_policies_that_would_not_be_applied_is_refused(tmp_path):
    path = tmp_path / "kong.yaml"
    path.write_text(GOOD + "plugins:\n- {name: key-auth, service: a}\n")
    with pytest.raises(BadFile, match=r"kong\.yaml:6: plugins\.0: this engine applies no plugins yet"):
        load(path)
    path.write_text(GOOD + "plugins:\n- {name: key-auth, service: a, enabled: false}\n")
    assert len(load(path)["services"]) == 2


POOL = """_format_version: "3.0"
upstreams:
- name: pool
  healthchecks: {passive: {unhealthy: {http_failures: 3}}}
  targets: [{target: "a.test:80"}]
- name: other
  targets: [{target: "b.test:80"}]
"""


async def test_an_edit_of_health_checks_lifts_what_traffic_marked(file):
    file.write_text(POOL)
    source = FileSource(file)
    assert await source.health_since(0) == (0, [])
    file.write_text(POOL.replace("http_failures: 3", "http_failures: 0"))
    await next_notice(source)
    seq, (fact,) = await source.health_since(0)
    marked = next(target for target in (await source.load()).entities["targets"] if target["target"] == "a.test:80")
    assert (seq, fact.target_id, fact.healthy) == (1, marked["id"], True)
    assert await source.health_since(1) == (1, [])


async def test_another_edit_leaves_marks_alone(file):
    file.write_text(POOL)
    source = FileSource(file)
    file.write_text(POOL.replace("b.test:80", "c.test:80"))
    await next_notice(source)
    assert await source.health_since(0) == (0, [])


def test_what_goes_goes_first():
    before = {"services": [{"id": "1", "name": "a"}]}
    after = {"services": [{"id": "2", "name": "a"}]}
    assert [(row.entity_id, row.after) for row in differences(before, after, 7)] == [
        ("1", None),
        ("2", {"id": "2", "name": "a"}),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "no YAML"),
        ("a: 1\na: 2", "line 2: 'a' stands twice"),
        ("!!python/object/apply:os.system ['true']", "line 1: tags are not taken"),
        ("&a [*a]", "has no anchor"),
        ("[" * 5000, "nested deeper"),
        ("\x00", "must not contain NUL"),
        ('_format_version: "3.0"\nservices: [{name: a}]', "services.0.host: required field missing"),
    ],
)
def test_it_says_what_is_wrong_with_a_file(tmp_path, text, words):
    path = tmp_path / "kong.yaml"
    path.write_text(text)
    with pytest.raises(BadFile, match=words):
        load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadFile, match=r"nowhere\.yaml"):
        load(tmp_path / "nowhere.yaml")
