"""How numbers read in a report: short, with unit and interval, a dash where nothing is known."""

from __future__ import annotations

from edgebuild.figure import Figure, format_number, format_value

DASH = "–"

LABELS = {
    "accuracy": "Accuracy",
    "arena": "Arena",
    "cycles": "Cycles (device)",
    "accuracy_drop": "Accuracy drop",
    "agreement": "Agreement with baseline",
    "device_accuracy": "Accuracy on the device, of a sample",
    "device_equal_outputs": "Outputs that equal the build host's (device)",
    "energy": "Energy (device)",
    "file_size": "File size",
    "flash": "Flash (device)",
    "float_file_size": "File size of the float32 file",
    "float_host_latency": "Latency of the float32 file on the build host",
    "host_latency": "Latency on the build host",
    "host_latency_p90": "Latency that 90 % keep on the build host",
    "host_latency_p99": "Latency that 99 % keep on the build host",
    "host_load_time": "Load time on the build host",
    "host_memory_over_idle": "Memory over idle on the build host",
    "host_speedup": "Times faster than the float32 file, on the build host",
    "host_peak_memory": "Peak memory on the build host",
    "instructions": "Instructions (device)",
    "latency": "Latency (device)",
    "latency_p90": "Latency that 90 % keep (device)",
    "latency_p99": "Latency that 99 % keep (device)",
    "latency_all_cores": "Latency (device, all cores)",
    "max_abs_diff": "Largest difference from the float model's outputs",
    "macs": "Multiply-accumulates",
    "parameters": "Parameters",
    "ship_size": "Size of the container that is shipped",
    "size_ratio": "Times smaller than the float32 file",
    "ram": "RAM (device)",
    "stack": "Stack (device)",
    "sqnr": "Signal-to-noise ratio (SQNR)",
}


def label(name: str) -> str:
    """Return the words for a figure's name; an unknown one is its own name with spaces."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def value_text(figure: Figure | None) -> str:
    """`98.61 %`, `not measured` for a missing figure, a dash for none."""
    if figure is None:
        return DASH
    if figure.value is None:
        return "not measured"
    if figure.unit == "1" and abs(figure.value) >= 1e4:
        return f"{figure.value:,.0f}"
    if figure.unit in ("MAC", "instructions", "cycles"):
        return f"{figure.value:,.0f}"
    return format_value(figure.value, figure.unit)


def interval_text(figure: Figure | None) -> str:
    """`[96.98, 99.36]`, in the figure's unit; empty where there is none."""
    if figure is None or figure.low is None or figure.high is None:
        return ""
    if figure.unit == "%":
        return f"[{figure.low:.2f}, {figure.high:.2f}]"
    if figure.unit == "B":
        return f"[{format_value(figure.low, 'B')}, {format_value(figure.high, 'B')}]"
    return f"[{format_number(figure.low)}, {format_number(figure.high)}]"


def ratio_text(value: float | None, base: float | None) -> str:
    """How many times smaller `value` is than `base`: `2.9× smaller`; empty where either is unknown."""
    if not value or not base:
        return ""
    return f"{base / value:.1f}× smaller" if value <= base else f"{value / base:.1f}× larger"


def seconds_text(seconds: float) -> str:
    """`0.4 s`, `48 s`, `2 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
