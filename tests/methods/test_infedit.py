"""InfEdit: what its three branches share, and what is left when they share nothing."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.inversions.setting import Setting, setting
from tests.kit import gap

from overpaint.controls.kindred import kindred
from overpaint.errors import OverpaintError, UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.inversions import Virtual
from overpaint.methods.infedit import InfEdit, path_of, prepared, tokens_of
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.sample import Latents
from overpaint.task import Task

STEPS = 4


def task(s: Setting, source: str = "a photo of a cat", target: str = "a photo of a red dog") -> Task:
    texts = s.model.family.text(source), s.model.family.text(target)
    return Task((1, 4, 8, 8), s.null, Noise(0), s.x0, *texts)


def method(**options: Any) -> InfEdit:
    return InfEdit.model_validate({"steps": STEPS, **options})


def made(s: Setting, given: Task, **options: Any) -> Latent:
    with torch.no_grad():
        method(**options).check(s.model, given)
        return method(**options)(s.model, given)


def states(s: Setting, given: Task, **options: Any) -> list[Latents]:
    """All three after every step."""
    seen: list[Latents] = []

    def keep(i: int, xs: Latents) -> Latents:
        seen.append(xs)
        return xs

    with torch.no_grad():
        walk, controls, _ = prepared(method(**options), s.model, given)
        walk.run(s.model, *controls, after=keep)
    return seen


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("follow", ["mutual", "source"])
def test_the_same_prompt_and_guidance_are_the_picture(shape: Shape, follow: str) -> None:
    s = setting(shape)
    given = task(s, target="a photo of a cat")
    same = {"guidance": 2.0, "inversion": Virtual(source_guidance=2), "blend": "cat", "stay": "photo"}
    assert gap(made(s, given, follow=follow, **same), s.x0) < 1e-4
    assert gap(made(s, task(s), follow=follow, **{**same, "blend": "dog"}), s.x0) > 1e-2


def test_sharing_nothing_it_is_the_virtual_walk() -> None:
    s = setting(dtype=torch.float64)
    given, options = task(s), method(cross_replace=0, self_replace=0)
    walk = options.inversion.walk(
        s.model, path_of(options, s.model), s.x0, (given.source, given.target, given.null), 2.3, Noise(0)
    )
    plain = walk.run(s.model)["tgt"]
    assert gap(made(s, given, cross_replace=0, self_replace=0), plain) < 1e-9
    for shared in ({"cross_replace": 1}, {"self_replace": 1}):
        assert gap(made(s, given, **{"cross_replace": 0, "self_replace": 0, **shared}), plain) > 1e-4


def test_while_the_layout_is_the_sources_the_third_branch_is_the_source() -> None:
    s = setting()
    together = [gap(xs["mut"], xs["src"]) for xs in states(s, task(s), self_replace=0.5)]
    assert max(together[:2]) < 1e-4 < 1e-3 < min(together[2:])
    assert max(gap(xs["mut"], xs["src"]) for xs in states(s, task(s), self_replace=1)) < 1e-4


def test_whose_word_maps_are_read_matters_once_the_third_branch_is_apart() -> None:
    s = setting()
    both = [made(s, task(s), self_replace=0, cross_replace=1, follow=who) for who in ("mutual", "source")]
    assert gap(*both) > 1e-5
    held = [made(s, task(s), self_replace=1, cross_replace=1, follow=who) for who in ("mutual", "source")]
    assert gap(*held) < 1e-4


def test_windows_are_shares_of_the_whole_path_where_a_part_is_walked() -> None:
    s = setting()
    options = {"inversion": Virtual(strength=0.5), "self_replace": 0.5, "cross_replace": 0.5}
    none = {**options, "self_replace": 0, "cross_replace": 0}
    assert gap(made(s, task(s), **options), made(s, task(s), **none)) < 1e-6
    more = {**options, "self_replace": 0.75}
    assert gap(made(s, task(s), **more), made(s, task(s), **none)) > 1e-5


def test_words_that_change_nowhere_leave_the_third_branch() -> None:
    """A threshold at the peak is exceeded nowhere, so up to the last step the target is put back."""
    s = setting()
    seen = states_blended(s, blend="dog", blend_threshold=1)
    for xs in seen[1:-1]:
        assert torch.equal(xs["tgt"], xs["mut"])
    free = states_blended(s, blend="")
    assert gap(free[1]["tgt"], free[1]["mut"]) > 1e-3


def test_words_that_stay_everywhere_leave_the_source() -> None:
    s = setting()
    for xs in states_blended(s, stay="photo", stay_threshold=0)[1:-1]:
        assert torch.equal(xs["tgt"], xs["src"])


def test_words_that_do_both_are_put_back_before_the_last_step() -> None:
    s = setting()
    seen = states_blended(s, blend="photo, dog", stay="photo", blend_threshold=0)
    assert torch.equal(seen[-2]["tgt"], seen[-2]["mut"])


def states_blended(s: Setting, **options: Any) -> list[Latents]:
    """The same with the blend."""
    seen: list[Latents] = []
    with torch.no_grad():
        walk, controls, blend = prepared(method(**options), s.model, task(s))

        def after(i: int, xs: Latents) -> Latents:
            seen.append(xs if blend is None else blend(i, xs))
            return seen[-1]

        walk.run(s.model, *controls, after=after)
    return seen


def test_the_first_step_and_the_last_are_left_alone() -> None:
    s = setting()
    seen = states_blended(s, blend="dog", blend_threshold=1)
    assert gap(seen[0]["tgt"], seen[0]["mut"]) > 1e-3 and gap(seen[-1]["tgt"], seen[-1]["mut"]) > 1e-5


@pytest.mark.parametrize("more", [{"steps": 2}, {"inversion": Virtual(strength=0.5)}])
def test_too_few_steps_to_put_anything_back_are_a_sentence_before_any_work(more: dict[str, Any]) -> None:
    s = setting()
    for words in ({"blend": "dog"}, {"stay": "photo"}):
        with pytest.raises(UsageError, match="and 2 are walked; walk 3 at least"):
            made(s, task(s), **words, **more)
    assert s.model.meter.calls == 0
    made(s, task(s), **more)


def test_a_word_of_the_source_names_what_takes_its_place() -> None:
    s = setting()
    given = task(s, "a photo of a cat", "a photo of a dog")
    _, pairs = kindred(given.source, given.target)
    assert set(tokens_of("cat", given, pairs)) == set(pairs) <= set(given.target.prompt.places("dog"))
    assert tokens_of("dog", given, pairs) == sorted(given.target.prompt.places("dog"))
    assert tokens_of("", given, pairs) == []


def test_a_word_that_is_nowhere_is_a_sentence_before_any_work() -> None:
    s = setting()
    with pytest.raises(UsageError, match="'zebra' is not in the prompt 'a photo of a red dog'"):
        made(s, task(s), blend="zebra")
    assert s.model.meter.calls == 0


def test_more_steps_than_a_consistency_model_knows_are_a_sentence() -> None:
    s = setting()
    with pytest.raises(UsageError, match="Of 50 levels 60 steps cannot be taken"):
        made(s, task(s), steps=60)
    assert len(path_of(method(steps=60, levels="model"), s.model)) == 60


def test_levels_are_those_of_the_scheduler_of_diffusers() -> None:
    from importlib import import_module

    diffusers: Any = import_module("diffusers")
    s = setting()
    for steps in (1, 4, 8, 12, 15, 50):
        scheduler = diffusers.LCMScheduler(num_train_timesteps=1000, original_inference_steps=50)
        scheduler.set_timesteps(steps)
        assert torch.equal(path_of(method(steps=steps), s.model).t, scheduler.timesteps)
    with pytest.raises(OverpaintError, match="take fewer steps"):
        s.model.path().few(51)


@pytest.mark.parametrize("guidance", [1.0, 1.5])
def test_rows_are_counted(guidance: float) -> None:
    s, inversion = setting(), Virtual(source_guidance=guidance)
    made(s, task(s), inversion=inversion)
    assert s.model.meter.rows == InfEdit.card.cost(method(inversion=inversion)).rows[1]
    assert s.model.meter.rows == STEPS * (5 if guidance == 1 else 6)


def test_a_consistency_model_is_walked_without_being_told_its_guidance() -> None:
    """Its network has one layer more for that, which nobody asks."""
    s = setting()
    old: Any = s.model.net
    kind: Any = type(old)  # pyright: ignore[reportUnknownVariableType]
    config = {name: value for name, value in old.config.items() if name != "_use_default_values"}
    net: Any = kind.from_config({**config, "time_cond_proj_dim": 16})
    missing, unknown = net.load_state_dict(old.state_dict(), strict=False)
    assert list(missing) == ["time_embedding.cond_proj.weight"] and not unknown
    told = replace(s, model=Model(net, s.model.family))
    assert torch.equal(made(told, task(s)), made(s, task(s)))
