"""The same model in the same format, uncompressed: what the target's file is smaller and faster than, or not."""

from __future__ import annotations

from edgebuild.check.finding import Finding
from edgebuild.figure import Figure, format_number


def reference_figures(file: list[Figure], plain: list[Figure], plain_bytes: int | None) -> list[Figure]:
    """Figures that compare a target's file with the float32 file of the baseline in the same format.

    Args:
        file: figures of the target's file, `host_latency` and `file_size` among them.
        plain: figures of the float32 file's benchmark.
        plain_bytes: size of the float32 file; None where there is none.

    Returns:
        `float_file_size`, `float_host_latency`, `size_ratio` and `host_speedup` (how many times smaller and faster);
        those that have no value on either side are left out. The interval of `host_speedup` is the quotient of the two
        latencies' intervals end against end, which covers at least as often as they do.
    """
    by_name = {figure.name: figure for figure in file}
    size = by_name.get("file_size")
    found = []
    if plain_bytes is not None and size is not None and size.value:
        where = "float32 file of the baseline in the same format"
        found.append(Figure("float_file_size", float(plain_bytes), "B", "exact", provenance=where))
        found.append(Figure("size_ratio", plain_bytes / size.value, "1", "exact", provenance=f"{where} over this file"))
    before = next((figure for figure in plain if figure.name == "host_latency"), None)
    after = by_name.get("host_latency")
    if before is not None and before.value:
        found.append(Figure(**{**before.to_json(), "name": "float_host_latency"}))
    if before is None or after is None or None in (before.value, before.low, before.high):
        return found
    if before.value and after.value and before.low and before.high and after.low and after.high:
        found.append(
            Figure(
                "host_speedup",
                before.value / after.value,
                "1",
                "measured",
                before.low / after.high,
                before.high / after.low,
                after.confidence,
                f"float32 file of the baseline over this file; {after.provenance}",
            )
        )
    return found


def reference_findings(figures: list[Figure]) -> list[Finding]:
    """Notes where compressing made the file slower on this host, or no smaller."""
    by_name = {figure.name: figure for figure in figures}
    found = []
    speedup, ratio = by_name.get("host_speedup"), by_name.get("size_ratio")
    if speedup is not None and speedup.value is not None and speedup.high is not None and speedup.high < 1:
        message = (
            f"on this host the file is slower than the uncompressed float32 one: {format_number(speedup.value)} times "
            "its speed; a device may differ, measure it there"
        )
        found.append(Finding("slower-than-float", message, severity="note"))
    if ratio is not None and ratio.value is not None and ratio.value <= 1:
        message = "the file is no smaller than the uncompressed float32 one"
        found.append(Finding("no-smaller-than-float", message, severity="note"))
    return found
