"""``?tags=``: ``a,b`` means both, ``a/b`` any of them."""

import re
from functools import reduce
from operator import and_, or_

from django.db.models import Q

from . import errors

MAX_TAGS = 5
_TAG = re.compile(r"[ -+\--.0-~\u00a0-\U0010ffff]+\Z")
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"  # what bytes become that are not UTF-8


def condition(text: str) -> Q:
    """Raises Kong's refusals."""
    if not text:
        raise errors.invalid_tags("cannot be null")
    if "," in text and "/" in text:
        raise errors.invalid_tags("invalid filter syntax")
    combine, separator = (or_, "/") if "/" in text else (and_, ",")
    tags = text.split(separator)
    if not all(is_tag(tag) for tag in tags):
        raise errors.invalid_tags("invalid filter syntax")
    if len(tags) > MAX_TAGS:
        raise errors.invalid_tags(f"cannot query more than {MAX_TAGS} tags")
    return reduce(combine, (Q(tags__has_item=tag) for tag in tags))


def is_tag(text: str) -> bool:
    return bool(_TAG.match(text)) and _UNREADABLE not in text
