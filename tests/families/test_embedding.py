"""Learned words: what the text encoders read for them, and that they are forgotten again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import original
from tests.kit import draw, gap
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families import taught
from overpaint.families.embedding import Embedding
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.model import Model

WIDTHS: Mapping[Shape, tuple[int, ...]] = {"sd1": (24,), "sd2": (24,), "sdxl": (16, 24)}


def file_of(folder: Path, tensors: Mapping[str, Tensor], name: str = "mycat") -> Path:
    return original.save(folder / f"{name}.safetensors", tensors)


def vector(model: Model, word: str, k: int = 0) -> Tensor:
    """The vectors of the tokens of a word the model knows anyway."""
    family: Any = model.family
    ids = family.tokenizers[k](word, add_special_tokens=False).input_ids
    return family.encoders[k].get_input_embeddings().weight[ids]


def twin(shape: Shape, word: str, model: Model) -> dict[str, Tensor]:
    """A file that teaches a word the vectors of another."""
    if shape == "sdxl":
        return {"clip_l": vector(model, word), "clip_g": vector(model, word, 1)}
    return {"emb_params": vector(model, word)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("word", ["cat", "tiger"])
def test_a_word_with_the_vectors_of_another_reads_as_that(shape: Shape, word: str, tmp_path: Path) -> None:
    """One vector or several: the prompt is encoded as with the word the vectors were taken from."""
    model = tiny(shape)
    want, plain = model.family.text(f"a {word}, on grass"), model.family.text("a mycat, on grass")
    with model.patched(Embedding(file_of(tmp_path, twin(shape, word, model)))):
        found = model.family.text("a mycat, on grass")
        assert gap(found.states, want.states) < 1e-6
        assert found.pooled is None or want.pooled is None or gap(found.pooled, want.pooled) < 1e-6
        assert found.prompt.spans == want.prompt.spans
        assert found.prompt.words == ("a", "mycat,", "on", "grass")
    again = model.family.text("a mycat, on grass")
    assert torch.equal(again.states, plain.states)
    assert again.words == plain.words
    assert gap(plain.states, want.states) > 1e-3


def test_a_word_is_forgotten_also_where_the_encoder_has_moved(tmp_path: Path) -> None:
    model = tiny("sd1")
    family: Any = model.family
    with model.patched(Embedding(file_of(tmp_path, {"emb_params": draw(1, 24)}))):
        family.encoders[0].to("meta")
    assert {p.device.type for p in family.encoders[0].parameters()} == {"meta"}


def test_a_word_that_one_encoder_cannot_learn_is_known_to_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, real = tiny("sdxl"), taught._taught  # pyright: ignore[reportPrivateUsage]
    encoders: Any = model.family.parts["text"]
    file = file_of(tmp_path, twin("sdxl", "cat", model))

    def sizes() -> list[int]:
        return [one.get_input_embeddings().num_embeddings for one in encoders]

    before = sizes()

    def fail(encoder: Any, *more: Any) -> Any:
        if encoder is encoders[1]:
            raise MemoryError
        return real(encoder, *more)

    monkeypatch.setattr(taught, "_taught", fail)
    with pytest.raises(MemoryError), model.patched(Embedding(file)):
        pytest.fail("it is not known")
    assert sizes() == before


def test_words_are_found_whole_and_in_any_case(tmp_path: Path) -> None:
    model = tiny("sd1")
    plain = model.family.text("a mycats")
    with model.patched(Embedding(file_of(tmp_path, {"emb_params": draw(1, 24)}))):
        assert torch.equal(model.family.text("a mycats").states, plain.states)
        assert torch.equal(model.family.text("a MyCat").states, model.family.text("a mycat").states)
        assert len(model.family.text("a <mycat> mycat").prompt.spans[2]) == 1


def test_a_prompt_with_learned_words_fills_the_window_and_no_more(tmp_path: Path) -> None:
    model = tiny("sd1")
    with model.patched(Embedding(file_of(tmp_path, {"emb_params": draw(14, 24)}))):
        assert model.family.text("mycat").states.shape == model.family.text("").states.shape
        with pytest.raises(UsageError, match="has 15 tokens, but this model reads at most 14"):
            model.family.text("mycat cat")


def test_names_of_words(tmp_path: Path) -> None:
    model = tiny("sd1")
    one = file_of(tmp_path, {"<toy>": draw(24), "<hat>": draw(2, 24)}, "two words")
    unnamed = file_of(tmp_path, {"emb_params": draw(1, 24)}, "two more")
    converted = file_of(tmp_path, {"string_to_param.*": draw(1, 24)}, "old")
    with model.patched(Embedding(one), Embedding(unnamed), Embedding(converted, "new")):
        family: Any = model.family
        assert sorted(family.learned) == ["<hat>", "<toy>", "new", "two-more"]
        assert [len(ids) for ids in family.learned["<hat>"]] == [2]
        assert len(model.family.text("a <toy> <hat>").prompt.spans[2]) == 2
    assert not family.learned


def test_the_end_of_a_prompt_is_found_behind_a_learned_word(tmp_path: Path) -> None:
    """Older configurations look for the largest token, which a learned word would be."""
    model = tiny("sdxl")
    family: Any = model.family
    pool = next(m for m in family.encoders[1].modules() if hasattr(m, "eos_token_id"))
    pool.eos_token_id = 2
    want = model.family.text("a cat on grass").pooled
    with model.patched(Embedding(file_of(tmp_path, twin("sdxl", "cat", model)))):
        found = model.family.text("a mycat on grass").pooled
    assert want is not None and found is not None and gap(found, want) < 1e-6
    assert pool.eos_token_id == 2


def refused(model: Model, file: Path, token: str = "") -> str:
    with pytest.raises(UsageError) as caught, model.patched(Embedding(file, token)):
        pass
    return str(caught.value)


def test_an_embedding_of_another_family(tmp_path: Path) -> None:
    large = file_of(tmp_path, {"clip_l": draw(1, 768), "clip_g": draw(1, 1280)})
    assert "width 768 and 1280, but the text encoders of sd1 read 24; it was made for another" in refused(
        tiny("sd1"), large
    )
    small = file_of(tmp_path, {"emb_params": draw(1, 16)})
    assert "width 16, but the text encoders of sdxl read 16 and 24" in refused(tiny("sdxl"), small)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"a": torch.ones(2, 2, 24)}, "holds no learned words"),
        ({"a": torch.ones(24, dtype=torch.int64)}, "holds no learned words"),
        ({"emb_params": torch.full((1, 24), float("nan"))}, "not numbers"),
        ({"emb_params": torch.ones(600, 24)}, "too many vectors"),
        ({"two words": torch.ones(24)}, "cannot be a word of a prompt"),
    ],
)
def test_files_that_are_none(tensors: Mapping[str, Tensor], says: str, tmp_path: Path) -> None:
    model = tiny("sd1")
    assert says in refused(model, file_of(tmp_path, tensors))
    family: Any = model.family
    assert not family.learned


def test_two_words_of_one_name(tmp_path: Path) -> None:
    model, file = tiny("sd1"), file_of(tmp_path, {"emb_params": draw(1, 24)})
    with model.patched(Embedding(file)):
        assert "Two embeddings are called 'mycat'" in refused(model, file)
    several = file_of(tmp_path, {"a": draw(24), "b": draw(24)}, "several")
    assert "holds several words (a, b); leave out 'x'" in refused(model, several, "x")


def test_a_model_that_reads_no_texts(tmp_path: Path) -> None:
    model, file = tiny("pixel"), file_of(tmp_path, {"emb_params": draw(1, 24)})
    assert "reads no texts, so it cannot be taught" in refused(model, file)
