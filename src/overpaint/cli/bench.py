"""``overpaint bench``: edits whose right answer is known, and the table of what came out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from overpaint.cli.groups import Group
from overpaint.cli.options import FILE, Common, common
from overpaint.errors import UsageError

OUT = Path("runs/bench")


@click.group("bench", cls=Group, short_help="Measure methods on edits with a known answer.")
def command() -> None:
    """Measure editing methods on edits whose right answer is known."""


def several(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Names, said one by one or with commas; each once."""
    names = (name.strip() for text in value for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def settings(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Mapping[str, str]:
    """``KEY=VALUE`` as a mapping."""
    pairs = [text.partition("=") for text in value]
    for name, equals, _ in pairs:
        if not name.strip() or not equals:
            raise UsageError(f"{name[:40]!r} sets no option; write --set KEY=VALUE, as in --set guidance=5.")
    return {name.strip().replace("-", "_"): text.strip() for name, _, text in pairs}


def listed(flag: str, metavar: str, words: str) -> Callable[..., Any]:
    """An option that takes names."""
    return click.option(flag, multiple=True, callback=several, metavar=metavar, help=words)


def running(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every run over cases."""
    for option in (
        common("model", "device", "dtype", "threads"),
        click.option("--out", type=FILE, default=OUT, show_default=True, help="The folder of the results."),
        click.option("--pictures/--no-pictures", default=True, help="Keep them.  [default: --pictures]"),
        click.option("--open", "opening", is_flag=True, help="Show the sheet of pictures when it is done."),
        click.option("--again", is_flag=True, help="Try again what failed before."),
        listed("--give", "region,words,map,concepts", "What those that use it get.  [default: nothing]"),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first cases."),
        listed("--types", "A,B", "Only these types of edit.  [default: all]"),
        click.option("--steps", type=click.IntRange(1, 1000), help="The same as --set steps=N."),
        click.option(
            "--set", "sets", multiple=True, callback=settings, metavar="KEY=VALUE", help="Set an option."
        ),
        listed("--inversions", "A,B", "Each method over each of these.  [default: the method's own]"),
        listed("--methods", "A,B", "What to measure, or all.  [default: p2p]"),
    ):
        command = option(command)
    return command


@command.command("still-life", short_help="On Still Life's 200 cases, or fresh ones.")
@click.option("--seeds", default="fixed", show_default=True, help="fixed, or fresh:7 for others by seed.")
@running
def still_life(common: Common, **said: Any) -> int:
    """Edit drawn pictures by each method and hold every edit against the true answer.

    What is in the folder already is not done again; several processes may share it. Exit code 1: something
    failed on some cases, and a line each says what.
    """
    from overpaint.cli.benching import Wanted, still_life

    return still_life(Wanted(**said), common)


@command.command("pie", short_help="On PIE-Bench, or another folder of pictures and prompts.")
@click.argument("data", type=FILE)
@click.option("--yardsticks", type=FILE, help="A folder with the networks that measure (DINO, CLIP, LPIPS).")
@click.option("--mapping", metavar="FILE", help="The list in DATA, where there are several.")
@running
def pie(data: Path, yardsticks: Path | None, mapping: str | None, common: Common, **said: Any) -> int:
    """Edit the pictures of DATA by each method, and measure as PIE-Bench's own evaluation does.

    DATA is the folder of PIE-Bench (mapping_file.json), of its TI2I mapping, or a plain one: source/ and
    prompts.csv or prompts.json, with masks/ if there are some. Exit code 1: an entry or an edit failed, and a
    line each says what.
    """
    from overpaint.cli.benching import Wanted, pie

    return pie(data, Wanted(seeds="", **said), yardsticks, mapping, common)


@command.command("make-pie", short_help="Draw a data set of PIE-Bench's layout.")
@click.argument("folder", type=FILE)
@click.option("--each", type=click.IntRange(1, 20), default=2, show_default=True, help="Cases of each type.")
def make_pie(folder: Path, each: int) -> None:
    """Draw pictures, masks and prompts into FOLDER, laid out as PIE-Bench is, to try the whole chain."""
    from overpaint.cli.benching import make_pie

    make_pie(folder, each)


@command.command("all", short_help="Make the table of all methods and inversions, and publish it.")
@listed("--methods", "A,B", "Only the rows of these.  [default: all]")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first cases.")
@click.option(
    "--slow",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="An edit that takes longer is made of the first 50 cases only.",
)
@click.option("--again", is_flag=True, help="Try again what failed before.")
@click.option("--dry-run", "planning", is_flag=True, help="Print the rows and the time they take; no more.")
@click.option("--open", "opening", is_flag=True, help="Open the page when it is done.")
@click.option("--out", type=FILE, default=Path("runs/all"), show_default=True, help="The folder of results.")
@click.option("-o", "--output", type=FILE, help="The folder of the tables.  [default: OUT/published]")
@common("model", "device", "dtype", "threads")
def whole(common: Common, **said: Any) -> int:
    """Make every row of the table: each method as it comes and as published, and p2p over every inversion.

    Methods that need a mask are given the true region. It takes a day or two on two cores and says how long
    before it starts; stopped or killed, the same command goes on, and several processes may share a folder.
    """
    from overpaint.cli.whole import Whole, make_table

    return make_table(Whole(**said), common)


@command.command("cost", short_help="Rows and seconds of methods, beside published and bare ones.")
@listed("--methods", "A,B", "What to measure.  [default: all]")
@listed("--inversions", "A,B", "Each method over each of these.  [default: the method's own]")
@click.option("--set", "sets", multiple=True, callback=settings, metavar="KEY=VALUE", help="Set an option.")
@click.option("--steps", type=click.IntRange(1, 1000), help="The same as --set steps=N.")
@listed("--give", "region,words,map,concepts", "What those that use it get.  [default: region]")
@common("model", "device", "dtype", "threads")
def cost(
    methods: tuple[str, ...],
    inversions: tuple[str, ...],
    sets: Mapping[str, str],
    steps: int | None,
    give: tuple[str, ...],
    common: Common,
) -> None:
    """Print what every method asks of the network: rows, and how much longer it takes than these rows alone.

    Each edits one drawn picture, its inversion made anew; the machine should have nothing else to do.
    """
    from overpaint.cli.benching import print_costs

    options = {**sets, **({} if steps is None else {"steps": str(steps)})}
    print_costs(methods or ("all",), inversions, options, give, common)


@command.command("time", short_help="How long edits take where nothing else works.")
@click.argument("folder", type=FILE, default=OUT)
@listed("--methods", "A,B", "Only the rows of these.  [default: all]")
@click.option("--cases", "few", type=click.IntRange(1), default=3, show_default=True, help="Edits of a row.")
@click.option("--again", is_flag=True, help="Measure anew what is known.")
@common("model", "device", "dtype", "threads")
def time(folder: Path, methods: tuple[str, ...], few: int, again: bool, common: Common) -> int:
    """Make a few edits of each row in FOLDER once more, by today's code, and note their time alone.

    The seconds of a long run are those of a machine that others used as well. The machine should have nothing
    else to do; tables show both, and the page draws this one. Stopped, the same command goes on. Exit code 1:
    an edit failed, or is another one than it was, and a line says which.
    """
    from overpaint.cli.timing import note_times

    return note_times(folder, methods, few, again, common)


@command.command("memory", short_help="The most memory of methods at the size of Stable Diffusion.")
@listed("--methods", "A,B", "What to look at.  [default: all]")
@listed("--inversions", "A,B", "Each method over each of these.  [default: the method's own]")
@click.option("--family", default="sd1", show_default=True, help="sd1 (512 px), sd2 (768) or sdxl (1024).")
def memory(methods: tuple[str, ...], inversions: tuple[str, ...], family: str) -> None:
    """Print what an edit by each method takes at the most, found without weights and without a GPU.

    Methods run on networks of the published shapes that have no values; the network is in bfloat16. A minute
    or less for each.
    """
    from overpaint.cli.benching import print_footprints

    print_footprints(methods, inversions, family)


@command.command("signals", short_help="Find anew what tells edits that came off.")
@click.argument("folder", type=FILE, default=OUT)
@common("model", "device", "dtype", "threads")
def signals(folder: Path, common: Common) -> int:
    """Look at the kept pictures of the results in FOLDER, as 'compare' and '--method auto' look at edits.

    Signals that were found by another version of the code are found anew, for 'bench learn'. Stopped, the
    same command goes on; several processes may share a folder.
    """
    from overpaint.cli.telling import tell_signals

    return tell_signals(folder, common)


@command.command("learn", short_help="Learn from results which edits come off, and what to try.")
@click.argument("folder", type=FILE, default=OUT)
@click.option(
    "-o", "--output", type=FILE, help="The folder to write to.  [default: FOLDER itself, made anew]"
)
@click.option("--force", is_flag=True, help="Write over what is there.")
def learn(folder: Path, output: Path | None, force: bool) -> None:
    """Learn from the results in FOLDER which edits come off without their answers, and what to try first.

    Half of the cases teach, the other half shows what the score and every signal by itself are worth (the
    area under the curve against true success) and what '--method auto' achieves with it. Results must be of
    one model and one version of the code, of at least two methods.
    """
    from overpaint.cli.telling import learn_score

    learn_score(folder, output, force)


@command.command("table", short_help="Print the table of a folder of results.")
@click.argument("folder", type=FILE, default=OUT)
@click.option("--csv", "as_csv", is_flag=True, help="Every mean with its interval, for programs.")
def table(folder: Path, as_csv: bool) -> None:
    """Print the results in FOLDER: means, the successes with their 95 % interval, and a breakdown by type."""
    if not folder.exists():
        raise UsageError(
            f"There are no results in {folder}; make some with: overpaint bench still-life --out {folder}"
        )
    from overpaint.cli.benching import print_table

    print_table(folder, as_csv)


@command.command("sheet", short_help="Put pictures of a folder of results on one sheet.")
@click.argument("folder", type=FILE, default=OUT)
@click.option("-o", "--output", type=FILE, required=True, help="The picture to write.")
@listed(
    "--methods", "A,B", "Only these, as the table names them or by method.  [default: all that are there]"
)
@listed("--types", "A,B", "Only these types of edit.  [default: all]")
@click.option("--force", is_flag=True, help="Write over what is there.")
def sheet(folder: Path, output: Path, methods: tuple[str, ...], types: tuple[str, ...], force: bool) -> None:
    """Draw the first case of each type by every method in FOLDER: the picture first, the true answer last.

    Methods are those whose options were left as they come. A green frame says that an edit came off by the
    judge, a red one that it did not; what is missing stays grey, and 'bench still-life --limit 10' makes it.
    """
    from overpaint.cli.benching import draw_sheet

    draw_sheet(folder, output, methods, types, force)


@command.command("publish", short_help="Keep results as tables and a page with pictures.")
@click.argument("folder", type=FILE, default=OUT)
@click.option("-o", "--output", type=FILE, required=True, help="The folder to write to; what is there stays.")
@click.option("--open", "opening", is_flag=True, help="Open the page.")
def publish(folder: Path, output: Path, opening: bool) -> None:
    """Write the results in FOLDER as compact lines, as tables, and as a page to sort, with pictures.

    Other results in the folder that is written to stay; the same edits are replaced. It is a folder of
    results itself, so that 'bench table' and 'bench learn' read it.
    """
    from overpaint.cli.benching import publish_results

    publish_results(folder, output, opening)
