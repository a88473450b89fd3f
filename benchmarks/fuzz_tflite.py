"""Broken .tflite files, ten thousand of them: each is read, or refused with a clear error; none crashes or hangs.

Files are made from those of MLPerf Tiny in `mlperf-tiny/` of the folder that EDGEBUILD_DATA names, and from a file that
edgebuild's own writer makes: bytes flipped, numbers that look like offsets changed, ends cut off, pieces exchanged.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from measuring.broken_files import broken
from measuring.results import Result, publish

from edgebuild.check.accelerators.edge_tpu.report import report_on
from edgebuild.check.census.tflite import take_census, take_structure
from edgebuild.check.inspection import inspect_file
from edgebuild.errors import ConfigError

DATA = Path(os.environ.get("EDGEBUILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FOLDER = DATA / "mlperf-tiny"
COUNT = 10_000
SLOWEST_SECONDS = 2.0
EVERY = 100


def main() -> None:
    """Read them all and count what became of them."""
    sources = [path.read_bytes() for path in sorted(FOLDER.glob("*.tflite"))]
    if not sources:
        print("fuzz_tflite: nothing to break; EDGEBUILD_DATA names the folder that has mlperf-tiny/*.tflite")
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    became: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        data = broken(sources[number % len(sources)], number)
        start = time.process_time()
        became[_outcome(data)] += 1
        slowest = max(slowest, time.process_time() - start)
        if number % EVERY == 0:
            became[f"inspected whole: {_inspected(data)}"] += 1
    publish(
        "fuzz_tflite",
        "Broken .tflite files",
        "Every file goes through the census (values, memory plan) and the Edge TPU's check; one in a hundred also "
        "through all of `edgebuild inspect`, which loads it into LiteRT in a process of its own. Seeds are the files' "
        "numbers. Time is the processor's, of both together.",
        [
            Result("files that ended in something else than a result or a clear error", _crashed(became), "files", 0),
            Result("slowest file", slowest, "s", SLOWEST_SECONDS, f"{count} files"),
            *(Result(f"files {name}", number, "files") for name, number in sorted(became.items())),
        ],
    )


def _crashed(became: Counter[str]) -> int:
    return sum(number for name, number in became.items() if not name.endswith(("read", "refused")))


def _inspected(data: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "broken.tflite"
        path.write_bytes(data)
        return _ended(lambda: inspect_file(path).to_json())


def _outcome(data: bytes) -> str:
    def both() -> None:
        take_census(data, "broken.tflite")
        report_on(take_structure(data, "broken.tflite")).to_json()

    return _ended(both)


def _ended(step: Callable[[], object]) -> str:
    try:
        step()
    except ConfigError:
        return "refused"
    except Exception as error:  # noqa: BLE001 (this is what is counted)
        return f"that raised {type(error).__name__}"
    return "read"


if __name__ == "__main__":
    main()
