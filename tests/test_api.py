from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from overpaint.api import cite, decibels, differences, edit, generate, invert, of_name, rerun
from overpaint.errors import UsageError
from overpaint.images import Info, Limits, Picture, load_picture, save_picture
from overpaint.images.recipe import Environment
from overpaint.inversions import Direct, NullText
from overpaint.meter import Cancelled, Meter
from overpaint.methods.p2p import PromptToPrompt
from overpaint.run.request import told
from overpaint.run.result import Edit
from tests.kit import clean, shared

SOURCE, TARGET = "a photo of a cat", "a photo of a dog"


def smooth(height: int = 32, width: int = 32) -> Picture:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin(x * y / 90)], -1)
    return Picture(pixels.astype(np.uint8))


def edited(picture: Any = None, **more: Any) -> Edit:
    given: dict[str, Any] = {"source": SOURCE, "target": TARGET, "model": shared(), "steps": 2, **more}
    return edit(smooth() if picture is None else picture, **given)


def same(a: Edit, b: Edit) -> bool:
    return np.array_equal(a.picture.rgb, b.picture.rgb)


def test_an_edit_has_its_picture_figures_and_recipe() -> None:
    result = edited(seed=3, guidance=4)
    assert result.picture.size == (32, 32)
    assert (result.figures.rows, result.figures.calls) == (2 + 3 * 2, 4)
    assert result.figures.strayed is not None
    assert result.figures.quality in ("good", "fair", "poor")
    assert len(result.trace["strayed"]) == 2
    recipe = result.recipe
    assert (recipe.command, recipe.method, recipe.request["seed"]) == ("edit", "p2p", 3)
    assert (recipe.options["guidance"], recipe.options["inversion"]) == (
        4,
        Direct().model_dump(),
    )
    assert recipe.environment.threads == torch.get_num_threads()
    assert recipe.model.hash == shared().fingerprint
    assert recipe.source is not None and recipe.source.png is not None


@pytest.mark.parametrize("size", [(20, 60), (61, 33)])
def test_any_size_comes_back_at_its_size_with_its_transparency(size: tuple[int, int]) -> None:
    clear = np.arange(size[0] * size[1], dtype=np.uint32).reshape(size).astype(np.uint8)
    picture = replace(smooth(*size), alpha=clear)
    result = edited(picture)
    assert result.picture.size == size
    assert result.picture.alpha is not None
    assert np.array_equal(result.picture.alpha, clear)


def test_a_path_an_array_and_a_picture_give_the_same_edit(tmp_path: Path) -> None:
    first = edited()
    first.save(tmp_path / "edit.png")
    assert same(first, edited(smooth().rgb))
    assert same(edited(tmp_path / "edit.png"), edited(first.picture))


def test_same_seed_same_picture_and_global_randomness_untouched() -> None:
    state = torch.random.get_rng_state()
    one, two, other = (edited(method="sdedit", seed=s) for s in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_source_prompt_may_come_from_the_picture() -> None:
    picture = replace(smooth(), info=Info(text={"overpaint-caption": SOURCE}))
    assert edited(picture, source="").recipe.request["source"] == SOURCE
    with pytest.raises(UsageError, match="source prompt"):
        edited(source="")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "cat.png"
    return generate(SOURCE, model=shared(), seed=5, steps=3, guidance=3.0).save(path)


@pytest.mark.parametrize("more", [{}, {"steps": 3}, {"steps": "3"}])
def test_an_edit_of_a_generated_picture_starts_from_its_noise(generated: Path, more: dict[str, Any]) -> None:
    result = edit(generated, target=TARGET, model=shared(), **more)
    assert result.recipe.options["steps"] == 3
    assert result.recipe.options["guidance"] == 3.0
    assert result.recipe.options["inversion"] == {
        **{"name": "recorded", "seed": 5, "guidance": 3.0, "steps": 3, "pinned": False}
    }
    assert result.figures.rows == 4 * 3


def test_the_same_prompt_gives_the_generated_picture_back(generated: Path) -> None:
    result = edit(generated, target=SOURCE, model=shared(), self_replace=0, cross_replace=0)
    difference = result.picture.rgb.astype(int) - load_picture(generated).rgb
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("more", [{"inversion": "ddim"}, {"steps": 2}, {"source": "a photo of a tiger"}])
def test_who_asks_for_another_start_gets_it(generated: Path, more: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"steps": 2, **more}
    result = edit(generated, target=TARGET, model=shared(), **asked)
    inversion: Any = result.recipe.options["inversion"]
    assert inversion["name"] == more.get("inversion", "direct")


def test_changed_pixels_are_inverted(generated: Path) -> None:
    picture = load_picture(generated)
    pixels = picture.rgb.copy()
    pixels[0, 0] ^= 1
    meter = Meter(on_tick=stop_after(0))
    with pytest.raises(Cancelled):
        edit(replace(picture, rgb=pixels), target=TARGET, model=shared(), meter=meter)
    assert meter.rows == 1  # an inversion asks for one row, the walk from the recorded noise for four


def stop_after(calls: int) -> Any:
    def tick(meter: Meter) -> None:
        if meter.calls > calls:
            raise Cancelled("stopped by the test")

    return tick


def test_an_inversion_walked_back_says_how_well_that_went() -> None:
    result = invert(smooth(), source=SOURCE, model=shared(), steps=3, inversion="direct")
    assert result.figures.psnr is not None and result.figures.psnr > 60
    loose = invert(smooth(), source=SOURCE, model=shared(), steps=3, guidance=7.5, look=False)
    assert loose.figures.psnr is not None and loose.figures.psnr < 40
    assert loose.figures.quality == "poor"
    assert len(loose.warnings) == 1 and loose.warnings[0].endswith(".")


def test_maps_have_every_word_over_the_picture() -> None:
    result = edited(smooth(20, 50), maps=True)
    assert [word for word, _ in result.words] == ["a", "photo", "of", "dog"]
    heights = {tuple(grid.shape) for _, grid in result.words}
    assert len(heights) == 1
    height, width = heights.pop()
    assert height / width == pytest.approx(20 / 50, rel=0.06)
    assert result.recipe.watched
    assert not edited().words


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_outside_a_mask_nothing_changes_in_any_way_of_fitting(fit: str) -> None:
    white = np.zeros((40, 56), np.uint8)
    white[8:30, 10:40] = 255
    result = edited(smooth(40, 56), mask=white, feather=2, fit=fit)
    assert np.array_equal(result.picture.rgb[white == 0], smooth(40, 56).rgb[white == 0])
    assert not np.array_equal(result.picture.rgb, smooth(40, 56).rgb)
    assert result.recipe.request["fit"] == fit and result.recipe.mask is not None


def test_a_large_mask_is_found_again_by_its_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    place = save_picture(Picture(noise), tmp_path / "mask.png")
    first = edited(smooth(400, 400), mask=place)
    assert first.recipe.mask is not None and first.recipe.mask.path == str(place)
    path = first.save(tmp_path / "edit.webp")
    again = rerun(path, model=shared())
    assert same(first, again) and again.recipe == first.recipe
    save_picture(Picture(255 - noise), place, overwrite=True)
    with pytest.raises(UsageError, match="not the one"):
        rerun(path, model=shared())


def test_a_flattened_picture_is_made_again_from_its_transparent_file(tmp_path: Path) -> None:
    clear = np.arange(1024, dtype=np.uint32).reshape(32, 32).astype(np.uint8)
    first = edited(replace(smooth(), alpha=clear), alpha="flatten", background="#204060")
    assert first.picture.alpha is None
    assert same(first, rerun(first.save(tmp_path / "a.jpg", quality=50), model=shared()))


def test_limits_hold_for_pictures_masks_and_recipes(tmp_path: Path) -> None:
    small, path = Limits(pixels=1000), edited().save(tmp_path / "a.png")
    for work in (
        lambda: edited(path, limits=small),
        lambda: rerun(path, model=shared(), limits=small),
        lambda: cite(path, limits=small),
    ):
        with pytest.raises(UsageError, match="million pixels"):
            work()


def test_maps_of_a_cropped_picture_lie_over_the_whole() -> None:
    result = edited(smooth(32, 96), maps=True, fit="crop")
    grid = result.words[0][1]
    assert grid.shape[1] == 3 * grid.shape[0]
    assert not grid[:, : grid.shape[0] // 2].any() and grid[:, grid.shape[0] : 2 * grid.shape[0]].any()


def test_cancelling_leaves_the_model_as_it_was() -> None:
    meter = Meter()
    meter.cancel()
    with pytest.raises(Cancelled):
        edited(meter=meter)
    assert clean(shared())
    assert shared().meter is not meter


def test_a_rerun_is_equal_bit_for_bit(tmp_path: Path) -> None:
    first = edited(smooth(40, 30), maps=True, seed=2)
    again = rerun(first.save(tmp_path / "a.png"), model=shared())
    assert same(first, again)
    assert again.recipe.output == first.recipe.output
    assert not [w for w in again.warnings if w not in first.warnings]


def test_a_rerun_of_every_command(generated: Path, tmp_path: Path) -> None:
    back = invert(smooth(), source=SOURCE, model=shared(), steps=2).save(tmp_path / "back.png")
    start = edit(generated, target=TARGET, model=shared()).save(tmp_path / "edit.png")
    for path in (generated, back, start):
        assert np.array_equal(rerun(path, model=shared()).picture.rgb, load_picture(path).rgb)


def test_a_rerun_elsewhere_says_what_differs() -> None:
    told = generate(SOURCE, model=shared(), steps=1).recipe
    elsewhere = Environment(versions={**told.environment.versions, "torch": "1.0"})
    old = told.model_copy(update={"environment": elsewhere, "output": "other"})
    warnings = differences(old, told)
    assert len(warnings) == 2
    assert "torch 1.0 then" in warnings[0]
    assert "not bit for bit" in warnings[1]
    other = old.model_copy(update={"model": told.model.model_copy(update={"hash": "0"})})
    assert "weights" in differences(other, told)[0]
    assert differences(told, told) == []
    crowd = told.environment.model_copy(update={"threads": 10**5})
    many = told.model_copy(update={"environment": crowd, "output": "other"})
    here = f"threads 100000 then, {told.environment.threads} now"
    assert differences(many, told)[0] == f"The recipe was made elsewhere: {here}."


def test_a_source_picture_that_has_changed_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    path = save_picture(Picture(noise), tmp_path / "source.png")
    result = edited(path)
    assert result.recipe.source is not None and result.recipe.source.png is None
    result.save(tmp_path / "edit.png")
    assert same(result, rerun(tmp_path / "edit.png", model=shared()))
    save_picture(Picture(255 - noise), path, overwrite=True)
    with pytest.raises(UsageError, match="not the one"):
        rerun(tmp_path / "edit.png", model=shared())
    path.unlink()
    with pytest.raises(UsageError, match="no file"):
        rerun(tmp_path / "edit.png", model=shared())


def test_citations_name_method_inversion_and_model_once() -> None:
    direct, null = (edited(inversion=name, **more).recipe for name, more in KINDS)
    assert keys(cite(direct)) == [
        "hertz2023prompt",
        "ju2024pnp",
        "song2021ddim",
        "dhariwal2021diffusion",
        "rombach2022ldm",
    ]
    assert keys(cite(null))[:2] == ["hertz2023prompt", "mokady2023null"]
    assert keys(cite(generate(SOURCE, model=shared(), steps=1).recipe)) == ["rombach2022ldm"]


KINDS: list[tuple[str, dict[str, Any]]] = [("direct", {}), ("null-text", {"inversion.inner": 1, "steps": 1})]


def keys(bibtex: str) -> list[str]:
    return [line.partition("{")[2].rstrip(",") for line in bibtex.splitlines() if line.startswith("@")]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"method": "p2q"}, "no method 'p2q'; did you mean 'p2p'"),
        ({"stepz": 3}, "did you mean 'steps'"),
        ({"steps": 0}, "from 1 to 1000"),
        ({"target": "  "}, "target prompt"),
        ({"target": "a cat " * 30}, "shorten it"),
        ({"target": "a \udcff"}, "no text"),
        ({"target": "a dog", "kind": "swap"}, "equally many words"),
        ({"blend": "tiger=>dog"}, "'tiger' is not in the prompt"),
        ({"reweight": "tiger=2"}, "'tiger' is not in the prompt"),
        ({"inversion": "direkt"}, "did you mean 'direct'"),
        ({"method": "generate"}, "edits no picture"),
        ({"seed": -1}, "'seed'"),
    ],
)
def test_whatever_is_wrong_is_said_before_the_first_call(more: dict[str, Any], sentence: str) -> None:
    meter = Meter()
    with pytest.raises(UsageError) as error:
        edited(meter=meter, **more)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert meter.calls == 0


def test_a_family_that_is_not_supported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from overpaint.methods.p2p import PromptToPrompt

    card = replace(PromptToPrompt.card, families={"sdxl": {}})
    monkeypatch.setattr(PromptToPrompt, "card", card)
    with pytest.raises(UsageError, match="does not work on sd1 models; it works on: sdxl"):
        edited()


def test_a_preset_of_the_family_lies_under_the_user_s_options(monkeypatch: pytest.MonkeyPatch) -> None:
    from overpaint.methods.p2p import PromptToPrompt

    card = replace(PromptToPrompt.card, families={"sd1": {"guidance": 3, "steps": 9}})
    monkeypatch.setattr(PromptToPrompt, "card", card)
    options = edited().recipe.options
    assert (options["guidance"], options["steps"]) == (3, 2)


def test_decibels() -> None:
    one = torch.zeros(1, 3, 4, 4)
    assert decibels(one, one) == pytest.approx(100, abs=1e-3)
    assert decibels(one, one + 0.2) == pytest.approx(20, abs=1e-3)


def test_what_is_no_model_at_all_is_said() -> None:
    with pytest.raises(UsageError, match="the name of one, not int"):
        of_name(5)


def test_a_method_may_be_given_with_its_options() -> None:
    named = edited(method="p2p", steps=2, cross_replace=0.4, inversion="null-text", options=INNER)
    method = PromptToPrompt(steps=2, cross_replace=0.4, inversion=NullText(inner=1))
    given: dict[str, Any] = {"source": SOURCE, "target": TARGET, "model": shared()}
    typed = edit(smooth(), method=method, **given)
    assert same(named, typed) and named.recipe == typed.recipe
    mapped = edit(
        smooth(), options={"steps": 2, "cross_replace": 0.4, "inversion": NullText(inner=1)}, **given
    )
    assert mapped.recipe == named.recipe


INNER = {"inversion.inner": 1}


def test_options_that_a_method_was_not_given_are_still_the_model_s_and_the_picture_s(generated: Path) -> None:
    result = edit(generated, target=TARGET, model=shared(), method=PromptToPrompt(cross_replace=0.4))
    assert result.figures.quality == "exact" and result.recipe.options["steps"] == 3


@pytest.mark.parametrize(
    ("method", "more", "sentence"),
    [
        (PromptToPrompt(), {"steps": 3}, r"say 'steps' there too: PromptToPrompt\(\.\.\.\)"),
        (5, {}, "not int"),
        (PromptToPrompt, {}, "not ModelMetaclass"),
    ],
)
def test_what_is_no_method_is_said(method: Any, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        told(method, more)
