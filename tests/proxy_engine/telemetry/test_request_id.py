"""Names of requests: unique, in Kong's form."""

from __future__ import annotations

import itertools
import re

from proxy_engine.telemetry.request_id import id_in, id_lines


def test_a_line_ends_a_head():
    line = next(id_lines())

    assert re.fullmatch(rb"X-Kong-Request-Id: [0-9a-f]{32}\r\n\r\n", line)
    assert id_in(line) == line[19:51]


def test_no_two_are_equal_within_a_process_or_between_two():
    ids = [id_in(line) for lines in (id_lines(), id_lines()) for line in itertools.islice(lines, 5000)]

    assert len(set(ids)) == len(ids)
