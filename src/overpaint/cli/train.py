"""``overpaint train``: make the shipped model again, or train a network of one's own beside a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from overpaint.cli.groups import Group
from overpaint.cli.options import FILE, Common, MethodCommand, SettingOption, common
from overpaint.cli.words import one_line, say
from overpaint.errors import UsageError
from overpaint.near import near
from overpaint.run.settings import settings_of

STAGES = (
    "renders, text, vae, latents, decoder, echoes, judge, segmenter, unet, holes, inpaint, clip, noisy-clip, "
    "cutouts, spatext-eye, spatext-vectors, spatext-prior, spatext, assemble, known, words, figures, publish"
)
GOES_ON = "Stopped; the same command goes on from the last saved state."
MINUTES = click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Save the state and stop after so long."
)
RESUME = click.option(
    "--resume/--fresh", default=True, help="Go on from what is in the folder.  [default: --resume]"
)


@click.group(cls=Group, short_help="Train the shipped model again, or a ControlNet, T2I-Adapter or CycleNet.")
def command() -> None:
    """Train a network; the same command goes on where an earlier one stopped."""


@command.command("still-life", short_help="The shipped model again, stage by stage.")
@click.option(
    "--size", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True, help="Which of the two."
)
@click.option("--stage", help=f"One stage alone: {STAGES}.")
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    default="runs/still-life",
    show_default=True,
    help="Folder.",
)
@MINUTES
@click.option("--steps", type=click.IntRange(1), help="Steps of the one stage, in place of the size's.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps.  [default: the best there is]")
@RESUME
@click.option("--toy", is_flag=True, help="A size that runs through in a minute, to see that all works.")
def still_life(
    size: str,
    stage: str | None,
    out: Path,
    minutes: float | None,
    steps: int | None,
    device: str | None,
    resume: bool,
    toy: bool,
) -> int:
    """Train the shipped model; the same command goes on where an earlier one stopped.

    The denoiser (--stage unet) can be trained by several processes or GPUs, which share every batch: torchrun
    --nproc-per-node N -m overpaint train still-life --stage unet.
    """
    from overpaint.train import train

    try:
        more: dict[str, Any] = {"minutes": minutes, "steps": steps, "toy": toy}
        train("still-life", size, stage, out, **more, resume=resume, device=device)
    except KeyboardInterrupt:
        say(GOES_ON)
        return 130
    return 0


class Training(MethodCommand):
    """Has the options of a plan in place of those of a method."""

    what = ""

    def settings(self, ctx: click.Context) -> list[SettingOption]:
        """Those of the plan."""
        if "overpaint.run.settings" not in ctx.meta:
            from overpaint.train.sides.plan import PLANS

            own = settings_of(PLANS[self.what].model_json_schema())  # pyright: ignore[reportArgumentType]
            ctx.meta["overpaint.run.settings"] = [SettingOption((name,), one) for name, one in own.items()]
        return ctx.meta["overpaint.run.settings"]

    def method(self, ctx: click.Context) -> str:
        """What the help calls them."""
        return f"the training of a {self.what}"

    def missed(self, ctx: click.Context, flag: str) -> str:
        """The end of a sentence about a flag that there is not."""
        flags = [one for param in self.get_params(ctx) for one in param.opts if one.startswith("--")]
        meant = near(flag, flags)
        return "see --help." if meant is None else f"did you mean {meant}?"


class ControlNetTraining(Training):
    """Of a ControlNet."""

    what = "controlnet"


class AdapterTraining(Training):
    """Of a T2I-Adapter."""

    what = "t2i-adapter"


class CycleNetTraining(Training):
    """Of a CycleNet."""

    what = "cyclenet"


DATA = click.argument("data", type=str)
OUT = click.option("-o", "--output", "out", type=FILE, help="Folder of the run.  [default: runs/ its kind]")
CONDITION = click.option(
    "--condition", default="", help="Of Still Life: segmentation, depth, normals or edges."
)
SIDE = click.option("--side", type=click.IntRange(32, 4096), help="Pixels a side.  [default: the model's]")
PICTURES = click.option(
    "--pictures", type=click.IntRange(64), help="Of Still Life, drawn once.  [default: 8000]"
)
CHECK = click.option("--check", is_flag=True, help="Say what is wrong with DATA, line by line, and stop.")
MODEL = common("model", "device", "as_json")


@command.command("controlnet", cls=ControlNetTraining, short_help="A ControlNet for a condition.")
@DATA
@OUT
@CONDITION
@SIDE
@PICTURES
@CHECK
@MINUTES
@RESUME
@MODEL
def controlnet(**said: Any) -> int:
    """Train a ControlNet on DATA: a folder, or still-life.

    The folder holds images/, conditions/ and captions.jsonl (or .csv) with image, condition and text. Several
    GPUs share every batch: accelerate launch --multi_gpu -m overpaint train controlnet DATA …
    """
    return worked("controlnet", **said)


@command.command("t2i-adapter", cls=AdapterTraining, short_help="A T2I-Adapter for a condition.")
@DATA
@OUT
@CONDITION
@SIDE
@PICTURES
@CHECK
@MINUTES
@RESUME
@MODEL
def adapter(**said: Any) -> int:
    """Train a T2I-Adapter on DATA: a folder, or still-life.

    The folder holds images/, conditions/ and captions.jsonl (or .csv) with image, condition and text. Several
    GPUs share every batch: accelerate launch --multi_gpu -m overpaint train t2i-adapter DATA …
    """
    return worked("t2i-adapter", **said)


@command.command("cyclenet", cls=CycleNetTraining, short_help="A CycleNet between two kinds of picture.")
@DATA
@OUT
@SIDE
@PICTURES
@CHECK
@MINUTES
@RESUME
@MODEL
def cyclenet(**said: Any) -> int:
    """Train a CycleNet on DATA: a folder, or still-life (day and night).

    The folder holds images/ and captions.jsonl (or .csv) with image, source (what it shows) and target (what
    its translation would show). No picture needs a counterpart.
    """
    return worked("cyclenet", **said)


def worked(
    what: str,
    *,
    data: str,
    out: Path | None,
    side: int | None,
    pictures: int | None,
    check: bool,
    minutes: float | None,
    resume: bool,
    options: dict[str, Any],
    common: Common,
    condition: str = "",
) -> int:
    """Check a data set, or train on it."""
    if check:
        return checked(what, data, common)
    from overpaint.cli.running import quiet
    from overpaint.run.loading import load
    from overpaint.train.sides.training import Source, train

    place = out or Path("runs") / what
    device = None if common.device is None else str(common.device)
    with quiet():
        model = load(common.model or "still-life", "float32", device)
        try:
            done = train(
                what,  # pyright: ignore[reportArgumentType]
                Source(data, condition, side, pictures),
                model,
                place,
                options,
                minutes=minutes,
                resume=resume,
                note=say,
            )
        except KeyboardInterrupt:
            say(GOES_ON)
            return 130
    if done.run.crew.leads:
        report(done.run.step, done.run.stage.steps, done.files, common)
    return 0


def report(step: int, steps: int, files: Mapping[str, Path], common: Common) -> None:
    """How far it is, and what was written."""
    if common.as_json:
        told = {"step": step, "steps": steps, "files": {name: str(place) for name, place in files.items()}}
        click.echo(json.dumps(told))
        return
    click.echo(
        f"{step} of {steps} steps are taken" + (f"; {GOES_ON.split('; ')[1]}" if step < steps else ".")
    )
    for name, place in files.items():
        click.echo(one_line(f"Wrote {place} ({name})"))


def checked(what: str, data: str, common: Common) -> int:
    """List what is wrong with a data set; the exit code says whether anything is."""
    from overpaint.train.sides.rows import looked_at, rows_of

    if data == "still-life":
        raise UsageError("Still Life draws its own pictures, so there is nothing to check; give a folder.")
    rows, faults = rows_of(Path(data), what)  # pyright: ignore[reportArgumentType]
    faults += looked_at(rows)
    if common.as_json:
        click.echo(json.dumps({"pictures": len(rows), "faults": faults}))
    else:
        for one in faults:
            click.echo(one_line(one))
        click.echo(f"{len(rows)} lines can be read, {len(faults)} faults.")
    return 2 if faults else 0
