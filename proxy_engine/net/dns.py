"""Addresses of names, for as long as the DNS says: one ``Resolver`` per worker.

Nobody asks it per request. Who needs a name watches it; the resolver asks at once, asks again when the answer's time is
over, and tells the watchers what changed. So a request finds the addresses at hand; only one that comes before the very
first answer waits for it.

What holds for an answer (Kong's terms, where Kong has them):

* it is kept for its TTL, from ``MIN_TTL_S`` to ``MAX_TTL_S``. TTL 0, which Kong asks for at each request, is kept for
  ``MIN_TTL_S``: a request never waits for the DNS;
* while a new answer is awaited, and while none can be had, the old one serves, for ``STALE_S`` beyond its time;
* "no such name" is asked again after ``NEGATIVE_S``. A name that had addresses keeps them that once, because servers
  that restart deny for a moment what they know: it takes two denials to lose them;
* after an error (timeout, SERVFAIL) it is asked again after ``ERROR_S``, doubling up to ``MAX_ERROR_S``.

No clock and no sockets in here: ``sweep`` passes the time in, and a ``Lookup`` does the asking.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

MIN_TTL_S = 1.0
MAX_TTL_S = 3600.0
STALE_S = 3600.0  # Kong: 3600
NEGATIVE_S = 30.0  # Kong: 30
ERROR_S = 1.0  # Kong: 1
MAX_ERROR_S = 30.0
SLACK_S = 0.5  # asked later than the answer's end by this, as Kong does: a cache on the way must have dropped it, too
MAX_ADDRESSES = 64  # of one name
MAX_QUERIES = 32  # at once; of 10,000 names the rest waits its turn
MAX_URGENT = 64  # at once, of those that a request waits for
MAX_REFRESHED = 50  # names per sweep, at 0.13 ms for each: thousands of them with TTL 0 take 6 % of a core


class Answer(NamedTuple):
    """``addresses`` empty: the DNS says that there are none. ``ttl_s`` means nothing then."""

    addresses: tuple[str, ...]
    ttl_s: float = 0.0


class Failed(NamedTuple):
    """Nobody said anything, or nothing that could be understood."""

    detail: str


Done = Callable[[Answer | Failed], None]
Lookup = Callable[[str, Done], None]
"""Asks for a name's addresses. ``Done`` is called exactly once, later, never before the lookup returns."""


class Watcher(Protocol):
    def resolved(self) -> None:
        """The name's first outcome is here, or its addresses have changed."""


_RESTING, _WAITING, _URGENT, _ASKED = range(4)


class Name:
    """What is known of one name."""

    __slots__ = (
        "addresses",
        "due",
        "errors",
        "expires",
        "is_denied",
        "is_known",
        "phase",
        "problem",
        "text",
        "watchers",
    )

    def __init__(self, text: str, now: float) -> None:
        self.text = text
        self.watchers: dict[Watcher, None] = {}  # in order; thousands may watch one name, of as many ports
        self.phase = _RESTING
        self.due = 0.0  # when it is to be asked next, while it rests
        self.is_known = False  # the first outcome is here, well or not
        self.addresses: tuple[str, ...] = ()
        self.expires = now  # of the last good answer
        self.is_denied = False  # the last answer was that there are none
        self.errors = 0  # in a row
        self.problem: str | None = None  # of the last lookup

    def __repr__(self) -> str:
        return f"<Name {self.text} {', '.join(self.addresses) or self.problem or 'not known yet'}>"

    def take(self, outcome: Answer | Failed, now: float) -> float:
        """Returns how many seconds the outcome holds."""
        self.is_known = True
        if isinstance(outcome, Failed):
            return self._failed(outcome, now)
        self.errors = 0
        if not outcome.addresses:
            return self._denied()
        self.is_denied = False
        self.problem = None
        self.addresses = _in_order(outcome.addresses, self.addresses)
        ttl_s = min(max(outcome.ttl_s, MIN_TTL_S), MAX_TTL_S)
        self.expires = now + ttl_s
        return ttl_s + SLACK_S

    def _failed(self, outcome: Failed, now: float) -> float:
        self.problem = outcome.detail
        self.errors += 1
        if now > self.expires + STALE_S:
            self.addresses = ()
        return min(ERROR_S * 2 ** min(self.errors - 1, 10), MAX_ERROR_S)

    def _denied(self) -> float:
        if self.is_denied:
            self.addresses = ()
        self.is_denied = True
        self.problem = "no such name"
        return NEGATIVE_S


def _in_order(found: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Servers turn the order from answer to answer: what was known keeps its place, so that only news count as such.

    Of an answer that is too long it is kept, too: the first of each would be others each time, and their connections
    with them.
    """
    wanted = dict.fromkeys(found)
    kept = [address for address in known if address in wanted]
    return (*kept, *(address for address in wanted if address not in known))[:MAX_ADDRESSES]


class Resolver:
    def __init__(self, lookup: Lookup, soon: Callable[[Callable[[], None]], object], now: float = 0.0) -> None:
        """``soon`` puts a callback off until the event loop's next turn."""
        self.now = now  # as of the last sweep
        self._lookup = lookup
        self._soon = soon
        self._names: dict[str, Name] = {}
        self._waiting: deque[Name] = deque()
        self._due: list[tuple[float, int, Name]] = []  # heap; an entry whose time is not its name's is void
        self._numbers = 0  # breaks ties in the heap
        self._asked = 0
        self._is_pumping = False
        self.is_closed = False

    def __repr__(self) -> str:
        return f"<Resolver names={len(self._names)} waiting={len(self._waiting)} asked={self._asked}>"

    def __len__(self) -> int:
        return len(self._names)

    # -- names ------------------------------------------------------------------

    def watch(self, text: str, watcher: Watcher) -> Name:
        """From now on ``watcher`` hears of changes. What is known already is not repeated to it."""
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = Name(text, self.now)
            self._enqueue(name)
        name.watchers[watcher] = None
        return name

    def unwatch(self, name: Name, watcher: Watcher) -> None:
        del name.watchers[watcher]
        if not name.watchers:
            del self._names[name.text]

    def hurry(self, name: Name) -> None:
        """A request waits for it: ahead of those that nobody waits for."""
        if name.phase != _WAITING:
            return
        name.phase = _URGENT
        if self._asked < MAX_URGENT:
            self._ask(name)
        else:
            self._waiting.appendleft(name)

    def without_addresses(self) -> Iterator[Name]:
        """Names that are known not to resolve."""
        return (name for name in self._names.values() if name.is_known and not name.addresses)

    # -- asking -----------------------------------------------------------------

    def sweep(self, now: float) -> None:
        self.now = now
        due = self._due
        room = MAX_REFRESHED
        while due and due[0][0] <= now and room:
            at, _, name = heapq.heappop(due)
            if self._is_current(at, name):
                self._enqueue(name)
                room -= 1

    def close(self) -> None:
        """Nothing is asked any more."""
        self.is_closed = True
        self._waiting.clear()
        self._due.clear()

    def _is_current(self, at: float, name: Name) -> bool:
        return name.phase == _RESTING and name.due == at and self._names.get(name.text) is name

    def _enqueue(self, name: Name) -> None:
        name.phase = _WAITING
        self._waiting.append(name)
        if not self._is_pumping:
            self._is_pumping = True
            self._soon(self._pump)

    def _pump(self) -> None:
        self._is_pumping = False
        waiting = self._waiting
        while waiting and not self.is_closed:
            if self._asked >= (MAX_URGENT if waiting[0].phase == _URGENT else MAX_QUERIES):
                break
            name = waiting.popleft()
            if name.phase in (_WAITING, _URGENT) and self._names.get(name.text) is name:
                self._ask(name)

    def _ask(self, name: Name) -> None:
        name.phase = _ASKED
        self._asked += 1
        self._lookup(name.text, partial(self._answered, name))

    def _answered(self, name: Name, outcome: Answer | Failed) -> None:
        self._asked -= 1
        self._pump()
        if self._names.get(name.text) is not name or self.is_closed:
            return
        was_known, before = name.is_known, name.addresses
        self._rest(name, name.take(outcome, self.now))
        if not was_known or name.addresses != before:
            for watcher in tuple(name.watchers):
                watcher.resolved()

    def _rest(self, name: Name, seconds: float) -> None:
        name.phase = _RESTING
        name.due = self.now + seconds
        self._numbers += 1
        if len(self._due) > 2 * len(self._names) + MAX_QUERIES:  # void ones of names that came and went
            self._due = [entry for entry in self._due if self._is_current(entry[0], entry[2])]
            heapq.heapify(self._due)
        heapq.heappush(self._due, (name.due, self._numbers, name))
