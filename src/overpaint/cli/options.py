"""Options: those every command has, and those of a method, which come from its schema."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from overpaint import registry
from overpaint.cli.completing import among
from overpaint.cli.words import number, shown
from overpaint.errors import UsageError
from overpaint.near import near, nearest
from overpaint.run.belonging import hint, whose
from overpaint.run.settings import Setting, settings_of

FILE = click.Path(path_type=Path)
METAVARS = {
    "string": "TEXT",
    "integer": "INTEGER",
    "number": "NUMBER",
    "component": "NAME",
    "object": "WORD=VALUE",
}


@dataclass(frozen=True)
class Common:
    """What commands that do work are told beside what to do."""

    model: str | None = None
    loras: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()
    prediction: str | None = None
    tokenizer: str | None = None
    force: bool = False
    """Whether concepts are read that were learned on another model."""
    download: bool = False
    origin: Any = None
    """An `overpaint.files.provenance.Origin` from a recipe, in place of the four that say the same."""
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    memory: str | None = None
    offload: bool = False
    at_once: int | None = None
    """Rows that go through the network together, from a recipe."""
    cache: bool = True
    output: Path | None = None
    overwrite: bool = False
    fresh_name: bool = False
    quality: int | None = None
    fit: str | None = None
    alpha: str | None = None
    background: str | None = None
    mask: Path | None = None
    mask_box: str | None = None
    map: Path | None = None
    mask_words: str | None = None
    mask_diff: bool = False
    grow: int | None = None
    extend: str | None = None
    context: int | None = None
    feather: int | None = None
    regions: tuple[str, ...] = ()
    segments: Path | None = None
    segment_words: str | None = None
    controls: tuple[str, ...] = ()
    control_out: Path | None = None
    max_pixels: int | None = None
    max_bytes: int | None = None
    look: bool = True
    as_json: bool = False
    dry_run: bool = False
    maps: Path | None = None
    mask_out: Path | None = None
    all_out: Path | None = None
    layers_out: Path | None = None
    strip: Path | None = None
    preview: Path | None = None

    @property
    def framing(self) -> dict[str, Any]:
        """What was said about how the picture is shown to the model and put back."""
        names = ("fit", "alpha", "background", "feather", "context", "grow", "extend")
        told = {name: getattr(self, name) for name in names}
        return {name: value for name, value in told.items() if value is not None}

    @property
    def where(self) -> Any:
        """Where the picture may change (`overpaint.run.where.Where`)."""
        from overpaint.run.where import Where

        return Where(self.mask, self.mask_box, self.mask_words, self.mask_diff)


COMMON: Mapping[str, Callable[..., Any]] = {
    "model": click.option("--model", help="A name, folder, file or id of the Hub.  [default: still-life]"),
    "loras": click.option("--lora", "loras", metavar="FILE[:0.8]", multiple=True, help="Add a LoRA."),
    "embeddings": click.option(
        "--embedding", "embeddings", metavar="FILE[:WORD]", multiple=True, help="Teach the model a word."
    ),
    "learned": click.option(
        "--learned", "learned", metavar="FILE[:WORD]", multiple=True, help="Use a concept: 'learn p-plus'."
    ),
    "force": click.option(
        "--force", is_flag=True, default=None, help="Use concepts that were learned on another model."
    ),
    "prediction": click.option("--prediction", metavar="epsilon|v", help="Of a model that cannot tell."),
    "tokenizer": click.option("--tokenizer", metavar="FOLDER", help="For a checkpoint in one file."),
    "download": click.option(
        "--download", is_flag=True, default=None, help="Fetch what is not here from the Hub."
    ),
    "device": click.option("--device", help="cpu, cuda, cuda:1 or mps.  [default: the best there is]"),
    "dtype": click.option("--dtype", help="float32, float16 or bfloat16.  [default: what suits the device]"),
    "threads": click.option(
        "--threads", type=click.IntRange(1, 256), help="Threads, as many as cores at most."
    ),
    "memory": click.option("--memory", metavar="4GB", help="What it may take; rows then go apart."),
    "offload": click.option(
        "--offload", is_flag=True, default=None, help="Let parts wait on the CPU until they are used."
    ),
    "cache": click.option("--cache/--no-cache", default=None, help="Keep inversions.  [default: --cache]"),
    "output": click.option("-o", "--output", type=FILE, help="The file to write: .png, .jpg or .webp."),
    "overwrite": click.option("--overwrite", is_flag=True, default=None, help="Replace files that exist."),
    "fresh_name": click.option(
        "--fresh-name", is_flag=True, default=None, help="Add a number to a name that is taken."
    ),
    "quality": click.option("--quality", type=int, help="Of a JPEG or WebP, 1 to 100.  [default: 95, 90]"),
    "fit": click.option(
        "--fit",
        metavar="pad|crop",
        help="The whole picture, or the middle in the model's shape.  [default: pad]",
    ),
    "alpha": click.option(
        "--alpha", metavar="keep|flatten", help="What becomes of transparency.  [default: keep]"
    ),
    "background": click.option(
        "--background", metavar="COLOUR", help="What shows through.  [default: white]"
    ),
    "mask": click.option(
        "--mask",
        type=FILE,
        help="A picture, white where yours may change, or runs in JSON (COCO, PIE-Bench).",
    ),
    "mask_box": click.option("--mask-box", metavar="X,Y,W,H", help="A rectangle that may change."),
    "map": click.option(
        "--map",
        type=FILE,
        help="What is to be where: a map that overpaint regions wrote, painted over.",
    ),
    "mask_words": click.option(
        "--mask-words", metavar="WORDS", help="What these words speak of may change: ball, red cube."
    ),
    "mask_diff": click.option(
        "--mask-diff",
        is_flag=True,
        default=None,
        help="What source and target disagree about may change.",
    ),
    "grow": click.option("--grow", type=int, metavar="PIXELS", help="Widen the mask.  [default: 0]"),
    "extend": click.option(
        "--extend", metavar="left=64,top=0", help="Add pixels to sides of the picture, which may change."
    ),
    "context": click.option(
        "--context", type=int, metavar="PIXELS", help="Show the model just the mask and so much around it."
    ),
    "feather": click.option(
        "--feather", type=int, metavar="PIXELS", help="Fade inside the mask's border.  [default: 0]"
    ),
    "regions": click.option(
        "--region",
        "regions",
        metavar="FILE:WORDS",
        multiple=True,
        help="What is to be where FILE is white; without words what the picture shows there.",
    ),
    "segments": click.option("--segments", type=FILE, help="One picture of all regions, by value or colour."),
    "segment_words": click.option(
        "--regions", "segment_words", metavar="1=WORDS, 2=WORDS", help="What the segments show."
    ),
    "controls": click.option(
        "--control",
        "controls",
        metavar="NET=PICTURE:0.8@0-0.6",
        multiple=True,
        help="Let a side network speak: ControlNet or T2I-Adapter.",
    ),
    "control_out": click.option("--control-out", type=FILE, help="Write what the side network looks at."),
    "max_pixels": click.option(
        "--max-pixels", callback=number, metavar="NUMBER", help="Largest picture read.  [default: 50M]"
    ),
    "max_bytes": click.option(
        "--max-bytes", callback=number, metavar="NUMBER", help="Largest file read.  [default: 67M]"
    ),
    "look": click.option(
        "--look/--no-look",
        default=None,
        help="Look first whether the model knows such pictures.  [default: --look]",
    ),
    "as_json": click.option("--json", "as_json", is_flag=True, default=None, help="Figures for programs."),
    "dry_run": click.option("--dry-run", is_flag=True, default=None, help="Say what it would take."),
    "maps": click.option("--maps", type=FILE, help="Write where each word of the prompt looks."),
    "mask_out": click.option("--mask-out", type=FILE, help="Write the mask that was used."),
    "all_out": click.option(
        "--all-out", type=FILE, help="Write every result of several: NAME-1.png, the best, and so on."
    ),
    "layers_out": click.option(
        "--layers-out", type=FILE, help="Write the layers that the result is made of, with their opacity."
    ),
    "strip": click.option("--strip", type=FILE, help="Write source, edit and true answer side by side."),
    "preview": click.option("--preview", type=FILE, help="Keep writing the latest preview while it works."),
}
TOGETHER = {
    "threads": ("threads", "memory", "offload"),
    "model": ("model", "loras", "embeddings", "learned", "force", "prediction", "tokenizer", "download"),
    "writing": ("output", "overwrite", "fresh_name", "quality"),
    "beside": ("controls", "control_out"),
    "told": ("regions", "segments", "segment_words"),
    "several": ("all_out", "layers_out"),
    "framing": ("fit", "alpha", "background", "mask", "mask_box", "grow", "context", "feather"),
    "seeking": ("mask_words", "mask_diff", "extend"),
    "limits": ("max_pixels", "max_bytes"),
}
"""Options that a command has all of or none of."""
SEED = click.option("--seed", type=int, default=0, help="Of all random draws.  [default: 0]")


def common(*names: str, **here: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command these of the common options; it receives them as one `Common`.

    ``here`` are those that mean something of their own in this command.
    """
    options = {**COMMON, **here}
    names = tuple(one for name in names for one in TOGETHER.get(name, (name,)))

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def gathered(**said: Any) -> Any:
            own = {name: said.pop(name, None) for name in names}
            if concepts := own.pop("learned", None):
                own["embeddings"] = (*own["embeddings"], *concepts)
            return command(common=Common(**{k: v for k, v in own.items() if v is not None}), **said)

        gathered.__doc__ = command.__doc__
        for name in reversed(names):
            gathered = options[name](gathered)
        return gathered

    return decorate


SHORT = {"samples": ["-n"]}  # further names of options


class SettingOption(click.Option):
    """An option of a method, or of one of its components (``--inversion.inner``)."""

    def __init__(self, path: tuple[str, ...], setting: Setting) -> None:
        self.path, self.joins = ".".join(path), not setting.items
        flag, name = "--" + self.path.replace("_", "-"), "setting_" + "_".join(path)
        boolean, several = setting.kind == "boolean", setting.kind == "object" or bool(setting.items)
        super().__init__(
            [*SHORT.get(self.path, ()), f"{flag}/--no-{flag[2:]}" if boolean else flag, name],
            type=bool if boolean else str,
            default=None,
            multiple=several,
            metavar=None if boolean else "|".join(setting.choices) or METAVARS.get(setting.kind, "VALUE"),
            help=f"{setting.description[:1].upper()}{setting.description[1:]}.  [{told(setting)}]",
            shell_complete=among(setting.parts or setting.choices),
        )


def told(setting: Setting) -> str:
    """Default and range of a setting, for its help."""
    value = setting.part if setting.kind == "component" else setting.default
    default = "none" if value in ("", None) or value == {} else shown(str(value))
    among = f"one of {', '.join(setting.parts)}" if setting.parts else setting.alternatives or setting.bounds
    return f"default: {default.lower() if setting.kind == 'boolean' else default}" + (
        f"; {among}" if among else ""
    )


class MethodCommand(click.Command):
    """A command that has the options of a method: of the one ``--method`` names, or of a fixed one."""

    fixed: str | None = None
    default: str = "p2p"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Look for the names that decide which options there are, then read all of them."""
        ctx.meta["overpaint.args"] = list(args)
        return super().parse_args(ctx, args)

    def method(self, ctx: click.Context) -> str:
        """The method whose options apply."""
        return self.fixed or said(ctx, "--method") or self.default

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own and the method's, which come first where both have one of that name."""
        return [*self.plain(ctx), *self.settings(ctx)]

    def plain(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own that the method has not got itself."""
        taken = {one.path for one in self.settings(ctx)}
        return [param for param in super().get_params(ctx) if param.name not in taken & {"learned", "force"}]

    def settings(self, ctx: click.Context) -> list[SettingOption]:
        """The method's, made once a run; while a shell completes a line, none of one that there is not."""
        if "overpaint.run.settings" not in ctx.meta:
            try:
                found = list(options_of(self.method(ctx), ctx))
            except UsageError:
                if not ctx.resilient_parsing:
                    raise
                found = []
            ctx.meta["overpaint.run.settings"] = found
        return ctx.meta["overpaint.run.settings"]

    def invoke(self, ctx: click.Context) -> Any:
        """Hand the method's options over as one mapping."""
        options: dict[str, Any] = {}
        for option in self.settings(ctx):
            value = ctx.params.pop(option.name)
            if value not in (None, ()):
                options[option.path] = joined(value) if option.joins else value
        ctx.params["options"] = options
        return super().invoke(ctx)

    def missed(self, ctx: click.Context, flag: str) -> str:
        """The end of a sentence about a flag that there is not: whose it is, or which one was meant."""
        name, own = flag.lstrip("-").replace("-", "_"), settings_of(schema_of(self.method(ctx)))
        flags = [one for param in self.get_params(ctx) for one in param.opts if one.startswith("--")]
        meant = near(flag, flags)
        if meant is not None and whose(name, own) is None:
            return f"did you mean {meant}?"
        return hint(name, own)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then the method's, then those of its components."""
        own = [p for p in self.plain(ctx) if not isinstance(p, click.Argument)]
        groups: dict[str, list[click.Parameter]] = {"Options": own}
        for option in self.settings(ctx):
            head, dot, _ = option.path.partition(".")
            chosen = ctx.meta.get(f"overpaint.part.{head}", "")
            title = f"Options of --{head} {chosen}".rstrip() if dot else f"Options of {self.method(ctx)}"
            groups.setdefault(title, []).append(option)
        for title, options in groups.items():
            with formatter.section(title):
                formatter.write_dl([r for p in options if (r := p.get_help_record(ctx)) is not None])


def joined(value: Any) -> Any:
    """What was said several times, as the list that the option's own check takes apart."""
    return ", ".join(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value


def said(ctx: click.Context, flag: str) -> str | None:
    """What the command line says behind a flag, before it has been read in earnest."""
    args: Sequence[str] = ctx.meta.get("overpaint.args", [])
    for k, word in enumerate(args):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag and k + 1 < len(args):
            return args[k + 1]
    return None


def schema_of(method: str) -> Mapping[str, Any]:
    """The schema of a method's options: stored for ours, made for a plugin's."""
    if method in registry.UNLISTED:
        return registry.read_unlisted(method)
    stored = registry.read_summary()
    if method not in stored:
        registry.known(method, [registry.CHOOSING])
    if method in stored:
        return cast(Mapping[str, Any], stored[method]["schema"])
    from overpaint.run.request import kind_of  # this imports the network libraries

    return kind_of(method).model_json_schema()


def options_of(method: str, ctx: click.Context) -> Iterator[SettingOption]:
    """One option for each setting, and for each setting of the components that are chosen."""
    for name, setting in settings_of(schema_of(method)).items():
        if not setting.alone:
            yield SettingOption((name,), setting)
        if setting.parts:
            part = setting.part if setting.alone else said(ctx, "--" + name.replace("_", "-")) or setting.part
            if part not in setting.parts:
                raise UsageError(f"There is no {name} {part!r}; {nearest(part, setting.parts)}")
            ctx.meta[f"overpaint.part.{name}"] = part
            for inner, one in setting.parts[part].items():
                yield SettingOption((name, inner), one)
