"""key-auth: the client names its key in a header, the query or the body."""

from __future__ import annotations

from proxy_engine.spec import scalars

from .plugin import NO_CONSUMER, Plugin, anonymous, flag, realm, words

PLUGIN = Plugin(
    name="key-auth",
    priority=1250,
    help="Lets in whoever shows a known key.",
    scopes=NO_CONSUMER,
    settings={
        "key_names": words(
            "Names under which the key is looked for.", scalars.header_name, default=["apikey"], required=True
        ),
        "key_in_header": flag(True, "Look in the headers."),
        "key_in_query": flag(True, "Look in the query."),
        "key_in_body": flag(False, "Look in the body (forms and JSON)."),
        "hide_credentials": flag(False, "Take the key out before forwarding."),
        "anonymous": anonymous(),
        "run_on_preflight": flag(True, "Ask for a key in OPTIONS requests too."),
        "realm": realm(),
    },
)
