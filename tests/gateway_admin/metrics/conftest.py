from tests.gateway_admin.accounts.conftest import alice, bob, browser, charlie, no_failures_counted  # noqa: F401
from tests.gateway_admin.monitoring.conftest import redis_settings, redis_socket  # noqa: F401
