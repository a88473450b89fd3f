"""What can be told before anything runs: that the code every stage needs is there, and that the metric exists.

A stage finds it out too, but the last one perhaps after an hour of training.
"""

from __future__ import annotations

from edgebuild.bench.estimated import check_estimates
from edgebuild.config.project import Project
from edgebuild.graph.code_digest import CodeDigester
from edgebuild.graph.graph import Graph
from edgebuild.model.metric import check_metric_name


def check_before_build(project: Project, graph: Graph) -> None:
    """Look for the project's code and its metric; nothing of the user's runs, nothing heavy is imported.

    Raises:
        ConfigError: a module is missing or is no Python, there is no such metric, or a calibration is damaged.
    """
    check_metric_name(project.metric.name)
    for device in project.devices.values():
        check_estimates(device)
    digester = CodeDigester(project.root.resolve())
    for reference in dict.fromkeys(reference for stage in graph for reference in stage.code):
        digester.digest(reference)
