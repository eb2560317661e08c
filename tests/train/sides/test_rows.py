"""A broken data set is refused line by line."""

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.train.sides.kit import data

from overpaint.errors import UsageError
from overpaint.train.sides.rows import looked_at, refused, rows_of


def test_a_good_folder_has_no_faults(tmp_path: Path) -> None:
    rows, faults = rows_of(data(tmp_path), "controlnet")
    assert len(rows) == 6 and faults == [] and list(looked_at(rows)) == []
    assert rows[0].texts == {"text": "a cat on the grass"} and rows[0].condition is not None


def test_a_list_in_csv_is_read(tmp_path: Path) -> None:
    home = data(tmp_path)
    (home / "captions.jsonl").unlink()
    (home / "captions.csv").write_text(
        'image,condition,text\n0.png,1.png,"a cat, red"\n1.png,,a dog\n2.png,x\n'
    )
    rows, faults = rows_of(home, "t2i-adapter")
    assert [row.texts["text"] for row in rows] == ["a cat, red", "a dog"]
    assert [row.condition and row.condition.name for row in rows] == ["1.png", "1.png"]
    assert faults == ["captions.csv, line 4: it has no text."]


@pytest.mark.parametrize(
    ("line", "want"),
    [
        ("{", "it is no JSON; write one object with image, condition, text."),
        ("[1]", "it is no object"),
        ('{"image": "0.png"}', "it has no text."),
        ('{"image": "0.png", "text": " "}', "it has no text."),
        ('{"image": "0.png", "txt": "a"}', "there is no 'txt'; did you mean 'text'?"),
        ('{"image": "9.png", "text": "a"}', "there is no file 9.png in images."),
        ('{"image": "0.png", "condition": "9.png", "text": "a"}', "there is no file 9.png in conditions."),
        ('{"image": "../../etc/hostname", "text": "a"}', "there is no file ../../etc/hostname in images."),
        ('{"image": "lonely.png", "text": "a"}', "there is no condition lonely in conditions."),
    ],
)
def test_faults_are_told_by_line(line: str, want: str, tmp_path: Path) -> None:
    home = data(tmp_path / "set")
    Image.new("RGB", (32, 32)).save(home / "images" / "lonely.png")
    (home / "captions.jsonl").write_text('{"image": "0.png", "text": "a"}\n\n' + line + "\n")
    rows, faults = rows_of(home, "controlnet")
    assert len(rows) == 1 and len(faults) == 1
    assert faults[0].startswith("captions.jsonl, line 3: ") and want in faults[0]
    assert want.rstrip(".") in str(refused(home, faults))


def test_a_file_outside_is_refused(tmp_path: Path) -> None:
    home = data(tmp_path / "set")
    Image.new("RGB", (32, 32)).save(tmp_path / "other.png")
    (home / "captions.jsonl").write_text(json.dumps({"image": "../other.png", "text": "a"}))
    _, faults = rows_of(home, "controlnet")
    assert faults == ["captions.jsonl, line 1: ../other.png lies outside the data set."]


def test_pictures_are_looked_at(tmp_path: Path) -> None:
    home = data(tmp_path)
    (home / "images" / "0.png").write_bytes(b"no picture")
    Image.new("RGB", (32, 64)).save(home / "conditions" / "1.png")
    Image.new("1", (64, 64)).save(home / "conditions" / "2.png")  # another size, the same shape
    Image.new("RGBA", (32, 32)).save(home / "conditions" / "3.png")
    rows, faults = rows_of(home, "controlnet")
    found = list(looked_at(rows))
    assert faults == [] and len(found) == 2
    assert found[0].startswith("captions.jsonl, line 1: ") and "0.png" in found[0]
    assert found[1] == (
        "captions.jsonl, line 2: The condition 1.png has 32 x 64 pixels and its picture 32 x 32, which is "
        "another shape."
    )


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        rows_of(tmp_path / "nowhere", "controlnet")
    with pytest.raises(UsageError, match=r"neither captions\.jsonl nor captions\.csv"):
        rows_of(tmp_path, "controlnet")
    (tmp_path / "captions.jsonl").write_text("\n")
    assert rows_of(tmp_path, "cyclenet") == ([], ["captions.jsonl: there is no picture in it."])
