"""What the servers under measurement are told, as data: an origin, nginx and haproxy as proxies, and our engine.

All three proxies do the same work: ``routes`` path prefixes, of which the measured one is neither the first nor the
last, two targets, kept-alive upstream connections, the same forwarding headers, a request id, WebSockets, limits and
timeouts, and an access line for each request.

- nginx writes the same facts into its access line as the engine, and both gather lines in a buffer. haproxy cannot: it
  writes each line (of ``httplog``, as many facts) by itself, here into a file; sending it to a syslog daemon, its
  operators' way, is one system call per request too.
- nginx passes chunked requests on as they come (``proxy_request_buffering off``), as the other two do; other bodies are
  left to its defaults. ``NGINX_BIG_BUFFERS`` is for 1 MiB, where its default buffers of 4 KiB cost it half its speed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from proxy_engine import spec

SMALL = "x" * 56
MEASURED = "/api/orders"  # small, post, chunked, 10k and 1m are below it
MESSAGES = "/api/messages"  # WebSockets, to a target of their own


@dataclass(frozen=True)
class Origins:
    http: tuple[int, int]
    messages: int


ORIGIN = """
daemon off; worker_processes 1; pid {dir}/origin.pid; error_log {dir}/origin.err; worker_rlimit_nofile 13000;
events {{ worker_connections 6000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_body_buffer_size 64k; sendfile on;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4;
  scgi_temp_path {dir}/t5;
  open_file_cache max=100; root {dir}/files;
  server {{
    listen 127.0.0.1:{ports[0]} backlog=4096; listen 127.0.0.1:{ports[1]} backlog=4096;
    location {measured}/small {{ return 200 "{small}"; }}
    location {measured}/post {{ return 200 "{small}"; }}
    # Whatever passes the SSI filter loses its length: that makes nginx answer in chunks.
    location {measured}/chunked {{ ssi on; ssi_types *; set $half "{two_kib}"; return 200 "$half$half"; }}
    location {measured}/ {{ alias {dir}/files/; }} }}
}}
"""

NGINX = """
daemon off; worker_processes 1; pid {dir}/{name}.pid; error_log {dir}/{name}.err; worker_rlimit_nofile 13000;
events {{ worker_connections 12000; }}
http {{
  log_format line escape=json '{{"time":"$time_iso8601","request_id":"$request_id","client":"$remote_addr",'
    '"method":"$request_method","host":"$http_host","path":"$request_uri","user_agent":"$http_user_agent",'
    '"status":$status,"bytes":$body_bytes_sent,"request_bytes":$request_length,"duration_s":$request_time,'
    '"target_s":"$upstream_header_time","target":"$upstream_addr"}}';
  access_log {dir}/{name}.access line buffer=64k flush=1s;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {dir}/p1; proxy_temp_path {dir}/p2; fastcgi_temp_path {dir}/p3; uwsgi_temp_path {dir}/p4;
  scgi_temp_path {dir}/p5;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  upstream origin {{ server 127.0.0.1:{origins.http[0]}; server 127.0.0.1:{origins.http[1]};
    keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }}
  upstream messages {{ server 127.0.0.1:{origins.messages}; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    proxy_set_header Host 127.0.0.1:{origins.http[0]};
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Forwarded-Path $uri; proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Request-Id $request_id; add_header X-Request-Id $request_id;
    proxy_set_header Via "1.1 nginx"; add_header Via "1.1 nginx";
    proxy_max_temp_file_size 0; {buffers}
    {locations}
    location {measured} {{ proxy_pass http://origin; }}
    location {measured}/chunked {{ proxy_pass http://origin; proxy_request_buffering off; }}
    location {messages} {{ proxy_pass http://messages; }}
    location / {{ proxy_pass http://origin; }} }}
}}
"""
NGINX_LOCATION = "location {path} {{ proxy_pass http://origin; }}"
NGINX_BIG_BUFFERS = "proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;"

HAPROXY = """
global
  nbthread 1
  maxconn 6000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 15s
  timeout http-keep-alive 75s
  timeout tunnel 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
  balance roundrobin
frontend in
  bind 127.0.0.1:{port}
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port {port}
  http-request set-header X-Forwarded-Path %[path]
  http-request set-header X-Real-IP %[src]
  http-request set-header Via "1.1 haproxy"
  http-response set-header Via "1.1 haproxy"
  http-response set-header X-Request-Id %[unique-id]
  use_backend %[path,map_beg({dir}/haproxy.map,origin)]
backend origin
  server a 127.0.0.1:{origins.http[0]} pool-max-conn 256
  server b 127.0.0.1:{origins.http[1]} pool-max-conn 256
backend messages
  server a 127.0.0.1:{origins.messages}
"""


def team_paths(routes: int) -> list[str]:
    """The routes that are only there: all but the measured one, the one of the messages and the one for all paths."""
    return [f"/api/team-{n % 100}/resource-{n}" for n in range(max(0, routes - 3))]


def origin(directory: Path, ports: tuple[int, int]) -> str:
    return ORIGIN.format(dir=directory, ports=ports, measured=MEASURED, small=SMALL, two_kib="c" * 2048)


def nginx(directory: Path, name: str, port: int, origins: Origins, *, routes: int, buffers: str = "") -> str:
    return NGINX.format(
        dir=directory,
        name=name,
        port=port,
        origins=origins,
        buffers=buffers,
        measured=MEASURED,
        messages=MESSAGES,
        locations="\n    ".join(NGINX_LOCATION.format(path=path) for path in team_paths(routes)),
    )


def haproxy(directory: Path, port: int, origins: Origins) -> str:
    return HAPROXY.format(dir=directory, port=port, origins=origins)


def haproxy_map(routes: int) -> str:
    teams = [f"{path} origin\n" for path in team_paths(routes)]
    teams.insert(len(teams) * 3 // 4, f"{MEASURED} origin\n{MESSAGES} messages\n")
    return "".join(teams)


def engine(origins: Origins, routes: int) -> dict[str, list[dict]]:
    """Entities for a snapshot. One service over an upstream with two targets, one for the messages."""
    upstream = checked("upstreams", 0, {"name": "origin"})
    service = checked("services", 1, {"host": "origin"})
    messages = checked("services", 2, {"host": "127.0.0.1", "port": origins.messages})
    paths = team_paths(routes)
    paths.insert(len(paths) * 3 // 4, MEASURED)
    return {
        "upstreams": [upstream],
        "targets": [_target(3 + n, upstream, f"127.0.0.1:{port}") for n, port in enumerate(origins.http)],
        "services": [service, messages],
        "routes": [_route(10 + n, service, path) for n, path in enumerate(paths)]
        + [_route(8, messages, MESSAGES), _route(9, service, "/")],
    }


def checked(kind: str, number: int, values: dict) -> dict:
    result = spec.check(kind, values)
    if result.problems:
        raise ValueError(result.problems)
    return {**result.values, "id": str(uuid.UUID(int=number + 1))}


def _target(number: int, upstream: dict, address: str) -> dict:
    return checked("targets", number, {"target": address, "upstream": {"id": upstream["id"]}})


def _route(number: int, service: dict, path: str) -> dict:
    return checked("routes", number, {"paths": [path], "service": {"id": service["id"]}, "strip_path": False})
