"""The real compiler's output and our handling of the program.

The compiler can be had from no registry: its logs here are written in its documented form, and the program on PATH is a
stand-in that prints them. What is tested is our side: reading, failing, ending a hang, keeping the file.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from edgebuild.check.accelerators.accelerator import JudgeRequest
from edgebuild.check.accelerators.edge_tpu.compiler import compile_file, compiler_version
from edgebuild.check.accelerators.edge_tpu.compiler_log import MAPPED, parse_log
from edgebuild.check.accelerators.edge_tpu.geometry import inference_of, layers_of, work_of
from edgebuild.check.accelerators.edge_tpu.log_mapping import map_by_log
from edgebuild.check.accelerators.edge_tpu.mapping import map_operations
from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport, report_on
from edgebuild.check.census.tflite import read_structure
from edgebuild.check.finding import Finding
from edgebuild.check.wiring import Wiring
from edgebuild.config.registries import ACCELERATORS
from edgebuild.errors import ToolError
from edgebuild.estimate.edge_tpu.latency import estimate_latency
from edgebuild.estimate.edge_tpu.memory import CachePlan
from edgebuild.graph.stages.verify import overrule
from tests.edge_tpu.files import Net, image

WHOLE = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 35 ms.

Input model: net.tflite
Input size: 258.55KiB
Output model: net_edgetpu.tflite
Output size: 380.62KiB
On-chip memory used for caching model parameters: 322.25KiB
On-chip memory remaining for caching model parameters: 7.25MiB
Off-chip memory used for streaming uncached model parameters: 1.50MiB
Number of Edge TPU subgraphs: 1
Total number of operations: 3
Operation log: net_edgetpu.log

Operator                       Count      Status

CONV_2D                        2          Mapped to Edge TPU
QUANTIZE                       1          Mapped to Edge TPU
Compilation child process completed within timeout period.
Compilation succeeded!
"""
UNSPECIFIED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
PART = f"""\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 35 ms.

Input model: net.tflite
Input size: 25.99KiB
Output model: net_edgetpu.tflite
Output size: 99.94KiB
On-chip memory used for caching model parameters: 0.00B
On-chip memory remaining for caching model parameters: 7.98MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 5
Operation log: net_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model \
will instead run on the CPU, which is slower. If possible, consider updating your model to use only operations \
supported by the Edge TPU. For details, visit g.co/coral/model-reqs.
Number of operations that will run on Edge TPU: 1
Number of operations that will run on CPU: 4

Operator                       Count      Status

CONV_2D                        1          Mapped to Edge TPU
CONV_2D                        1          More than one subgraph is not supported
HARD_SWISH                     1          Operation not supported
QUANTIZE                       1          {UNSPECIFIED}
DEQUANTIZE                     1          Operation is working on an unsupported data type
Compilation child process completed within timeout period.
Compilation succeeded!
"""
BEHIND = "More than one subgraph is not supported"


def log_of(*rows: tuple[str, int, str]) -> str:
    """A log with this operation log."""
    head, _, tail = WHOLE.partition("CONV_2D  ")
    return (
        head + "".join(f"{name:<31}{count:<11}{status}\n" for name, count, status in rows) + tail[tail.index("Comp") :]
    )


def shown(report: EdgeTpuReport) -> str:
    """What people see of it."""
    console = Console(width=200, file=io.StringIO())
    console.print(report.describe())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


REFUSED = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.
ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'. An older version of this builtin might be supported.

ERROR: Registration failed.

Invalid model: net.tflite
Model could not be parsed
"""


def test_memory_and_mapping_are_read() -> None:
    log = parse_log(WHOLE)
    assert log.version == "16.0.384591198"
    assert (log.on_chip, log.streamed) == (329_984, 1_572_864)
    assert (log.subgraphs, log.left) == (1, ())
    assert [(row.name, row.count) for row in log.operators] == [("CONV_2D", 2), ("QUANTIZE", 1)]


def test_what_stays_on_the_cpu_is_read_with_its_reason() -> None:
    left = {(row.name, row.status) for row in parse_log(PART).left}
    assert ("HARD_SWISH", "Operation not supported") in left
    assert ("CONV_2D", "More than one subgraph is not supported") in left
    assert len(left) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (REFUSED, "Didn't find op for builtin opcode 'CONV_2D' version '6'"),
        ("Edge TPU Compiler version 16.0.384591198\n\nInternal compiler error. Aborting!\n", "Internal compiler error"),
        ("", "it said: nothing"),
        ("usage: something else\n", "it said: usage: something else"),
    ],
)
def test_a_failure_is_told_in_the_compilers_words(text: str, said: str) -> None:
    with pytest.raises(ToolError) as raised:
        parse_log(text)
    assert said in raised.value.message


def test_how_it_ended_is_told_too() -> None:
    with pytest.raises(ToolError, match=r"did not compile the file: it ended with exit code 3; it said: nothing"):
        parse_log("", "ended with exit code 3")


def test_another_compilers_output_is_not_guessed_at() -> None:
    with pytest.raises(ToolError, match="has no line 'On-chip memory remaining"):
        parse_log(WHOLE.replace("On-chip memory remaining", "On-chip memory available"))


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH; `put` writes the program into it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def put(folder: Path, log: str, makes: str = 'cp "$6" "$5/net_edgetpu.tflite"') -> None:
    """The program: prints its version, or `log`, and runs `makes`: $5 is the output folder, $6 the model."""
    (folder / "log.txt").write_text(log)
    program = folder / "edgetpu_compiler"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo "Edge TPU Compiler version 16.0.384591198"; exit 0; fi\n'
        f'{makes}\ncat "{folder}/log.txt"\n'
    )
    program.chmod(0o755)


def model(folder: Path) -> Path:
    net = Net()
    return net.write(folder / "net.tflite", net.convolution(net.convolution(image(net), 8), 8))


def test_without_a_compiler_nothing_is_compiled(tmp_path: Path, stand_in: Path) -> None:
    assert list(stand_in.iterdir()) == []
    assert compiler_version() is None
    assert compile_file(model(tmp_path), tmp_path) is None


def test_its_version_is_part_of_what_a_build_depends_on(stand_in: Path) -> None:
    version = ACCELERATORS.get("edge-tpu").version
    assert version().startswith("offline, edgetpu-compiler 16, rules ")
    put(stand_in, WHOLE)
    assert version().startswith("16.0.384591198, rules ")


def test_its_file_is_kept_and_its_memory_overrules_the_estimate(tmp_path: Path, stand_in: Path) -> None:
    put(stand_in, WHOLE)
    output = tmp_path / "kept"
    output.mkdir()
    report = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(model(tmp_path), output=output))
    assert (output / "net_edgetpu.tflite").read_bytes() == (tmp_path / "net.tflite").read_bytes()
    figure = next(one for one in report.figures if one.name == "on_chip_parameters")
    assert (figure.value, figure.kind, figure.provenance) == (329_984, "exact", "edgetpu_compiler 16.0.384591198")
    assert report.findings == ()
    assert report.to_json()["compiler"]["streamed"] == 1_572_864


def test_a_partial_mapping_is_a_finding_that_fails_a_build(tmp_path: Path, stand_in: Path) -> None:
    put(stand_in, PART)
    (finding,) = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(model(tmp_path), output=tmp_path)).findings
    assert (finding.code, finding.severity) == ("unsupported-op", "fatal")
    assert "left 2 of 5 operations on the CPU" in finding.message
    assert "HARD_SWISH: Operation not supported" in finding.message


def test_what_the_compiler_said_overrules_what_its_documented_limits_say(tmp_path: Path, stand_in: Path) -> None:
    guessed = Finding("unsupported-op", "the Edge TPU compiler cannot map 1 operation"), Finding("float-weights", "fc")
    offline = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(model(tmp_path)))
    assert overrule(guessed, offline) == list(guessed), "nobody asked the compiler"
    put(stand_in, WHOLE)
    asked = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(model(tmp_path), output=tmp_path))
    assert [one.severity for one in overrule(guessed, asked)] == ["note", "fatal"]


def test_the_report_is_that_of_the_log(tmp_path: Path, stand_in: Path) -> None:
    """Headline, table, layers and time: three convolutions of which the log leaves one on the CPU, and a softmax."""
    net = Net()
    x = net.convolution(net.convolution(net.convolution(image(net), 8), 64), 4)
    x = net.operation("RESHAPE", [x], [net.tensor((1, 256))])
    file = net.write(tmp_path / "net.tflite", net.operation("SOFTMAX", [x], [net.tensor((1, 256))]))
    whole = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(file))
    assert whole.counts == (5, 5)
    put(stand_in, log_of(("CONV_2D", 3, MAPPED), ("RESHAPE", 1, MAPPED), ("SOFTMAX", 1, "Operation not supported")))
    tail = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(file, output=tmp_path))
    assert tail.counts == (4, 5)
    assert [one.name for one in tail.mapping.operations if not one.mapped] == ["SOFTMAX"]
    page = shown(tail)
    assert "net.tflite: 4 of 5 operations on the Edge TPU" in page
    assert "left 1 of 5 operations on the CPU (1 SOFTMAX: Operation not supported)" in page
    assert "CPU       Operation not supported (" in page
    assert len(tail.layers) == 4
    assert (tail.to_json()["mapped"], tail.to_json()["on_cpu"]) == (4, 1)
    put(
        stand_in, log_of(("CONV_2D", 2, MAPPED), ("CONV_2D", 1, BEHIND), ("RESHAPE", 1, BEHIND), ("SOFTMAX", 1, BEHIND))
    )
    part = ACCELERATORS.get("edge-tpu").judge(JudgeRequest(file, output=tmp_path))
    assert [(one.name, one.mapped, one.placed) for one in part.mapping.operations] == [
        ("CONV_2D", True, False),
        ("CONV_2D", True, False),
        ("CONV_2D", False, False),
        ("RESHAPE", False, True),
        ("SOFTMAX", False, True),
    ]
    assert "which of them, the log does not say" in shown(part)
    assert len(part.layers) == 2
    for name in ("latency", "energy"):
        before, after = (next(one for one in report.figures if one.name == name) for report in (whole, part))
        assert after.value != pytest.approx(before.value)
        assert after.low <= after.value <= after.high
    assert "what runs there as edgetpu_compiler 16.0.384591198 printed it" in after.provenance


def test_what_a_log_leaves_open_widens_the_interval(tmp_path: Path) -> None:
    """One of two convolutions: the large one or the small one."""
    net = Net()
    census = read_structure(net.write(tmp_path / "net.tflite", net.convolution(net.convolution(image(net), 8), 4096)))
    log = parse_log(log_of(("CONV_2D", 1, MAPPED), ("CONV_2D", 1, BEHIND)))
    wiring = Wiring(census)
    found = map_by_log(map_operations(census), log, census, lambda index: work_of(census.operations[index], wiring))
    assert [[one.mapped for one in mapping.operations] for mapping in found] == [
        [True, False],
        [True, False],
        [False, True],
    ]
    latency = next(one for one in report_on(census, "usb3", log).figures if one.name == "latency")
    ends = []
    for mapping in (found.least, found.most):
        layers = layers_of((census.operations[one.index] for one in mapping.mapped), wiring)
        plan = CachePlan(log.on_chip + log.remaining, log.on_chip, log.streamed, ())
        ends.append(estimate_latency(inference_of(census, mapping, layers, plan, wiring), "usb3"))
    assert latency.low == min(end.low for end in ends)
    assert latency.high == max(end.high for end in ends)
    assert ends[0].high != ends[1].high


def test_counts_that_do_not_fit_the_file_are_told(tmp_path: Path) -> None:
    net = Net()
    census = read_structure(net.write(tmp_path / "net.tflite", net.convolution(net.convolution(image(net), 8), 8)))
    report = report_on(census, "usb3", parse_log(WHOLE))
    assert "the log counts 3 operations, the file has 2" in shown(report)
    short = report_on(census, "usb3", parse_log(log_of(("CONV_2D", 1, MAPPED))))
    assert [one.reason for one in short.mapping.operations] == ["", "is not in the compiler's log: estimated"]


def test_a_compiler_that_makes_no_file_is_an_error(tmp_path: Path, stand_in: Path) -> None:
    put(stand_in, WHOLE, makes="")
    with pytest.raises(ToolError, match=r"16\.0\.384591198 wrote no net_edgetpu\.tflite"):
        compile_file(model(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("makes", "said"),
    [
        ("kill -SEGV $$", r"edgetpu_compiler crashed: it was ended by signal 11 \(SIGSEGV\); it said: nothing"),
        ("echo out of memory; exit 3", r"did not compile the file: it ended with exit code 3; it said: out of memory"),
    ],
)
def test_a_compiler_that_crashes_is_told_with_signal_or_exit_code(
    makes: str, said: str, tmp_path: Path, stand_in: Path
) -> None:
    put(stand_in, WHOLE, makes)
    with pytest.raises(ToolError, match=said):
        compile_file(model(tmp_path), tmp_path)


def test_a_compiler_that_hangs_is_ended_with_what_it_started(tmp_path: Path, stand_in: Path) -> None:
    put(stand_in, WHOLE, makes="sleep 60")
    start = time.monotonic()
    with pytest.raises(ToolError, match=r"took more than 0\.3 s and was ended"):
        compile_file(model(tmp_path), tmp_path, seconds=0.3)
    assert time.monotonic() - start < 30


def test_inspecting_does_not_run_it(tmp_path: Path, stand_in: Path) -> None:
    put(stand_in, REFUSED)
    assert ACCELERATORS.get("edge-tpu").judge(JudgeRequest(model(tmp_path))).findings == ()
