"""Files for the tests, and what came of them in short."""

import yaml

from gateway_admin.catalog.actions import Actor
from gateway_admin.catalog.transfer.importing import imported, planned
from gateway_admin.catalog.transfer.stored import Stored

CI = Actor("ci", "import")
EVERYTHING = """
_format_version: "3.0"
_plugin_configs: {shared: {minute: 5, policy: local}}
services:
- name: orders
  url: http://orders.pool/api
  tags: [prod]
  plugins:
  - name: correlation-id
  routes:
  - name: orders-v1
    paths: [/orders, '~/orders/\\d+$']
    plugins:
    - name: rate-limiting
      _config: shared
      config: {minute: 7}
  - paths: [/without-a-name]
upstreams:
- name: orders.pool
  when_all_unhealthy: use_all
  targets:
  - {target: "10.0.0.1:9000", weight: 50}
  - {target: "10.0.0.2:9000", priority: 1}
consumers:
- username: alice
  custom_id: a-1
  acls: [{group: admins}]
  keyauth_credentials: [{key: alices-secret-key}]
  basicauth_credentials: [{username: alice, password: open sesame}]
plugins:
- {name: key-auth, service: orders, enabled: false}
- {name: rate-limiting, consumer: alice, service: orders, config: {hour: 9}}
"""


def a_file(**lists):
    return yaml.safe_dump({"_format_version": "3.0", **lists}).encode()


def load(text, **options):
    """Import, and what it did: signs and names."""
    text = text.encode() if isinstance(text, str) else text
    plan, _ = imported(CI, lambda: planned(text, **options))
    return marks(plan)


def marks(plan):
    return sorted(f"{step.sign}{step.kind} {step.label}" for step in plan.steps)


def configuration():
    """Everything by kind and id, but for when it was touched last."""
    return {
        (kind, values["id"]): {name: value for name, value in values.items() if name != "updated_at"}
        for kind, values in Stored.now().each()
    }
