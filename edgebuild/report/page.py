"""index.html: one page that works from a folder, without a network."""

from __future__ import annotations

from typing import Any

from edgebuild.report import charts, firmware_charts
from edgebuild.report.chart_style import Chart
from edgebuild.report.facts import RunFacts, TargetFacts
from edgebuild.report.headline import headline
from edgebuild.report.ledger_chart import ledger_chart
from edgebuild.report.picture import headline_svg
from edgebuild.report.sensitivity_chart import sensitivity_chart
from edgebuild.report.templating import environment
from edgebuild.report.verdict import run_passed


def render_page(facts: RunFacts, plotly: str) -> str:
    """Return the page.

    Args:
        facts: of the run, its id included.
        plotly: path of plotly.min.js relative to the page.
    """
    from markupsafe import Markup

    template = environment().get_template("index.html.j2")
    page: str = template.render(
        facts=facts,
        passed=run_passed(facts),
        rows=headline(facts),
        # Made by our own autoescaping template, so that it needs no second escaping.
        picture=Markup(headline_svg(facts)),
        overview=_overview(facts),
        sections=[(target, _target_charts(facts, target)) for target in facts.targets],
        plotly=plotly,
    )
    return page


def _overview(facts: RunFacts) -> list[dict[str, Any]]:
    return _present(
        ("overview-size", "Accuracy against file size", charts.accuracy_chart(facts, "file_size")),
        (
            "overview-latency",
            "Accuracy against latency on the build host",
            charts.accuracy_chart(facts, "host_latency"),
        ),
    )


def _target_charts(facts: RunFacts, target: TargetFacts) -> list[dict[str, Any]]:
    census = charts.census_chart(target.census) if target.census else None
    firmware = target.firmware
    return _present(
        ("ledger", "Ledger: bytes and accuracy after each step", ledger_chart(facts.baseline.ledger, target)),
        *(
            (
                f"sensitivity-{number}",
                f"Sensitivity of the layers before {one.stage}",
                sensitivity_chart(one),
            )
            for number, one in enumerate(target.sensitivity, 1)
        ),
        ("profile", "Time per operation", charts.profile_chart(target.profile)),
        (
            "device-profile",
            "Time per operation on the device, measured",
            charts.device_profile_chart(target.device_profile),
        ),
        ("layers", "Closeness to the float model, layer by layer", charts.layers_chart(target.layers)),
        (
            "precision",
            "What each layer alone does to the outputs in the coarser type",
            charts.precision_chart(target.precision),
        ),
        (
            "instructions",
            "Instructions per layer, emulated",
            firmware_charts.instructions_chart(firmware) if firmware else None,
        ),
        ("arena", "The arena over time", firmware_charts.memory_chart(firmware) if firmware else None),
        ("flash", "What is in flash", firmware_charts.flash_chart(firmware) if firmware else None),
        ("census", "What the file stores", census),
    )


def _present(*entries: tuple[str, str, Chart | None]) -> list[dict[str, Any]]:
    return [{"id": name, "title": title, "spec": spec} for name, title, spec in entries if spec is not None]
