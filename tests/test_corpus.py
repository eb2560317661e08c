from pathlib import Path

from tests.corpus.__main__ import PARTS, report

PAGE = Path(__file__).parents[1] / "docs" / "bad-input.md"


def test_the_table_of_the_docs_is_that_of_the_corpus() -> None:
    written = PAGE.read_text().partition("<!-- corpus -->")[2].partition("<!-- end of corpus -->")[0]
    assert written.strip() == report()


def test_every_case_is_counted_and_listed() -> None:
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in report().splitlines() if line[:1] == "|"
    ]
    counts = {kind: [int(one) for one in numbers] for kind, *numbers in cells[2:]}
    assert {kind: sum(work) for kind, (_, *work) in counts.items()} == {
        kind: n for kind, (n, *_) in counts.items()
    }
    assert counts["all"] == [sum(counts[kind][k] for kind in PARTS) for k in range(3)]
    assert counts["all"][0] == sum(map(len, PARTS.values()))
    flat = " ".join(report().split())
    assert all(name in flat for cases in PARTS.values() for name in cases)
