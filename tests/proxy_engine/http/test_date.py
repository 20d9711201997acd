"""The Date line."""

from __future__ import annotations

from proxy_engine.http.date import DateLine


def test_it_is_made_anew_with_each_second():
    now = [784111777.9]
    date = DateLine(lambda: now[0])
    first, again = date.now(), date.now()
    now[0] = 784111778.0

    assert first == b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    assert again is first
    assert date.now() == b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
