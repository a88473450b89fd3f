"""Keep third-party libraries off stdout and stderr: Python's streams and the file descriptors that C++ writes to."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def quiet(what: str) -> Iterator[None]:
    """Send all that is written to descriptors 1 and 2 to the log (debug level) while the block runs.

    `what` names the noisy work in the log. The descriptors are restored also when the block raises.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        saved = os.dup(1), os.dup(2)
        try:
            os.dup2(captured.fileno(), 1)
            os.dup2(captured.fileno(), 2)
            python_text = io.TextIOWrapper(
                io.FileIO(os.dup(captured.fileno()), "w"), errors="replace", write_through=True
            )
            with python_text, contextlib.redirect_stdout(python_text), contextlib.redirect_stderr(python_text):
                yield
        finally:
            for descriptor, original in zip((1, 2), saved, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
            captured.seek(0)
            text = captured.read().decode(errors="replace").strip()
            if text:
                _log.debug("%s said:\n%s", what, text)
