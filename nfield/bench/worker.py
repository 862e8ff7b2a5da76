"""One job as a process of its own: `python -m nfield.bench.worker OUT JOB`, JOB as JSON.

It stops, saving, when its standard input ends: when the sweep says so, and when the sweep is no
more. Exit codes: 0 done, 2 wrong input, 130 stopped, 1 anything else.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import sys
import threading
from pathlib import Path

from nfield.bench.job import Job, work
from nfield.errors import InputError

STOPPED = 130


def main(out: str, job: str) -> int:
    """Do the job; the last line on stderr says what went wrong."""
    # A shell's background jobs ignore Ctrl-C, and so would this process, which stops by its means.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        work(Job(**json.loads(job)), Path(out))
    except InputError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return STOPPED
    return 0


def _follow_parent() -> None:
    # Not through sys.stdin, whose lock a thread must not hold when the process ends.
    while os.read(0, 1):
        pass
    _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
