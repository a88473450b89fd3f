"""The processes that train together with this one: started when first needed, kept until the stage is done.

This process is the first of them. The others get the whole training through a pipe, do the same steps on their shares
of the batches, and throw away what they have at the end: it is what this process has.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError, ToolError
from edgebuild.model.processes.crew import PeerLostError, join, leave

if TYPE_CHECKING:
    from edgebuild.model.processes.crew import Crew

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from edgebuild.model.processes.member import serve; serve(int(sys.argv[2]), sys.argv[3])"
)
_START_SECONDS = 120.0
_LAST_WORDS_SECONDS = 5.0
"""How long a process that closed its sockets may take to say why."""


class Team:
    """`count` processes with this one as the first."""

    def __init__(self, count: int, device: str, threads: int, project_root: Path) -> None:
        """Raises a ToolError where one cannot be started."""
        self.wanted = (count, device, threads, project_root)
        self._folder = tempfile.TemporaryDirectory(prefix="edgebuild-training-")
        self._others = [_Other(rank, self.wanted, Path(self._folder.name)) for rank in range(1, count)]
        try:
            for other in self._others:
                other.hear(_START_SECONDS)
            self.crew: Crew = join(0, count, device, Path(self._folder.name))
        except BaseException as error:
            self.end()
            if isinstance(error, PeerLostError):
                raise self._reason(error) from error
            raise

    def train(self, packed: bytes, own: Callable[[Crew], None]) -> None:
        """Let the others train what `packed` holds, and this process its part of it, `own`.

        Raises:
            EdgebuildError: what failed first in any of the processes; all others are ended then.
        """
        try:
            for other in self._others:
                other.send(packed)
            own(self.crew)
            for other in self._others:
                other.hear(None)
        except PeerLostError as error:
            reason = self._reason(error)
            self.end()
            raise reason from error
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the other processes."""
        for other in self._others:
            other.kill()
        leave()
        self._folder.cleanup()
        if _teams == [self]:
            _teams.clear()

    def _reason(self, lost: PeerLostError) -> BaseException:
        """Why a process was lost: what another one raised, or how it died."""
        heard = [other.last_words() for other in self._others]
        causes = [error for error in heard if error is not None and not isinstance(error, PeerLostError)]
        return causes[0] if causes else lost


class _Other:
    """Another process of the team."""

    def __init__(self, rank: int, wanted: tuple[int, str, int, Path], folder: Path) -> None:
        count, device, threads, project_root = wanted
        self.name = f"process {rank + 1} of {count}"
        options = {
            "rank": rank,
            "count": count,
            "device": device,
            "threads": threads,
            "project_root": str(project_root),
            "folder": str(folder),
            "parent": os.getpid(),
        }
        ours, theirs = socket.socketpair()
        with theirs:
            # In the session of this process, so that whoever ends its group ends them all.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno()), json.dumps(options)],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONHASHSEED": "0"},
                pass_fds=(theirs.fileno(),),
            )
        self._pipe = Connection(ours.detach())

    def send(self, packed: bytes) -> None:
        """Hand it a training."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is dead: the crew finds out
            self._pipe.send_bytes(packed)

    def hear(self, seconds: float | None) -> None:
        """Wait until it is done.

        Raises:
            EdgebuildError: it failed or died.
        """
        error: BaseException | None
        try:
            if not self._pipe.poll(seconds):
                error = ToolError(f"training: {self.name} did not start within {seconds:.0f} s")
            else:
                error = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            error = self._death()
        if error is not None:
            raise error

    def last_words(self) -> BaseException | None:
        """What it raised or how it died; None where it is alive and silent."""
        try:
            return self._pipe.recv() if self._pipe.poll(_LAST_WORDS_SECONDS) else None
        except (EOFError, ConnectionResetError):
            return self._death()

    def kill(self) -> None:
        """End it."""
        self._pipe.close()
        self._process.kill()
        self._process.wait()

    def _death(self) -> ToolError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_SECONDS)
        code = self._process.returncode
        how = f"ended by itself with exit code {code}"
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        msg = f"training: {self.name} {how}"
        return ToolError(msg, remedy="if the machine ran out of memory, lower train.processes or train.batch_size")


_teams: list[Team] = []
"""The team of this process, if there is one."""


def hire(count: int, device: str, threads: int, project_root: Path) -> Team:
    """The team of this process, if it is of this kind, or a new one.

    Raises:
        ToolError: a process cannot be started.
    """
    wanted = (count, device, threads, project_root)
    if _teams and _teams[0].wanted != wanted:
        _teams[0].end()
    if not _teams:
        _teams.append(Team(*wanted))
    return _teams[0]


@contextlib.contextmanager
def dismissed_at_the_end() -> Iterator[None]:
    """Let no team outlive the block."""
    try:
        yield
    finally:
        for team in _teams:
            team.end()


def pack(training: Any, parts: dict[str, Any]) -> bytes:
    """`training` as bytes that another process can read; arrays that lie in files are sent as their place.

    Args:
        training: to be sent.
        parts: what it consists of, by what messages call it: to name the one that cannot be sent.

    Raises:
        ConfigError: it cannot be sent.
    """
    try:
        return _dump(training)
    except Exception as whole:
        for name, part in parts.items():
            try:
                _dump(part)
            except Exception as error:
                msg = f"train.processes: {name} cannot be sent to another process: {type(error).__name__}: {error}"
                remedy = "train with train.processes: 1, or open files and connections when they are first used"
                raise ConfigError(msg, remedy=remedy) from error
        msg = f"train.processes: the training cannot be sent to another process: {type(whole).__name__}: {whole}"
        raise ConfigError(msg, remedy="train with train.processes: 1") from whole


def _dump(value: Any) -> bytes:
    import cloudpickle
    import torch

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, np.memmap) and obj.base is not None and not isinstance(obj.base, np.memmap):
                return np.memmap, (obj.filename, obj.dtype, "r", obj.offset, obj.shape, _order(obj))
            if isinstance(obj, torch._ops.OpOverload):  # in the graphs that qat makes of a model
                return _operation, (obj._schema.name, obj._overloadname)
            if isinstance(obj, torch.fx.GraphModule):
                make, (state, *rest), *more = obj.__reduce__()
                # Its code is enough; the tracer of torch.export that it names cannot be made again.
                return make, ({**state, "_tracer_cls": None, "_tracer_extras": {}}, *rest), *more
            return super().reducer_override(obj)

    stream = io.BytesIO()
    Pickler(stream).dump(value)
    return stream.getvalue()


def _operation(name: str, overload: str) -> Any:
    """The operation called `aten::conv2d`, say."""
    import torch

    namespace, _, own = name.partition("::")
    return getattr(getattr(getattr(torch.ops, namespace), own), overload)


def _order(array: np.ndarray) -> str:
    return "C" if array.flags.c_contiguous else "F"
