"""Secrets are found wherever they stand, whatever they stand in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine import spec
from tests.proxy_engine.builders import SMALLEST

from .test_hostile_input import JSON, TEXTS


def masked(kind, values):
    return spec.convert_secrets(kind, values, lambda _: "***")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("keyauth_credentials", {"key": "k", "tags": ["k"]}, {"key": "***", "tags": ["k"]}),
        ("keyauth_credentials", {"key": None}, {"key": None}),
        ("basicauth_credentials", {"username": "u", "password": "p"}, {"username": "u", "password": "***"}),
        ("certificates", {"cert": "c", "key": "k", "key_alt": "k"}, {"cert": "c", "key": "***", "key_alt": "***"}),
        ("services", {"host": "h"}, {"host": "h"}),
        (
            "plugins",
            {"name": "rate-limiting", "config": {"minute": 1, "redis": {"host": "h", "password": "p"}}},
            {"name": "rate-limiting", "config": {"minute": 1, "redis": {"host": "h", "password": "***"}}},
        ),
        (
            "plugins",
            {"name": "rate-limiting", "config": {"redis_password": "p"}},
            {"name": "rate-limiting", "config": {"redis_password": "***"}},
        ),
    ],
)
def test_secrets_that_are_set_are_converted(kind, values, expected):
    before = json.dumps(values)
    assert masked(kind, values) == expected
    assert json.dumps(values) == before


def test_what_can_have_secrets():
    kinds = {kind for kind, entity in spec.KINDS.items() if any(map(spec.has_secrets, entity.fields.values()))}
    assert kinds == {"keyauth_credentials", "basicauth_credentials", "certificates"}
    plugins = {name for name, plugin in spec.PLUGINS.items() if spec.has_secrets(plugin.config_field())}
    assert plugins == {"rate-limiting"}


@pytest.mark.parametrize("kind", spec.KINDS)
@given(values=st.dictionaries(TEXTS, JSON))
def test_values_that_nobody_checked_are_no_crash(kind, values):
    masked(kind, SMALLEST[kind] | values)
