"""What wrk prints, read: a run in which anything failed gives no figure."""

import pytest

from benchmarks import wrk

GOOD = """Running 1s test @ http://127.0.0.1:45679/api/orders/small
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   657.85us   92.19us   2.36ms   87.05%
    Req/Sec    97.56k     3.12k  101.98k    81.82%
  106732 requests in 1.10s, 25.65MB read
Requests/sec:  97034.87
Transfer/sec:     23.32MB
"""


def test_it_reads_how_many_requests_were_answered():
    assert wrk.read(GOOD) == 106_732


@pytest.mark.parametrize(
    "output",
    [
        GOOD + "  Non-2xx or 3xx responses: 1\n",
        GOOD + "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
        GOOD.replace("106732 requests", "0 requests"),
        "unable to connect to 127.0.0.1:45679 Connection refused\n",
    ],
)
def test_it_gives_no_figure_when_requests_failed(output):
    with pytest.raises(RuntimeError, match="requests failed"):
        wrk.read(output)
