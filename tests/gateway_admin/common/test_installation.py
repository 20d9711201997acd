"""Defaults that suit one machine, and what the environment makes of them."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gateway_admin.common.installation import (
    MailServer,
    admin_hosts,
    database,
    mail_server,
    one_of,
    redis_urls,
    secret_key,
    usable_directory,
)

WAIT_S = 20


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = secret_key(tmp_path)

    assert len(key) >= 50
    assert secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret.key"]


def test_processes_that_start_together_get_the_same_key(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", threading.get_ident)  # threads stand in for processes
    keys, start = [], threading.Barrier(8)

    def read():
        start.wait(WAIT_S)
        keys.append(secret_key(tmp_path))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)

    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_the_data_directory_is_made_for_its_owner_alone(tmp_path):
    path = usable_directory(tmp_path / "a" / "b")

    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert usable_directory(path) == path


def test_a_data_directory_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ImproperlyConfigured, match="GATEWAY_DATA_DIR: cannot use"):
        usable_directory(tmp_path / "file" / "var")


def test_without_an_address_the_database_is_sqlite_in_the_data_directory(tmp_path):
    config = database("", tmp_path / "with space & ?")

    assert config["ENGINE"] == "django.db.backends.sqlite3"
    assert config["NAME"] == tmp_path / "with space & ?" / "gatehouse.db"
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]


def test_postgresql_gets_a_pool_and_may_be_given_options(tmp_path):
    config = database("postgres://user:p%40ss@db:5433/gatehouse?sslmode=require", tmp_path)

    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["HOST"], config["PORT"], config["NAME"], config["PASSWORD"]) == ("db", 5433, "gatehouse", "p@ss")
    assert config["OPTIONS"]["pool"]["max_size"] > 1
    assert config["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("given", "url", "broker"),
    [
        ("", "unix:///data/redis.sock", "redis+socket:///data/redis.sock"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("rediss://:secret@redis:6380/2", "rediss://:secret@redis:6380/2", "rediss://:secret@redis:6380/2"),
    ],
)
def test_one_redis_is_spelt_as_its_users_want_it(given, url, broker):
    redis = redis_urls(given, Path("/data"))

    assert (redis.url, redis.celery_broker) == (url, broker)
    assert redis.channel_layer()["CONFIG"]["hosts"] == [url]
    assert redis.cache()["LOCATION"] == url


def test_a_misspelt_switch_is_refused():
    assert one_of("SWITCH", "", "loopback") == ""
    assert one_of("SWITCH", "loopback", "loopback") == "loopback"
    with pytest.raises(ImproperlyConfigured, match="SWITCH: expected nothing or one of: loopback; not 'lopback'"):
        one_of("SWITCH", "lopback", "loopback")


def test_the_dashboard_answers_to_the_names_of_this_machine_only():
    hosts = admin_hosts("127.0.0.1:8001,[::]:8001,0.0.0.0:8002,gateway.internal:80")

    assert {"localhost", "127.0.0.1", "[::1]", socket.gethostname().lower(), "gateway.internal"} <= set(hosts)
    assert not {"*", "0.0.0.0", "[::]", ""} & set(hosts)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", MailServer()),
        ("smtp://mail.example", MailServer("mail.example", 25)),
        ("smtp+tls://me:p%40ss@mail.example", MailServer("mail.example", 587, "me", "p@ss", starts_tls=True)),
        ("smtps://mail.example:4650", MailServer("mail.example", 4650, is_tls=True)),
    ],
)
def test_a_mail_server_is_named_by_its_address(url, expected):
    assert mail_server(url) == expected
    assert bool(mail_server(url)) == bool(url)


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example:99999"])
def test_what_is_no_mail_server_stops_the_start(url):
    with pytest.raises(ImproperlyConfigured, match="GATEWAY_MAIL_URL"):
        mail_server(url)


def test_a_mail_server_does_not_show_its_password():
    assert "secret" not in repr(mail_server("smtp://me:secret@mail.example"))
