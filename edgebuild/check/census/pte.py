"""The census of a .pte file: the program's own tensors and kernels, and everything inside its XNNPACK delegates."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census, CensusReader, IoRecord, OperationRecord, Role, TensorRecord
from edgebuild.check.census.pte_phones import coreml_records, layers_of_delegates, vulkan_records
from edgebuild.check.census.pte_tensors import delegate_records, statistics, zero_places
from edgebuild.check.census.pte_tosa import tosa_records
from edgebuild.config.registries import CENSUSES
from edgebuild.errors import ConfigError
from edgebuild.runtime import coreml_payload, vulkan_payload
from edgebuild.runtime.ethos_u_payload import BACKEND as ETHOS_U
from edgebuild.runtime.executorch_file import DTYPES, PteFile, Views, broken, read_pte
from edgebuild.runtime.executorch_layers import KernelLayers, node_layers
from edgebuild.runtime.executorch_xnnpack import BACKEND, XnnpackGraph
from edgebuild.runtime.tosa_file import SIDECAR, read_tosa

_WEIGHTED = {
    "aten::convolution": {1: "weight", 2: "bias"},
    "aten::linear": {1: "weight", 2: "bias"},
    "aten::addmm": {0: "bias", 2: "weight"},
    "aten::mm": {1: "weight"},
    "aten::embedding": {0: "weight"},
}
"""Portable operators -> position of an argument -> its role. Gains and offsets of norms are constants: no format
quantizes them."""
_TURNS = ("aten::permute_copy", "aten::t_copy", "aten::transpose_copy")
"""A stored weight may pass through one before it is read; it is on record with the operation that computes with it."""


def read_pte_census(path: Path) -> Census:
    """Read everything that is in `path`.

    Raises:
        ConfigError: the file is missing, or it is not a whole .pte file.
    """
    file = read_pte(path)
    try:
        return _Counting(file).census()
    except ConfigError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        # A damaged flatbuffer can be well-formed and yet lack fields or point to tensors that do not exist.
        raise broken(path, f"{type(error).__name__}: {error}") from error


class _Counting:
    """Collects the records of one file."""

    def __init__(self, file: PteFile) -> None:
        self._file = file
        self._plan = file.forward()
        self._metadata = file.metadata()
        self._tensors: dict[int, TensorRecord] = {}
        self._operations: list[OperationRecord] = []
        self._next = len(self._plan["values"])
        self._foreign: list[str] = []
        self._turned: dict[int, int] = {}
        self._views = Views(self._plan)
        self._phone_layers: dict[int, Sequence[str | None]] | None = None

    def census(self) -> Census:
        for index, value in enumerate(self._plan["values"]):
            if value["val_type"] == "Tensor":
                self._tensors[index] = self._tensor(index, value["val"])
        self._read_instructions()
        sizes = self._plan["non_const_buffer_sizes"]
        return Census(
            path=str(self._file.path),
            format="pte",
            file_bytes=self._file.size,
            sha256=hashlib.sha256(self._file.path.read_bytes()).hexdigest(),
            schema_version=f"ET12 version {self._file.program['version']}",
            inputs=self._io("inputs"),
            outputs=self._io("outputs"),
            tensors=tuple(self._tensors.values()),
            operations=tuple(self._operations),
            arena_bytes=sum(sizes),
            arena_source=self._arena_source(),
            metadata=self._texts(),
        )

    def _read_instructions(self) -> None:
        recorded = self._metadata.get("layers", {"handles": {}, "kernels": []})
        for index in self._plan["inputs"]:
            self._views.write(index)
        kernels = KernelLayers(recorded["kernels"])
        for instruction in self._plan["chains"][0]["instructions"]:
            call = instruction["instr_args"]
            if instruction["instr_args_type"] == "KernelCall":
                self._kernel(self._plan["operators"][call["op_index"]], call["args"], kernels)
            elif instruction["instr_args_type"] == "DelegateCall":
                self._delegate(self._plan["delegates"][call["delegate_index"]], call["args"], recorded["handles"])

    def _kernel(self, operator: dict[str, Any], args: list[int], kernels: KernelLayers) -> None:
        name = operator["name"]
        layer = kernels.next(name)
        # The schema puts the results of an out-variant last; the program repeats them as the call's return value.
        results = set(self._flatten(args[-1:]))
        args = self._sources(args, results)
        roles = _WEIGHTED.get(name, {})
        args = [self._turned.get(index, index) if position in roles else index for position, index in enumerate(args)]
        used = list(dict.fromkeys(index for index in self._flatten(args) if index in self._tensors))
        if name in _TURNS and self._is_constant(args[0]):
            self._turned[args[-1]] = args[0]
            used.remove(args[0])
        for position, index in enumerate(args):
            record = self._tensors.get(index)
            if record is not None and record.role == "constant":
                self._tensors[index] = self._with_role(record, roles.get(position, "constant"), layer)
            elif record is not None and index in results and record.layer is None:
                self._tensors[index] = replace(record, layer=layer)
        self._operations.append(
            OperationRecord(
                index=len(self._operations),
                name=name,
                version=1,
                layer=layer,
                delegate=None,
                inputs=tuple(index for index in used if index not in results),
                outputs=tuple(index for index in used if index in results),
            )
        )

    def _sources(self, args: list[int], results: Collection[int]) -> list[int]:
        """The arguments of a call, a tensor in the place of its views; such views are on record no more."""
        sources = {index: self._views.source(index) for index in args if index not in results}
        for view in [index for index, source in sources.items() if source != index]:
            self._tensors.pop(view, None)
        for index in results:
            self._views.write(index)
        return [sources.get(index, index) for index in args]

    def _is_constant(self, index: int) -> bool:
        return index in self._tensors and self._tensors[index].role == "constant"

    def _delegate(self, delegate: dict[str, Any], args: list[int], handles: dict[str, str | None]) -> None:
        if delegate["id"] == ETHOS_U and self._ethos_u(delegate, args):
            return
        if delegate["id"] in (vulkan_payload.BACKEND, coreml_payload.BACKEND):
            self._phone(delegate, args, handles)
            return
        if delegate["id"] != BACKEND:
            self._foreign.append(delegate["id"])
            used = tuple(index for index in args if index in self._tensors)
            self._operations.append(
                OperationRecord(len(self._operations), "delegate", 1, None, delegate["id"], used, ())
            )
            return
        graph = XnnpackGraph(self._file, self._file.payload(delegate))
        args = self._sources(args, args[len(graph.input_ids) :])
        outer = dict(zip((*graph.input_ids, *graph.output_ids), args, strict=True))
        layers = node_layers(graph, handles)
        tensors, operations = delegate_records(graph, layers, outer, self._next, len(self._operations))
        self._next += len(graph.values)
        self._tensors.update((tensor.index, tensor) for tensor in tensors)
        self._operations += operations

    def _ethos_u(self, delegate: dict[str, Any], args: list[int]) -> bool:
        """Read the graph that the delegate was compiled from, where it lies beside the file; False where it does not.

        That it is that graph is for the accelerator's own check to show, which has Vela compile it again.
        """
        number = self._plan["delegates"].index(delegate)
        path = self._file.path.with_name(SIDECAR.format(number))
        if not path.is_file():
            return False
        graph = read_tosa(path)
        args = self._sources(args, args[len(graph.inputs) :])
        tensors, operations = tosa_records(graph, args, self._next, len(self._operations))
        self._next += len(graph.tensors)
        self._tensors.update((tensor.index, tensor) for tensor in tensors)
        self._operations += operations
        return True

    def _phone(self, delegate: dict[str, Any], args: list[int], handles: dict[str, str | None]) -> None:
        payload = self._file.payload(delegate)
        for index in args:  # how many of them are outputs a Core ML delegate does not say
            self._views.write(index)
        if self._phone_layers is None:
            noted = self._metadata.get("layers", {}).get("weighted", [])
            self._phone_layers = layers_of_delegates(self._file, noted)
        weighted = self._phone_layers.get(self._plan["delegates"].index(delegate), ())
        first = len(self._operations)
        if delegate["id"] == vulkan_payload.BACKEND:
            tensors, operations = vulkan_records(payload, self._file.named, args, weighted, self._next, first)
        else:
            tensors, operations = coreml_records(payload, args, (handles, weighted), self._next, first)
        self._next += len(tensors)
        self._tensors.update((tensor.index, tensor) for tensor in tensors)
        self._operations += operations

    def _tensor(self, index: int, tensor: dict[str, Any]) -> TensorRecord:
        dtype = DTYPES.get(tensor["scalar_type"], str(tensor["scalar_type"]).lower())
        shape = tuple(tensor["sizes"])
        role: Role = "activation"
        if index in self._plan["inputs"]:
            role = "input"
        elif index in self._plan["outputs"]:
            role = "output"
        elif tensor["data_buffer_idx"]:
            role = "constant"
        stored = _byte_size(shape, dtype) if role == "constant" else 0
        return TensorRecord(index, f"{role}_{index}", None, role, dtype, shape, stored)

    def _with_role(self, record: TensorRecord, role: str, layer: str | None) -> TensorRecord:
        if role != "weight":
            return replace(record, role="bias" if role == "bias" else "constant", layer=layer)
        buffer = self._plan["values"][record.index]["val"]["data_buffer_idx"]
        data = self._file.constant(buffer, record.bytes)
        sparsity, distinct, along = statistics(data, record.dtype, record.shape)
        return replace(
            record,
            role="weight",
            layer=layer,
            sparsity=sparsity,
            distinct=distinct,
            distinct_along=along,
            zero_places=zero_places(data, record.dtype),
        )

    def _flatten(self, indices: list[int]) -> list[int]:
        """Lists of tensors replaced by the tensors."""
        flat: list[int] = []
        for index in indices:
            value = self._plan["values"][index]
            is_list = value["val_type"] in ("TensorList", "OptionalTensorList")
            flat += value["val"]["items"] if is_list else [index]
        return flat

    def _io(self, side: str) -> tuple[IoRecord, ...]:
        indices = [index for index in self._plan[side] if index in self._tensors]
        known: list[dict[str, Any]] = self._metadata.get(side, [])
        if len(known) != len(indices):
            known = [{"name": f"{side[:-1]}_{position}", "shape": ()} for position in range(len(indices))]
        records = []
        for position, index in enumerate(indices):
            tensor, order = self._tensors[index], self._plan["values"][index]["val"]["dim_order"]
            shape = tuple(tensor.shape[dimension] for dimension in order)
            mine = known[position]
            self._tensors[index] = replace(tensor, name=mine["name"])
            if _moved(mine["shape"]) == _moved(shape):
                shape = tuple(mine["shape"])
            records.append(IoRecord(mine["name"], tensor.dtype, shape, mine.get("scale"), mine.get("zero_point")))
        return tuple(records)

    def _arena_source(self) -> str:
        source = "non_const_buffer_sizes of the program: inputs, outputs and tensors of portable kernels"
        if any(operation.delegate for operation in self._operations):
            source += "; what delegates allocate for themselves is not in it"
        return source

    def _texts(self) -> dict[str, str]:
        texts = {key: str(value) for key, value in self._metadata.items() if isinstance(value, str | int | float)}
        texts["methods"] = ", ".join(plan["name"] for plan in self._file.program["execution_plan"])
        texts["delegates"] = ", ".join(delegate["id"] for delegate in self._plan["delegates"]) or "none"
        if "labels" in self._metadata:
            texts["labels"] = ", ".join(self._metadata["labels"])
        return texts


def _moved(shape: Any) -> tuple[int, ...]:
    """The dimensions that matter for the order of bytes."""
    return tuple(size for size in shape if size != 1)


def _byte_size(shape: tuple[int, ...], dtype: str) -> int:
    width = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
    return int(np.prod(shape, dtype=np.int64)) * width


CENSUSES.register("pte")(CensusReader(read_pte_census))
