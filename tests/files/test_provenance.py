"""What people write about LoRAs and learned words."""

from pathlib import Path

import pytest

from overpaint.errors import UsageError
from overpaint.files.provenance import EmbeddingFile, LoraFile, Origin


@pytest.mark.parametrize(
    ("text", "name", "scale"),
    [
        ("/a/b.safetensors", "/a/b.safetensors", 1.0),
        ("/a/b.safetensors:0.8", "/a/b.safetensors", 0.8),
        ("/a/b.safetensors:-1", "/a/b.safetensors", -1.0),
        ("/a:b/c.safetensors", "/a:b/c.safetensors", 1.0),
        ("/a:b/c.safetensors:0.5", "/a:b/c.safetensors", 0.5),
    ],
)
def test_a_lora_and_its_strength(text: str, name: str, scale: float) -> None:
    assert LoraFile.said(text) == LoraFile(file=name, scale=scale)


def test_names_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert LoraFile.said("x.safetensors:0.5").file == str(tmp_path / "x.safetensors")
    (tmp_path / "odd:0.5").touch()
    assert LoraFile.said("odd:0.5") == LoraFile(file=str(tmp_path / "odd:0.5"))
    assert EmbeddingFile.said("x.safetensors").file == str(tmp_path / "x.safetensors")


@pytest.mark.parametrize("text", ["a:nan", "a:inf", "a:1e400", "a:11", "a:strong", "a:", "", ":0.5", "a\0b"])
def test_a_strength_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError):
        LoraFile.said(text)


def test_a_learned_word(tmp_path: Path) -> None:
    assert EmbeddingFile.said("/a/b.safetensors:<cat>") == EmbeddingFile(
        file="/a/b.safetensors", token="<cat>"
    )
    for bad in ("/a/b:two words", "/a/b:", "/a/b:!!", "/a/b: x"):
        with pytest.raises(UsageError, match="cannot be a word of a prompt"):
            EmbeddingFile.said(bad)


def test_an_origin_survives_json_and_later_fields() -> None:
    origin = Origin.said(["/a:0.5"], ["/b:x"], "v", "openai/clip")
    assert Origin.model_validate_json(origin.model_dump_json()) == origin
    assert Origin.model_validate({**origin.model_dump(), "later": 1}) == origin
    assert origin.tokenizer == "openai/clip"
    assert [how for _, how in origin.files] == ["lora 0.5", "embedding x"]
    assert Origin() == Origin.said()


def test_an_origin_is_said_again_as_on_a_command_line() -> None:
    origin = Origin.said(["/a b:0.123456789", "/c"], ["/b:x", "/d"], "v", "openai/clip", force=True)
    assert list(origin.flags) == [
        *("--lora", "/a b:0.123456789", "--lora", "/c", "--embedding", "/b:x", "--embedding", "/d"),
        *("--force", "--prediction", "v", "--tokenizer", "openai/clip"),
    ]
    assert not list(Origin().flags)


def test_a_network_predicts_one_of_two_things() -> None:
    with pytest.raises(UsageError, match="cannot predict 'flow' here; write epsilon or v"):
        Origin.said(prediction="flow")
