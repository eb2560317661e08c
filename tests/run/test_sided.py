"""Side networks of an edit: with every editor, counted, recorded, made again, refused in one sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.kit import clean, shared
from tests.sides.kit import folder
from tests.test_api import SOURCE, TARGET, edited, keys, same, smooth

from overpaint import registry
from overpaint.api import cite, generate, rerun
from overpaint.contract.trial import State, network, result, short, task
from overpaint.contract.trial import run as bare_run
from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture, save_picture
from overpaint.inversions.cache import Cache
from overpaint.meter import Meter
from overpaint.method import Method
from overpaint.run.estimate import estimate
from overpaint.run.plan import plan
from overpaint.run.request import edit_request
from overpaint.run.result import Edit
from overpaint.run.sided import parsed, written
from overpaint.sides import Control, ControlNet, T2IAdapter
from overpaint.sides.tiny import tiny_adapter, tiny_controlnet

EDITORS = ("p2p", "sdedit", "blended-latent", "ddim", "edit-friendly", "edict", "diffedit", "sega")
HALF = Picture(np.repeat(np.array([[[0]], [[255]]], np.uint8).repeat(16, 0), 32, 1).repeat(3, 2))


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A ControlNet whose name tells what it looks at, and an adapter."""
    place = tmp_path_factory.mktemp("nets")
    control = folder(place / "control_canny", tiny_controlnet(shared()))
    adapter = folder(place / "adapter_sobel", tiny_adapter(shared()))
    return {"controlnet": str(control), "t2i-adapter": str(adapter), "sdxl": _xl(place)}


def _xl(place: Path) -> str:
    return str(folder(place / "xl_canny", tiny_controlnet(shared("sdxl"))))


def run(method: str, control: Any = (), **more: Any) -> Edit:
    trial = dict(registry.find(method).card.trial) | {"steps": 3, "method": method}
    if method in ("blended-latent",):
        trial["mask"] = HALF
    return edited(control=control, **{**trial, **more})


@pytest.mark.sample(5)
@pytest.mark.parametrize("kind", ["controlnet", "t2i-adapter"])
@pytest.mark.parametrize("method", EDITORS)
def test_it_combines_with_every_editor(method: str, kind: str, nets: dict[str, str]) -> None:
    plain = run(method)
    spoken = run(method, [Control(net=nets[kind])])
    silent = run(method, [Control(net=nets[kind], scale=0)])
    assert not torch.equal(spoken.latent, plain.latent)
    assert torch.equal(silent.latent, plain.latent) and silent.figures.sides == 0
    assert spoken.figures.rows == plain.figures.rows
    assert spoken.figures.sides == (spoken.figures.rows if kind == "controlnet" else 1)
    assert clean(shared())


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in registry.every() if "sd1" in kind.card.families])
def test_it_combines_with_every_method_that_calls_the_network(kind: type[Method]) -> None:
    for net, side in ((tiny_controlnet, ControlNet), (tiny_adapter, T2IAdapter)):
        model = network(kind, "sd1")
        given, before = task(model, kind), State.of(model)
        plain, meter = result(bare_run(model, short(kind), given)), Meter()
        with model.side(side(net(model), torch.full((1, 3, 32, 32), 0.5))):
            spoken = result(bare_run(model, short(kind), given, meter))
        if meter.rows:
            assert meter.sides >= 1 and not torch.equal(plain, spoken)
        assert State.of(model) == before


@pytest.mark.parametrize("inversion", ["ddim", "direct", "null-text", "negative-prompt", "edit-friendly"])
def test_it_combines_with_every_inversion(inversion: str, nets: dict[str, str]) -> None:
    more = {"inversion": inversion} | ({"inversion.inner": 1} if inversion == "null-text" else {})
    plain, spoken = (run("p2p", control, **more) for control in ([], [nets["controlnet"]]))
    assert not torch.equal(spoken.latent, plain.latent)
    assert spoken.figures.sides == spoken.figures.rows > 0


@pytest.mark.parametrize("method", ["p2p", "sdedit", "blended-latent"])
def test_it_is_gone_after_an_error(method: str, nets: dict[str, str]) -> None:
    def stop(meter: Meter) -> None:
        if meter.sides:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(method, [nets["controlnet"]], meter=Meter(on_tick=stop))
    assert clean(shared())


def test_inversions_with_it_are_kept_apart(nets: dict[str, str], tmp_path: Path) -> None:
    model = shared()
    model.cache = Cache(tmp_path)
    try:
        rows = [
            run("p2p", control).figures.rows
            for control in ([], [], [nets["controlnet"]], [nets["controlnet"]])
        ]
        rows.append(run("p2p", [Control(net=nets["controlnet"], scale=0.5)]).figures.rows)
    finally:
        model.cache = None
    assert rows[0] > rows[1] == rows[3] < rows[2] == rows[4] == rows[0]


def test_rows_one_at_a_time_give_the_same(nets: dict[str, str]) -> None:
    control = [Control(net=nets["controlnet"], guess="released")]
    whole = run("p2p", control)
    with shared().sparing(1):
        apart = run("p2p", control)
    assert float((whole.latent - apart.latent).abs().max()) < 1e-4
    assert whole.figures.sides == apart.figures.sides < whole.figures.rows


def test_it_is_recorded_and_made_again(nets: dict[str, str], tmp_path: Path) -> None:
    seen = save_picture(smooth(), tmp_path / "seen.png")
    wanted = [
        Control(net=nets["controlnet"], picture=str(seen), scale=0.7, stop=0.9),
        (Control(net=nets["t2i-adapter"]), smooth()),
        f"{nets['controlnet']}=sobel:0.5",
    ]
    first = run("sdedit", wanted, seed=4)
    recipe = first.recipe
    assert [one.options["picture"] for one in recipe.controls] == [str(seen), "given", "sobel"]
    assert recipe.controls[0].options["scale"] == 0.7 and recipe.controls[0].weights
    assert set(recipe.pictures) == {"source", "control:1", "control:2"}
    again = rerun(first.save(tmp_path / "edit.png"), model=shared())
    assert same(first, again) and again.recipe == recipe and again.warnings == first.warnings


def test_who_made_them_is_cited(nets: dict[str, str]) -> None:
    both = run("sdedit", [nets["controlnet"], nets["t2i-adapter"], nets["controlnet"]]).recipe
    assert keys(cite(both)) == [
        "meng2022sdedit",
        "zhang2023controlnet",
        "mou2024t2iadapter",
        "rombach2022ldm",
    ]


def test_another_network_under_the_same_name_is_said(nets: dict[str, str], tmp_path: Path) -> None:
    place = folder(tmp_path / "canny", tiny_controlnet(shared()))
    path = run("sdedit", [str(place)]).save(tmp_path / "edit.png")
    folder(place, tiny_controlnet(shared(), 0.5))
    assert "The side networks are not those the recipe was made with." in rerun(path, model=shared()).warnings


def test_text_to_image_takes_one_too(nets: dict[str, str]) -> None:
    plain, spoken = (
        generate(SOURCE, model=shared(), steps=2, control=control)
        for control in ([], [(Control(net=nets["controlnet"]), smooth())])
    )
    assert not torch.equal(plain.latent, spoken.latent) and spoken.figures.sides == 4
    assert np.array_equal(spoken.conditions[0].rgb, smooth().rgb)
    with pytest.raises(UsageError, match="no picture to make a condition from"):
        generate(SOURCE, model=shared(), steps=2, control=[nets["controlnet"]])


def test_a_picture_made_with_one_does_not_go_on_from_its_own_noise(
    nets: dict[str, str], tmp_path: Path
) -> None:
    control = [(Control(net=nets["controlnet"]), smooth())]
    made = generate(SOURCE, model=shared(), steps=2, control=control).save(tmp_path / "a.png")
    alone = generate(SOURCE, model=shared(), steps=2).save(tmp_path / "b.png")
    for path, beside in ((made, []), (alone, control)):
        assert edited(path, control=beside).recipe.options["inversion"] != {"name": "recorded"}
        assert edited(path, control=beside).figures.quality != "exact"
    assert edited(alone).figures.quality == "exact"


@pytest.mark.parametrize(("size", "fit"), [((20, 60), "pad"), ((61, 33), "pad"), ((40, 64), "crop")])
def test_a_condition_lies_where_the_picture_lies(
    size: tuple[int, int], fit: str, nets: dict[str, str]
) -> None:
    """The picture itself as the condition, made here or given, is what the network sees of the picture."""
    picture = smooth(*size)
    for wanted in (
        Control(net=nets["controlnet"], picture="picture"),
        (Control(net=nets["controlnet"]), picture),
    ):
        asked = edit_request(
            "edit",
            "sdedit",
            picture,
            {"target": TARGET, "fit": fit},
            {"steps": 2},
            control=[wanted],
        )
        job = plan(asked, shared())
        assert job.fitted is not None
        (condition,) = job.beside.conditions
        assert float((condition * 2 - 1 - job.fitted.tensor).abs().max()) < 1e-5
        assert torch.equal(job.task.pictures("control:1")[0], condition * 2 - 1)


def test_a_condition_of_another_size_and_the_same_shape_is_fitted(nets: dict[str, str]) -> None:
    large = Picture(np.kron(smooth().rgb, np.ones((3, 3, 1), np.uint8)))
    near, own = (
        run("sdedit", [(Control(net=nets["controlnet"]), one)]).conditions[0].rgb for one in (large, smooth())
    )
    assert np.abs(near.astype(int) - own).mean() < 4


def test_a_condition_may_have_one_bit_an_alpha_channel_or_sixteen_bits(
    nets: dict[str, str], tmp_path: Path
) -> None:
    """What is transparent shows nothing, whatever colour is hidden there."""
    half = np.zeros((32, 32), np.uint8)
    half[:, 16:] = 255
    clear = Image.merge("LA", (Image.new("L", (32, 32), 255), Image.fromarray(half)))
    for name, image in (
        ("bit", Image.fromarray(half).convert("1")),
        ("deep", Image.fromarray(half.astype(np.uint16) * 257)),
        ("alpha", clear),
    ):
        image.save(tmp_path / f"{name}.png")
        (seen,) = run("sdedit", [f"{nets['controlnet']}={tmp_path / f'{name}.png'}"]).conditions
        assert np.array_equal(seen.rgb, half[..., None].repeat(3, 2)), name


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_what_it_looked_at_can_be_seen(fit: str, nets: dict[str, str]) -> None:
    (condition,) = run("sdedit", [nets["controlnet"]], picture=smooth(40, 60), fit=fit).conditions
    assert condition.size == (40, 60)
    if fit == "crop":
        assert not condition.rgb[:, 0].any() and not condition.rgb[:, -1].any()


def test_a_text_of_its_own(nets: dict[str, str]) -> None:
    own, source = (run("sdedit", [Control(net=nets["controlnet"], text=t)]) for t in ("own", "source"))
    assert not torch.equal(own.latent, source.latent)
    with pytest.raises(UsageError, match="reads the source prompt; give it"):
        run("sdedit", [Control(net=nets["controlnet"], text="source")], source="")


def test_what_it_takes_is_estimated(nets: dict[str, str], tmp_path: Path) -> None:
    def told(control: Sequence[str]) -> Any:
        request = {"source": SOURCE, "target": TARGET}
        asked = edit_request("edit", "sdedit", smooth(), request, {"steps": 5}, control=control)
        return estimate(plan(asked, shared()), tmp_path)

    plain, beside = told([]), told([nets["controlnet"]])
    assert plain.sides == (0, 0) and beside.sides == (0, 6)
    assert beside.seconds[1] > plain.seconds[1] and beside.memory > plain.memory


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a.safetensors", {"net": "a.safetensors"}),
        ("a=b.png", {"net": "a", "picture": "b.png"}),
        ("a=b.png:0.8@0-0.6", {"net": "a", "picture": "b.png", "scale": 0.8, "stop": 0.6}),
        ("a:1.5", {"net": "a", "scale": 1.5}),
        ("a=auto@0.2-1", {"net": "a", "start": 0.2}),
        ("a=C:/x/b=c.png:-1", {"net": "a", "picture": "C:/x/b=c.png", "scale": -1.0}),
        ("a=canny:0.5,guess", {"net": "a", "picture": "canny", "scale": 0.5, "guess": "released"}),
        (
            "a=canny,guess=logspace,mid",
            {"net": "a", "picture": "canny", "guess": "logspace", "only_mid": True},
        ),
        (
            "a=b.png,layers=1/0.5/0,text=source",
            {"net": "a", "picture": "b.png", "layers": (1, 0.5, 0), "text": "source"},
        ),
    ],
)
def test_how_one_is_written(text: str, want: dict[str, Any]) -> None:
    assert parsed(text).model_dump(exclude_defaults=True) == want
    assert parsed(written(parsed(text))) == parsed(text)


def test_what_is_written_is_no_less_exact_and_no_longer_than_need_be() -> None:
    assert written(Control("canny", picture="canny", stop=0.6)) == "canny=canny:1@0-0.6"
    assert written(Control("a", guess="released", only_mid=True)) == "a:1,guess=released,only_mid=true"
    for how in (Control("a", scale=1e-6, start=1 / 3), Control("a", scale=-2 / 3, layers=(1e-7, 2.0))):
        assert parsed(written(how)) == how


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("=b.png", "is no side network; write NET=PICTURE"),
        ("a=b:11", "'scale' must be a number from -10 to 10"),
        ("a=b@0.6-0.2", "cannot stop at 0.2 and start at 0.6"),
        ("a=b@0-2", "'stop' must be a number from 0 to 1"),
        ("a=b,loud", "no option 'loud' for a side network"),
        ("a=b,layers=1/x", "Factors by layer are numbers, as in layers=0/0.5/1, not '1/x'"),
        ("a=b,guess=much", "'guess' must be one of off, released, logspace"),
    ],
)
def test_what_cannot_be_is_one_sentence(text: str, want: str) -> None:
    with pytest.raises(UsageError, match=want):
        parsed(text)


def test_one_alone_and_what_is_none(nets: dict[str, str]) -> None:
    net = nets["controlnet"]
    alone, listed, named = (run("sdedit", control=one) for one in (net, [net], {"net": net}))
    assert torch.equal(alone.latent, listed.latent) and torch.equal(alone.latent, named.latent)
    with pytest.raises(UsageError, match="no option 'nett' for a side network; did you mean 'net'"):
        run("sdedit", [{"nett": net}])


def test_everything_is_refused_before_the_first_call(nets: dict[str, str], tmp_path: Path) -> None:
    narrow = save_picture(smooth(32, 16), tmp_path / "narrow.png")
    control = nets["controlnet"]
    for wanted, want in (
        (str(tmp_path / "nowhere.safetensors"), "There is no side network"),
        (f"{control}={tmp_path / 'no.png'}", "There is no file"),
        (f"{control}={narrow}", "has 16 x 32 pixels and the picture 32 x 32, which is another shape"),
        (f"{control}=depth", "looks at a map of depth"),
        (f"{control},layers=1/1", "places, and 2 factors were given"),
        (nets["sdxl"], "was not made for sd1 models"),
        (f"{nets['t2i-adapter']},guess", "The option guess does nothing for a T2I-Adapter"),
        (f"{nets['t2i-adapter']},text=source", "The option text does nothing for a T2I-Adapter"),
        (f"{control},rounding=diffusers", "The option rounding does nothing for a ControlNet"),
        (f"{control}@0.5-1", "from 0.5 to 1 of 3, of which 1 are walked; let it start earlier"),
        (f"{control}@0-0.2", "would speak at none of the steps"),
        (f"{nets['t2i-adapter']}@0.5-1", "would speak at none of the steps"),
    ):
        meter = Meter()
        with pytest.raises(UsageError, match=want) as caught:
            run("sdedit", [wanted], meter=meter)
        assert meter.rows == meter.sides == 0 and "\n" not in str(caught.value)


def test_the_written_condition_gives_the_same_edit(nets: dict[str, str], tmp_path: Path) -> None:
    first = run("sdedit", [nets["controlnet"]])
    seen = save_picture(first.conditions[0], tmp_path / "edges.png")
    assert same(first, run("sdedit", [f"{nets['controlnet']}={seen}"]))
    assert load_picture(seen).size == (32, 32)
