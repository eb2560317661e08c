"""Results beside the best one, and the layers a result is made of, as files."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from overpaint import registry
from overpaint.cli.options import Common
from overpaint.errors import UsageError
from overpaint.images import check_output, save_picture
from overpaint.images.encoding import holds_alpha
from overpaint.run.plan import Job
from overpaint.run.result import Edit


def results_places(path: Path, count: int) -> list[Path]:
    """Where every result goes, best first: a number behind the name."""
    return [path.with_name(f"{path.stem}-{k}{path.suffix}") for k in range(1, count + 1)]


def layers_places(path: Path, names: Collection[str]) -> dict[str, Path]:
    """Where layers go: one into the very file, several into files with their names behind."""
    if len(names) == 1:
        return dict.fromkeys(names, path)
    return {name: path.with_name(f"{path.stem}-{name}{path.suffix}") for name in sorted(names)}


def check_several(job: Job, common: Common, others: Collection[Path]) -> None:
    """Refuse files that could not be written, or that nothing would be written into, before any work.

    ``others`` are the files that are written besides.

    Raises:
        UsageError: the method gives no such thing, a name is taken, or the format has no opacity.
    """
    card, count = job.method.card, job.method.card.results(job.method)
    places = list[Path]()
    if common.all_out is not None:
        if count == 1:
            raise UsageError(
                f"With these options the method {card.name!r} gives one result, which -o writes; leave out "
                "--all-out, or ask for several."
            )
        places += results_places(common.all_out, count)
    if common.layers_out is not None:
        names = card.layers(job.method)
        if not names:
            having = [kind.card.name for kind in registry.every() if kind.card.layers(kind())]
            raise UsageError(
                f"With these options the method {card.name!r} makes no layers; leave out --layers-out, or "
                f"choose one that does: {', '.join(having)}."
            )
        if not holds_alpha(common.layers_out):
            raise UsageError(
                "A JPEG holds no transparency, so no layer; let --layers-out end in .png or .webp."
            )
        places += layers_places(common.layers_out, names).values()
    for place in places:
        check_output(place, overwrite=common.overwrite, fresh_name=common.fresh_name)
    whole = [place.parent.resolve() / place.name for place in (*places, *others)]
    if len(set(whole)) < len(whole):
        raise UsageError("Two of the files to write have the same name; choose others.")


def write_several(edit: Edit, common: Common) -> Mapping[str, Path]:
    """Write what was asked for; each result has the recipe that makes it again."""
    files, how = dict[str, Path](), dict[str, Any]()
    how |= {"overwrite": common.overwrite, "fresh_name": common.fresh_name}
    if common.all_out is not None:
        places = results_places(common.all_out, len(edit.every))
        for k, place in enumerate(places, 1):
            files[f"result-{k}"] = edit.one(k).save(place, quality=common.quality, **how)
    if common.layers_out is not None:
        places = layers_places(common.layers_out, edit.layers)
        for name, place in places.items():
            files[f"layer-{name}"] = save_picture(edit.layers[name], place, **how)
    return files
