"""Log records as one line each, so that ``grep``, the process prefix and log shippers see one record per line."""

import logging
import time


class LineFormatter(logging.Formatter):
    """``2025-11-03T10:00:00.123Z WARNING gateway_admin.catalog: text``, tracebacks included, line breaks escaped.

    A line break in a host name or a user name would otherwise let a client write log lines of its own (CWE-117).
    """

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self):
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    converter = time.gmtime

    def format(self, record):
        text = super().format(record)
        return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character):
    return character.encode("unicode_escape").decode("ascii")
