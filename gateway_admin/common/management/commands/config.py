"""``manage.py config export|validate|diff|import``: the configuration as a file, in Kong's declarative format.

FILE is YAML or JSON, ``-`` is standard input. Exit code 0 when all is well, 1 when the file or the configuration stands
against it, 2 when ``diff --exit-code`` found a difference.
"""

import getpass
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

MOST_BYTES = 256 * 1024 * 1024
SHOWN = 50  # problems listed one by one


class Command(BaseCommand):
    help = "Write the configuration to a file, or read it from one (Kong's declarative format)."
    requires_system_checks = ()

    def add_arguments(self, parser):
        commands = parser.add_subparsers(dest="what", required=True, metavar="export|validate|diff|import")
        _export_arguments(commands.add_parser("export", help="write what is configured, as deck would"))
        validate = commands.add_parser("validate", help="say whether a file could be imported")
        diff = commands.add_parser("diff", help="say what an import would change")
        diff.add_argument("--exit-code", action="store_true", help="exit with 2 when something differs")
        load = commands.add_parser("import", help="make the configuration what a file says, all or nothing")
        load.add_argument("--dry-run", action="store_true", help="only say what would change")
        load.add_argument("--yes", action="store_true", help="do not ask")
        for reading in (validate, diff, load):
            _file_arguments(reading)

    def handle(self, *, what, **options):
        from gateway_admin.catalog.rollback import VersionUnknown
        from gateway_admin.catalog.transfer.importing import FileInvalid
        from gateway_admin.catalog.transfer.plan import PlanOutdated, PlanRefused

        try:
            {"export": self.export, "validate": self.validate, "diff": self.diff, "import": self.load}[what](**options)
        except FileInvalid as invalid:
            raise CommandError("\n".join(_listed(list(invalid.texts())))) from None
        except PlanRefused as refused:
            texts = [f"{problem.field}: {problem.message}" for problem in refused.problems]
            raise CommandError("\n".join(_listed(texts))) from None
        except (PlanOutdated, VersionUnknown) as error:
            raise CommandError(str(error)) from None

    def export(self, *, output, output_format, select_tag, with_id, kong_only, secrets, at_version, **options):
        import json

        from gateway_admin.catalog import rollback
        from gateway_admin.catalog.transfer.exporting import as_yaml, exported
        from proxy_engine.spec.declarative import Choice

        choice = Choice(tuple(select_tag), with_ids=with_id, for_kong=kong_only, with_secrets=secrets)
        document = exported(choice, None if at_version is None else rollback.as_of(at_version))
        is_yaml = output_format == "yaml"
        text = as_yaml(document) if is_yaml else json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        if output == "-":
            self.stdout.write(text, ending="")
        else:
            _write(Path(output), text)

    def validate(self, *, file, **options):
        plan = self._plan(_read(file), options)
        self.stdout.write(f"{file} is valid; against version {plan.version}: {_summary(plan)}")

    def diff(self, *, file, exit_code, **options):
        plan = self._plan(_read(file), options)
        self._show(plan)
        if exit_code and plan.steps:
            sys.exit(2)

    def load(self, *, file, dry_run, yes, **options):
        from gateway_admin.catalog.changes import Actor
        from gateway_admin.catalog.transfer.importing import imported

        text = _read(file)
        seen = None
        if dry_run or not yes:
            plan = self._plan(text, options)
            self._show(plan)
            if dry_run or not plan.steps:
                return
            self._ask(file)
            seen = plan.version
        started = time.monotonic()
        self.stderr.write("importing …")
        actor = Actor(f"{getpass.getuser()} (command line)", "import")
        plan, edits = imported(actor, lambda: self._plan(text, options), seen)
        took = f"{time.monotonic() - started:.1f} s"
        self.stdout.write(f"{_summary(plan)}: done as version {edits.version}, in {took}")

    def _plan(self, text, options):
        from gateway_admin.catalog.transfer.importing import planned

        self.stderr.write(f"comparing {len(text)} bytes with what is stored …")
        terms = {name: options[name] for name in ("keep", "keep_ours")}
        plan = planned(text, select_tags=options["select_tag"], **terms)
        self.stderr.write(f"{len(plan.steps)} entities differ")
        return plan

    def _show(self, plan):
        from gateway_admin.catalog.transfer.showing import lines

        for line in lines(plan):
            self.stdout.write(line)

    def _ask(self, file):
        if file == "-" or not sys.stdin.isatty():
            raise CommandError("nobody to ask: give --yes, or --dry-run to look only")
        if input("Make these changes? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was changed")


def _tag_arguments(parser):
    text = "only entities that have all of these"
    parser.add_argument("--select-tag", action="append", default=[], metavar="TAG", type=_tag, help=text)


def _export_arguments(parser):
    _tag_arguments(parser)
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="default: standard output")
    parser.add_argument("--format", choices=("yaml", "json"), default="yaml", dest="output_format")
    parser.add_argument("--with-id", action="store_true", help="also ids that names already tell")
    parser.add_argument("--kong-only", action="store_true", help="without the fields that Kong does not have")
    parser.add_argument("--secrets", action="store_true", help="with keys and passwords, which are hidden otherwise")
    parser.add_argument("--at-version", type=int, metavar="N", help="as it was at this version")


def _file_arguments(parser):
    parser.add_argument("file", metavar="FILE")
    _tag_arguments(parser)
    parser.add_argument("--keep", action="store_true", help="delete nothing that the file does not have")
    text = "leave fields that Kong does not have as they are where the file lacks them"
    parser.add_argument("--keep-ours", action="store_true", help=text)


def _tag(text: str) -> str:
    from argparse import ArgumentTypeError

    from proxy_engine.spec.declarative import tag_problem

    if message := tag_problem(text):
        raise ArgumentTypeError(message)
    return text


def _summary(plan) -> str:
    from gateway_admin.catalog.transfer.showing import summary

    return summary(plan)


def _listed(texts: list[str]) -> list[str]:
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return [*texts[:SHOWN], *more]


def _read(file: str) -> bytes:
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    if len(text) > MOST_BYTES:
        raise CommandError(f"{file}: larger than {MOST_BYTES} bytes")
    return text


def _write(path: Path, text: str) -> None:
    """For its owner alone: it may hold secrets."""
    try:
        path.touch(mode=0o600, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
