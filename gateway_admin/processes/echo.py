"""A target that answers every request with what it saw, for ``make demo`` and for trying things out.

``python -m gateway_admin.processes.echo --name a --port 9001``; the answer is JSON with name, method, path,
query, headers (pairs, in the order in which they came) and body_bytes.
"""

from __future__ import annotations

import argparse

from aiohttp import web


def application(name: str) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        body_bytes = 0
        async for chunk in request.content.iter_any():
            body_bytes += len(chunk)
        seen = {
            "name": name,
            "method": request.method,
            "path": request.path,
            "query": request.query_string,
            "headers": [list(pair) for pair in request.headers.items()],
            "body_bytes": body_bytes,
        }
        return web.json_response(seen, headers={"X-Echo-Name": name})

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="An HTTP server that answers with what it saw.")
    parser.add_argument("--name", default="echo", help="what it calls itself in its answers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    web.run_app(
        application(options.name),
        host=options.host,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=1,
    )


if __name__ == "__main__":
    main()
