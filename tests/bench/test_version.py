from pathlib import Path

import pytest

from overpaint.bench import version
from overpaint.methods.p2p import PromptToPrompt


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of a few files in place of ours."""
    for name in ("model.py", "cli/app.py", "methods/one.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(version, "ROOT", tmp_path)
    return tmp_path


def fresh() -> str:
    version.code.cache_clear()
    return version.code()


def test_the_version_follows_what_makes_pictures(tree: Path) -> None:
    before = fresh()
    (tree / "cli" / "app.py").write_text("x = 2\n")
    assert fresh() == before
    (tree / "methods" / "one.py").write_text("x = 2\n")
    assert fresh() != before
    version.code.cache_clear()


def test_a_plugin_counts_with_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert version.code_of(PromptToPrompt) == version.code()
    file = tmp_path / "plugged_in_method.py"
    file.write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType]
    plugin = type("Plugin", (PromptToPrompt,), {"__module__": "plugged_in_method"})
    first = version.code_of(plugin)
    file.write_text("x = 22\n")
    assert len({version.code(), first, version.code_of(plugin)}) == 3
