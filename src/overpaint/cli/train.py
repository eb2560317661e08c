"""``overpaint train``: make the shipped model again, stage by stage."""

from pathlib import Path

import click

from overpaint.cli.words import say

STAGES = (
    "renders, text, vae, latents, decoder, echoes, judge, unet, clip, assemble, known, words, figures, "
    "publish"
)


@click.command(short_help="Train the shipped model again, stage by stage.")
@click.argument("what", type=click.Choice(["still-life"]))
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
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Save the state and stop after so long."
)
@click.option("--steps", type=click.IntRange(1), help="Steps of the one stage, in place of the size's.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps.  [default: the best there is]")
@click.option("--resume/--fresh", default=True, help="Go on from what is in the folder.  [default: --resume]")
@click.option("--toy", is_flag=True, help="A size that runs through in a minute, to see that all works.")
def command(
    what: str,
    size: str,
    stage: str | None,
    out: Path,
    minutes: float | None,
    steps: int | None,
    device: str | None,
    resume: bool,
    toy: bool,
) -> int:
    """Train WHAT (still-life); the same command goes on where an earlier one stopped.

    The denoiser (--stage unet) can be trained by several processes or GPUs, which share every batch: torchrun
    --nproc-per-node N -m overpaint train still-life --stage unet.
    """
    from overpaint.train import train

    try:
        train(what, size, stage, out, minutes=minutes, steps=steps, toy=toy, resume=resume, device=device)
    except KeyboardInterrupt:
        say("Stopped; the same command goes on from the last saved state.")
        return 130
    return 0
