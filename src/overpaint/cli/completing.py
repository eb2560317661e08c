"""What a shell offers for a value that is being typed."""

from collections.abc import Callable, Iterable

import click

from overpaint import registry

Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def among(names: Iterable[str]) -> Offer:
    """Those of the names that begin as what was typed."""
    known = list(names)

    def offered(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
        return [name for name in known if name.startswith(begun)]

    return offered


METHOD = click.option(
    "--method",
    default="p2p",
    show_default=True,
    help="See: overpaint methods.",
    shell_complete=among([*registry.METHODS, registry.CHOOSING]),
)
