"""proxy-cache: answers from memory what was asked before."""

from __future__ import annotations

from proxy_engine.spec import scalars
from proxy_engine.spec.schema import Array, Boolean, Integer, Record, String
from proxy_engine.spec.services import PROTOCOLS

from .plugin import Plugin, flag, words

MAX_SECONDS = 2**31 - 1

PLUGIN = Plugin(
    name="proxy-cache",
    priority=100,
    help="Keeps answers and gives them again without asking a target.",
    possible_protocols=PROTOCOLS,
    settings={
        "response_code": Array(
            of=Integer(min=100, max=900),
            default=[200, 301, 404],
            min_items=1,
            required=True,
            help="Statuses of answers that are kept.",
        ),
        "request_method": Array(
            of=String(choices=("HEAD", "GET", "POST", "PATCH", "PUT")),
            default=["GET", "HEAD"],
            required=True,
            help="Methods whose answers are kept.",
        ),
        "content_type": words(
            "Content types that are kept, compared with their parameters.",
            default=["text/plain", "application/json"],
            required=True,
        ),
        "cache_ttl": Integer(
            default=300,
            nullable=True,
            above=0,
            max=MAX_SECONDS,
            unit="s",
            help="How long an answer is given again.",
        ),
        "strategy": String(required=True, choices=("memory",), help="Where answers are kept."),
        "cache_control": flag(False, "Follow the Cache-Control headers of requests and answers."),
        "ignore_uri_case": Boolean(default=False, nullable=True, help="Upper and lower case in the URL are the same."),
        "storage_ttl": Integer(
            min=0, max=MAX_SECONDS, unit="s", help="How long an answer is stored. Empty: as long as it is given again."
        ),
        "memory": Record(
            required=True,
            fields={
                "dictionary_name": String(
                    default="kong_db_cache", required=True, max_length=255, help="Kept for Kong clients."
                )
            },
            help="Settings of the strategy memory.",
        ),
        "vary_query_params": words("Query arguments that tell answers apart. Empty: all."),
        "vary_headers": words("Request headers that tell answers apart. Empty: none.", scalars.header_name),
        "response_headers": Record(
            required=True,
            fields={
                "age": Boolean(default=True, nullable=True, help="Tell how old an answer is."),
                "X-Cache-Status": Boolean(default=True, nullable=True, help="Tell whether it came from the cache."),
                "X-Cache-Key": Boolean(default=True, nullable=True, help="Tell the key it is kept under."),
            },
            help="Headers about the cache that answers get.",
        ),
    },
)
