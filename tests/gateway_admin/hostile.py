"""What attackers and broken programs send, for property tests of all dialects."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway_admin.catalog.kinds import KINDS
from tests.gateway_admin.builders import a_consumer, a_plugin, a_route, a_service, a_target, an_upstream, to

EXAMPLES = settings(  # the same ones each time: what they find must be found again
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ID = "11111111-2222-4333-8444-555555555555"

FIELDS = sorted({name for kind in KINDS for name in KINDS[kind].spec.fields} | {"id", "created_at", "url", "snis"})
names = st.sampled_from([*FIELDS, "nonsense", "", "a.b", "a[]", "\x00", "é"]) | st.text(max_size=5)
odd_numbers = st.sampled_from([0, -1, 1.5, 2**31, 2**63, 2**64, 10**400, 1e308, -0.0, 253402300800])
odd_texts = st.sampled_from(
    [
        "",
        "\x00",
        "a\x00b",
        "é",
        "\U0010ffff",
        "\u2028",
        "a" * 10000,
        ID,
        ID.upper(),
        "/",
        "//",
        "~(",
        "~/(.*)" * 50,
        "http",
        "https",
        "key-auth",
        "rate-limiting",
        "consistent-hashing",
        "a:1",
        "[::1]:80",
        "1.2.3.4",
        "%",
        "*",
        "][",
    ]
)
leaves = st.none() | st.booleans() | odd_numbers | odd_texts | st.text(max_size=8)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)
documents = st.dictionaries(names, values, max_size=6)


def a_small_world() -> None:
    """One of the kinds that addresses lead through, called ``it``."""
    service, upstream = a_service(name="it"), an_upstream(name="it")
    route = a_route(name="it", service=to(service))
    a_target(upstream, target="it:1")
    a_consumer(username="it")
    a_plugin(instance_name="it", route=to(route))
