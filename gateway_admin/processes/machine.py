"""From nothing to a running gateway: the order in which things start, and what the operator is told.

Redis first, then migrations, the first user and the sample, then everything else at once. The first user's
password and token exist in plain in this object only, and are shown once: when all is ready, or when it stops
before that.
"""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from honcho.printer import Printer

from gateway_admin.accounts.actions import FirstUser
from gateway_admin.catalog.checks import stored_secrets_can_be_read
from gateway_admin.processes import demo, first_user, private_redis, readiness
from gateway_admin.processes.plan import FOLDER, Plan
from gateway_admin.processes.preflight import Refusal
from gateway_admin.processes.record import Record
from gateway_admin.processes.supervisor import Supervisor


class Machine:
    def __init__(self, plan: Plan):
        self._plan = plan
        record = Record(plan.data_dir / "processes.json")
        self._supervisor = Supervisor(
            environment=plan.environment, folder=FOLDER, record=record, printer=Printer(sys.stdout)
        )
        self._first_user: FirstUser | None = None
        self._shown = False

    def run(self) -> None:
        """Until a signal stops it. Raises ``Refusal`` when it cannot start; nothing runs any more then."""
        self._supervisor.catch_signals()
        try:
            if self._start_redis():
                self._prepare_database()
                self._start_the_rest()
            self._supervisor.run(self._on_news)
        except BaseException:
            self._supervisor.stop()
            self._supervisor.run(self._on_news)
            raise
        finally:
            if self._first_user and not self._shown:
                self._show("Gatehouse has stopped before it was ready. The first user was made:")

    def _start_redis(self) -> bool:
        if self._plan.redis is None:
            return True
        self._supervisor.add(self._plan.redis)
        return self._supervisor.run_until(lambda: private_redis.answers(self._plan.redis_socket))

    def _prepare_database(self) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
            if errors := stored_secrets_can_be_read(databases=["default"]):
                raise Refusal(f"{errors[0].msg} {errors[0].hint}")
            self._first_user = first_user.ensure(os.environ)
            if self._plan.echoes:
                demo.ensure_sample(self._plan.echoes.values())
        except DatabaseError as error:
            raise Refusal(f"cannot use the database: {' '.join(str(error).split())}; check DATABASE_URL") from error
        finally:
            connections.close_all()  # the supervisor itself has no further use for it

    def _start_the_rest(self) -> None:
        for program in self._plan.programs():
            self._supervisor.add(program)
        admin, status = self._plan.admin_listen[0], self._plan.engine.status_listen[0]
        checks = {
            "dashboard": lambda: readiness.answers_ok(admin, "/healthz", host=_a_name_of_ours()),
            "engine": lambda: readiness.answers_ok(status, "/status/ready"),
        }
        readiness.watch(checks, self._supervisor.post)

    def _on_news(self, kind: str, news: object) -> None:
        if kind == "late":
            self._supervisor.say(f"not ready yet: {', '.join(news)}; the lines above say why. Still trying")
        elif kind == "ready" and not self._supervisor.stopping:
            self._show("Gatehouse is ready.")

    def _show(self, headline: str) -> None:
        self._shown = True
        rows = [*self._addresses(), *first_user.rows(self._first_user)]
        width = max(len(name) for name, _ in rows)
        lines = ["", f"  {headline}", "", *(f"    {name:<{width}}   {text}" for name, text in rows), ""]
        self._supervisor.show("\n".join(lines))

    def _addresses(self) -> list[tuple[str, str]]:
        admin = readiness.reachable(self._plan.admin_listen[0])
        rows = [("Dashboard", f"http://{admin}/admin-ui/")]
        rows += [("Proxy", f"http://{readiness.reachable(address)}/") for address in self._plan.engine.proxy_listen]
        if self._plan.echoes:
            rows.append(("Sample", f"http://{readiness.reachable(self._plan.engine.proxy_listen[0])}/demo"))
        return rows


def _a_name_of_ours() -> str | None:
    """One that the dashboard answers to; it need not be the address it listens on."""
    names = [name.removeprefix(".") for name in settings.ALLOWED_HOSTS if name != "*"]
    return names[0] if names else None
