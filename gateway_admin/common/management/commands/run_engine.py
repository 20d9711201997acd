"""``manage.py run_engine``: the engine, following this installation's configuration. SIGTERM drains it."""

import asyncio
import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run the engine: its supervisor here, its workers as processes of their own."
    requires_system_checks = ()  # it also starts with the database away

    def handle(self, **options):
        from gateway_admin.catalog.source import DatabaseReporter, DatabaseSource
        from gateway_admin.monitoring import actions
        from proxy_engine.settings import EngineSettings
        from proxy_engine.workers.supervisor import serve

        try:
            settings = EngineSettings.from_env(os.environ)
        except ValueError as error:
            sys.exit(f"gatehouse: {error}")
        reporter = DatabaseReporter(
            record=actions.record_engine, mark=actions.mark_by_traffic, forget=actions.forget_engine
        )
        sys.exit(asyncio.run(serve(settings, DatabaseSource(), reporter)))
