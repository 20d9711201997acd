"""``python -m proxy_engine --config kong.yaml``: the engine from a declarative file, with no database at all.

SIGHUP reads the file again, SIGTERM drains. The environment's GATEWAY_* settings hold as under ``manage.py up``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from proxy_engine.file_source import BadFile, FileSource, NoReporter, load
from proxy_engine.settings import EngineSettings


def main() -> int:
    options = _parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = _settings(options)
        if options.check:
            counts = {kind: len(entities) for kind, entities in load(options.config).items()}
            print(f"{options.config}: fine; " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
            return 0
        return asyncio.run(_serve(settings, options.config))
    except (BadFile, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m proxy_engine", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="declarative file, YAML or JSON")
    parser.add_argument("--listen", help="addresses for clients, e.g. 0.0.0.0:8000 (GATEWAY_PROXY_LISTEN)")
    parser.add_argument("--check", action="store_true", help="say what is wrong with the file, and end")
    return parser.parse_args()


def _settings(options: argparse.Namespace) -> EngineSettings:
    env = dict(os.environ)
    if options.listen:
        env["GATEWAY_PROXY_LISTEN"] = options.listen
        os.environ["GATEWAY_PROXY_LISTEN"] = options.listen  # the workers read the environment
    settings = EngineSettings.from_env(env)
    # Apart from an engine with a database on the same machine: their last good configurations are not the same.
    return replace(settings, data_dir=settings.data_dir / "file-mode")


async def _serve(settings: EngineSettings, config: Path) -> int:
    from proxy_engine.workers.supervisor import serve

    source = FileSource(config)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, source.reload_soon)
    return await serve(settings, source, NoReporter())


if __name__ == "__main__":
    sys.exit(main())
