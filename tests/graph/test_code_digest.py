"""The digest of user code covers the helpers it imports, without importing anything."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import sklearn

from edgebuild.errors import ConfigError
from edgebuild.graph.code_digest import CodeDigest, CodeDigester


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def digest(root: Path, reference: str = "model:build") -> CodeDigest:
    return CodeDigester(root).digest(reference)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import helpers.layers", ["helpers/__init__.py", "helpers/layers.py"]),
        ("import helpers.layers as L", ["helpers/__init__.py", "helpers/layers.py"]),
        ("from helpers import layers", ["helpers/__init__.py", "helpers/layers.py"]),
        ("from helpers.layers import wrap", ["helpers/__init__.py", "helpers/layers.py"]),
        ("from helpers import *", ["helpers/__init__.py", "helpers/layers.py", "helpers/other.py"]),
        ("def f():\n    from helpers import layers", ["helpers/__init__.py", "helpers/layers.py"]),
        (
            "import importlib\nm = importlib.import_module('helpers.layers')",
            ["helpers/__init__.py", "helpers/layers.py"],
        ),
        ("from importlib import import_module\nm = import_module('bare')", ["bare.py"]),
        ("try:\n    import bare\nexcept ImportError:\n    bare = None", ["bare.py"]),
        ("import spaces.inner", ["spaces/inner.py"]),
        ("text = 'import bare'", []),
    ],
)
def test_imports_are_followed(tmp_path: Path, source: str, expected: list[str]) -> None:
    write(
        tmp_path,
        {
            "model.py": source,
            "bare.py": "",
            "helpers/__init__.py": "",
            "helpers/layers.py": "",
            "helpers/other.py": "",
            "spaces/inner.py": "",
        },
    )
    assert sorted(digest(tmp_path).files) == sorted(["model.py", *expected])


def test_relative_imports_inside_a_package(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "nets/__init__.py": "",
            "nets/tiny.py": "from . import blocks\nfrom .parts.conv import Conv\nfrom ..nothing import x\n",
            "nets/blocks.py": "from .parts import norm",
            "nets/parts/__init__.py": "from . import lazy",
            "nets/parts/lazy.py": "",
            "nets/parts/conv.py": "from .. import shared\nfrom ..blocks import x",
            "nets/parts/norm.py": "",
            "nets/shared.py": "",
            "nets/unused.py": "",
        },
    )
    found = digest(tmp_path, "nets.tiny:build")
    assert set(found.files) == {
        "nets/__init__.py",
        "nets/tiny.py",
        "nets/blocks.py",
        "nets/shared.py",
        *(f"nets/parts/{name}.py" for name in ("__init__", "lazy", "conv", "norm")),
    }
    assert found.imported_by["nets/parts/conv.py"] == "nets/tiny.py"
    assert "nets/tiny.py" not in found.imported_by


def test_every_edit_counts_and_no_touch(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "import deep", "deep.py": "import deeper", "deeper.py": "X = 1"})
    first = digest(tmp_path)
    (tmp_path / "deeper.py").touch()
    assert digest(tmp_path) == first
    (tmp_path / "deeper.py").write_text("X = 2")
    assert digest(tmp_path).files["deeper.py"] != first.files["deeper.py"]


def test_circular_imports_end(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "import other", "other.py": "import model"})
    assert set(digest(tmp_path).files) == {"model.py", "other.py"}


def test_other_peoples_packages_count_by_version(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "import numpy.linalg, sklearn, json\nfrom not_there_at_all import x"})
    assert digest(tmp_path).packages == {
        "numpy": f"numpy=={numpy.__version__}",
        "sklearn": f"scikit-learn=={sklearn.__version__}",
        "not_there_at_all": "absent",
    }


def test_dynamic_import_covers_the_whole_project(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "model.py": "import importlib\ndef build(name):\n    return importlib.import_module(f'nets.{name}')",
            "nets/a.py": "",
            "nets/b.py": "",
            ".hidden/c.py": "",
            "env/pyvenv.cfg": "",
            "env/lib/d.py": "",
        },
    )
    assert set(digest(tmp_path).files) == {"model.py", "nets/a.py", "nets/b.py"}


def test_project_file_comes_before_an_installed_module(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "import numpy", "numpy.py": "own = True"})
    found = digest(tmp_path)
    assert set(found.files) == {"model.py", "numpy.py"}
    assert found.packages == {}


def test_folder_of_that_name_without_init_does_not_hide_an_installed_module(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "import numpy", "numpy/notes.py": ""})
    found = digest(tmp_path)
    assert set(found.files) == {"model.py"}
    assert set(found.packages) == {"numpy"}


def test_module_installed_by_someone_else_counts_by_version(tmp_path: Path) -> None:
    assert digest(tmp_path, "sklearn.datasets:load_digits").packages == {
        "sklearn": f"scikit-learn=={sklearn.__version__}"
    }


def test_package_on_the_path_outside_the_project_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `pip install -e`: its version stays the same while its source changes."""
    write(
        tmp_path / "lib",
        {"editable_pkg/__init__.py": "", "editable_pkg/net.py": "from . import part", "editable_pkg/part.py": ""},
    )
    write(tmp_path / "project", {"model.py": "import editable_pkg.net"})
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    assert set(digest(tmp_path / "project").files) == {
        "model.py",
        "editable_pkg/__init__.py",
        "editable_pkg/net.py",
        "editable_pkg/part.py",
    }


def test_missing_module_names_the_files_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        digest(tmp_path, "nets.tiny:build")
    assert caught.value.message == (
        "no module 'nets.tiny' for 'nets.tiny:build': found neither nets/tiny.py nor nets/tiny/ in the project folder"
    )


def test_missing_submodule_of_a_project_package(tmp_path: Path) -> None:
    write(tmp_path, {"nets/__init__.py": ""})
    with pytest.raises(ConfigError, match=r"nets/tiny\.py"):
        digest(tmp_path, "nets.tiny:build")


def test_syntax_error_has_file_line_and_column(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "import broken", "broken.py": "x = 1\ndef f(:\n"})
    with pytest.raises(ConfigError) as caught:
        digest(tmp_path)
    assert caught.value.message.startswith("broken.py:2:7: ")
