"""``manage.py drain UPSTREAM TARGET``: no new requests from now on, for scripts that take servers away."""

import getpass

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from gateway_admin.catalog import actions, queries
from gateway_admin.catalog.draining import REQUEST, begun
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.common.problems import EntityInvalid, EntityNotFound

THEN = REQUEST.fields["then"]


class Command(BaseCommand):
    help = "Drain a target: no new requests, those under way finish; or end its drain."

    def add_arguments(self, parser):
        parser.add_argument("upstream", help="its name or id")
        parser.add_argument("target", help="its address or id")
        parser.add_argument("--seconds", type=float, default=REQUEST.fields["seconds"].default, help="for at most")
        parser.add_argument("--then", choices=THEN.choices, default=THEN.default, help="what becomes of it")
        parser.add_argument("--keep-sticky", action="store_true", help="let clients stay whose hash leads to it")
        parser.add_argument("--end", action="store_true", help="end the drain: it gets requests again")

    def handle(self, *, upstream, target, end, **asked):
        try:
            version = self._store(self._find(upstream, target), None if end else self._checked(asked))
        except (EntityInvalid, EntityNotFound) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{target} {'gets requests again' if end else 'drains'} as of version {version}.")

    def _find(self, upstream: str, target: str) -> Target:
        owner = queries.find("upstreams", upstream, Upstream.objects.all())
        return queries.find("targets", target, Target.objects.filter(upstream=owner))

    def _checked(self, asked: dict) -> dict:
        problems = []
        values = REQUEST.check({name: asked[name] for name in REQUEST.fields}, (), problems)
        if problems:
            raise CommandError("; ".join(f"--{problem.field}: {problem.message}" for problem in problems))
        return values

    def _store(self, target: Target, asked: dict | None) -> int:
        actor = actions.Actor(f"{getpass.getuser()} (command line)", "system")
        with actions.batch(actor) as edits:
            drain = None if asked is None else begun(asked, target.drain, timezone.now())
            actions.update(kind="targets", entity_id=target.pk, values={"drain": drain}, actor=actor)
        return edits.version
