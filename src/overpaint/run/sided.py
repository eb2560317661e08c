"""Side networks of a request: what was said of them taken in, and made ready to speak."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from numpy import format_float_positional

from overpaint.attention import Moment
from overpaint.errors import UsageError
from overpaint.images import Fitted, Limits, Picture, fit, from_tensor
from overpaint.images.fitting import fit_beside, framed, resized
from overpaint.images.picture import flattened
from overpaint.model import Model
from overpaint.network import Side
from overpaint.run.inputs import Given, taken_in
from overpaint.run.resolve import resolve
from overpaint.sides.card import CARDS
from overpaint.sides.conditions import MADE, READ, made_from, read_by
from overpaint.sides.controlnet import ControlNet
from overpaint.sides.file import SideFile
from overpaint.sides.load import side_net
from overpaint.sides.net import Condition
from overpaint.sides.options import PLAIN, Control
from overpaint.sides.segmenter import Segmenter, segmenter_of
from overpaint.sides.style_adapter import StyleAdapter
from overpaint.sides.style_file import eye_for
from overpaint.sides.t2i_adapter import T2IAdapter
from overpaint.task import Request

Settings = Control | Mapping[str, Any] | str
"""What is set of a side network: also by name, or as the command line has it."""
Wanted = Settings | tuple[Settings, Given]
"""A side network as a caller may ask for it: its settings, and its condition where that lies in memory."""
SAID = re.compile(
    r"(?P<net>[^=]+?)(?:=(?P<picture>.+?))?(?::(?P<scale>[-+]?\d*\.?\d+))?"
    r"(?:@(?P<start>\d*\.?\d+)-(?P<stop>\d*\.?\d+))?(?P<more>(?:,[a-z_]+(?:=[^,=]+)?)*)"
)
"""``NET=PICTURE:0.8@0-0.6,guess``."""
BEHIND = ("guess", "only_mid", "text", "clip", "rounding")
"""What stands behind a comma, beside factors by layer."""
_SHORT = {"guess": ("guess", "released"), "mid": ("only_mid", "true")}
GIVEN = "given"
"""Stands for a condition that was handed over in memory."""
NOTHING = "black"
"""What a condition shows where it is transparent: no line, and what is farthest."""
OTHER_SHAPE = 0.02
"""How much the sides' proportion of a condition may differ from that of the picture."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A side network that was asked for, checked as far as that goes without a model."""

    how: Control
    file: SideFile
    picture: tuple[Picture, str | None] | None = None
    """Its condition, and where that lies; nothing where it is made from the source picture."""


@dataclass(frozen=True, eq=False)
class Beside:
    """The side networks of an edit, and what they look at."""

    sides: tuple[Side, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes of all their weights, each network once."""
        own = (one.net for one in self.sides if isinstance(one, ControlNet | T2IAdapter | StyleAdapter))
        modules = {id(net.module): net.module for net in own}.values()
        return sum(p.numel() * p.element_size() for module in modules for p in module.parameters())


def controls_in(
    wanted: Settings | Sequence[Wanted], image: Picture | None, limits: Limits | None = None
) -> tuple[Asked, ...]:
    """Take in what was said, and look at files and conditions.

    Raises:
        UsageError: a value that cannot be, a file that is none, a condition that does not fit the picture.
    """
    several: Sequence[Wanted] = [wanted] if isinstance(wanted, str | Control | Mapping) else wanted
    return tuple(_taken(one, image, limits) for one in several)


def _taken(wanted: Wanted, image: Picture | None, limits: Limits | None) -> Asked:
    said: object = wanted[0] if isinstance(wanted, tuple) else wanted
    given = wanted[1] if isinstance(wanted, tuple) else None
    how = settings_in(said)
    file = SideFile.of(how.net)
    how = how.changed(net=file.known)
    for name in CARDS[file.kind].idle(how):
        title = CARDS[file.kind].title
        raise UsageError(f"The option {name} does nothing for {title} ({file.place}); leave it out.")
    if given is None and not _is_file(how.picture):
        made = how.picture in (*MADE, *READ)
        if image is None and (made or how.picture == "auto"):
            raise UsageError("There is no picture to make a condition from; give the file of the condition.")
        if how.picture != "auto" and not made and _is_path(how.picture):
            raise UsageError(f"There is no file {how.picture[:200]}, which a side network is to look at.")
        return Asked(how.changed(picture=_made(how.picture, file)), file)
    picture, place = taken_in(how.picture if given is None else given, limits)
    if not CARDS[file.kind].free:
        _check_shape(picture, image, how.picture if given is None else "that was given")
    return Asked(how.changed(picture=GIVEN if place is None else place), file, (picture, place))


def _made(name: str, file: SideFile) -> str:
    """Which condition is to be made; what takes any picture takes the source as it is."""
    if not CARDS[file.kind].free:
        return made_from(name, file.name)
    if name not in ("auto", "picture"):
        raise UsageError(
            f"{name[:80]!r} is no picture for {CARDS[file.kind].title} ({file.place}), which looks at one as "
            "it is; give a file, or picture for the source itself."
        )
    return "picture"


def settings_in(said: object) -> Control:
    """What was set of a side network, in whichever form.

    Raises:
        UsageError: it is in none, or a value is out of range.
    """
    match said:
        case Control():
            return said
        case str():
            return parsed(said)
        case Mapping():
            return resolve(Control, cast("Mapping[str, Any]", said), {}, "a side network")
        case _:
            raise UsageError(
                "A side network is a Control, the same as text, or a pair of either and a picture, not "
                f"{type(said).__name__}."
            )


def _is_file(name: str) -> bool:
    try:
        return Path(name).expanduser().is_file()
    except (OSError, RuntimeError):  # too long to be one, or in the folder of nobody
        return False


def _is_path(name: str) -> bool:
    return Path(name).suffix != "" or "/" in name or "\\" in name


def _check_shape(condition: Picture, image: Picture | None, name: str) -> None:
    if image is None:
        return
    (a, b), (height, width) = condition.size, image.size
    if abs(a * width / (b * height) - 1) > OTHER_SHAPE:
        raise UsageError(
            f"The condition {name} has {b} x {a} pixels and the picture {width} x {height}, which is another "
            "shape; give one of the picture's."
        )


def parsed(text: str) -> Control:
    """What a person writes: ``NET=PICTURE:0.8@0-0.6,guess``; all but the network may be left out.

    Raises:
        UsageError: it is not of that form, or a value is out of range.
    """
    found = SAID.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no side network; write NET=PICTURE:0.8@0-0.6, with guess or mid behind a comma."
        )
    told: dict[str, Any] = {k: v for k, v in found.groupdict().items() if v and k != "more"}
    for one in found["more"].split(",")[1:]:
        name, _, value = one.partition("=")
        name, value = (name, value) if value else _SHORT.get(name, (name, "true"))
        told[name] = factors_in(value) if name == "layers" else value
    return resolve(Control, told, {}, "a side network")


def written(how: Control) -> str:
    """The same as `parsed` reads it; what holds by itself is left out."""
    seen = "" if how.picture == PLAIN.picture else f"={how.picture}"
    start, stop, scale, *layers = (
        format_float_positional(one, trim="-") for one in (how.start, how.stop, how.scale, *how.layers)
    )
    when = "" if (how.start, how.stop) == (PLAIN.start, PLAIN.stop) else f"@{start}-{stop}"
    more = {name: getattr(how, name) for name in BEHIND if getattr(how, name) != getattr(PLAIN, name)}
    more |= {"layers": "/".join(layers)} if layers else {}
    return f"{how.net}{seen}:{scale}{when}" + "".join(
        f",{name}={'true' if value is True else value}" for name, value in more.items()
    )


def factors_in(text: str) -> tuple[float, ...]:
    """Factors by layer, ``0/0.5/1``.

    Raises:
        UsageError: one of them is no number.
    """
    try:
        return tuple(float(one) for one in text.split("/"))
    except ValueError:
        raise UsageError(f"Factors by layer are numbers, as in layers=0/0.5/1, not {text!r}.") from None


def beside(
    asked: Sequence[Asked],
    model: Model,
    request: Request,
    shown: Picture | None,
    fitted: Fitted | None,
    size: tuple[int, int],
) -> Beside:
    """Side networks that are ready to speak.

    Raises:
        UsageError: one belongs to another kind of model, or reads a prompt that was not given.
    """
    reader = segmenter_of(model)
    conditions = tuple(_condition(one, shown, fitted, size, reader) for one in asked)
    sides = tuple(
        _side(one, c.to(model.device), model, request) for one, c in zip(asked, conditions, strict=True)
    )
    return Beside(sides, conditions)


def check_heard(asked: Sequence[Asked], steps_of: tuple[int, int] | None) -> None:
    """Refuse side networks that would be silent: shares are of all steps, of which few may be walked.

    Args:
        asked: the networks.
        steps_of: how many steps there are, and how many are walked; nothing where nobody knows.

    Raises:
        UsageError: one speaks at none of them, though it is not told to be silent.
    """
    steps, walked = steps_of or (1, 0)
    for one in asked if walked else ():
        speaks = CARDS[one.file.kind].speaks
        if one.how.scale and not any(speaks(one.how, Moment(k, steps)) for k in range(walked)):
            stretch = f"from {one.how.start:g} to {one.how.stop:g} of {steps}, of which {walked} are walked"
            raise UsageError(
                f"The side network {one.file.name} would speak at none of the steps, {stretch}; let it start "
                "earlier or stop later."
            )


def _side(one: Asked, condition: Condition, model: Model, request: Request) -> Side:
    net = side_net(one.file.place, model)
    if one.file.kind == "t2i-adapter":
        return T2IAdapter(net, condition, one.how)
    if one.file.kind == "style-adapter":
        return StyleAdapter(net, condition, eye_for(net, model, one.how.clip), one.how)
    prompt = {"source": request.source, "target": request.target}.get(one.how.text)
    if prompt is not None and not prompt.split():
        raise UsageError(f"The side network {net.name} reads the {one.how.text} prompt; give it.")
    if one.how.text == "target" and request.also:
        raise UsageError(
            f"The side network {net.name} reads the target prompt, and there are several; let it read each "
            "row's own, or edit once for each target."
        )
    return ControlNet(net, condition, one.how, None if prompt is None else model.family.text(prompt))


def _condition(
    one: Asked,
    shown: Picture | None,
    fitted: Fitted | None,
    size: tuple[int, int],
    reader: Segmenter | None,
) -> Condition:
    """What a side network looks at, in the frame of the model, or as it is where any shape will do."""
    if CARDS[one.file.kind].free:
        picture = one.picture[0] if one.picture is not None else shown
        assert picture is not None  # there is one to make it from
        return torch.tensor(flattened(picture).rgb).movedim(-1, 0)[None].float() / 255
    given = None if one.picture is None else flattened(one.picture[0], NOTHING)
    if given is not None and (fitted is None or shown is None):
        return (fit(given, size).tensor + 1) / 2
    assert fitted is not None and shown is not None  # there is a picture to make it from
    if given is not None:
        return fit_beside(given, fitted, shown.size)
    own = fit_beside(shown, fitted, shown.size)[(..., *fitted.placement.window)]
    height, width = fitted.tensor.shape[-2:]
    kind = one.how.picture
    made = MADE[kind](own) if kind in MADE else read_by(kind, reader, own, one.file.name)
    return framed(made, (height, width), fitted.placement)


def laid_out(condition: Condition, fitted: Fitted | None, size: tuple[int, int] | None) -> Picture:
    """A condition as a picture of the size of the one that is edited; black where the model sees nothing."""
    if fitted is None or size is None:
        return from_tensor(condition * 2 - 1)
    region = fitted.region
    seen = from_tensor(condition[(..., *fitted.placement.window)] * 2 - 1)
    seen = resized(seen, (region.height, region.width))
    if seen.size == size:
        return seen
    whole = from_tensor(condition.new_full((1, 3, *size), -1.0)).rgb
    whole[region.window] = seen.rgb
    return Picture(whole)
