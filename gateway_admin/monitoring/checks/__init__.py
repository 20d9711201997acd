"""Active health checks, from what is due to what flips.

Once a second a tick (``picker``) compares the agenda in Redis (``schedule``, ``due``) with the configuration (``plan``)
and the marks (``marks``, ``lifts``) and claims what is due. The worker that gets a batch makes the checks
(``process``, ``prober``; ``probes``, ``grpc_health``, ``bodies``, ``tls``) and keeps count of what came of them
(``tally``, ``tallies``) and of how they keep up (``lag``, ``load``). Flips are written by ``monitoring.actions``;
nothing here writes to the database.
"""
