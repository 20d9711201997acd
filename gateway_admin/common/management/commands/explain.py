"""``manage.py explain METHOD URL``: what the engine would do with a request, and why; ``POST /api/explain`` on paper.

Exit code 0 when a route matches, 1 when none does, 2 when it is no question.
"""

import sys
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError

Row = tuple[str, ...]


class Command(BaseCommand):
    help = "Tell which route a request would match and why, and which targets it could go to."
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("method", metavar="METHOD")
        parser.add_argument("url", metavar="URL", help="http://host/path, or a path alone")
        parser.add_argument("-H", "--header", action="append", default=[], metavar="'Name: value'", dest="headers")
        parser.add_argument(
            "--client-ip", metavar="ADDRESS", help="where the client connects from (default: 127.0.0.1)"
        )
        parser.add_argument("--port", type=int, help="of the listener it comes in at (default: that of the URL)")

    def handle(self, *, method, url, headers, client_ip, port, **options):
        from gateway_admin.catalog.api.question import read_question
        from gateway_admin.catalog.explaining import explainer
        from gateway_admin.common.problems import EntityInvalid

        place = {"path": url} if url.startswith("/") else {"url": url}
        try:
            question = read_question({"method": method, "clientIp": client_ip, "port": port} | place | _fields(headers))
        except EntityInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        told = explainer.explain(question)
        for line in lines(told):
            self.stdout.write(line)
        if told.routing is None or told.routing.match is None:
            sys.exit(1)


def _fields(texts: list[str]) -> dict:
    """As curl reads them; ``Host`` replaces that of the URL."""
    found: dict = {"headers": {}}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise CommandError(f"-H {text!r}: expected 'Name: value'", returncode=2)
        if name.lower() == "host":
            found["host"] = value.strip()
        else:
            found["headers"].setdefault(name, []).append(value.strip())
    return found


def lines(told) -> Iterator[str]:
    yield from _columns([(name, text) for name, text in _facts(told) if text])
    if told.forwarding and told.forwarding.targets:
        yield ""
        yield from _columns([("target", "share", "path", "host", ""), *_targets(told.forwarding)])
    if told.routing and told.routing.verdicts:
        yield ""
        yield from _columns([("route", "path", "outcome", ""), *_verdicts(told.routing)])
        if (more := told.routing.considered - len(told.routing.verdicts)) > 0:
            yield f"… and {more} that came less near"


def _facts(told) -> Iterator[Row]:
    from gateway_admin.catalog.api.explain import text

    yield "version", str(told.version)
    if told.routing and told.routing.match:
        yield "route", _label(told.routing.match.route)
    if told.answer:
        yield "answer", f"{told.answer.status} {told.answer.message}"
        yield "location", text(told.answer.location)
        yield "because", told.answer.reason
    if told.forwarding:
        yield from _way(told.forwarding, text(told.forwarding.path))


def _way(forwarding, path: str) -> Iterator[Row]:
    service, upstream = forwarding.service, forwarding.upstream
    yield "service", _label(service)
    yield "upstream", f"{upstream.name}, {upstream.algorithm}" if upstream else f"none: {service.host} is a host"
    yield "path", path
    yield "hashed to", forwarding.hashed_to.target if forwarding.hashed_to else ""
    causes = ", ".join([kind.value for kind in forwarding.repeated_after] + [*map(str, forwarding.repeated_statuses)])
    yield "retries", f"{forwarding.tries - 1}, after: {causes}" if forwarding.tries > 1 else "0"
    total = f", all tries {forwarding.total_ms} ms" if forwarding.total_ms else ""
    times = f"connect {forwarding.connect_ms} ms, write {forwarding.write_ms} ms, read {forwarding.read_ms} ms"
    yield "timeouts", times + total


def _targets(forwarding) -> Iterator[Row]:
    from gateway_admin.catalog.api.explain import text

    for chance in forwarding.targets:
        share = "-" if chance.obstacles and not chance.percent else f"{chance.percent:.2f} %"
        reasons = ", ".join(filter(None, [*chance.obstacles, chance.remark]))
        yield chance.address, share, text(chance.path), text(chance.host), reasons


def _verdicts(routing) -> Iterator[Row]:
    for verdict in routing.verdicts:
        yield _label(verdict.route), verdict.path or "-", verdict.outcome, "; ".join(verdict.reasons)


def _label(entity) -> str:
    return entity.name or entity.id


def _columns(rows: list[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
