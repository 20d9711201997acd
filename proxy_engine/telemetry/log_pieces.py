"""What lines of the access log are joined of: pieces that many have in common, and what a head tells a log.

Nothing here is read as a message is: a head was checked before, and a log looks for the few fields it tells of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .escape import in_json

if TYPE_CHECKING:
    from proxy_engine.http.request import RequestHead
    from proxy_engine.http.request_block import RequestBlock
    from proxy_engine.proxy.forward import Peer

MAX_FORM = 4096  # bytes of a head; of longer ones nothing is kept
MOST_PIECES = 8192  # of each kind that are remembered: sizes, times, targets

AGENT = (b"\r\nUser-Agent:", b"\r\nuser-agent:")
REFERER = (b"\r\nReferer:", b"\r\nreferer:")


class Pieces(dict):
    """Pieces of lines by what they tell, made when first needed."""

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> bytes:
        if len(self) >= MOST_PIECES:
            self.clear()
        piece = self[key] = self._make(key)
        return piece


def times(tenths: int | tuple[int, int]) -> bytes:
    """``tenths`` of a millisecond, to the end and to the target's head, or one number where they are the same."""
    whole, head = tenths if type(tenths) is tuple else (tenths, tenths)
    return b'"duration_ms":%d.%d,"target_ms":%d.%d,"target":"' % (*divmod(whole, 10), *divmod(head, 10))


def end(facts: bytes | tuple[bytes, int, int]) -> bytes:
    """The target's name, with the bytes that the request's body had and the tries where those are not 0 and 1."""
    return b'%b","request_bytes":%d,"tries":%d,"outcome":"complete","reason":null}\n' % (
        facts if type(facts) is tuple else (facts, 0, 1)
    )


def text(raw: bytes) -> bytes:
    return b'"%b"' % in_json(raw) if raw else b"null"


def client(peer: Peer, head: RequestHead) -> bytes:
    """The address that the target is told in X-Real-IP."""
    if peer.is_trusted and head.block.forwarded:
        return head.block.forwarded.get(b"x-real-ip") or peer.address
    return peer.address


def is_kept(block: RequestBlock, *fields: tuple[bytes, ...]) -> bool:
    """Whether what is told of these fields holds for all heads of the form, and is short enough to be kept with it."""
    if len(block.before) + len(block.after) > MAX_FORM:
        return False
    stays = block.after + block.before[: block.before.rfind(b"\r\n") + 2]
    return not block.most_between or all(any(name in stays for name in spellings) for spellings in fields)


def field(head: RequestHead, *spellings: bytes) -> bytes:
    """The value of a field that is only looked at here, found without reading the others: the first one as it is
    usually spelt, empty if there is none."""
    block = head.block
    for lines in (block.before + head.middle, block.after):
        for spelling in spellings:
            at = lines.find(spelling)
            if at >= 0:
                begin = at + len(spelling)
                stop = lines.find(b"\r\n", begin)
                return lines[begin : stop if stop >= 0 else None].strip(b" \t")
    return b""
