from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.bench.kit import docs_hook
from tests.bench.test_table import P2P, line

from overpaint.bench.publish import publish
from overpaint.bench.results import Line, Results
from overpaint.inversions import NAMES

PLAIN: Line = {**P2P, "said": {}, "options": {}}
NEWER: Line = {**PLAIN, "code": "new"}
MASKED: Line = {**PLAIN, "method": "inpaint", "inversion": "", "gifts": ["region"]}
CONCEPTS: Line = {**PLAIN, "method": "sega", "inversion": "ddim", "gifts": ["concepts"]}
PUBLISHED: Line = {**PLAIN, "said": {"tuned": "published"}, "options": {"tuned": "published"}}
QUICK: Line = {**PLAIN, "method": "ddim", "inversion": "ddim"}


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = docs_hook("measured")
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
    return module


def filled(hook: ModuleType, place: str) -> str:
    page: Any = SimpleNamespace(file=SimpleNamespace(src_uri=place))
    return hook.on_page_markdown(f"before\n{hook.MARK}", page=page, config=None, files=None)


def made(folder: Path) -> Results:
    results = Results.opened(folder)
    for k in range(6):
        results.add(line(PLAIN, f"colour-{k:02}", success=k < 5, rows=8, seconds=4.0))
        results.add(line(PLAIN, f"style-{k:02}", success=k < 1, rows=8, seconds=4.0))
        results.add(line(QUICK, f"colour-{k:02}", success=k < 4, rows=4, seconds=1.0))
        results.add(line(P2P, f"colour-{k:02}", success=True, rows=2, seconds=1.0))
    results.add(line(NEWER, "colour-00", success=False, rows=8, seconds=4.0))
    for other in (MASKED, CONCEPTS, PUBLISHED):
        results.add(line(other, "colour-00", success=True, rows=1, seconds=1.0))
    return results


def test_pages_say_what_was_measured_at_the_defaults(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(made(tmp_path / "made"), tmp_path / "kept")
    assert "So few cases do not say what it is good at." in filled(hook, "methods/p2p.md")
    monkeypatch.setattr(hook, "LEAST", {False: 6, True: 12})
    told = filled(hook, "methods/p2p.md")
    assert "| p2p direct | 12 | 0.50 (" in told and "| 0.83 | 0.17 | 8 |\n" in told
    assert "steps=2" not in told and "Best at colour (0.83)" in told
    assert "On Still Life" not in filled(hook, "methods/sdedit.md")
    assert "| inpaint given region | 1 | 1.00 (" in filled(hook, "methods/inpaint.md")
    assert "| sega ddim given concepts | 1 | 1.00 (" in filled(hook, "methods/sega.md")
    assert "| p2p direct tuned=published | 1 | 1.00 (" in told


def test_the_best_of_a_type_is_named_and_that_of_fewest_rows_as_good(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(made(tmp_path / "made"), tmp_path / "kept")
    assert "[p2p direct]" not in filled(hook, "which-method.md"), "six cases name nobody"
    monkeypatch.setattr(hook, "LEAST", {False: 6, True: 12})
    told = filled(hook, "which-method.md").splitlines()
    assert not any(other in one for one in told for other in ("given region", "tuned=published"))
    p2p, ddim = "[p2p direct](methods/p2p.md)", "[ddim ddim](methods/ddim.md)"
    assert f"| colour | {p2p} 0.83 | {ddim} 0.67 |  | {ddim}, 4 rows |" in told
    assert f"| all | {p2p} 0.50 |  |  | {p2p}, 8 rows |" in told, "the other has too few cases of all types"


def test_without_results_that_is_said(hook: ModuleType) -> None:
    assert filled(hook, "which-method.md") == f"before\n{hook.NONE}"


def test_inversions_under_editors_are_put_into_their_page(hook: ModuleType, tmp_path: Path) -> None:
    results = Results.opened(tmp_path / "pairs")
    for name in ("direct", "ddim"):
        row = {**PLAIN, "inversion": name}
        results.add(line(row, "colour-00", success=name == "direct", rows=8, seconds=1.0))
    assert hook.combined() == hook.NONE
    publish(results, tmp_path / "kept" / "combinations")
    told = hook.combined()
    assert told.startswith("|  | p2p |") and "| direct | 1.00 (1.00 to 1.00) of 1; 8 rows, 1.0 s |" in told


def test_every_inversion_has_its_papers_and_what_was_published_of_it() -> None:
    told = docs_hook("inversions")
    page = told.on_page_markdown(f"before\n\n{told.MARK}\n", page=None, config=None, files=None)
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert set(lines) == set(NAMES) and all("https://arxiv.org/abs/" in line for line in lines.values())
    assert "licence: Apache-2.0" in lines["null-text"] and "27.03" in lines["null-text"]
    assert "2306.05414" in lines["negative-prompt"], "proximal guidance is a variant of it"
