import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.kit import save_picture

from overpaint.bench.pie.layout import IMAGES, PIE, TI2I, Found, read
from overpaint.bench.pie.masks import decoded, encoded
from overpaint.errors import UsageError

ENTRY: dict[str, Any] = {
    "image_path": "1_change_object_80/1.png",
    "original_prompt": "a [cat] on grass",
    "editing_prompt": "a [dog] on grass",
    "editing_type_id": "1",
    "blended_word": "cat dog",
    "mask": [130, 4, 1000, 100],
}


def folder(place: Path, entries: object, name: str = PIE) -> Path:
    picture = place / IMAGES / ENTRY["image_path"]
    picture.parent.mkdir(parents=True, exist_ok=True)
    save_picture(picture)
    (place / name).write_text(json.dumps(entries))
    return place


def read_in(place: Path) -> Found:
    return read(place, lambda pictures, edit, source, target: {source: 1.0, target: 2.0})


def test_an_entry_is_a_case(tmp_path: Path) -> None:
    (case,) = read_in(folder(tmp_path, {"000000000001": ENTRY})).cases
    assert (case.name, case.kind, case.words) == ("000000000001", "object", "cat=>dog")
    assert (case.source_prompt, case.target_prompt) == ("a cat on grass", "a dog on grass")
    pictures = case.pictures()
    assert pictures.truth is None and pictures.region is not None
    assert pictures.region[0].all() and pictures.region[:, -1].all() and pictures.region[4, 2:6].all()
    assert not pictures.region[5, 5] and pictures.region[31].all()
    assert case.measure is not None
    assert case.measure(pictures, pictures.source) == {"a cat on grass": 1.0, "a dog on grass": 2.0}


def test_runs_are_clamped_and_go_there_and_back() -> None:
    assert encoded(decoded([], (4, 5))) == [0, 6, 9, 2, 14, 6]
    assert decoded([7, 100], (4, 5)).sum() == 20 - 1
    region = np.random.default_rng(0).random((6, 7)) > 0.5
    region[0], region[-1], region[:, 0], region[:, -1] = True, True, True, True
    assert (decoded(encoded(region), (6, 7)) == region).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"image_path": "none.png"}, "There is no picture none.png."),
        ({"image_path": "x" * 5000}, f"There is no picture {'x' * 200}."),
        ({"editing_prompt": []}, "It has no target prompt."),
        ({"image_path": "../../../etc/passwd"}, "There is no picture ../../../etc/passwd."),
        ({"image_path": None}, "It names no picture."),
        ({"original_prompt": ""}, "It has no source prompt."),
        ({"editing_prompt": "[]"}, "It has no target prompt."),
        ({"mask": [1, 2, 3]}, "Its mask is no list of beginnings and lengths."),
        ({"mask": [1, "x"]}, "Its mask is no list of beginnings and lengths."),
    ],
)
def test_what_is_wrong_with_an_entry_is_said_and_the_rest_is_used(
    tmp_path: Path, wrong: dict[str, Any], sentence: str
) -> None:
    found = read_in(folder(tmp_path, {"good": ENTRY, "bad": {**ENTRY, **wrong}, "odd": 7}))
    assert [case.name for case in found.cases] == ["good"]
    assert found.problems == (("bad", sentence), ("odd", "It is no entry with fields."))


def test_a_mask_of_another_size_is_refused_when_the_picture_is_read(tmp_path: Path) -> None:
    (case,) = read_in(folder(tmp_path, {"big": {**ENTRY, "mask": [200_000, 5]}})).cases
    with pytest.raises(UsageError, match="begins a run at pixel 200000 of a picture of 1024"):
        case.pictures()


@pytest.mark.parametrize("number", [0, "0"])
def test_the_number_of_a_type_may_be_one_or_its_digits(tmp_path: Path, number: object) -> None:
    (case,) = read_in(folder(tmp_path, {"a": {**ENTRY, "editing_type_id": number}})).cases
    assert case.kind == "random"


def test_the_mapping_of_ti2i_may_have_several_targets_and_no_mask(tmp_path: Path) -> None:
    entry = {"init_img": ENTRY["image_path"], "source_prompt": "a cat", "target_prompts": ["a dog", "a cow"]}
    found = read_in(folder(tmp_path, [entry], TI2I))
    assert [(case.name, case.target_prompt) for case in found.cases] == [("0-0", "a dog"), ("0-1", "a cow")]
    assert found.cases[0].pictures().region is None and found.cases[0].kind == "edit"


def test_a_plain_folder_has_a_table_pictures_and_perhaps_masks(tmp_path: Path) -> None:
    for name in ("source", "masks"):
        (tmp_path / name).mkdir()
        save_picture(tmp_path / name / "cat.png")
    (tmp_path / "prompts.csv").write_text("file,source,target,type\ncat.png,a cat,a dog,object\nx.png,a,b,\n")
    found = read_in(tmp_path)
    (case,) = found.cases
    assert (case.name, case.kind, case.target_prompt) == ("cat.png", "object", "a dog")
    assert case.pictures().region is not None and found.problems == (("x.png", "There is no picture x.png."),)


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ("7", "holds no cases")])
def test_a_broken_list_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / PIE).write_text(text)
    with pytest.raises(UsageError, match=said):
        read_in(tmp_path)


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no mapping_file\.json"):
        read_in(tmp_path)


def test_cases_are_known_apart_and_by_what_they_hold(tmp_path: Path) -> None:
    def marks() -> dict[str, str]:
        return {case.name: case.mark for case in read_in(tmp_path).cases}

    (tmp_path / "source").mkdir()
    save_picture(tmp_path / "source" / "cat.png")
    table = tmp_path / "prompts.csv"
    table.write_text("file,source,target\ncat.png,a cat,a dog\ncat.png,a cat,a bird\n")
    first = marks()
    assert list(first) == ["cat.png", "cat.png-2"] and len(set(first.values())) == 2
    save_picture(tmp_path / "source" / "cat.png", 40, 40)
    second = marks()
    table.write_text("file,source,target\ncat.png,a cat,a cow\ncat.png,a cat,a bird\n")
    third = marks()
    assert not {*first.values()} & {*second.values()}
    assert third["cat.png"] not in {*second.values()} and third["cat.png-2"] == second["cat.png-2"]
    table.write_text("file,source,target\ncat.png,a cat," + "x" * 200_000)
    with pytest.raises(UsageError, match="cannot be read"):
        marks()
