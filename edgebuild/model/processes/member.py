"""The other side of `team`: a process that takes part in trainings until the first one has no more of them."""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from edgebuild.errors import InternalError
from edgebuild.model.fresh_source import import_from_source
from edgebuild.model.processes.die_with import die_with


def serve(handle: int, given: str) -> None:
    """Train with the others what comes through the pipe `handle`; `given` is the JSON that `team` writes."""
    options: dict[str, Any] = json.loads(given)
    die_with(options["parent"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what Ctrl-C means
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    os.set_inheritable(handle, False)
    pipe = Connection(handle)
    import_from_source(Path(options["project_root"]))
    try:
        _take_part(pipe, options)
    except BaseException as error:  # noqa: BLE001  whatever it is, the first process must hear of it
        traceback.print_exc()
        pipe.send(_portable(error))
        sys.stderr.flush()
        os._exit(1)  # at once: the others wait for this process until its sockets are closed


def _take_part(pipe: Connection, options: dict[str, Any]) -> None:
    import torch

    from edgebuild.model.processes.crew import join
    from edgebuild.model.train import run
    from edgebuild.progress import Silent

    torch.set_num_threads(options["threads"])
    pipe.send(None)
    crew = join(options["rank"], options["count"], options["device"], Path(options["folder"]))
    while True:
        try:
            packed = pipe.recv_bytes()
        except EOFError:
            os._exit(0)  # without a farewell to the others, who may be gone
        run(pickle.loads(packed), crew, Silent())
        pipe.send(None)


def _portable(error: BaseException) -> BaseException:
    """The error itself where it can be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  the user's own exceptions may do anything
        return InternalError(f"training: another process failed: {type(error).__name__}: {error}")
    return error
