"""What the processes of one training have in common: each takes its share of a batch, and all know the sums.

Everything that is exchanged is the same on all of them, bit for bit, and depends on nothing but their number: gloo adds
in an order that the number of processes fixes.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edgebuild.errors import InternalError

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

_MEETING = timedelta(minutes=2)
"""How long the processes wait for each other at the start."""
_WORKING = timedelta(days=7)
"""How long one may work on a batch while the others wait: who dies is noticed at once, who is slow is waited for."""


class PeerLostError(InternalError):
    """Another process of the training is gone; what ended it is the error that counts."""


class Crew(Protocol):
    """The processes of one training, seen from one of them.

    Attributes:
        rank: of this one, from 0; the first one reports and writes.
        count: how many there are.
        device: where this one computes.
    """

    rank: int
    count: int
    device: torch.device

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process' part of a batch; the parts of all of them make the batch."""
        ...

    def total(self, values: Sequence[float]) -> list[float]:
        """The sum of each value over the processes."""
        ...

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Give every parameter the sum of its gradients; one that has none anywhere keeps none."""
        ...

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give every tensor the mean over the processes, in place; what is the same everywhere keeps its bits."""
        ...

    def widest(self, low: torch.Tensor, high: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The lowest and the highest of two scalars over the processes."""
        ...

    def agree(self, tensors: Iterable[torch.Tensor]) -> bool:
        """Whether all processes have the same bits in `tensors`."""
        ...

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Seed the global generators where they differ between processes or are not kept in a checkpoint."""
        ...


class Alone:
    """One process: nothing to exchange."""

    rank = 0
    count = 1

    def __init__(self, device: str = "cpu") -> None:
        """`device`: `cpu` or `cuda`."""
        import torch

        self.device = torch.device("cpu") if device == "cpu" else _accelerator(device).device

    def share(self, rows: np.ndarray) -> np.ndarray:
        """All of it."""
        return rows

    def total(self, values: Sequence[float]) -> list[float]:
        """The values."""
        return list(values)

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Nothing to do."""

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Nothing to do."""

    def widest(self, low: torch.Tensor, high: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The two."""
        return low, high

    def agree(self, tensors: Iterable[torch.Tensor]) -> bool:
        """With itself it does."""
        return True

    def start_epoch(self, seed: int, epoch: int) -> None:
        """On the CPU the generators go on; those of a GPU are in no checkpoint."""
        if self.device.type != "cpu":
            _seed(seed, 0, epoch)


class Together:
    """One of several processes, which exchange through Accelerate."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.rank, self.count = accelerator.process_index, accelerator.num_processes
        self.device = accelerator.device

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Consecutive rows; the first processes have one more where the batch cannot be divided."""
        part: np.ndarray = np.array_split(rows, self.count)[self.rank]
        return part

    def total(self, values: Sequence[float]) -> list[float]:
        """Summed in double precision."""
        import torch

        numbers = torch.tensor(values, dtype=torch.float64, device=self.device)
        return [float(value) for value in self._reduce(numbers, "sum").cpu()]

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """One message per dtype: the gradients one after another, and who has one."""
        import torch

        for group in _by_dtype(parameters):
            grads = [torch.zeros_like(one).flatten() if one.grad is None else one.grad.flatten() for one in group]
            has = torch.tensor([one.grad is not None for one in group], dtype=group[0].dtype, device=self.device)
            flat = self._reduce(torch.cat([*grads, has]), "sum")
            sums = flat[: -len(group)].split([one.numel() for one in group])
            for parameter, found, known in zip(group, sums, flat[-len(group) :].tolist(), strict=True):
                if known:
                    parameter.grad = found.reshape(parameter.shape).clone()

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """The first process' value plus the mean difference from it."""
        import torch

        floating = [one for one in tensors if one.is_floating_point() and one.numel()]
        for group in _by_dtype(floating):
            own = torch.cat([one.detach().flatten() for one in group])
            rows = self._gather(own)
            mean = rows[0] + (rows - rows[0]).sum(0) / self.count
            mean = torch.where((rows == rows[0]).all(0), rows[0], mean)  # also where it is infinite
            for tensor, part in zip(group, mean.split([one.numel() for one in group]), strict=True):
                tensor.data.copy_(part.reshape(tensor.shape))

    def widest(self, low: torch.Tensor, high: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """In one message."""
        import torch

        found = self._reduce(torch.stack([-low, high]), "max")
        return -found[0], found[1]

    def agree(self, tensors: Iterable[torch.Tensor]) -> bool:
        """By a checksum of all of them."""
        import torch

        mark = 0
        for tensor in tensors:
            mark = zlib.crc32(tensor.detach().cpu().contiguous().flatten().numpy().tobytes(), mark)
        number = torch.tensor(float(mark), dtype=torch.float64, device=self.device)
        low, high = self.widest(number, number)
        return bool(low == high)

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Every process draws other numbers, in every epoch, so that a training can go on after any of them."""
        _seed(seed, self.rank, epoch)

    def _reduce(self, values: torch.Tensor, how: str) -> torch.Tensor:
        with _peers():
            result: torch.Tensor = self._accelerator.reduce(values, reduction=how)
            return result

    def _gather(self, values: torch.Tensor) -> torch.Tensor:
        """[count, n] from [n]."""
        with _peers():
            result: torch.Tensor = self._accelerator.gather(values[None])
            return result


def join(rank: int, count: int, device: str, folder: Path) -> Together:
    """Meet the other processes of a training through the empty, private `folder`; on this machine only.

    Args:
        rank: of this process, from 0.
        count: how many will come.
        device: `cpu`, or `cuda`: then each process takes the GPU of its rank.
        folder: where they find each other.

    Raises:
        PeerLostError: they do not all come.
    """
    import torch.distributed as dist
    from torch._C._distributed_c10d import FileStore

    local = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    loopback = {"GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo"}
    store = FileStore(str(folder / "meeting"), count)
    store.set_timeout(_MEETING)
    with _variables({**{key: str(value) for key, value in local.items()}, **loopback}), _peers():
        backend = "gloo" if device == "cpu" else "nccl"
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_WORKING)
        return Together(_accelerator(device))


def leave() -> None:
    """Forget the other processes."""
    import torch.distributed as dist
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    with contextlib.suppress(RuntimeError):  # the others may be dead
        if dist.is_initialized():
            dist.destroy_process_group()


_current: list[Crew] = []


@contextlib.contextmanager
def working(crew: Crew) -> Iterator[None]:
    """Let `crew` be what `current` gives."""
    _current.append(crew)
    try:
        yield
    finally:
        _current.pop()


def current() -> Crew:
    """The crew of the training that runs: for what follows the batches inside a model."""
    return _current[-1] if _current else Alone()


def _accelerator(device: str) -> Accelerator:
    import torch
    from accelerate import Accelerator

    threads = torch.get_num_threads()
    # Accelerate would choose the threads where nobody did; cuBLAS repeats itself only with a workspace of its own.
    with _variables({"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads))}):
        if device != "cpu":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        return Accelerator(cpu=device == "cpu")


@contextlib.contextmanager
def _variables(wanted: dict[str, str]) -> Iterator[None]:
    """Environment variables inside the block only."""
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextlib.contextmanager
def _peers() -> Iterator[None]:
    """Name what the transport says when another process is gone."""
    try:
        yield
    except RuntimeError as error:
        first = str(error).strip().partition("\n")[0]
        msg = f"training: another process does not answer: {first}"
        raise PeerLostError(msg) from error


def _by_dtype(tensors: Iterable[Any]) -> list[list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    return list(groups.values())


def _seed(seed: int, rank: int, epoch: int) -> None:
    import torch

    chosen = int(np.random.SeedSequence([seed, rank, epoch]).generate_state(1)[0])
    torch.manual_seed(chosen)
    np.random.seed(chosen)
    random.seed(chosen)
