"""Good and bad input, fed to REST and, where a form can hold it, to the pages. Names are those of REST."""

import pytest

HOOK = "https://hooks.example/T0/B0/xyz"

GOOD = {
    "rules": [
        {"name": "down", "condition": "target_down"},
        {"name": "half <b>", "condition": "upstream_below", "threshold": 50, "upstreams": ["pool"]},
        {"name": "late", "condition": "probe_lag", "forSeconds": 0.5, "remindMinutes": 60, "enabled": False},
    ],
    "channels": [
        {"name": "hook", "type": "webhook", "url": HOOK},
        {"name": "hook", "type": "webhook", "url": "http://10.0.0.1:8080/x", "secret": "s" * 16},
        {"name": "slack", "type": "slack", "url": HOOK, "groupSeconds": 0, "tellResolved": False},
        {"name": "mail", "type": "email", "recipients": ["ops@example.com", "me@example.org"]},
    ],
    "silences": [
        {"reason": "maintenance", "until": "2099-01-31T12:00:00Z"},
        {"reason": "one pool", "until": "2099-01-31T12:00:00+01:00", "upstreams": ["pool"], "rule": None},
    ],
}


def _bad(kind, field, **values):
    base = dict(GOOD[kind][0])
    body = {name: value for name, value in (base | values).items() if value is not ...}
    return pytest.param(kind, body, field, id=f"{kind}: {field} {next(iter(values.values()))!r}"[:60])


BAD = [
    _bad("rules", "name", name=...),
    _bad("rules", "name", name=""),
    _bad("rules", "name", name="a\nb"),
    _bad("rules", "name", name="x" * 101),
    _bad("rules", "condition", condition="moon_phase"),
    _bad("rules", "threshold", threshold=5),
    _bad("rules", "threshold", threshold=101, condition="upstream_below"),
    _bad("rules", "threshold", threshold=0, condition="probe_lag"),
    _bad("rules", "threshold", threshold="5", condition="probe_lag"),
    _bad("rules", "upstreams.0", upstreams=["nobody"]),
    _bad("rules", "upstreams", upstreams=["pool"], condition="probe_lag"),
    _bad("rules", "upstreams", upstreams=[]),
    _bad("rules", "channels.0", channels=["0b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11"]),
    _bad("rules", "channels.0", channels=["x"]),
    _bad("rules", "forSeconds", forSeconds=-1),
    _bad("rules", "remindMinutes", remindMinutes=1.5),
    _bad("rules", "enabled", enabled=None),
    _bad("rules", "for_seconds", for_seconds=1),
    _bad("rules", "told_at", told_at="2027-01-31T12:00:00Z"),
    _bad("channels", "type", type="pager"),
    _bad("channels", "url", url=...),
    _bad("channels", "url", url="ftp://example.com"),
    _bad("channels", "url", url="https://user:password@example.com/"),
    _bad("channels", "url", url="http://169.254.169.254/latest/meta-data"),
    _bad("channels", "url", url="http://[fe80::1]/"),
    _bad("channels", "url", url="http://[::ffff:169.254.169.254]/"),
    _bad("channels", "url", url="http://0.0.0.0/"),
    _bad("channels", "url", url="http://example.com:99999/"),
    _bad("channels", "url", url="https://example.com/\r\nX: y"),
    _bad("channels", "secret", secret="short"),
    _bad("channels", "recipients", recipients=["a@example.com"]),
    _bad("channels", "secret", secret="s" * 16, type="slack"),
    _bad("channels", "recipients", type="email", url=...),
    _bad("channels", "recipients.0", type="email", url=..., recipients=["no address"]),
    _bad("channels", "recipients.0", type="email", url=..., recipients=["a@example.com\nBcc: b@example.com"]),
    _bad("channels", "groupSeconds", groupSeconds=3601),
    _bad("silences", "reason", reason=...),
    _bad("silences", "until", until="2020-01-31T12:00:00Z"),
    _bad("silences", "until", until="tomorrow"),
    _bad("silences", "until", until="2099-02-31T12:00:00Z"),
    _bad("silences", "rule", rule="0b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11"),
    _bad("silences", "upstreams.0", upstreams=["nobody"]),
    _bad("silences", "made_by", made_by="somebody else"),
]
