"""Health of targets: what is observed, Kong's counters, and the words for a change. Pure: time is passed in."""

from .machine import Counters, Flip, Health, Kind, Outcome, interpret, observe, override
from .passive import OnFlip, PassiveCheck
from .state import LATENCY_DECAY_S, MIN_LATENCY_S, TargetState
from .words import cause_of, outcome_text

__all__ = [
    "LATENCY_DECAY_S",
    "MIN_LATENCY_S",
    "Counters",
    "Flip",
    "Health",
    "Kind",
    "OnFlip",
    "Outcome",
    "PassiveCheck",
    "TargetState",
    "cause_of",
    "interpret",
    "observe",
    "outcome_text",
    "override",
]
