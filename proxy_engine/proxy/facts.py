"""What a hash input may look at in a request. Made only for upstreams that hash."""

from __future__ import annotations

from proxy_engine.http.request import RequestHead


class RequestFacts:
    __slots__ = ("captures", "consumer", "head", "ip", "path", "query", "target")

    def __init__(self, ip: bytes, head: RequestHead, path: bytes, query: bytes, captures) -> None:
        self.ip = ip
        self.head = head
        self.path = path
        self.query = query
        self.target = head.target
        self.captures = captures
        self.consumer: bytes | None = None

    def header(self, name: bytes) -> bytes | None:
        return self.head.field(name)

    def cookie(self, name: bytes) -> bytes | None:
        for pair in b";".join(self.head.fields().get(b"cookie", ())).split(b";"):
            key, equals, value = pair.strip(b" \t").partition(b"=")
            if equals and key == name:
                return value.strip(b'"')
        return None
