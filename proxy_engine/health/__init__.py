"""Health of targets: what is observed, Kong's counters, circuit breakers, and the words for a change. Pure: time is
passed in."""

from .breaker import Circuit, Phase
from .ejection import Breaker, BreakerBook
from .judge import Judge, joined
from .machine import Counters, Flip, Health, Kind, Outcome, interpret, observe, override
from .passive import OnFlip, PassiveCheck
from .slow_start import Ramp, SlowStartBook
from .state import LATENCY_DECAY_S, MIN_LATENCY_S, TargetState
from .words import cause_of, outcome_text

__all__ = [
    "LATENCY_DECAY_S",
    "MIN_LATENCY_S",
    "Breaker",
    "BreakerBook",
    "Circuit",
    "Counters",
    "Flip",
    "Health",
    "Judge",
    "Kind",
    "OnFlip",
    "Outcome",
    "PassiveCheck",
    "Phase",
    "Ramp",
    "SlowStartBook",
    "TargetState",
    "cause_of",
    "interpret",
    "joined",
    "observe",
    "outcome_text",
    "override",
]
