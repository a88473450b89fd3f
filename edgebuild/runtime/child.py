"""A job for a process of its own: JSON on its stdin, JSON on its stdout."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from edgebuild.device.guard import with_us
from edgebuild.errors import ToolError


def run_child(command: Sequence[str], job: Mapping[str, Any], about: str) -> Any:
    """Run `command` with `job` on its stdin and return the JSON it writes.

    Raises:
        ToolError: it failed or was killed; the message says so `about` the file, with its last words.
    """
    done = subprocess.run(with_us(command), input=json.dumps(job), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout)
    how = f"failed (exit code {done.returncode})"
    if done.returncode < 0:
        how = f"was killed by {signal.Signals(-done.returncode).name}"
    words = [line for line in done.stderr.splitlines() if line.strip()]
    msg = f"{about}: the process that ran it {how}: {words[-1].strip() if words else 'it said nothing'}"
    raise ToolError(msg)
