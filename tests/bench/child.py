"""A tiny program with real run times, memory and outputs.

`python child.py FILE INPUT RUNS CPU` prints a TimedRun as JSON.

FILE is JSON: `{"work": size of the matrix, "slow": runs that first do ten times the work, "random": vary outputs}`.
"""

import hashlib
import json
import os
import resource
import sys
import time

import numpy as np


def main() -> None:
    file, given, runs, cpu = sys.argv[1:]
    os.sched_setaffinity(0, {int(cpu)})
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    started = time.perf_counter()
    with open(file) as handle:  # noqa: PTH123
        job = json.load(handle)
    matrix = np.ones((job["work"], job["work"]), np.float32)
    vector = np.load(given)
    load_ms = (time.perf_counter() - started) * 1e3
    output, milliseconds = vector, []
    for number in range(int(runs)):
        began = time.perf_counter()
        for _ in range(10 if number < job["slow"] else 1):
            output = matrix @ vector
        milliseconds.append((time.perf_counter() - began) * 1e3)
    if job["random"]:
        output = output + os.getpid()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    digest = hashlib.sha256(output.tobytes()).hexdigest()
    json.dump([milliseconds, load_ms, peak, idle, digest], sys.stdout)


main()
