from __future__ import annotations

from proxy_engine.errors import FailureKind
from proxy_engine.health import TargetState, joined

from .test_state import a_target


class Judge:
    def __init__(self):
        self.heard = []

    def answered(self, state, status):
        self.heard.append(status)

    def failed(self, state, kind, detail):
        self.heard.append((kind, detail))


def test_nobody_judges_where_nothing_is_on():
    assert joined(None, None) is None


def test_one_judge_needs_no_go_between():
    judge = Judge()
    assert joined(judge, None) is judge
    assert joined(None, judge) is judge


def test_two_judges_hear_the_same():
    one, other = Judge(), Judge()
    both, state = joined(one, other), TargetState(a_target())
    both.answered(state, 200)
    both.failed(state, FailureKind.RESET, "reset")
    assert one.heard == other.heard == [200, (FailureKind.RESET, "reset")]
