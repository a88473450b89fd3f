"""From a quantized graph to the bytes of a .pte file with Ethos-U delegates, and the TOSA graphs they came from.

Needs `edgebuild.runtime.tosa_install.add_to_path` before: ExecuTorch's Arm backend writes TOSA and calls Vela here.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgebuild.check.accelerators.ethos_u.configurations import CONFIG_FILE, Configuration
from edgebuild.errors import ConfigError, EdgebuildError, ToolError
from edgebuild.export.executorch.layers import layer_of, record_layers
from edgebuild.export.executorch.lower import assemble, unsupported
from edgebuild.runtime.ethos_u_payload import BACKEND
from edgebuild.runtime.vela_install import VERSION

if TYPE_CHECKING:
    import torch

Scales = tuple[tuple[float, int] | None, ...]
"""(scale, zero point) of each input or output that is int8 in the file; None for the others."""


@dataclass(frozen=True)
class Lowered:
    """One file.

    Attributes:
        data: the .pte.
        layers: what `record_layers` says of it.
        graphs: the TOSA graph of each delegate, in the order of the file's delegates.
        input_scales, output_scales: of the file's borders.
    """

    data: bytes
    layers: dict[str, Any]
    graphs: tuple[bytes, ...]
    input_scales: Scales
    output_scales: Scales


@dataclass
class _Seen:
    """What passed through the Arm backend: payload -> the TOSA graph that it was compiled from."""

    graphs: dict[bytes, bytes] = field(default_factory=dict)


def lower_to_ethos_u(
    graph: torch.fx.GraphModule,
    inputs: Sequence[torch.Tensor],
    metadata: Mapping[str, Any],
    configuration: Configuration,
    borders: str,
) -> Lowered:
    """Lower a quantized `graph`; with `borders` int8 the file takes and gives integers, else float32.

    Raises:
        ConfigError: an operation has no place in the program, or a border of the graph is not quantized.
        ToolError: Vela failed.
    """
    import torch
    from executorch.backends.arm.ethosu import EthosUPartitioner
    from executorch.exir import to_edge_transform_and_lower

    seen = _Seen()
    try:
        exported = torch.export.export(graph, tuple(inputs))
        with _watched(seen):
            partitioner = EthosUPartitioner(compile_spec(configuration))
            lowered = to_edge_transform_and_lower(exported, partitioner=[partitioner])
        sides = _open_borders(lowered) if borders == "int8" else ((None,) * len(inputs), (None,) * _outputs(lowered))
        layers = record_layers(lowered.exported_program())
        done = assemble(lowered, _described(metadata, sides), layers)
    except EdgebuildError:
        raise
    except Exception as error:  # the lowering passes raise many unrelated types for an operation they do not know
        raise unsupported(graph, error) from error
    delegates = done.executorch_program.execution_plan
    plan = next(plan for plan in delegates if plan.name == "forward")
    payloads = [_payload(done.executorch_program, one) for one in plan.delegates if one.id == BACKEND]
    return Lowered(done.buffer, layers, tuple(seen.graphs[payload] for payload in payloads), *sides)


def compile_spec(configuration: Configuration) -> Any:
    """What the Arm backend is told of the accelerator."""
    from executorch.backends.arm.ethosu import EthosUCompileSpec

    return EthosUCompileSpec(
        configuration.accelerator,
        system_config=configuration.system,
        memory_mode=configuration.mode,
        config_ini=CONFIG_FILE,
    )


@contextlib.contextmanager
def _watched(seen: _Seen) -> Iterator[None]:
    """Note each TOSA graph with its payload, and write the layer into its operators.

    The backend's own notes for debugging would bring folders of this machine into the file.

    What Vela prints is kept for the message of its failure.
    """
    from executorch.backends.arm.common.arm_compile_spec import ArmCompileSpec
    from executorch.backends.arm.ethosu.backend import EthosUBackend
    from executorch.backends.arm.operators import node_visitor

    usual_visitors, usual_compile = node_visitor.get_node_visitors, EthosUBackend._compile_tosa_flatbuffer

    def visitors(specification: Any, _hook: Any = None) -> Any:
        return usual_visitors(specification, _LayerHook(ArmCompileSpec.DebugMode.TOSA))

    def compile_tosa(tosa: bytes, spec: Any) -> Any:
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                result = usual_compile(tosa, spec)
        except SystemExit as error:
            lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
            msg = f"Vela {VERSION} does not compile the graph; it said: {lines[-1] if lines else 'nothing'}"
            raise ToolError(msg, remedy="look at hardware.system_config and hardware.memory_mode") from error
        seen.graphs[bytes(result.processed_bytes)] = bytes(tosa)
        return result

    node_visitor.get_node_visitors = visitors
    EthosUBackend._compile_tosa_flatbuffer = staticmethod(compile_tosa)
    try:
        yield
    finally:
        node_visitor.get_node_visitors = usual_visitors
        EthosUBackend._compile_tosa_flatbuffer = staticmethod(usual_compile)


@dataclass(frozen=True)
class _LayerHook:
    """What the writer of TOSA asks for the place that an operator comes from; `mode` says where it goes."""

    mode: Any

    def add(self, node: torch.fx.Node, tosa_op: Any, tosa_op_id: Any) -> _Location:
        del tosa_op, tosa_op_id
        inputs = {str(place): _noted(given) for place, given in node.meta.get("input_qparams", {}).items()}
        output = node.meta.get("output_qparams", {}).get(0)
        return _Location(layer_of(node), inputs, None if output is None else _noted(output))


def _noted(quantization: Any) -> tuple[list[float], list[int]]:
    """Scales and zero points of what the Arm backend notes of a tensor."""
    scale, zero_point = (
        list(values) if isinstance(values, list | tuple) else [values]
        for values in (quantization.scale, quantization.zp)
    )
    return [float(one) for one in scale], [int(one) for one in zero_point]


@dataclass(frozen=True)
class _Location:
    """What an operator of the TOSA graph says of where it comes from, and of the steps of its tensors."""

    layer: str | None
    inputs: Mapping[str, tuple[list[float], list[int]]]
    output: tuple[list[float], list[int]] | None

    def to_dict(self) -> dict[str, Any]:
        return {"layer": self.layer, "inputs": dict(self.inputs), "output": self.output}


def _open_borders(manager: Any) -> tuple[Scales, Scales]:
    """Take the conversions off the borders, so that the caller converts; what remains is whole in the accelerator."""
    from executorch.exir.passes.quantize_io_pass import quantize_input, quantize_output

    program = manager.exported_program()
    given, returned = program.graph_signature.user_inputs, program.graph_signature.user_outputs
    try:
        inputs = tuple(_scale(quantize_input(program, index)) for index in range(len(given)))
        outputs = tuple(_scale(quantize_output(program, index)) for index in range(len(returned)))
    except ValueError as error:
        msg = f"io: int8 needs every input and output of the graph quantized, and each read once: {error}"
        raise ConfigError(msg, remedy="use io: float32, which leaves conversions and the rest to the core") from error
    names = [node.name for node in program.graph_module.graph.output_node().args[0]]
    for spec, name in zip(program.graph_signature.output_specs, names, strict=True):
        spec.arg.name = name
    return inputs, outputs


def _scale(arguments: Any) -> tuple[float, int]:
    return float(arguments[0]), int(arguments[1])


def _outputs(manager: Any) -> int:
    return len(manager.exported_program().graph_signature.user_outputs)


def _described(metadata: Mapping[str, Any], sides: tuple[Scales, Scales]) -> dict[str, Any]:
    """The metadata with the types and scales of int8 borders."""
    described = dict(metadata)
    for side, scales in zip(("inputs", "outputs"), sides, strict=True):
        described[side] = [
            item if scale is None else {**item, "dtype": "int8", "scale": scale[0], "zero_point": scale[1]}
            for item, scale in zip(metadata[side], scales, strict=True)
        ]
    return described


def _payload(program: Any, delegate: Any) -> bytes:
    return bytes(program.backend_delegate_data[delegate.processed.index].data)
