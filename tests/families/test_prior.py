"""The prior: its schedule, its walk, and that it can be stored and found again."""

from pathlib import Path
from typing import Any

import torch
from tests.kit import draw, gap

from overpaint.families.prior import FOLDER, beside, cosine, load
from overpaint.families.tiny import FEATURES, tiny_eye, tiny_prior
from overpaint.meter import Meter


def test_the_schedule_is_that_of_the_library() -> None:
    from diffusers.schedulers.scheduling_unclip import UnCLIPScheduler

    theirs: Any = UnCLIPScheduler()
    assert gap(cosine(), theirs.alphas_cumprod.double()) < 1e-6


def test_vectors_are_units_that_hang_on_the_words_and_the_draw() -> None:
    prior, noise = tiny_prior(), draw(2, FEATURES)
    meter = Meter()
    made = prior("a red cat", noise, 3, meter)
    assert gap(made.square().sum(-1), torch.ones(2)) < 1e-5
    assert meter.sides == 6
    assert torch.equal(made, prior("a red cat", noise, 3, Meter()))
    assert gap(prior("a blue dog", noise, 3, Meter()), made) > 1e-4
    assert gap(made[0], made[1]) > 1e-4
    assert gap(prior("a red cat", noise[:1], 3, Meter()), made[:1]) < 1e-5


def test_in_one_step_it_is_what_the_network_says_of_noise() -> None:
    prior, noise = tiny_prior(), draw(1, FEATURES)
    said, states, mask = tiny_eye().words(["a red cat"])
    told = {"proj_embedding": said, "encoder_hidden_states": states, "attention_mask": mask}
    level = torch.tensor(999)
    found = prior.net(noise, level, **told).predicted_image_embedding.clamp(-5, 5)
    wanted = torch.nn.functional.normalize(found * prior.net.clip_std + prior.net.clip_mean, dim=-1)
    assert gap(prior("a red cat", noise, 1, Meter()), wanted) < 1e-5


def test_of_the_words_those_count_that_stand_before_the_end() -> None:
    _, states, mask = tiny_eye().words(["a red cat", "a"])
    assert states.shape[:2] == mask.shape == (2, 16)
    assert [int(one.sum()) for one in mask] == [5, 3]


def test_it_lies_in_a_folder_of_the_model(tmp_path: Path) -> None:
    prior = tiny_prior()
    prior.net.save_pretrained(tmp_path / FOLDER)
    again = load(tmp_path / FOLDER, tiny_eye())
    noise = draw(1, FEATURES)
    assert torch.equal(again("a cat", noise, 2, Meter()), prior("a cat", noise, 2, Meter()))
    assert beside(tmp_path, torch.device("cpu")) is None and beside(None, torch.device("cpu")) is None
