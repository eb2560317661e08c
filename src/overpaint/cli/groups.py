"""Commands that have commands of their own."""

import click

from overpaint.errors import UsageError
from overpaint.near import nearest


class Group(click.Group):
    """Names the command that was probably meant, or all there are."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; while a shell completes a line, none is no error."""
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing:
            there = nearest(cmd_name, self.commands)
            raise UsageError(f"There is no command {cmd_name!r} of {ctx.info_name!r}; {there}")
        return found
