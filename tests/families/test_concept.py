"""Words that each layer reads in its own way: taught, forgotten, kept in files, read from those of others."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import original
from tests.kit import clean, draw, gap, shared
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.concept import KOHYA, Concept, bare, is_concept, names_of
from overpaint.families.embedding import Embedding
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.files.weightfile import read_header
from overpaint.model import Model
from overpaint.network import by_layer, readers


def of_words(model: Model, *words: str, called: str = "<it>") -> Concept:
    """A word that reads as one of these in each layer, in turn."""
    count = readers(model.tap.sites)
    layers = [model.family.vectors(words[k % len(words)]) for k in range(count)]
    return Concept(layers, called, bare(model), {"method": "p-plus", "model": model.name})


@pytest.mark.parametrize("shape", SHAPES)
def test_each_layer_reads_its_own(shape: Shape) -> None:
    model = tiny(shape)
    cat, dog = (model.family.text(f"a {word}, on grass") for word in ("cat", "dog"))
    count = readers(model.tap.sites)
    want = by_layer([(cat, dog)[k % 2] for k in range(count)])
    plain = model.family.text("a <it>, on grass")
    with model.patched(of_words(model, "cat", "dog")):
        found = model.family.text("a <IT>, on grass")
        assert found.layers == count and gap(found.states, want.states) < 1e-6
        assert found.pooled is None or want.pooled is None or gap(found.pooled, want.pooled) < 1e-6
        assert found.prompt.spans == cat.prompt.spans
        assert model.family.text("a cat").layers == 1
    again = model.family.text("a <it>, on grass")
    assert torch.equal(again.states, plain.states) and again.layers == 1
    family: Any = model.family
    assert not family.learned and not family.concepts and clean(model)


def test_a_word_of_several_tokens_and_two_words_at_once() -> None:
    model = tiny("sd1")
    tiger, one = of_words(model, "tiger", called="<t>"), of_words(model, "cat", "dog")
    want = by_layer(
        [model.family.text(f"a {word} and tiger") for word in ("cat", "dog") * 3]
        + [model.family.text("a cat and tiger")]
    )
    with model.patched(tiger, one):
        found = model.family.text("a <it> and <t>")
        assert gap(found.states, want.states) < 1e-6
        assert [len(span) for span in found.prompt.spans] == [1, 1, 1, 2]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_holds_it_whole(shape: Shape, tmp_path: Path) -> None:
    model, file = tiny(shape), tmp_path / "it.safetensors"
    concept = of_words(model, "cat", "dog")
    concept.save(file)
    again = Concept.load(file)
    assert again.fingerprint == concept.fingerprint and again.word == "<it>"
    assert again.model == bare(model) and again.about["method"] == "p-plus"
    assert is_concept(read_header(file))
    with pytest.raises(FileExistsError):
        concept.save(file, overwrite=False)
    assert Concept.load(file, "other").word == "other"


def kohya(width: int = 24, tokens: int = 1) -> dict[str, Tensor]:
    return {name: draw(tokens, width, seed=k) for k, name in enumerate(KOHYA)}


def test_kohyas_layout_is_read_and_written(tmp_path: Path) -> None:
    """16 tensors by the names of the original code: without a word of ours they have the file's."""
    file = original.save(tmp_path / "my pot.safetensors", kohya(tokens=2))
    concept = Concept.load(file)
    assert concept.word == "my-pot" and concept.model == "" and len(concept.layers) == 16
    assert [
        torch.equal(own[0], kohya(tokens=2)[name]) for own, name in zip(concept.layers, KOHYA, strict=True)
    ]
    concept.save(tmp_path / "again.safetensors")
    header = read_header(tmp_path / "again.safetensors")
    assert set(header.entries) == set(KOHYA) and header.shape("MID") == (2, 24)
    assert json.loads(header.said["overpaint-learned"])["about"]["word"] == "my-pot"
    assert [name for (name,) in names_of(16, 1)] == list(KOHYA)


def test_a_concept_is_an_embedding_as_well(tmp_path: Path) -> None:
    model, file = tiny("sd1"), tmp_path / "it.safetensors"
    of_words(model, "cat", "dog").save(file)
    with model.patched(Embedding(file, "mine")):
        assert model.family.text("a mine").layers == 7
        with (
            pytest.raises(UsageError, match="Two embeddings are called 'mine'"),
            model.patched(Embedding(file, "mine")),
        ):
            pass


def test_another_model_refuses_it_unless_forced(tmp_path: Path) -> None:
    model, file = tiny("sd1"), tmp_path / "it.safetensors"
    concept = of_words(model, "cat")
    Concept(concept.layers, "<it>", "others", concept.about).save(file)
    with pytest.raises(
        UsageError, match=r"it\.safetensors was learned on tiny-sd1 with other weights.*--force"
    ):
        Embedding(file).put(model)
    Embedding(file, force=True).put(model)()
    for other, says in (
        (tiny("sdxl"), "a word for 7 layers of width 24, but tiny-sdxl has 4 of width 16 and 24"),
    ):
        with pytest.raises(UsageError, match=says):
            Embedding(file, force=True).put(other)
    with pytest.raises(UsageError, match="reads no texts"):
        Embedding(file).put(tiny("pixel"))


def test_words_that_were_taught_do_not_make_it_another_model(tmp_path: Path) -> None:
    model, file = tiny("sd1"), tmp_path / "it.safetensors"
    of_words(model, "cat").save(file)
    other = of_words(model, "dog", called="<other>")
    with model.patched(other, Embedding(file)):
        assert model.family.text("a <it> and <other>").layers == 7


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({name: value for name, value in kohya().items() if name != "MID"}, "holds no word by layers"),
        ({**kohya(), "MID": torch.ones(2, 24)}, "holds no word by layers"),
        ({**kohya(), "MID": torch.full((1, 24), float("nan"))}, "holds no word by layers"),
        ({**kohya(), "more": torch.ones(1, 24)}, "holds no word by layers"),
        ({name: torch.ones(1, 2, 24) for name in KOHYA}, "holds no word by layers"),
        ({name: torch.ones(0, 24) for name in KOHYA}, "holds no word by layers"),
        ({name: torch.ones(1, 9000) for name in KOHYA}, "holds no word by layers"),
    ],
)
def test_files_that_are_none(tensors: Mapping[str, Tensor], says: str, tmp_path: Path) -> None:
    file = original.save(tmp_path / "x.safetensors", tensors)
    with pytest.raises(UsageError, match=says):
        Concept.load(file)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="There is no file"):
        Concept.load(Path("nowhere.safetensors"))


def test_what_no_encoder_has_is_no_word() -> None:
    family = shared("sd1").family
    assert [tuple(v.shape) for v in family.vectors("tiger")] == [(2, 24)]
    for wrong in ("two words", ""):
        with pytest.raises(UsageError, match="no word that a prompt could hold"):
            family.vectors(wrong)
