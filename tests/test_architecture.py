"""The shape of the source tree: one-way imports, budgets, confined untyped libraries, documented names.

The first half measures the real tree; the second half shows on small strings that each measure can fail.
"""

import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from textwrap import dedent

import pytest

from tests import architecture as arch
from tests.architecture import Source

ROOT = Path(__file__).parents[1]
PACKAGE = arch.sources(ROOT / "src" / "overpaint", ROOT / "src")
TESTS = arch.sources(ROOT / "tests", ROOT)
METHODS = [source for source in PACKAGE if source.name.startswith("overpaint.methods.")]

# Lowest first. A module may import from its own layer and from those before it; no ring of files is allowed.
LAYERS: list[set[str]] = [
    {"errors", "files", "finite", "near", "neutral", "out_of_memory"},
    {"path", "noise", "words", "meter", "options", "card", "product"},
    {"images", "attention", "pages"},
    {"tape", "network"},
    {"model"},
    {"families", "outcome"},
    {"sample", "task", "guides", "controls", "sides", "losses"},
    {"masks", "tune"},
    {"inversions", "method", "choosing"},
    {"methods"},
    {"registry", "stub"},
    {"run"},
    {"api", "contract"},
    {"doctor", "stilllife", "train", "ledger", "everyday"},
    {"cli", "web", "batch", "bench", "comparing", "__main__"},
]
UNTYPED = {"diffusers", "transformers", "accelerate", "peft", "tokenizers"}
MAY_BE_UNTYPED = {"families", "sides", "train"}

FILE_LINES = 400
CLASS_LINES = 40
MEDIAN_LINES = 180
REPEATS = 0.10


def test_imports_point_one_way() -> None:
    assert arch.uphill(PACKAGE, LAYERS, "overpaint") == []


def test_the_map_for_newcomers_names_every_folder_and_every_file_beside_them() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    home = ROOT / "src" / "overpaint"
    folders = {f"{path.name}/" for path in home.iterdir() if (path / "__init__.py").exists()}
    files = {path.name for path in home.glob("*.py")} - {"__init__.py", "__main__.py"}
    named = re.findall(r"^\| `([\w./]+)` \|", text, flags=re.MULTILINE)
    assert sorted(named) == sorted(folders | files)


def test_methods_import_nouns_and_parts_only() -> None:
    parts = {"registry", "run", "files", "api", "contract", "families", "cli", "bench", "stilllife", "train"}
    assert [
        f"{source.name} imports {target}"
        for source in METHODS
        for target in sorted(arch.imports(source))
        if arch.part(target, "overpaint") in parts
    ] == []


def test_no_ring_of_imports() -> None:
    assert arch.cycle(PACKAGE) == []


def test_untyped_libraries_are_confined() -> None:
    assert arch.outsiders(PACKAGE, UNTYPED, MAY_BE_UNTYPED, "overpaint") == []


def test_no_wholesale_silencing_of_the_type_checker() -> None:
    typed = [source for source in PACKAGE if arch.part(source.name, "overpaint") not in MAY_BE_UNTYPED]
    assert [found for source in typed for found in arch.silencers(source)] == []


@pytest.mark.parametrize("source", [*PACKAGE, *TESTS], ids=lambda source: source.name)
def test_file_is_short(source: Source) -> None:
    assert source.lines <= FILE_LINES


def test_median_file_is_short() -> None:
    assert median(source.lines for source in PACKAGE if source.path.name != "__init__.py") <= MEDIAN_LINES


def test_little_is_repeated() -> None:
    assert arch.repeats([source.text for source in PACKAGE]) <= REPEATS


def test_a_method_fits_a_screen() -> None:
    assert [found for source in METHODS for found in arch.long_classes(source, CLASS_LINES)] == []


def test_methods_know_no_network_and_no_row_number() -> None:
    words = ("unet", "scheduler", "chunk(")
    assert [found for source in METHODS for found in arch.forbidden(source, words)] == []
    assert [found for source in METHODS for found in arch.batch_indices(source)] == []


def test_public_names_have_docstrings() -> None:
    assert [found for source in PACKAGE for found in arch.undocumented(source)] == []


@pytest.mark.skipif(not (ROOT / "src/overpaint/cli").exists(), reason="there is no command line yet")
def test_command_line_answers_without_torch() -> None:
    code = "import sys, overpaint.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def source(text: str, name: str = "pkg.methods.one", file: str = "one.py") -> Source:
    return Source(Path(file), name, dedent(text))


def test_uphill_sees_plain_relative_and_late_imports() -> None:
    layers = [{"low"}, {"high"}]
    assert arch.uphill([source("import pkg.low", "pkg.high")], layers, "pkg") == []
    assert len(arch.uphill([source("import pkg.high", "pkg.low")], layers, "pkg")) == 1
    assert len(arch.uphill([source("from pkg import high", "pkg.low")], layers, "pkg")) == 1
    assert len(arch.uphill([source("from .high import x", "pkg.low")], layers, "pkg")) == 1
    assert len(arch.uphill([source("from ..high import x", "pkg.low.a")], layers, "pkg")) == 1
    assert len(arch.uphill([source("from ..high import x", "pkg.low.a", "__init__.py")], layers, "pkg")) == 0
    assert len(arch.uphill([source("def f():\n    import pkg.high.deep", "pkg.low")], layers, "pkg")) == 1
    assert len(arch.uphill([source("", "pkg.stray")], layers, "pkg")) == 1


def test_cycle_names_the_ring() -> None:
    a, b = source("import pkg.b", "pkg.a"), source("from pkg.a import x", "pkg.b")
    assert arch.cycle([a, b]) == ["pkg.a", "pkg.b", "pkg.a"]
    assert arch.cycle([a, source("", "pkg.b")]) == []
    assert arch.cycle([a, source("def f():\n    from pkg.a import x", "pkg.b")]) == []
    assert arch.cycle([a, source("if TYPE_CHECKING:\n    import pkg.a", "pkg.b")]) != []


def test_outsiders() -> None:
    inside, outside = (
        source("import diffusers.models", "pkg.families.a"),
        source("from peft import x", "pkg.a"),
    )
    assert arch.outsiders([inside, outside], UNTYPED, {"families"}, "pkg") == ["pkg.a imports peft.x"]


def test_repeats_counts_lines_of_runs_seen_twice() -> None:
    run = "\n".join(f"line {i}" for i in range(6))
    alone = "\n".join(f"other {i}" for i in range(6))
    assert arch.repeats([run, alone]) == 0
    assert arch.repeats([run, run]) == 1
    assert arch.repeats([run + "\n" + alone, run]) == pytest.approx(12 / 18)
    assert arch.repeats([run, run.replace("\n", "\n# a comment\n\n    ")]) == 1
    assert arch.repeats(["", ""]) == 0


def test_long_classes_counts_decorators() -> None:
    text = "@one\n@two\nclass A:\n    x = 1\n"
    assert arch.long_classes(source(text), 4) == []
    assert arch.long_classes(source(text), 3) == ["pkg.methods.one.A has 4 lines"]


def test_forbidden_words_are_found_in_prose_too() -> None:
    assert len(arch.forbidden(source('"""Calls the UNet."""'), ("unet",))) == 1
    assert arch.forbidden(source("x = 1"), ("unet",)) == []


@pytest.mark.parametrize("text", ["x[0]", "x[:1]", "x[1:]", "x[0, :, 2]", "x[:1, 0]", "x[-1:]", "a.b(c)[2]"])
def test_row_numbers_are_found(text: str) -> None:
    assert len(arch.batch_indices(source(text))) == 1


@pytest.mark.parametrize(
    "text", ['x["src+"]', "x[-1]", "x[i]", "x[:, 0]", "x.shape[-2:]", "tuple[int, ...]", "Literal[1]"]
)
def test_other_subscripts_are_left_alone(text: str) -> None:
    assert arch.batch_indices(source(text)) == []


def test_undocumented() -> None:
    text = '"""Said."""\ndef f(): ...\ndef _g(): ...\nclass C:\n    """Said."""\n'
    assert arch.undocumented(source(text)) == ["pkg.methods.one.f"]
    assert arch.undocumented(source("x = 1")) == ["pkg.methods.one"]
    assert arch.undocumented(source("")) == []


def test_silencers() -> None:
    assert arch.silencers(source("x = 1  # pyright: ignore[reportUnknownMemberType]")) == []
    for text in (
        "# pyright: basic",
        "x = 1  # type: ignore",
        "x = 1  # pyright: ignore",
        "#pyright: reportFoo=false",
    ):
        assert len(arch.silencers(source(text))) == 1
    assert arch.silencers(source("x = '# pyright: basic'")) == []
