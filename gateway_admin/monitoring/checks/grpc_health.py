"""One call of ``grpc.health.v1.Health/Check``: bytes in, bytes out. HTTP/2 is h2's, loaded with the first call.

The messages are two fields of protobuf, which need no library: ``HealthCheckRequest{1: service}`` and
``HealthCheckResponse{1: status}``. What the server says is judged here, as there is one good answer only: SERVING.
"""

from collections.abc import Iterable, Iterator

from proxy_engine.health import Outcome

PATH = "/grpc.health.v1.Health/Check"
STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
SERVING = 1
CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
MAX_ANSWER_BYTES = 65_536
UNREADABLE = Outcome.answered(0)
NOT_OURS = {
    "te",
    "content-type",
    "host",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
}
"""Configured headers that gRPC has its own of, or that HTTP/2 does not have."""


class HealthCall:
    """``outcome`` is None until the answer is complete."""

    def __init__(self, *, scheme: str, authority: str, service: str, headers: Iterable[tuple[str, str]]):
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        own = [(name.lower(), value) for name, value in headers if name.lower() not in NOT_OURS]
        self._head = [
            (":method", "POST"),
            (":scheme", scheme),
            (":path", PATH),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *own,
        ]
        self._request = framed(request_message(service))
        self._answered: dict[str, str] = {}
        self._body = b""
        self.outcome: Outcome | None = None

    def begin(self) -> bytes:
        stream = self._connection
        stream.initiate_connection()
        stream.send_headers(1, self._head)
        stream.send_data(1, self._request, end_stream=True)
        return stream.data_to_send()

    def receive(self, data: bytes) -> bytes:
        """What is to be sent in turn."""
        from h2.exceptions import H2Error

        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except (H2Error, UnicodeDecodeError):
            self.outcome = UNREADABLE
        return self._connection.data_to_send()

    def _take(self, event) -> None:
        from h2 import events

        match event:
            case events.ResponseReceived() | events.TrailersReceived():
                self._answered |= dict(event.headers)
            case events.DataReceived():
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self._body += event.data
                if len(self._body) > MAX_ANSWER_BYTES:
                    self.outcome = UNREADABLE
            case events.StreamEnded():
                self.outcome = judged(self._answered, self._body)
            case events.StreamReset() | events.ConnectionTerminated():
                self.outcome = self.outcome or UNREADABLE


def judged(head: dict[str, str], body: bytes) -> Outcome:
    """``head``: the header and the trailer fields together."""
    if head.get(":status") != "200":
        return Outcome.judged(False, f"HTTP status {head.get(':status', '')[:3]}")
    code = head.get("grpc-status", "")
    if code != "0":
        known = code.isascii() and code.isdigit() and len(code) < 4 and int(code) < len(CODES)
        return Outcome.judged(False, f"gRPC status {CODES[int(code)]}" if known else "no gRPC status")
    try:
        status = response_status(unframed(body))
    except ValueError:
        return UNREADABLE
    return Outcome.judged(status == SERVING, STATUSES[status] if status < len(STATUSES) else f"status {status}")


# --- Messages --------------------------------------------------------------------------------------------------------


def framed(message: bytes) -> bytes:
    return b"\x00" + len(message).to_bytes(4, "big") + message


def unframed(body: bytes) -> bytes:
    """Raises ValueError where it is not one message, uncompressed as we asked for it."""
    if body[:1] != b"\x00" or len(body) < 5 or len(body) - 5 != int.from_bytes(body[1:5], "big"):
        raise ValueError("not one message")
    return body[5:]


def request_message(service: str) -> bytes:
    """The name is at most 255 ASCII characters, so its length takes one byte or two."""
    name = service.encode("ascii")
    return b"\x0a" + _varint(len(name)) + name if name else b""


def response_status(message: bytes) -> int:
    """Fields of later versions are skipped. Raises ValueError where the bytes are no message."""
    return next((value for number, value in reversed(list(_fields(message))) if number == 1), 0)


def _fields(message: bytes) -> Iterator[tuple[int, int]]:
    """The fields that are numbers: number of the field, its value."""
    place = 0
    while place < len(message):
        tag, place = _read_varint(message, place)
        match tag & 7:
            case 0:
                value, place = _read_varint(message, place)
                yield tag >> 3, value
            case 1:
                place += 8
            case 2:
                length, place = _read_varint(message, place)
                place += length
            case 5:
                place += 4
            case kind:
                raise ValueError(f"wire type {kind}")
    if place > len(message):
        raise ValueError("cut short")


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80, value >> 7])


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value, place, shift = value | (byte & 0x7F) << shift, place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ValueError("cut short")
