"""``manage.py up``: everything on this machine, in the foreground, until Ctrl-C."""

import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand

from gateway_admin.processes.plan import Plan
from gateway_admin.processes.preflight import Refusal
from proxy_engine.net import listen


class Command(BaseCommand):
    help = "Start Redis, dashboard, Celery and engine, keep them running, and stop them in order on Ctrl-C."
    requires_system_checks = ()  # each process checks what it uses

    def add_arguments(self, parser):
        parser.add_argument(
            "--demo",
            action="store_true",
            help="add two echo targets behind a sample service and route on /demo",
        )
        parser.add_argument(
            "--echo-ports",
            default="9001,9002",
            help="ports of the echo targets on 127.0.0.1 (default: %(default)s)",
        )

    def handle(self, *, demo, echo_ports, **options):
        from gateway_admin.processes.machine import Machine  # after the checks of settings and plan

        try:
            plan = Plan.read(os.environ, settings.DATA_DIR, _echoes(echo_ports) if demo else {})
            with plan.check():
                Machine(plan).run()
        except Refusal as refusal:
            sys.exit(f"gatehouse: {refusal}")


def _echoes(ports: str) -> dict[str, listen.Listen]:
    try:
        addresses = listen.parse(",".join(f"127.0.0.1:{port.strip()}" for port in ports.split(",")))
    except ValueError as error:
        raise Refusal(f"--echo-ports: {error}") from None
    return {f"echo-{letter}": address for letter, address in zip("abcdefgh", addresses, strict=False)}
