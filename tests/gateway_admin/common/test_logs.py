"""One record, one line."""

import logging
import sys

import pytest

from gateway_admin.common.logs import LineFormatter


def line_of(message, *args, exc_info=None):
    record = logging.LogRecord("gatehouse.test", logging.WARNING, "x.py", 1, message, args, exc_info)
    return LineFormatter().format(record)


def test_a_record_is_one_line_with_time_level_and_logger():
    line = line_of("login of %r failed", "alice")

    assert line.endswith("Z WARNING gatehouse.test: login of 'alice' failed")


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\x00b", "a\u2028b", "a\ud800b"])
def test_a_client_cannot_write_lines_of_its_own(text):
    line = line_of("name %s", text)

    assert line.isprintable()
    assert "name a\\" in line
    line.encode("utf-8")


def test_text_of_any_language_stays_readable():
    assert "grüße 你好" in line_of("grüße 你好")


def test_a_traceback_stays_on_the_line():
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        line = line_of("failed", exc_info=sys.exc_info())

    assert "\n" not in line
    assert "ValueError: first\\nsecond" in line
