import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import torch
from tests.batch.kit import QUICK, Made, filled, in_memory, on_the_tiny_model
from tests.cli.kit import SOURCE, TARGET, save_picture
from tests.kit import shared

import overpaint
from overpaint.batch.asking import Asked, work_of
from overpaint.batch.batch import Batch, key_of
from overpaint.batch.doing import Doer, Tools
from overpaint.batch.listing import listed
from overpaint.batch.masking import Masks
from overpaint.batch.naming import Names
from overpaint.batch.place import Place
from overpaint.cli.batching import held
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.images import load_picture
from overpaint.ledger.worker import Worker
from overpaint.tune.patch import Weights


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_tiny_model(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path / "in")


def test_a_folder_is_edited_once_to_the_bytes_of_a_single_edit(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert Made(folder, out).done() == {"done": 3}
    assert sorted(str(one.relative_to(out)) for one in out.rglob("*.png")) == [
        *("cat0.png", "cat1.png", "deep/cat2.png"),
    ]
    alone = overpaint.edit(
        folder / "cat1.png", target=TARGET, method="sdedit", model=shared(), look=False, **QUICK
    )
    alone.save(tmp_path / "alone.png")
    assert (tmp_path / "alone.png").read_bytes() == (out / "cat1.png").read_bytes()
    before = {one: one.stat().st_mtime_ns for one in out.rglob("*.png")}
    assert Made(folder, out).done() == {"done": 3}
    assert {one: one.stat().st_mtime_ns for one in out.rglob("*.png")} == before
    assert not list((out / ".overpaint" / "made").glob("*"))


def test_what_is_gone_changed_or_new_is_done_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Made(folder, out).done()
    (out / "cat0.png").unlink()
    save_picture(folder / "new.png", 24, 24)
    made = Made(folder, out)
    assert made.put().batch.counts(made.ledger) == {"done": 2, "queued": 2}
    assert made.done() == {"done": 4} and (out / "cat0.png").exists()
    save_picture(folder / "cat0.png", 40, 40)
    changed = Made(folder, out)
    assert changed.done() == {"done": 3}
    assert "exists already, and was not made by this work" in changed.problems[0]
    assert Made(folder, out, overwrite=True).done() == {"done": 4}
    assert load_picture(out / "cat0.png").size == (40, 40)


def test_what_options_and_side_networks_name_is_known_by_its_content(folder: Path, tmp_path: Path) -> None:
    file, keys = tmp_path / "x.safetensors", list[str]()
    lines = tmp_path / "lines.png"
    asked = Asked("imagic", {"target": TARGET}, {"learned": str(file)})
    for value in (0.0, 0.0, 1.0):
        Weights({"a": torch.full((1,), value)}).save(file)
        save_picture(lines, 32, 32 + 8 * int(value))
        said = replace(asked, beside=(held(f"canny={lines}:0.8"),))
        batch = Batch(Place.of(str(tmp_path / "out")), said, Names())
        works = [work for _, work in batch.works(listed(str(folder)))]
        assert works[0]["options"]["learned"].startswith(f"{file}@") and len(works[0]["beside"]) == 1
        keys.append(key_of(works[0]))
        assert key_of({**works[0], "beside": []}) not in keys
    assert keys[0] == keys[1] != keys[2]


def test_outputs_of_somebody_else_are_kept(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cat0.png").write_text("mine")
    made = Made(folder, tmp_path / "out")
    assert made.done() == {"done": 2} and len(made.problems) == 1
    left = Made(folder, tmp_path / "out", skip=True)
    assert left.done() == {"done": 2} and not left.problems and left.batch.skipped == 1
    assert (tmp_path / "out" / "cat0.png").read_text() == "mine"
    # One that appears while the batch runs is kept too.
    late = Made(folder, tmp_path / "late").put()
    (tmp_path / "late" / "cat1.png").write_text("mine")
    assert late.done() == {"done": 2, "failed": 1}
    assert (tmp_path / "late" / "cat1.png").read_text() == "mine"


def test_a_picture_that_cannot_be_edited_fails_with_its_sentence_and_can_be_tried_again(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "broken.png").write_bytes((folder / "cat0.png").read_bytes()[:100])
    made = Made(folder, tmp_path / "out")
    assert made.done() == {"done": 3, "failed": 1}
    (failed,) = made.batch.ended(made.ledger, "failed")
    assert "broken.png is damaged or cut short" in failed.said
    again = Made(folder, tmp_path / "out")
    assert again.done() == {"done": 3, "failed": 1} and again.batch.retry(again.ledger) == 1


def test_waiting_work_of_an_earlier_command_gives_way(folder: Path, tmp_path: Path) -> None:
    first = Made(folder, tmp_path / "out").put()
    second = Made(folder, tmp_path / "out")
    second.batch.asked = replace(second.asked, request={"target": "a red dog", "seed": 0})
    assert second.done() == {"done": 3} and second.batch.superseded == 3
    assert first.batch.counts(first.ledger) == {"cancelled": 3}


def test_a_store_takes_the_outputs(folder: Path) -> None:
    out = f"memory://{uuid4().hex}/out"
    assert Made(folder, out).done() == {"done": 3}
    files = in_memory()
    root = "/" + out.removeprefix("memory://")
    assert sorted(one.removeprefix(f"{root}/") for one in files.find(root)) == [
        *("cat0.png", "cat1.png", "deep/cat2.png"),
    ]
    files.rm(f"{root}/cat0.png")
    made = Made(folder, out).put()
    assert made.batch.counts(made.ledger) == {"done": 2, "queued": 1}
    assert Made(f"{out}/*.png", f"{out}2").done() == {"done": 1}


def test_the_folder_that_is_read_is_not_written_to(folder: Path, tmp_path: Path) -> None:
    for out in (folder, folder / "out"):
        with pytest.raises(UsageError, match="is the folder of the pictures, or inside it"):
            Made(folder, out).put()
    Made(folder / "deep", tmp_path / "in-out").put()


def works(text: str, tmp_path: Path, asked: Asked | None = None, kind: str = "csv") -> list[Any]:
    """The work or the sentence of every row of a table."""
    place = tmp_path / "in" / f"list.{kind}"
    place.write_text(text)
    asked = replace(asked or Asked("sdedit", {"target": TARGET}), folder=str(tmp_path / "in"))
    names, found = Names("{stem}-{number}.png"), list[Any]()
    for row in listed(str(place)).rows:
        try:
            found.append(work_of(row, asked, names))
        except UsageError as error:
            found.append(str(error))
    return found


def test_a_row_says_more_than_what_holds_for_all(folder: Path, tmp_path: Path) -> None:
    header = "image,source,target,method,seed,guidance,fit,inversion,inversion.inner,mask,output\n"
    rows = (
        "cat0.png,a cat,a dog,ddim,7,3.5,crop,,,deep/cat2.png,x/own.webp\ncat1.png,,,,,,,,,,\n"
        "cat0.png,,,p2p,,,,null-text,5,,\n"
    )
    asked = Asked(
        "sdedit", {"target": TARGET, "seed": 1}, {"strength": "0.5"}, where={"mask": str(folder / "cat1.png")}
    )
    first, second, third = works(header + rows, tmp_path, asked)
    assert first["method"] == "ddim" and first["options"] == {"guidance": "3.5"}
    assert (first["request"]["seed"], first["request"]["fit"]) == (7, "crop")
    assert first["request"]["target"] == "a dog" and first["name"] == "x/own.webp"
    assert first["mask"] == str(folder / "deep" / "cat2.png") and first["mask_stamp"]
    assert second["options"] == {"strength": "0.5"} and second["request"]["target"] == TARGET
    assert second["mask"] == str(folder / "cat1.png") and second["name"] == "cat1-3.png"
    assert third["options"] == {"inversion": "null-text", "inversion.inner": "5"}


def test_templates_name_columns_captions_and_the_column_they_stand_for(folder: Path, tmp_path: Path) -> None:
    asked = Asked("sdedit", {"source": "{caption}", "target": "{target}, {time}"})
    text = "image,target,time,caption\ncat0.png,a dog,at night,a cat\n"
    (work,) = works(text, tmp_path, asked)
    assert (work["request"]["source"], work["request"]["target"]) == ("a cat", "a dog, at night")
    (folder / "cat0.txt").write_text("a tabby\n")
    asked = Asked("sdedit", {"target": "{caption} in snow"})
    assert works("image\ncat0.png\n", tmp_path, asked)[0]["request"]["target"] == "a tabby in snow"
    (sentence,) = works("image\ncat1.png\n", tmp_path, asked)
    assert "Nothing says what cat1.png shows" in sentence
    overpaint.generate(SOURCE, model=shared(), steps=1).save(folder / "made.png")
    assert works("image\nmade.png\n", tmp_path, asked)[0]["request"]["target"] == f"{SOURCE} in snow"


BROKEN = {
    "no picture": ({"target": "x"}, "It names no picture"),
    "a picture that is none": ({"image": 3}, "Its picture is not a name"),
    "a picture that is not there": ({"image": "no.png"}, "There is no file"),
    "a folder": ({"image": "deep"}, "is a folder"),
    "an unknown method": ({"image": "cat0.png", "method": "p2q"}, "did you mean 'p2p'"),
    "another method's option": ({"image": "cat0.png", "cross_replace": 0.5}, "belongs to the method"),
    "a value out of range": ({"image": "cat0.png", "strength": 7}, "'strength' must be"),
    "a seed that is none": ({"image": "cat0.png", "seed": "x"}, "'seed' must be"),
    "control characters": ({"image": "cat0.png", "target": "a\u0007"}, "control characters"),
    "a mask that is not there": ({"image": "cat0.png", "mask": "no.png"}, "There is no file"),
    "two masks": ({"image": "cat0.png", "mask": "cat0.png", "mask_box": "1,1,2,2"}, "both say where"),
    "two searches": ({"image": "cat0.png", "mask_words": "cat", "mask_diff": True}, "both say where"),
    "no mask where one is needed": ({"image": "cat0.png", "method": "inpaint"}, "give a mask"),
    "an output elsewhere": ({"image": "cat0.png", "output": "../x.png"}, "leads out of the folder"),
    "an address of the web": ({"image": "https://example.org/x.png"}, "Nothing is fetched"),
    "a method without pictures": ({"image": "cat0.png", "method": "generate"}, "edits no picture"),
    "an unclosed object": ("{", "It is no JSON object"),
}


def test_broken_rows_are_a_sentence_each_and_the_rest_runs(folder: Path, tmp_path: Path) -> None:
    lines = [one if isinstance(one, str) else json.dumps(one) for one, _ in BROKEN.values()]
    found = works("\n".join([*lines, json.dumps({"image": "cat0.png"})]), tmp_path, kind="jsonl")
    for (name, (_, words)), said in zip(BROKEN.items(), found, strict=False):
        assert isinstance(said, str) and words in said, (name, said)
    assert found[-1]["name"] == "cat0-18.png"


def test_columns_nobody_reads_are_told_before_anything_is_done(folder: Path, tmp_path: Path) -> None:
    def put(text: str, kind: str = "csv", **request: str) -> Made:
        (folder / f"list.{kind}").write_text(text)
        asked = Asked("sdedit", {"target": TARGET, **request}, QUICK, folder=str(folder))
        return Made(folder / f"list.{kind}", tmp_path / "out", asked).put()

    with pytest.raises(UsageError, match=r"The column 'guidnce' is no option .* did you mean 'guidance'"):
        put("image,guidnce\ncat0.png,3\n")
    with pytest.raises(UsageError, match="No column is called 'captoin'; did you mean 'caption'"):
        put("image,caption\ncat0.png,x\n", target="{captoin}")
    with pytest.raises(UsageError, match="No column is called 'time'"):
        put("image\ncat0.png\n", target="{time}")
    rows = [{"image": "cat0.png", "guidnce": 1}, {"image": "cat1.png"}]
    made = put("\n".join(map(json.dumps, rows)), "jsonl")
    assert "did you mean 'guidance'" in made.problems[0] and len(made.batch.ids) == 1
    with pytest.raises(UsageError, match="None of the 2 rows can be edited; row 2: It names no picture"):
        put("image,seed\n,1\n,2\n")
    with pytest.raises(UsageError, match="no row says what"):
        put("image\n")


def test_a_mask_for_each_picture(folder: Path, tmp_path: Path) -> None:
    filled(tmp_path / "masks")
    asked = Asked("sdedit", {"target": TARGET}, masks=Masks.in_folder(str(tmp_path / "masks")))
    (work,) = works("image\ncat1.png\n", tmp_path, asked)
    assert work["mask"] == str(tmp_path / "masks" / "cat1.png")


def test_what_was_made_before_a_death_is_put_in_its_place_and_not_made_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(folder, tmp_path / "out").put()
    doer = Doer(made.ledger, made.batch.out, Tools(cache=False, look=False), beside=made.ledger.folder)

    def killed(entry: Any, data: bytes, digest: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(doer, "place", killed)
    with pytest.raises(KeyboardInterrupt):
        Worker(made.ledger, doer).run()
    assert not (tmp_path / "out" / "cat0.png").exists()

    def never(*args: object, **named: object) -> Any:
        raise AssertionError("it was made again")

    whole = Doer(made.ledger, made.batch.out, Tools(cache=False, look=False), beside=made.ledger.folder)
    only = Worker(made.ledger, lambda entry, meter: whole(entry, meter), note=lambda entry: only.stop.set())
    monkeypatch.setattr(Tools, "edited", never)
    only.run()
    assert (tmp_path / "out" / "cat0.png").exists() and made.batch.counts(made.ledger)["done"] == 1


def test_a_full_disk_stops_the_batch_and_fails_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(folder, tmp_path / "out").put()
    real = atomic.write

    def full(path: Path, data: bytes, *, new: bool = False) -> None:
        if "made" in str(path):
            raise OSError(28, "No space left on device")
        real(path, data, new=new)

    monkeypatch.setattr("overpaint.files.atomic.write", full)
    with pytest.raises(Exception, match="make room, and the same command goes on"):
        made.done()
    assert made.batch.counts(made.ledger) == {"queued": 3}
    monkeypatch.undo()
    on_the_tiny_model(monkeypatch)
    again = Made(folder, tmp_path / "out")
    assert again.done() == {"done": 3} and next(again.batch.ended(again.ledger, "done")).deaths == 0
