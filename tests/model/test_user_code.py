"""The user's modules: found, imported, called, and blamed at the right line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.errors import ConfigError, ToolError
from edgebuild.model.user_code import call_user, load_callable


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def error_of(reference: str, root: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        call_user(reference, root)
    return caught.value.message


def test_a_function_of_a_nested_module_is_called_with_its_arguments(tmp_path: Path) -> None:
    write(tmp_path, "net/__init__.py", "")
    write(tmp_path, "net/small.py", "def build(a, b=2):\n    return a + b\n")
    assert call_user("net.small:build", tmp_path, (1,), {"b": 5}) == 6


def test_each_project_gets_its_own_module_of_the_same_name(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path, f"{number}/helper.py", f"VALUE = {number}\n")
        write(tmp_path, f"{number}/model.py", "import helper\ndef build():\n    return helper.VALUE\n")
    assert [call_user("model:build", tmp_path / name) for name in "121"] == [1, 2, 1]


def test_a_missing_module_names_the_files_looked_for_and_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "network.py", "")
    assert error_of("netwrok:build", tmp_path) == (
        "no module 'netwrok' for 'netwrok:build': found neither netwrok.py nor netwrok/ in the project folder; "
        "did you mean 'network'?"
    )


def test_a_missing_submodule_of_the_projects_package_is_named(tmp_path: Path) -> None:
    write(tmp_path, "net/__init__.py", "")
    assert "found neither net/small.py nor net/small/" in error_of("net.small:build", tmp_path)


def test_a_missing_function_suggests_the_nearest_and_lists_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "def build():\n    pass\ndef train():\n    pass\n")
    assert error_of("model:biuld", tmp_path) == (
        "'model:biuld': module 'model' has no 'biuld'; did you mean 'build'? It defines: build, train"
    )


def test_an_import_that_raises_shows_the_users_own_line(tmp_path: Path) -> None:
    write(tmp_path, "helper.py", "import json\n\njson.loads('{')\n")
    write(tmp_path, "model.py", "import helper\n")
    message = error_of("model:build", tmp_path)
    assert message.startswith("importing 'model' for 'model:build' failed at helper.py:3: JSONDecodeError: ")


def test_a_syntax_error_shows_its_line(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "x = 1\ndef build(:\n")
    message = error_of("model:build", tmp_path)
    assert message == "importing 'model' for 'model:build' failed at model.py:2: SyntaxError: invalid syntax"


def test_a_missing_package_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "import a_package_that_nobody_has\n")
    with pytest.raises(ConfigError) as caught:
        load_callable("model:build", tmp_path)
    assert "model.py:1: ModuleNotFoundError" in caught.value.message
    assert caught.value.remedy == "install the package that provides 'a_package_that_nobody_has' into this environment"


def test_a_call_that_raises_shows_line_type_and_text(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "def inner():\n    return 1 // 0\ndef build():\n    return inner()\n")
    message = error_of("model:build", tmp_path)
    assert message.startswith("'model:build' failed at model.py:2: ZeroDivisionError: ")


def test_wrong_arguments_and_a_quitting_program_are_config_errors(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "import sys\ndef build(width):\n    pass\ndef leave():\n    sys.exit('no data')\n")
    assert "cannot be called with (): missing a required argument: 'width'" in error_of("model:build", tmp_path)
    assert error_of("model:leave", tmp_path) == "'model:leave' failed at model.py:5: SystemExit: no data"


def test_our_own_errors_pass_unchanged(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "from edgebuild.errors import ToolError\ndef build():\n    raise ToolError('gone')\n")
    with pytest.raises(ToolError, match="gone"):
        call_user("model:build", tmp_path)


@pytest.mark.parametrize("reference", ["model", "model:", ":build"])
def test_a_reference_without_both_parts_is_refused(reference: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not of the form 'module:function'"):
        load_callable(reference, tmp_path)


def test_what_cannot_be_called_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "model.py", "build = 3\n")
    assert error_of("model:build", tmp_path) == "'model:build' is a int, expected a function or a class"


def test_a_module_with_the_name_of_a_loaded_one_asks_for_another_name(tmp_path: Path) -> None:
    write(tmp_path, "pathlib.py", "def build():\n    pass\n")
    with pytest.raises(ConfigError) as caught:
        load_callable("pathlib:build", tmp_path)
    assert caught.value.remedy == "rename pathlib.py"
