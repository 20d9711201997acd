"""The circuit breaker of one target, as a state machine: failures of real requests eject it for a time.

Theory (Nygard, "Release It!"; Envoy's outlier detection; the half-open state of resilience4j). A circuit is

- *closed*: the target gets its share. ``consecutive_failures`` in a row open it, or ``failure_percentage`` of at least
  ``minimum_requests`` within the last ``window`` seconds.
- *open*: the target is ejected, for ``open_time`` seconds.
- *half-open*: at most ``half_open_requests`` trials are under way at once. As many successes close it, one failure
  opens it again. Between trials it is ejected as before, so balancers need to know nothing of all this.

How trials are counted. An attempt that begins while a circuit is half-open is a trial; attempts that began before may
still be under way then (a download, an event stream), and nobody marks which one ends. So an end is taken for one of
the old as long as there may be any: there are never more trials than are counted. That can keep a slot from the next
trial for a while, and so can a trial that is a stream itself; after another ``open_time`` what is under way is waited
for no longer. Slots are handed out anew by ``tick``, so a trial whose client went away costs a tick, not the target.

What ends without a trial having begun is news of before, and neither closes nor opens a half-open circuit.

Pure: ``now`` is passed in, on one clock that never goes back.
"""

from __future__ import annotations

from enum import StrEnum

from proxy_engine.spec import CircuitBreaker

from .state import TargetState

BUCKETS = 10  # of a window, which so moves on by tenths
MAX_CAUSE = 200  # characters of a failure's text


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Event(StrEnum):
    SUCCESS = "success"
    LAST_SUCCESS = "as many successes as are needed"
    FAILURE = "failure"
    LIMIT = "failure that reaches a limit"
    TIME_OVER = "open time over"
    CROWDED = "more are ejected than may be"
    VOUCHED = "found healthy by somebody else"


C, O, H = Phase  # noqa: E741

TRANSITIONS: dict[tuple[Phase, Event], Phase] = {
    # what is missing changes nothing
    (C, Event.SUCCESS): C,
    (C, Event.FAILURE): C,
    (C, Event.LIMIT): O,
    (O, Event.SUCCESS): O,  # of attempts from before, or while all targets are used
    (O, Event.FAILURE): O,
    (O, Event.TIME_OVER): H,
    (O, Event.CROWDED): C,
    (O, Event.VOUCHED): C,
    (H, Event.SUCCESS): H,
    (H, Event.LAST_SUCCESS): C,
    (H, Event.FAILURE): O,
    (H, Event.CROWDED): C,
    (H, Event.VOUCHED): C,
}


class Window:
    """Requests and failures of the last seconds, in buckets."""

    __slots__ = ("_bucket_s", "_buckets", "_moves_at", "_newest", "failures", "requests")

    def __init__(self, seconds: float) -> None:
        self._bucket_s = seconds / BUCKETS
        self.clear()

    def clear(self) -> None:
        self._buckets = [[0, 0] for _ in range(BUCKETS)]
        self._newest = -1  # number of the bucket that counts now
        self._moves_at = 0.0  # when the next one does
        self.requests = 0
        self.failures = 0

    def count(self, now: float, failed: bool) -> None:
        if now >= self._moves_at:
            self.move_on(now)
        bucket = self._buckets[self._newest % BUCKETS]
        bucket[0] += 1
        self.requests += 1
        if failed:
            bucket[1] += 1
            self.failures += 1

    def move_on(self, now: float) -> None:
        """Buckets older than the window are empty again."""
        number = int(now / self._bucket_s)
        for outdated in range(max(self._newest + 1, number - BUCKETS + 1), number + 1):
            bucket = self._buckets[outdated % BUCKETS]
            self.requests -= bucket[0]
            self.failures -= bucket[1]
            bucket[0] = bucket[1] = 0
        self._newest = max(number, self._newest)
        self._moves_at = (self._newest + 1) * self._bucket_s


class Circuit:
    """The breaker of one target. It alone sets the target's ``ejected`` and ``trials``."""

    __slots__ = (
        "_active_before",
        "_full_since",
        "_is_same",
        "_last",
        "_requests_before",
        "_successes",
        "_was_tried",
        "address",
        "cause",
        "phase",
        "rule",
        "run",
        "since",
        "state",
        "until",
        "window",
    )

    def __init__(self, state: TargetState, rule: CircuitBreaker, now: float) -> None:
        self.state = state
        self.rule = rule
        self.address = state.target.target  # what was observed is of this address
        self.phase = Phase.CLOSED
        self.since = now
        self.until: float | None = None  # while open
        self.cause = ""  # why it is open, or half-open still
        # closed
        self.run = 0  # failures in a row
        self._last = ""  # the latest of them
        self._is_same = True  # as all of the run
        self.window = Window(rule.window) if rule.failure_percentage else None
        # half-open
        self._successes = 0
        self._was_tried = False
        self._active_before = 0  # attempts under way as it began
        self._requests_before = 0
        self._full_since: float | None = None  # as ``tick`` saw it

    def __repr__(self) -> str:
        return f"<Circuit {self.address} {self.phase}{', ' if self.cause else ''}{self.cause}>"

    @property
    def is_closed(self) -> bool:
        return self.phase is Phase.CLOSED

    # -- what requests show -----------------------------------------------------

    def succeeded(self, now: float) -> None:
        if self.phase is C:
            self.run = 0
            self._is_same = True
            if self.window is not None:
                self.window.count(now, False)
        elif self.phase is H:
            self._trial_succeeded(now)

    def _trial_succeeded(self, now: float) -> None:
        if not self._was_tried:
            return
        self._full_since = None
        self._successes += 1
        is_enough = self._successes >= self.rule.half_open_requests
        self._take(Event.LAST_SUCCESS if is_enough else Event.SUCCESS, now)

    def failed(self, now: float, text: str, *, has_room: bool) -> None:
        """``has_room``: one more target may be ejected. Where it may not, the next failure asks again."""
        text = text[:MAX_CAUSE]
        if self.phase is Phase.HALF_OPEN:
            if self._was_tried:
                self._take(Event.FAILURE, now, f"a trial failed: {text}")
        elif self.phase is Phase.CLOSED:
            self._count_failure(now, text)
            cause = self._limit_reached()
            self._take(Event.LIMIT if cause and has_room else Event.FAILURE, now, cause)

    def _count_failure(self, now: float, text: str) -> None:
        self._is_same = self._is_same and (not self.run or text == self._last)
        self._last = text
        self.run += 1
        if self.window is not None:
            self.window.count(now, True)

    def _limit_reached(self) -> str:
        """In words; empty when none is."""
        rule, window = self.rule, self.window
        if rule.consecutive_failures and self.run >= rule.consecutive_failures:
            name = "1 failure" if self.run == 1 else f"{self.run} failures in a row"
            return f"{name}{'' if self._is_same else ', last'}: {self._last}"
        if window is not None and window.requests >= rule.minimum_requests:
            share = 100 * window.failures / window.requests
            if share >= rule.failure_percentage:
                return f"{share:.3g} % of {window.requests} requests in {rule.window:g} s failed, last: {self._last}"
        return ""

    # -- trials -----------------------------------------------------------------

    def began(self, state: TargetState) -> None:
        """An attempt begins while half-open."""
        self._was_tried = True
        if self._trials >= self.rule.half_open_requests:
            state.ejected = True

    @property
    def _trials(self) -> int:
        """Under way: never fewer than there are."""
        state = self.state
        begun = state.requests - self._requests_before
        ended = begun - (state.active - self._active_before)
        return state.active - max(self._active_before - ended, 0)

    def _begin_trials(self) -> None:
        self._active_before = self.state.active
        self._requests_before = self.state.requests
        self._full_since = None

    # -- time -------------------------------------------------------------------

    def tick(self, now: float) -> None:
        if self.phase is Phase.OPEN and now >= self.until:
            self._take(Event.TIME_OVER, now, self.cause)
        elif self.phase is Phase.HALF_OPEN:
            self._hand_out_slots(now)

    def _hand_out_slots(self, now: float) -> None:
        if self._trials >= self.rule.half_open_requests:
            if self._full_since is None:
                self._full_since = now
            if now - self._full_since < self.rule.open_time:
                return
            self._begin_trials()
        self._full_since = None
        self.state.ejected = False

    def let_back(self, now: float) -> None:
        """Others need the room: the operator took away targets that were not ejected."""
        self._take(Event.CROWDED, now)

    def vouched(self, now: float) -> None:
        """A person, or an active check, found the target healthy."""
        self._take(Event.VOUCHED, now)

    # -- transitions ------------------------------------------------------------

    def _take(self, event: Event, now: float, cause: str = "") -> None:
        before, after = self.phase, TRANSITIONS.get((self.phase, event), self.phase)
        if before is not after:
            self.phase, self.since, self.cause = after, now, cause
            self._enter(now)

    def _enter(self, now: float) -> None:
        phase, state = self.phase, self.state
        self.until = now + self.rule.open_time if phase is Phase.OPEN else None
        self.run, self._is_same = 0, True
        self._successes, self._was_tried = 0, False
        if self.window is not None:
            self.window.clear()
        if phase is Phase.OPEN:
            self.cause = f"{self.cause}; ejected for {self.rule.open_time:g} s"
        elif phase is Phase.HALF_OPEN:
            self._begin_trials()
        state.trials = self if phase is Phase.HALF_OPEN else None
        state.ejected = phase is Phase.OPEN
        if phase is Phase.CLOSED:
            state.start_slowly()  # where the last trial left it ready, nothing else tells that it is back
