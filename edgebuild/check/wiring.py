"""Who makes and who reads each tensor of a census."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.kinds import is_reshape, is_transpose

STORED = frozenset({"weight", "bias", "constant"})
"""Roles of tensors whose values are in the file."""

_DECODERS = frozenset({"DEQUANTIZE", "DENSIFY"})


class Wiring:
    """The graph of one census.

    Attributes:
        tensors: index -> record.
        producer: index of a tensor -> the operation that makes it.
        consumers: index of a tensor -> the operations that read it, in file order.
    """

    def __init__(self, census: Census) -> None:
        self.tensors: dict[int, TensorRecord] = {tensor.index: tensor for tensor in census.tensors}
        self.producer: dict[int, OperationRecord] = {}
        self.consumers: dict[int, list[OperationRecord]] = defaultdict(list)
        for operation in census.operations:
            for index in operation.outputs:
                self.producer[index] = operation
            for index in operation.inputs:
                self.consumers[index].append(operation)

    def inputs(self, operation: OperationRecord) -> list[TensorRecord]:
        """The operation's input tensors in order; absent optional ones are left out."""
        return [self.tensors[index] for index in operation.inputs if index in self.tensors]

    def outputs(self, operation: OperationRecord) -> list[TensorRecord]:
        """The operation's output tensors in order."""
        return [self.tensors[index] for index in operation.outputs if index in self.tensors]

    def computed_inputs(self, operation: OperationRecord) -> list[TensorRecord]:
        """The inputs whose values are not in the file."""
        return [tensor for tensor in self.inputs(operation) if tensor.role not in STORED]

    def reader_of(self, tensor: TensorRecord) -> OperationRecord | None:
        """The first operation that reads the tensor."""
        readers = self.consumers.get(tensor.index, [])
        return readers[0] if readers else None

    def kernel_of(self, weight: TensorRecord) -> OperationRecord | None:
        """The operation that computes with a stored weight; those that only decode it first are looked through."""
        reader = self.reader_of(weight)
        while reader is not None and reader.name in _DECODERS and reader.outputs[0] in self.tensors:
            reader = self.reader_of(self.tensors[reader.outputs[0]])
        return reader

    def is_given(self, tensor: TensorRecord) -> bool:
        """True for an input of the file, as it is or with its elements only moved."""
        maker = self.producer.get(tensor.index)
        if tensor.role == "input" or maker is None or not _only_moves(maker):
            return tensor.role == "input"
        return all(self.is_given(source) for source in self.computed_inputs(maker))

    def is_returned(self, tensor: TensorRecord) -> bool:
        """True for an output of the file, as it is or with its elements only moved."""
        readers = self.consumers.get(tensor.index, [])
        if tensor.role == "output" or not readers:
            return tensor.role == "output"
        return all(_only_moves(reader) and all(map(self.is_returned, self.outputs(reader))) for reader in readers)

    def moves_at_border(self, operation: OperationRecord) -> bool:
        """True for an operation that only moves elements of an input or output of the file."""
        if not _only_moves(operation):
            return False
        return all(map(self.is_given, self.computed_inputs(operation))) or all(
            map(self.is_returned, self.outputs(operation))
        )

    def whereabouts(self, operation: OperationRecord) -> str:
        """Where the operation stands, for people: `in fc`, or `between stem and fc` where no layer owns it."""
        if operation.layer is not None:
            return f"in {operation.layer}"
        before = self._nearest(operation, self._makers)
        after = self._nearest(operation, self._readers)
        if before and after:
            return f"between {before} and {after}"
        if before:
            return f"after {before}"
        return f"before {after}" if after else "outside any layer"

    def _makers(self, operation: OperationRecord) -> Iterable[OperationRecord]:
        return (self.producer[index] for index in operation.inputs if index in self.producer)

    def _readers(self, operation: OperationRecord) -> Iterable[OperationRecord]:
        return (reader for index in operation.outputs for reader in self.consumers.get(index, ()))

    def _nearest(
        self, operation: OperationRecord, step: Callable[[OperationRecord], Iterable[OperationRecord]]
    ) -> str | None:
        """The layer of the nearest operation in the direction of `step` that has one."""
        seen = {operation.index}
        row = [operation]
        while row:
            row = [near for here in row for near in step(here) if near.index not in seen]
            named = [near.layer for near in row if near.layer is not None]
            if named:
                return named[0]
            seen.update(near.index for near in row)
        return None


def _only_moves(operation: OperationRecord) -> bool:
    return is_reshape(operation) or is_transpose(operation)
