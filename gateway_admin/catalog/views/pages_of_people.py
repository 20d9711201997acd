"""The pages of consumers and of what they prove their identity with."""

from __future__ import annotations

from django.db.models import Q

from gateway_admin.catalog.models import Acl, BasicauthCredential, KeyauthCredential

from . import rows
from .page_shape import CONFIGURATION, HISTORY, PLUGINS, SETTINGS, Choices, Pages, Tab

_OF_CREDENTIALS = {
    "owner": "consumer",
    "choices": (),
    "tabs": (SETTINGS, CONFIGURATION, HISTORY),
    "table": "catalog/_owned_table.html",
    "facts": "catalog/_owned_facts.html",
}

PEOPLE = (
    Pages(
        kind="consumers",
        group="Policy",
        says="Clients of the APIs, known by their credentials.",
        purpose="A consumer is somebody who calls the APIs: with a key or a password of theirs, and a group.",
        search=("username", "custom_id", "tags"),
        search_hint="User name, custom id or tag",
        sorts={
            "name": "username", "custom": "custom_id", "keys": "key_count", "logins": "login_count",
            "groups": "group_count", "updated": "updated_at",
        },
        choices=(
            Choices("state", "State", {"bare": ("without credentials", Q(key_count=0, login_count=0))}),
        ),
        tabs=(
            Tab("", "Credentials", "catalog/tabs/_credentials.html"),
            PLUGINS,
            Tab("settings", "Settings", "catalog/tabs/_settings.html"),
            CONFIGURATION,
            HISTORY,
        ),
        table="catalog/_consumer_table.html",
        rows=rows.consumer_rows,
    ),
    Pages(
        kind="keyauth_credentials",
        many="API keys",
        says="The keys of all consumers.",
        purpose="An API key tells who calls. It is made on the page of its consumer.",
        search=("consumer__username", "tags"),
        search_hint="Consumer or tag",
        sorts={"consumer": "consumer__username", "ends": "expires_at", "updated": "updated_at"},
        rows=rows.owned_rows(KeyauthCredential, "consumer"),
        **_OF_CREDENTIALS,
    ),
    Pages(
        kind="basicauth_credentials",
        many="password logins",
        says="User names with a password, of all consumers.",
        purpose="A password login is made on the page of its consumer.",
        search=("username", "consumer__username", "tags"),
        search_hint="User name, consumer or tag",
        sorts={"name": "username", "consumer": "consumer__username", "updated": "updated_at"},
        rows=rows.owned_rows(BasicauthCredential, "consumer"),
        **_OF_CREDENTIALS,
    ),
    Pages(
        kind="acls",
        many="group memberships",
        says="Which consumers are in which groups.",
        purpose="A group membership is made on the page of its consumer; acl plugins ask for it.",
        search=("group", "consumer__username", "tags"),
        search_hint="Group, consumer or tag",
        sorts={"name": "group", "consumer": "consumer__username", "updated": "updated_at"},
        rows=rows.owned_rows(Acl, "consumer"),
        **_OF_CREDENTIALS,
    ),
)  # fmt: skip
