"""50 requests from 20 processes for 5 devices, processes killed at random: nothing twice, all free within its time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from measuring.lease_storm import DEVICES, storm
from measuring.results import Result, publish

PROCESSES, REQUESTS, SECONDS, TTL = 20, 50, 30.0, 3.0


def main() -> None:
    """One storm of half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        result = storm(Path(folder), processes=PROCESSES, requests=REQUESTS, seconds=SECONDS, ttl=TTL, seed=0)
    publish(
        "leases",
        "Device leases under fire",
        f"{REQUESTS} requests at a time from {PROCESSES} processes for {len(DEVICES)} devices, time-to-live {TTL:g} s.",
        [
            Result("leases granted", result.granted, ""),
            Result("processes killed (SIGKILL)", result.killed, ""),
            Result("devices granted twice", result.double, "", 0),
            Result("tokens that did not grow", result.backwards, "", 0),
            Result("all free after the last process died", result.seconds_until_free, "s", TTL),
        ],
    )


if __name__ == "__main__":
    main()
