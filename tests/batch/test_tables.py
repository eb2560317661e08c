import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from overpaint.batch import tables
from overpaint.batch.tables import csv_table, json_table, parquet_table
from overpaint.errors import UsageError


def csv(folder: Path, data: bytes) -> str:
    (folder / "list.csv").write_bytes(data)
    return str(folder / "list.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_with_any_separator_quotes_and_a_mark_at_its_beginning(
    tmp_path: Path, separator: str
) -> None:
    text = 'image,target\r\n"a b.png","a ""red"" cat"\n\nc.png,dog\n'.replace(",", separator)
    table = csv_table(csv(tmp_path, b"\xef\xbb\xbf" + text.encode()))
    assert table.columns == ("image", "target")
    assert list(table.lines) == [
        (2, {"image": "a b.png", "target": 'a "red" cat'}),
        (4, {"image": "c.png", "target": "dog"}),
    ]


def test_broken_rows_are_told_apart_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = [b"image,target", b"a.png,cat", b"b.png", b"c.png,cat,dog", b"\xff.png,cat", b"d.png,dog"]
    table = csv_table(csv(tmp_path, b"\n".join(rows)))
    found = dict(table.lines)
    assert [number for number, cells in found.items() if isinstance(cells, dict)] == [2, 6]
    said = " ".join(str(cells) for cells in found.values() if isinstance(cells, str))
    assert "It has 1 cells, and the first line names 2" in said and "It has 3 cells" in said
    assert "no text; write the table in UTF-8" in said


def test_a_cell_without_end_ends_in_a_sentence_and_not_in_a_crash(tmp_path: Path) -> None:
    table = csv_table(csv(tmp_path, b'image,target\n"a.png,' + b"x" * 200_000 + b"\n"))
    ((_, sentence),) = table.lines
    assert isinstance(sentence, str) and "It is no row of a table" in sentence


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "has no column 'image'"),
        (b"a.png,a cat\nb.png,a dog\n", "Its first line must name the columns"),
        (b"images,target\na.png,x\n", r"has no column 'image' \(is 'images' it\?\)"),
        (b"image,target,target\na.png,x,y\n", "has two columns 'target'"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        csv_table(csv(tmp_path, data))


def test_a_table_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        csv_table(str(tmp_path))


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        '{"image": "a.png", "seed": 3, "blend": {"cat": 2}}',
        "",
        "{",
        "[1]",
        '{"x": NaN}',
        "[" * 100_000,
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    table = json_table(str(tmp_path / "list.jsonl"))
    assert table.columns is None
    (first, *others) = table.lines
    assert first == (1, {"image": "a.png", "seed": 3, "blend": {"cat": 2}})
    assert [number for number, _ in others] == [3, 4, 5, 6]
    for (_, said), words in zip(
        others, ["no JSON", "It is list", "NaN is no number", "no JSON"], strict=True
    ):
        assert words in str(said)


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    arrow: Any = pytest.importorskip("pyarrow")
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    rows = [{"image": f"{n}.png", "seed": n} for n in range(1000)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "list.parquet")
    table = parquet_table(str(tmp_path / "list.parquet"))
    assert table.columns == ("image", "seed")
    assert list(table.lines) == list(enumerate(rows, 1))
    (tmp_path / "no.parquet").write_text(json.dumps(rows))
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        parquet_table(str(tmp_path / "no.parquet"))


def test_without_pyarrow_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(tables, "import_module", absent)
    with pytest.raises(UsageError, match=r"pip install 'overpaint\[batch\]'"):
        parquet_table("list.parquet")
