"""Where this installation keeps its things: database, Redis, secret key, the names it answers to.

Used by the settings only, so nothing here may import Django models or settings.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

LOCAL_HOSTS = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
SECRET_KEY_BYTES = 50
SQLITE_WAIT_S = 20  # how long a writer waits for another one
POSTGRES_WAIT_S = 5  # for a connection: from the server, and from the pool
POSTGRES_CONNECTIONS = 20  # per process
REDIS_TIMEOUT_S = 1
IN_PROCESS = "memory://"  # no Redis at all: one process that talks to itself, for tests


def usable_directory(path: Path) -> Path:
    """Made when it is missing; only its owner looks inside, for the database and the Redis socket have no password."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"GATEWAY_DATA_DIR: cannot use {path}: {error.strerror}") from None
    return path


def secret_key(data_dir: Path) -> str:
    """The key that signs sessions; made once and kept in a file that only its owner can read."""
    path = data_dir / "secret.key"
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(SECRET_KEY_BYTES))
    return path.read_text().strip()


def _write_once(path: Path, text: str) -> None:
    """Processes that start at the same time end up with the same text: ``link`` fails where ``rename`` replaces."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"GATEWAY_DATA_DIR: cannot write {path}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def database(url: str, data_dir: Path) -> dict:
    if not url:
        # Kept open by the threads that stay: PostgreSQL has its pool for that.
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": data_dir / "gatehouse.db", "CONN_MAX_AGE": None}
    else:
        config = environ.Env.db_url_config(url)
    options = SQLITE_OPTIONS if config["ENGINE"] == "django.db.backends.sqlite3" else POSTGRES_OPTIONS
    return config | {"OPTIONS": options | config.get("OPTIONS", {})}


# A transaction that starts with a read and then writes cannot wait for the lock in SQLite, it fails at once; IMMEDIATE
# takes the lock first and waits. NORMAL is safe against crashes of the process; WAL lets readers go on meanwhile.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": SQLITE_WAIT_S,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}

# A pool, because each request of an ASGI server has a thread of its own and would connect anew.
POSTGRES_OPTIONS = {
    "connect_timeout": POSTGRES_WAIT_S,
    "pool": {"min_size": 1, "max_size": POSTGRES_CONNECTIONS, "timeout": POSTGRES_WAIT_S},
}


@dataclass(frozen=True)
class Redis:
    """One Redis under the three spellings its users want."""

    url: str  # redis://, rediss://, unix:// or ``IN_PROCESS``
    celery_broker: str

    @property
    def is_in_process(self) -> bool:
        return self.url == IN_PROCESS

    def channel_layer(self) -> dict:
        if self.is_in_process:
            return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
        return {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [self.url]}}

    def cache(self) -> dict:
        if self.is_in_process:
            return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        backend = "django.core.cache.backends.redis.RedisCache"
        limits = {"socket_connect_timeout": REDIS_TIMEOUT_S, "socket_timeout": REDIS_TIMEOUT_S}
        return {"BACKEND": backend, "LOCATION": self.url, "KEY_PREFIX": "gatehouse", "OPTIONS": limits}


def redis_urls(url: str, data_dir: Path) -> Redis:
    if not url:
        path = data_dir / "redis.sock"
        return Redis(url=f"unix://{path}", celery_broker=f"redis+socket://{path}")
    if url.startswith("unix://"):
        return Redis(url=url, celery_broker="redis+socket://" + url.removeprefix("unix://"))
    return Redis(url=url, celery_broker=url)


@dataclass(frozen=True, repr=False)
class MailServer:
    """False where there is none."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starts_tls: bool = False
    is_tls: bool = False

    def __bool__(self) -> bool:
        return bool(self.host)


MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def mail_server(url: str) -> MailServer:
    """``smtp://host``, ``smtp+tls://user:password@host:587`` (STARTTLS) or ``smtps://…`` (TLS from the first byte)."""
    if not url:
        return MailServer()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in MAIL_PORTS:
        schemes = ", ".join(f"{scheme}://" for scheme in MAIL_PORTS)
        raise ImproperlyConfigured(f"GATEWAY_MAIL_URL: expected an address that begins with one of: {schemes}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    modes = {"starts_tls": parts.scheme == "smtp+tls", "is_tls": parts.scheme == "smtps"}
    return MailServer(host, port or MAIL_PORTS[parts.scheme], user, password, **modes)


def one_of(name: str, value: str, *words: str) -> str:
    """A misspelt switch would silently be another setting than the operator meant."""
    if value and value not in words:
        raise ImproperlyConfigured(f"{name}: expected nothing or one of: {', '.join(words)}; not {value!r}")
    return value


def admin_hosts(listen: str) -> list[str]:
    """Host names the dashboard answers to unless told: this machine's own, and those it was told to listen on.

    Not ``*``: a page on the internet whose name resolves to 127.0.0.1 could otherwise talk to the dashboard
    with the operator's browser (DNS rebinding).
    """
    own = socket.gethostname().lower()
    names = {*LOCAL_HOSTS, own, own.partition(".")[0], *_own_addresses(), *_listen_hosts(listen)}
    return sorted(name for name in names if name)


def _own_addresses():
    """The addresses this machine uses towards others. Connecting a datagram socket sends nothing."""
    for family, probe in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((probe, 9))
                address = sock.getsockname()[0]
        except OSError:
            continue
        yield f"[{address}]" if family == socket.AF_INET6 else address


def _listen_hosts(listen: str):
    for item in listen.split(","):
        host = item.strip().rpartition(":")[0]
        if host not in ("", "*", "0.0.0.0", "[::]"):  # wildcards name no host
            yield host.lower()
