"""`explain` names the cause of every rerun, before the build and as the build does; and what reruns is what must."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgebuild.config.registries import STAGES
from edgebuild.graph import key as key_module
from edgebuild.graph.causes import find_causes
from edgebuild.graph.explain import StageExplanation, explain
from edgebuild.graph.file_digest import FileDigester
from edgebuild.graph.graph import Graph
from edgebuild.graph.key import KeyMaker
from edgebuild.graph.own_sources import own_sources
from edgebuild.graph.stage import Stage, StageKind
from edgebuild.graph.store import open_store, read_store
from tests.graph.small_project import build, make_graph, objects, ran

AFTER_BASELINE = ["baseline", "phone/export", "phone/step", "pi/export"]


def explained(root: Path, graph: Graph) -> dict[str, StageExplanation]:
    return {item.stage_id: item for item in explain(graph, read_store(root), root)}


def causes(root: Path, graph: Graph, stage: str) -> tuple[str, ...]:
    """What explain says before the build; the build that follows must say the same and run that stage."""
    before = explained(root, graph)[stage]
    assert not before.cached
    result = build(root, graph)[stage]
    assert result.ran
    assert result.causes == before.causes
    return before.causes


def test_before_the_first_build(project: Path) -> None:
    found = explained(project, make_graph())
    assert found["data"].causes == ("it was never built",)
    assert found["baseline"].causes == ("it was never built",)
    assert not (project / ".edgebuild").exists()


def test_after_a_build_everything_is_cached(project: Path) -> None:
    build(project, make_graph())
    found = explained(project, make_graph())
    assert all(item.cached and item.causes == () and item.seconds is not None for item in found.values())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"scale": 4.0}, ("params.fit.scale: 1.0 -> 4.0", "params.scale: 1.0 -> 4.0")),
        ({"seed": 2}, ("seed: 1 -> 2",)),
        ({"tools": ("numpy",)}, ('params.tools: [] -> ["numpy"]', "tool numpy: none -> {numpy}")),
    ],
)
def test_parameter_seed_and_tool(project: Path, change: dict[str, Any], expected: tuple[str, ...]) -> None:
    import numpy

    build(project, make_graph())
    assert causes(project, make_graph(**change), "baseline") == tuple(
        text.format(numpy=numpy.__version__) if "{numpy}" in text else text for text in expected
    )


def test_new_version_of_a_tool(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = make_graph(tools=("numpy",))
    build(project, graph)
    import numpy

    monkeypatch.setattr(key_module, "distribution_version", lambda _name: "99.1")
    assert causes(project, graph, "baseline") == (f"tool numpy: {numpy.__version__} -> 99.1",)


def test_change_of_our_own_kernels(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are raised by hand; where kernels are many, their sources count instead."""
    stage, keys = Stage("chip/firmware", "firmware"), KeyMaker(project, FileDigester(project))
    before = keys.own_components(stage, STAGES.get("firmware"))
    assert before == keys.own_components(stage, STAGES.get("firmware"))
    assert before["sources"]["export/c"] == own_sources("export/c") != own_sources("estimate")
    monkeypatch.setattr(key_module, "own_sources", lambda name: "new" if name == "export/c" else own_sources(name))
    after = keys.own_components(stage, STAGES.get("firmware"))
    assert find_causes(before, after) == ["edgebuild's own export/c: changed"]
    export = Stage("chip/export", "export", {"format": "c"})
    assert keys.own_components(export, STAGES.get("export"))["sources"] == {"export/c": "new"}
    other = Stage("phone/export", "export", {"format": "executorch"})
    assert "sources" not in keys.own_components(other, STAGES.get("export"))


def test_helper_of_the_model(project: Path) -> None:
    build(project, make_graph())
    (project / "helpers" / "layers.py").write_text("def wrap(text):\n    return f'({text})'\n")
    assert causes(project, make_graph(), "baseline") == ("code helpers/layers.py (imported by model.py): changed",)


def test_edited_helper_reruns_what_depends_on_it(project: Path) -> None:
    build(project, make_graph())
    (project / "helpers" / "layers.py").write_text("def wrap(text):\n    return f'({text})'\n")
    assert ran(build(project, make_graph())) == AFTER_BASELINE


def test_model_and_its_imports(project: Path) -> None:
    build(project, make_graph())
    (project / "extra.py").write_text("SIGN = '*'\n")
    (project / "model.py").write_text("import json\n\nfrom extra import SIGN\n\n\ndef build(*t):\n    return SIGN\n")
    assert causes(project, make_graph(), "baseline") == (
        "code extra.py (imported by model.py): newly imported",
        "code helpers/__init__.py (imported by model.py): no longer imported",
        "code helpers/layers.py (imported by model.py): no longer imported",
        "code model.py: changed",
    )


def test_file_and_what_reads_its_stage(project: Path) -> None:
    build(project, make_graph())
    (project / "source.txt").write_text("voxels\n")
    found = explained(project, make_graph())
    assert found["data"].causes == ("file source.txt: changed",)
    assert found["baseline"].causes == ("its input data will be rebuilt (data)",)
    result = build(project, make_graph())
    assert result["baseline"].causes == ("input data: changed because file source.txt: changed",)
    leader = "phone/step" if result["phone/step"].ran else "pi/step"
    assert "input a: changed because input data: changed because" in result[leader].causes[0]


def test_input_that_an_earlier_partial_build_changed(project: Path) -> None:
    build(project, make_graph())
    (project / "source.txt").write_text("voxels\n")
    build(project, make_graph().subgraph(["data"]))
    found = explained(project, make_graph())
    assert found["data"].cached
    assert found["baseline"].causes == ("input data: changed because data was built since",)


def test_one_targets_parameter_reruns_only_its_suffix(project: Path) -> None:
    build(project, make_graph())
    assert ran(build(project, make_graph(suffix="#"))) == ["phone/export"]


def test_seed_reruns_what_follows(project: Path) -> None:
    build(project, make_graph())
    assert ran(build(project, make_graph(seed=5))) == AFTER_BASELINE


def test_touch_reruns_nothing(project: Path) -> None:
    build(project, make_graph())
    for path in [*project.glob("*.*"), *project.glob("helpers/*.py")]:
        os.utime(path)
    assert all(item.cached for item in explained(project, make_graph()).values())
    assert ran(build(project, make_graph())) == []


def test_going_back_is_cached(project: Path) -> None:
    build(project, make_graph())
    build(project, make_graph(scale=2.0))
    assert ran(build(project, make_graph())) == []
    assert causes(project, make_graph(scale=3.0), "baseline")[0] == "params.fit.scale: 1.0 -> 3.0"


def test_new_version_of_a_stage_kind(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project, make_graph())
    old: StageKind = STAGES.get("test-compute")
    newer = StageKind(2, old.run, tools=old.tools)
    monkeypatch.setitem(STAGES._entries, "test-compute", newer)
    assert causes(project, make_graph(), "baseline") == ("how test-compute works: version 1 -> 2",)


def test_another_machine(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph([Stage("bench", "test-exclusive")])
    build(project, graph)
    here = key_module.describe_platform()
    monkeypatch.setattr(key_module, "describe_platform", lambda: {**here, "cores": "96"})
    assert causes(project, graph, "bench") == (f"this machine's cores: {here['cores']} -> 96",)


def test_removed_and_damaged_artifacts(project: Path) -> None:
    result = build(project, make_graph())
    shutil.rmtree(result["phone/export"].artifact)
    (result["pi/export"].artifact / "out.txt").write_text("x")
    found = explained(project, make_graph())
    assert found["phone/export"].causes == ("its artifact is no longer in the store",)
    assert found["pi/export"].causes == ("its artifact in the store is damaged",)
    assert ran(build(project, make_graph())) == ["phone/export", "pi/export"]


def test_gated_stage_blocks_what_follows(project: Path) -> None:
    (project / "source.txt").write_text("extraordinary")
    graph = Graph(
        [
            Stage("data", "test-source", files={"source": "source.txt"}),
            Stage("length", "test-length", {}, {"text": "data"}),
            Stage("end", "test-join", {}, {"a": "length"}),
        ]
    )
    build(project, graph)
    found = explained(project, graph)
    assert found["length"].cached
    assert found["end"].blocked == "length: the word has 13 letters, more than 8"


def test_explain_changes_nothing(project: Path) -> None:
    build(project, make_graph())
    before = objects(project)
    explained(project, make_graph(scale=9.0))
    assert objects(project) == before
    assert open_store(project).last("baseline").components["params"]["scale"] == 1.0
