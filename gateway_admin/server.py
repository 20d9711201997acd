"""daphne, with bounds on what anybody may send before it is known who it is. ``python -m gateway_admin.server`` takes
daphne's own options.

daphne by itself writes a body of any length to a temporary file first and asks Django afterwards. Twisted below it
parses forms that nobody asks it for, and has an answer of its own, without a body, to those it cannot read.
"""

import json
from functools import cache

from daphne import server
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet import reactor

LINGER_S = 2.0  # to read why: a close on unread data is a reset, which may take the answer back (RFC 9112, 9.6)
ENVELOPE_BYTES = 64 * 1024  # what a multipart form may put around the longest configuration


@cache
def most_bytes() -> int:
    """Of any body. Most addresses take far less, and say so themselves."""
    from django.conf import settings

    return max(settings.CONFIG_UPLOAD_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE) + ENVELOPE_BYTES


def too_large() -> bytes:
    """One answer for all dialects: Kong's clients read ``message``, ours ``error``."""
    message = f"the body is larger than {most_bytes()} bytes"
    error = {"code": "PAYLOAD_TOO_LARGE", "message": message, "details": []}
    body = json.dumps({"success": False, "error": error, "message": message}).encode()
    head = (
        b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    return head % len(body) + body


class BoundedRequest(WebRequest):
    is_refused = False
    received_bytes = 0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs | {"parsePOSTFormSubmission": False})

    def gotLength(self, length):  # noqa: N802 - Twisted's names
        super().gotLength(length)
        if length is not None and length > most_bytes():
            self.refuse()

    def handleContentChunk(self, data):  # noqa: N802
        if self.is_refused:
            return
        self.received_bytes += len(data)
        if self.received_bytes > most_bytes():
            self.refuse()
        else:
            super().handleContentChunk(data)

    def refuse(self) -> None:
        """At once, and close; what still comes is read and dropped for a moment."""
        self.is_refused = True
        self.requestHeaders.removeHeader(b"expect")  # no "100 Continue" after the answer
        transport = self.channel.transport
        transport.write(too_large())
        transport.loseWriteConnection()
        reactor.callLater(LINGER_S, transport.abortConnection)

    def process(self):
        if self.is_refused:
            return None
        self.requestHeaders.removeHeader(b"daphne-root-path")  # where we are mounted is not for clients to say
        return super().process()


class BoundedFactory(HTTPFactory):
    def buildProtocol(self, addr):  # noqa: N802
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol


if __name__ == "__main__":
    server.HTTPFactory = BoundedFactory  # daphne looks it up there; it takes no other
    CommandLineInterface.entrypoint()
