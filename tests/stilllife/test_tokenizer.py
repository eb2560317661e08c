from pathlib import Path

import pytest

from overpaint.stilllife.captions import caption, describe
from overpaint.stilllife.scene import sample
from overpaint.stilllife.tokenizer import (
    BOS_ID,
    EOS_ID,
    FOLDER,
    LETTERS,
    MAX_LENGTH,
    VOCABULARY_SIZE,
    build,
    tokenizer,
    vocabulary,
)
from overpaint.stilllife.words import VOCABULARY

TOKENIZER = tokenizer()


def ids(text: str) -> list[int]:
    return TOKENIZER(text)["input_ids"]


@pytest.mark.parametrize("word", VOCABULARY)
def test_every_word_is_one_token(word: str) -> None:
    assert ids(word) == [BOS_ID, VOCABULARY.index(word), EOS_ID]


def test_special_tokens() -> None:
    assert (TOKENIZER.bos_token_id, TOKENIZER.eos_token_id, TOKENIZER.pad_token_id) == (
        BOS_ID,
        EOS_ID,
        EOS_ID,
    )
    assert len(TOKENIZER("a " * 60, truncation=True)["input_ids"]) == MAX_LENGTH == 40
    assert len(TOKENIZER) == VOCABULARY_SIZE == len(vocabulary())


def test_captions_fit_and_have_one_token_a_word() -> None:
    for seed in range(200):
        scene = sample(seed)
        for said in (caption(scene, seed), describe(scene)):
            got = ids(said.text)
            assert got == [BOS_ID, *(VOCABULARY.index(word) for word in said.text.split(" ")), EOS_ID]
            assert len(got) <= MAX_LENGTH


def test_padding_is_the_end_mark() -> None:
    got = TOKENIZER("a ball", padding="max_length", truncation=True)["input_ids"]
    assert len(got) == MAX_LENGTH and got[3:] == [EOS_ID] * (MAX_LENGTH - 3)


def test_unknown_words_are_spelled() -> None:
    got = ids("zebra7")
    assert EOS_ID not in got[:-1] and len(got) > 3
    assert ids("a quixotic ball")[-2] == VOCABULARY.index("ball")


@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_has_a_token(letter: str) -> None:
    assert EOS_ID not in ids(letter)[1:-1]


def test_the_shipped_files_are_the_ones_built_here(tmp_path: Path) -> None:
    build(tmp_path)
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text()
    assert tokenizer(tmp_path)("a red ball")["input_ids"] == ids("a red ball")
