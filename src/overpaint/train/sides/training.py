"""Training a side network: from a data set to folders that can be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.mistaken import read_json
from overpaint.model import Model
from overpaint.sides.cyclenet import WEIGHTS
from overpaint.sides.file import SideFile
from overpaint.sides.fresh import fresh, fresh_adapter
from overpaint.sides.net import Net
from overpaint.train.curve import curve
from overpaint.train.loop import Pace, Run, Stage, TrainError, run
from overpaint.train.optim import Rates
from overpaint.train.sides.drawn import COUNT, drawn
from overpaint.train.sides.examples import TIMES, Examples, batch_of
from overpaint.train.sides.export import FOLDER, MODEL, ORIGINAL, SMALL, exported
from overpaint.train.sides.factors import begun_with, factored
from overpaint.train.sides.folder import folder
from overpaint.train.sides.lessons import Lesson, cycle_loss, noise_loss
from overpaint.train.sides.looking import Held
from overpaint.train.sides.plan import AdapterPlan, ControlNetPlan, Copied, CyclePlan, Plan, What, plan_of

STILL_LIFE = "still-life"
PLAN = "plan.json"
WRITTEN = ("state.safetensors", "log.jsonl", "curve.png", FOLDER, ORIGINAL, SMALL, MODEL)
"""What a run leaves in its folder."""
UPWARD = ("up_blocks.", "conv_norm_out.", "conv_out.")
"""What CycleNet trains of the main network beside the side network, if that is wished."""


def net_for(model: Model, plan: Plan) -> Net:
    """An untrained side network, open to gradients."""
    if isinstance(plan, AdapterPlan):
        net = fresh_adapter(model, plan.colours, plan.light, plan.blocks)
        net.module.requires_grad_(True)
        return net
    assert isinstance(plan, Copied)  # there are no others
    net = fresh(model, plan.hint)
    net.module.requires_grad_(True)
    if plan.rank is not None:
        factored(net.module, plan.rank)
    if plan.start:
        begun_with(net.module, SideFile.of(plan.start), model)
    return net


def stage_of(what: What, model: Model, net: Net, examples: Examples, plan: Plan) -> Stage:
    """What the training loop is handed."""
    times, levels = TIMES[plan.times], len(model.family.schedule.bars)
    drop = plan.drop if isinstance(plan, ControlNetPlan | AdapterPlan) else 0.0
    how = Lesson(model, net, examples, drop, plan.mixed == "bf16")
    nets: dict[str, nn.Module] = {"side": net.module}
    if isinstance(plan, CyclePlan):
        weights = dict(zip(WEIGHTS, plan.weights, strict=True))
        loss = quiet = cycle_loss(how, plan.fast, weights)
        if plan.decoder:
            for name, p in model.net.named_parameters():
                p.requires_grad_(name.startswith(UPWARD))
            nets["main"] = model.net
    else:
        loss, quiet = noise_loss(how), noise_loss(replace(how, drop=0.0))
    held = Held(how, quiet, times, plan.held, plan.guidance, what == "cyclenet")
    return Stage(
        what,
        nets,
        lambda step: batch_of(examples, step, plan.batch, times, levels, plan.seed),
        loss,
        plan.steps,
        rates(plan),
        plan.batch,
        held.measure,
        held.sheet,
        shared=True,
        parts=plan.parts,
    )


def rates(plan: Plan) -> Rates:
    """The optimiser's settings: AdamW as published, or what suits small networks."""
    small = plan.optimiser == "muon"
    return Rates(
        plan.rate,
        warmup=plan.warmup,
        cooldown=plan.cooldown,
        betas=(0.9, 0.99) if small else (0.9, 0.999),
        muon=small,
        ema=plan.ema,
        shrink=0.0 if small else 0.01,
    )


@dataclass(frozen=True)
class Trained:
    """What came of a call: how far the run is, and where its files lie once it is done."""

    run: Run
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Source:
    """Where pictures come from."""

    data: str
    """A folder, or ``"still-life"``."""
    condition: str = ""
    """Of Still Life, which of its known answers is shown."""
    side: int | None = None
    """Pixels a side, where not the model's."""
    pictures: int | None = None
    """How many of Still Life are drawn."""


def train(
    what: What,
    source: Source,
    model: Model,
    out: Path,
    told: Mapping[str, Any],
    *,
    minutes: float | None = None,
    resume: bool = True,
    quiet: bool = False,
    note: Callable[[str], None] = print,
) -> Trained:
    """Train a side network in a folder, taking up what is there; when all steps are taken, write its files.

    Args:
        what: the kind of network.
        source: the data set.
        model: the network it is for, which stays as it is.
        out: the folder of the run.
        told: what was set of the plan.
        minutes: after which the state is saved and the call ends.
        resume: whether to go on from what is there.
        quiet: no bar.
        note: told what is being done.

    Raises:
        UsageError: an option or the data set is wrong.
        TrainError: the run cannot start or go on.
    """
    plan = plan_of(what, source.data == STILL_LIFE, told)
    examples = examples_for(what, source, model, out, plan, note)
    net = net_for(model, plan)
    stage = stage_of(what, model, net, examples, plan)
    about = {"what": what, **asdict(source), "model": model.fingerprint}
    keep_plan(out, about, plan, resume)
    pace = Pace(minutes=minutes, quiet=quiet)
    note(work_of(plan, stage))
    state = run(stage, out, device=model.device, pace=pace, resume=resume, seed=plan.seed)
    if not state.crew.leads:
        return Trained(state, {})
    files = {"curve": curve(out)}
    if state.done:
        with state.averaged():
            main = isinstance(plan, CyclePlan) and plan.decoder
            files |= exported(net, model, out, main=main, half=plan.half)
    return Trained(state, files)


def work_of(plan: Plan, stage: Stage) -> str:
    """What a whole run takes, as a sentence."""
    open_ = sum(p.numel() for net in stage.nets.values() for p in net.parameters() if p.requires_grad)
    rows = plan.steps * plan.batch * plan.passes
    return (
        f"{plan.steps} steps of {plan.batch} pictures train {open_:,} weights; {rows:,} rows go through the "
        "model and the side network."
    )


def examples_for(
    what: What, source: Source, model: Model, out: Path, plan: Plan, note: Callable[[str], None]
) -> Examples:
    """The data set.

    Raises:
        UsageError: something was said that the data set cannot act on, or it has faults.
    """
    if source.data != STILL_LIFE:
        if source.condition or source.pictures is not None:
            raise UsageError("A folder brings pictures and conditions; leave --condition and --pictures out.")
        return folder(model, Path(source.data), what, plan.held, source.side)
    cycle = what == "cyclenet"
    if source.side is not None or (cycle and source.condition):
        raise UsageError("Still Life has one size, and CycleNet looks at the picture itself; leave that out.")
    home, count = out.parent / "still-life", source.pictures or COUNT
    return drawn(model, home, source.condition, count, held=plan.held, cycle=cycle, note=note)


def keep_plan(out: Path, about: Mapping[str, Any], plan: Plan, resume: bool) -> None:
    """Write down what is being trained, and refuse to go on with a run of something else.

    Raises:
        TrainError: the folder holds another run, numbers of steps aside, or what no training wrote and this
            one would write over.
    """
    taken = next((name for name in WRITTEN if (out / name).exists()), None)
    if taken is not None and not (out / PLAN).is_file():
        raise TrainError(f"The folder {out} holds {taken}, which no training wrote; choose another with -o.")
    told = {**about, "plan": json.loads(plan.model_dump_json(exclude={"steps", "half"}))}
    file = out / PLAN
    if resume and file.is_file() and (out / "state.safetensors").is_file() and read_json(file) != told:
        raise TrainError(
            f"The folder {out} holds a run with other options; choose another with -o, or start with --fresh."
        )
    out.mkdir(parents=True, exist_ok=True)
    atomic.write(file, (json.dumps(told, indent=1) + "\n").encode())
