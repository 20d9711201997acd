"""Start a program that the kernel stops when the supervisor dies.

``leash.py SUPERVISOR_PID SIGNAL PROGRAM ARGUMENT…``. Without it, ``kill -9`` of the supervisor would leave
daphne, Celery and Redis behind, holding the ports. A program of its own and not a ``preexec_fn``, because the
supervisor has threads, and nothing but exec is safe after its fork. Run by path with ``python -I -S``: it
imports nothing of ours and is replaced by the program after a few milliseconds.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives exec


def main(supervisor: str, signal_number: str, *command: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(supervisor):
        sys.exit("the supervisor ended before this program started")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])
