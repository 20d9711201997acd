"""Configurations of the servers that are compared: an origin, nginx and haproxy as proxies, and one engine worker.

nginx gets what its operators would give it: one worker, kept-alive upstream connections, the same forwarding headers
that the engine sends, no access log, and for big bodies 64 KiB buffers.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port, running

SMALL = "x" * 56
PROXY_CORE, OTHER_CORE = 0, 1

_ORIGIN = """
daemon off; worker_processes 1; pid {dir}/origin.pid; error_log {dir}/origin.err;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_body_buffer_size 64k; sendfile on;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4;
  scgi_temp_path {dir}/t5;
  open_file_cache max=100; root {dir}/files;
  server {{ listen 127.0.0.1:{ports[0]} backlog=4096; listen 127.0.0.1:{ports[1]} backlog=4096;
    location /small {{ return 200 "{small}"; }}
    location /post {{ return 200 "{small}"; }}
    location / {{ }} }}
}}
"""

_NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.err; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {dir}/p1; proxy_temp_path {dir}/p2; fastcgi_temp_path {dir}/p3; uwsgi_temp_path {dir}/p4;
  scgi_temp_path {dir}/p5;
  upstream origin {{ server 127.0.0.1:{origins[0]}; server 127.0.0.1:{origins[1]};
    keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:{origins[0]};
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Path $uri; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header Via "1.1 nginx"; add_header Via "1.1 nginx";
      proxy_max_temp_file_size 0; {buffers} }} }}
}}
"""
_BIG_BUFFERS = "proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;"

_HAPROXY = """
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
  balance roundrobin
frontend in
  bind 127.0.0.1:{port}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port {port}
  http-request set-header X-Real-IP %[src]
  http-request set-header Via "1.1 haproxy"
  default_backend origin
backend origin
  server a 127.0.0.1:{origins[0]} pool-max-conn 256
  server b 127.0.0.1:{origins[1]} pool-max-conn 256
"""


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    pid: int


@contextlib.contextmanager
def origin(directory: Path) -> Iterator[tuple[int, int]]:
    files = directory / "files"
    files.mkdir()
    (files / "10k").write_bytes(b"k" * 10_240)
    (files / "1m").write_bytes(b"m" * 1_048_576)
    ports = (free_port(), free_port())
    conf = directory / "origin.conf"
    conf.write_text(_ORIGIN.format(dir=directory, ports=ports, small=SMALL))
    with running(["nginx", "-c", str(conf), "-e", f"{directory}/origin.err"], core=OTHER_CORE, port=ports[0]):
        yield ports


@contextlib.contextmanager
def nginx(directory: Path, origins: tuple[int, int], *, big_buffers: bool = False) -> Iterator[Server]:
    port = free_port()
    conf = directory / f"nginx-{port}.conf"
    buffers = _BIG_BUFFERS if big_buffers else ""
    conf.write_text(_NGINX.format(dir=directory, origins=origins, port=port, buffers=buffers))
    with running(["nginx", "-c", str(conf), "-e", f"{directory}/nginx.err"], core=PROXY_CORE, port=port) as pid:
        yield Server("nginx 64k" if big_buffers else "nginx", port, pid)


@contextlib.contextmanager
def haproxy(directory: Path, origins: tuple[int, int]) -> Iterator[Server]:
    port = free_port()
    conf = directory / "haproxy.cfg"
    conf.write_text(_HAPROXY.format(origins=origins, port=port))
    with running(["haproxy", "-db", "-f", str(conf)], core=PROXY_CORE, port=port) as pid:
        yield Server("haproxy", port, pid)


@contextlib.contextmanager
def engine(directory: Path, origins: tuple[int, int], *, routes: int = 10) -> Iterator[Server]:
    """One supervisor and one worker, as in production but for the source: a file instead of a database."""
    port, status = free_port(), free_port()
    config = directory / f"engine-{port}.json"
    config.write_text(json.dumps({"origins": origins, "routes": routes}))
    data_dir = directory / f"engine-{port}"
    data_dir.mkdir()
    env = {
        "GATEWAY_PROXY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_STATUS_LISTEN": f"127.0.0.1:{status}",
        "GATEWAY_DATA_DIR": str(data_dir),
        "GATEWAY_WORKERS": "1",
        "GATEWAY_DRAIN_SECONDS": "1",
    }
    with running(
        [sys.executable, "-m", "benchmarks.static_engine", str(config)], core=PROXY_CORE, port=port, env=env
    ) as pid:
        yield Server("gatehouse", port, pid)
