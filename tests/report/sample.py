"""Made-up facts of one run, for tests of the report only: no number here was measured anywhere."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from edgebuild.bench.missing import missing_device_figures
from edgebuild.check.finding import Finding
from edgebuild.figure import Figure
from edgebuild.report.budgets import judge
from edgebuild.report.facts import (
    ArtifactFacts,
    BaselineFacts,
    CensusFacts,
    ClaimFacts,
    DtypeCount,
    IoFacts,
    LayerFacts,
    LedgerRow,
    OperationCount,
    ProjectFacts,
    PromiseFacts,
    RunFacts,
    RunInfo,
    StageFacts,
    TargetFacts,
)
from edgebuild.report.profile_facts import DeviceProfile, OpProfile
from edgebuild.report.verdict import judge_status

LAYERS = ("stem.conv", "body.0.depthwise", "body.0.pointwise", "body.1.depthwise", "body.1.pointwise", "head.fc")
ON_VALIDATION = "SAMPLE DATA: 360 validation samples, Wilson interval"


def accuracy(value: float, where: str) -> Figure:
    low, high = max(0.0, value - 1.6), min(100.0, value + 0.9)
    return Figure("accuracy", value, "%", "measured", low, high, 0.95, f"{ON_VALIDATION}, {where}")


def size(count: int, what: str) -> Figure:
    return Figure("file_size", count, "B", "exact", provenance=what)


def latency(value: float) -> Figure:
    return Figure(
        "host_latency",
        value,
        "ms",
        "measured",
        value * 0.97,
        value * 1.05,
        0.95,
        "SAMPLE DATA: host: Sample CPU, 1 thread pinned to cpu 1, 200 runs in 5 processes, runtime LiteRT 2.3.0",
    )


def baseline() -> BaselineFacts:
    figures = (
        accuracy(98.61, "PyTorch float32"),
        size(66_312, "weights.safetensors, float32"),
        Figure("parameters", 16_106, "1", "exact", provenance="state dict"),
        Figure("macs", 412_160, "MAC", "exact", provenance="counted on the graph, batch 1"),
        latency(0.212),
    )
    return BaselineFacts(figures, (LedgerRow("baseline", "Train", figures, "12 epochs, loss 0.031", 14.2),))


def artifact(name: str, dtype: str, io: str, count: int) -> ArtifactFacts:
    suffix = "pte" if name == "android-arm64" else "tflite"
    return ArtifactFacts(
        file=f"model.{suffix}",
        format="executorch" if suffix == "pte" else "tflite",
        dtype=dtype,
        io=io,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        bytes=count,
        folder=f"artifacts/{name}",
    )


def census(dtype: str, delegate: str | None) -> CensusFacts:
    return CensusFacts(
        tensors=(
            DtypeCount("activation", dtype, 9, 0),
            DtypeCount("bias", "int32", 6, 744),
            DtypeCount("constant", "int32", 2, 16),
            DtypeCount("weight", "float32", 1, 2_560),
            DtypeCount("weight", dtype, 5, 15_240),
        ),
        operations=(
            OperationCount("AVERAGE_POOL_2D", 2, delegate, 1),
            OperationCount("CONV_2D", 3, delegate, 3),
            OperationCount("DEPTHWISE_CONV_2D", 3, delegate, 2),
            OperationCount("FULLY_CONNECTED", 4, delegate, 1),
        ),
        delegates=(delegate,) if delegate else (),
        io=(
            IoFacts("input", "image", dtype, (1, 8, 8, 1), 0.003921, -128),
            IoFacts("output", "scores", dtype, (1, 10), 0.1172, 12),
        ),
        arena_bytes=9_472,
        arena_source="planned by the runtime's own allocator",
    )


def target(name: str, seed: int, **changes: object) -> TargetFacts:
    rng = np.random.default_rng(seed)
    count, points = int(rng.integers(22_500, 24_500)), float(rng.choice([0.0, 0.14, 0.28]))
    file_size = size(count, "bytes of the exported file")
    found = accuracy(98.61 - points, "the exported file in its own runtime")
    drop = Figure("accuracy_drop", points, "points", "measured", points - 0.4, points + 0.5, 0.95, "paired bootstrap")
    figures = (
        file_size,
        found,
        drop,
        Figure("agreement", 99.44, "%", "measured", 98.0, 99.9, 0.95, "same class as the baseline"),
        latency(float(rng.uniform(0.02, 0.09))),
        Figure("host_peak_memory", 41.2e6, "B", "measured", 40.9e6, 41.9e6, 0.9375, "resident, runtime included"),
        *missing_device_figures(name),
    )
    budgets = tuple(judge({"size": (64.0, "KiB"), "latency": (60.0, "ms"), "accuracy_drop": (0.5, "points")}, figures))
    claims = (
        ClaimFacts("int8-weights", "quantize", "6 of 6 weight tensors are int8, per channel", True),
        ClaimFacts("int8-activations", "quantize", "9 of 9 activations are int8; no QUANTIZE inside", True),
        ClaimFacts("full-integer-io", "export", "input int8, output int8", True),
    )
    findings: tuple[Finding, ...] = (
        Finding("noisy-benchmark", "run times spread by 6.1% of their median; up to 5% is steady", (), "note"),
    )
    base = TargetFacts(
        name=name,
        description=f"Sample profile of {name}",
        status=judge_status(budgets, findings, claims),
        artifact=artifact(name, "int8", "int8 in, int8 out", count),
        promise=PromiseFacts("int8", "litert 2.3.0", "tflite-runtime 2.14.0"),
        figures=figures,
        budgets=budgets,
        findings=findings,
        claims=claims,
        ledger=(
            LedgerRow(
                f"{name}/quantize",
                "Quantize",
                (accuracy(98.61 - points / 2, "PyTorch, simulated"),),
                "256 samples",
                1.4,
            ),
            LedgerRow(f"{name}/export", "Export", (file_size, found), "int8, nhwc, 7 operations", 3.2),
        ),
        census=census("int8", "XNNPACK" if name == "android-arm64" else None),
        profile=tuple(
            OpProfile("DEPTHWISE_CONV_2D" if "depth" in layer else "CONV_2D", layer, float(rng.uniform(0.001, 0.02)))
            for layer in LAYERS
        ),
        device_profile=DeviceProfile(
            "pi-on-the-desk", tuple(OpProfile("CONV_2D", layer, 0.25) for layer in LAYERS), 1.2, 1.04, "sample"
        ),
        layers=tuple(LayerFacts(layer, float(rng.uniform(22, 45))) for layer in LAYERS),
        stages=(
            StageFacts("data", "cached", 0.0, ()),
            StageFacts("baseline", "cached", 0.0, ()),
            StageFacts(f"{name}/quantize", "ran", 1.4, ("calibration.samples: 128 -> 256",)),
            StageFacts(f"{name}/export", "ran", 3.2, ("input of quantize changed",)),
            StageFacts(f"{name}/bench", "ran", 4.0, ("input of export changed",)),
        ),
        packages=(f"artifacts/{name}/package/README.md", f"artifacts/{name}/package/model.tflite"),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def missed_target() -> TargetFacts:
    sound = target("raspberry-pi-4", 2)
    budgets = tuple(judge({"size": (16.0, "KiB"), "accuracy_drop": (0.5, "points")}, sound.figures))
    return replace(sound, budgets=budgets, status=judge_status(budgets, sound.findings, sound.claims))


def failed_target() -> TargetFacts:
    sound = target("edge-tpu", 3)
    finding = Finding("float-weights", "int8 asked: 1 of 6 weight tensors is float32 (head.fc)", ("head.fc",))
    allowed = Finding("stray-transpose", "1 TRANSPOSE before stem.conv; expected none", ("stem.conv",), "allowed")
    claims = (ClaimFacts("int8-weights", "quantize", "5 of 6 weight tensors are int8", False), *sound.claims[1:])
    findings = (finding, allowed)
    return replace(sound, claims=claims, findings=findings, status=judge_status(sound.budgets, findings, claims))


def error_target() -> TargetFacts:
    return TargetFacts(
        name="cortex-m4",
        description="Sample profile of cortex-m4",
        status="error",
        error="cortex-m4/export: ConvTranspose2d <b>up.1</b> has no TFLite kernel; found stride 2, expected 1",
        promise=PromiseFacts("int8", "tflm", "tflm"),
        stages=(StageFacts("cortex-m4/export", "failed", 0.4, ("new",)),),
    )


def sample_facts() -> RunFacts:
    """One target of every kind: ok, missed, failed, error, skipped."""
    return RunFacts(
        project=ProjectFacts("sample-digits", "examples/sample/edgebuild.yaml", "accuracy"),
        run=RunInfo(
            id="",
            started="2026-01-31T12:00:00Z",
            seconds=48.3,
            edgebuild="0.1.0",
            host={"cpu": "Sample CPU", "cores": "2", "memory": "24 GiB", "kernel": "Linux 6.1", "python": "3.11.2"},
            command="edgebuild build",
        ),
        baseline=baseline(),
        targets=(
            target("android-arm64", 1),
            missed_target(),
            failed_target(),
            error_target(),
            TargetFacts("desk-toy", "Sample profile that was not chosen", "skipped"),
        ),
        tools={"torch": "2.13.0", "executorch": "1.5.1", "ai-edge-litert": "2.3.0", "numpy": "2.4.6"},
    )


def passing_facts() -> RunFacts:
    """Four targets that are all ok."""
    names = ("android-arm64", "raspberry-pi-4", "edge-tpu", "cortex-m4")
    return replace(sample_facts(), targets=tuple(target(name, seed) for seed, name in enumerate(names)))
