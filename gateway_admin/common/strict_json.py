"""JSON as RFC 8259 has it, without what parsers disagree on.

Refused, because two readers would see two different documents: a name twice in one object, ``NaN`` and ``Infinity``,
numbers beyond a double, text that is not UTF-8 or could not be written as UTF-8 again (``"\\ud800"``), nesting beyond
what the reader can hold.
"""

import json
import math
from typing import Any


class NotStrictJSON(ValueError):
    """The message says what and, where known, the place."""


def parse(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        document = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite_float
        )
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode("utf-8")
        return document
    except NotStrictJSON:
        raise
    except UnicodeEncodeError:
        raise NotStrictJSON("the body has half of a surrogate pair") from None
    except UnicodeDecodeError as error:
        raise NotStrictJSON(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise NotStrictJSON(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise NotStrictJSON("the body is nested too deeply") from None
    except ValueError:  # Python refuses to convert integers of thousands of digits
        raise NotStrictJSON("the body has a number that is too long") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise NotStrictJSON(f"the name {twice!r} stands twice in one object")
    return members


def _refuse_constant(name: str):
    raise NotStrictJSON(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrictJSON(f"the number {text} is too large")
    return number
