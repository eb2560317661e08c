"""Where words look, and what carries their meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from overpaint.stilllife.captions import describe
from overpaint.stilllife.scene import Scene, Thing
from overpaint.train.data import token_batch
from overpaint.train.sampling import Painter
from overpaint.train.stages import Trainer
from overpaint.train.word_maps import (
    CARRIERS,
    USED,
    carried,
    groups_of,
    noised,
    pointing,
    share_of,
    states_of,
)

PAIR = Scene((Thing("ball", "red", size="small", x=24), Thing("cube", "blue", size="small", x=72)))
GREEN_BALL = PAIR.with_thing(0, colour="green")


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Painter:
    return Trainer(tmp_path_factory.mktemp("none")).painter()


def test_a_word_alone_knows_nothing_of_its_sentence(painter: Painter) -> None:
    said = [describe(PAIR), describe(GREEN_BALL)]
    noun = said[0].text.split().index("ball") + 1
    together, alone = states_of(painter, said, False), states_of(painter, said, True)
    assert float((together[0, noun] - together[1, noun]).abs().max()) > 0.1
    assert torch.allclose(alone[0, noun], alone[1, noun], atol=1e-5)
    silent = said[0].text.split().index("of") + 1
    assert torch.equal(alone[:, silent], together[:, silent])


def test_a_map_is_held_against_its_thing() -> None:
    own, other, looks = torch.zeros(16, 16), torch.zeros(16, 16), torch.zeros(16, 16)
    own[2:4, 2:4], other[10:12, 2:6] = 0.8, 1.0
    looks[2, 3], looks[10, 2], looks[0, 0] = 3.0, 2.0, 1.0
    found = share_of(looks, own, other)
    assert (found["peak"], found["other"], found["chance"]) == (1.0, 0.0, 4 / 256)
    assert found["mass"] == pytest.approx(3 * 0.8 / 6)
    assert found["even"] == pytest.approx(4 * 0.8 / 256)
    looks[10, 2] = 4.0
    assert (share_of(looks, own, other)["peak"], share_of(looks, own, other)["other"]) == (0.0, 1.0)


def test_tokens_are_grouped_by_what_they_are_to_the_changed_word() -> None:
    said = describe(PAIR)
    before, after = (token_batch([describe(scene).text]) for scene in (PAIR, GREEN_BALL))
    groups = groups_of(before, after, [said.words])
    words = said.text.split()
    named = [CARRIERS[int(groups[0, k])] for k in range(groups.shape[1])]
    assert named[1 + words.index("red")] == "itself"
    assert named[1 + words.index("ball")] == "its noun"
    assert {named[k] for k, word in enumerate(words, 1) if word not in ("red", "ball")} == {"other words"}
    assert set(named[1 + len(words) :]) == {"end"}


def test_noise_is_that_of_the_step_and_the_same_each_time() -> None:
    x0 = torch.full((2, 4, 16, 16), 3.0)
    early, late = noised(x0, 10), noised(x0, 40)
    assert early[1] == 781 and late[1] == 181
    assert torch.equal(early[0], noised(x0, 10)[0])
    assert float((late[0] - x0).abs().mean()) < float((early[0] - x0).abs().mean())


def test_nouns_of_the_shipped_model_point_at_their_things(painter: Painter) -> None:
    found = pointing(painter, 12, levels=(20,))
    assert set(found) == {USED, "down 16", "down 8", "down 4", "mid 4", "up 4", "up 8", "up 16"}
    kind = found[USED]["kind"]
    assert kind["peak"] > 0.8 > 0.2 > kind["chance"]
    assert kind["mass"] > 2 * kind["even"]


def test_effects_of_all_that_states_something_are_measured(painter: Painter) -> None:
    found = carried(painter, 4, levels=(20,))
    assert set(found) == {"kind", "colour", "material", "size", "pose", "ground", "time", "style"}
    assert all(set(shares) == set(CARRIERS) for shares in found.values())
    assert found["ground"]["itself"] > 0.5


@pytest.mark.slow
def test_the_stage_prints_three_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = Trainer(tmp_path, quiet=True).words(2)
    assert [part.splitlines()[0].split(" | ")[0] for part in found.split("\n\n")] == [
        "| word",
        "| peak, by layers",
        "| effect of a word",
    ]
    assert "| kind |" in capsys.readouterr().err
