import click
import pytest
from tests.cli.kit import overpaint

from overpaint.cli.app import COMMANDS, app
from overpaint.cli.options import MethodCommand, schema_of
from overpaint.inversions.choice import NAMES
from overpaint.registry import METHODS
from overpaint.run.settings import settings_of


def test_help_shows_every_option_of_the_method_with_range_and_default() -> None:
    text = " ".join(overpaint("edit", "--method", "p2p", "--help").out.split())
    for name, setting in settings_of(schema_of("p2p")).items():
        assert f"--{name.replace('_', '-')} " in text
        assert setting.bounds in text
    assert "[default: 50; from 1 to 1000]" in text
    unbroken = text.replace("- ", "-")
    assert "[default: direct; one of cycle, ddim, direct," in text and all(name in unbroken for name in NAMES)


def test_the_number_of_candidates_has_a_short_name() -> None:
    said = overpaint("edit", "--method", "blended-latent", "--help")
    assert "-n, --samples" in said.out and "-n, " not in overpaint("edit", "--help").out


def test_help_follows_the_method_and_its_components() -> None:
    assert "--strength" in overpaint("edit", "--method=sdedit", "--help").out
    assert "--strength" not in overpaint("edit", "--help").out
    assert "--inversion.inner" not in overpaint("edit", "--help").out
    assert "--inversion.inner" in overpaint("edit", "--inversion", "null-text", "--help").out


GIVES_WAY = {"--learned", "--force"}
"""Options of commands that a method may have itself, for files of its own."""


@pytest.mark.parametrize("method", METHODS)
def test_no_option_of_a_method_hides_one_of_a_command(method: str) -> None:
    for name in COMMANDS:
        command = app.get_command(click.Context(app), name)
        if isinstance(command, MethodCommand):
            own = {opt for param in command.params for opt in param.opts} - GIVES_WAY
            assert not own & {f"--{key.replace('_', '-')}" for key in settings_of(schema_of(method))}


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--stepz", "3"], "There is no option --stepz; did you mean --steps?"),
        (["--method", "p2q"], "There is no method 'p2q'; did you mean 'p2p'?"),
        (["--inversion", "nul-text"], "There is no inversion 'nul-text'; did you mean 'null-text'?"),
        (["--inversion.inner", "5"], "There is no option --inversion.inner; "),
        (["--strength", "0.5"], "There is no option --strength; "),
        (["--seed", "abc"], "'abc' is not a valid integer."),
        (["--method"], "Option '--method' requires an argument."),
        ([], "Missing argument 'PICTURE'."),
        (["a.png", "b.png"], "unexpected extra argument"),
    ],
)
def test_wrong_names_are_found_without_a_model(args: list[str], sentence: str) -> None:
    said = overpaint("edit", *args)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1
