import pytest
from click.shell_completion import ShellComplete
from tests.cli.kit import overpaint

from overpaint.cli.app import app


@pytest.mark.parametrize(
    ("line", "begun", "wanted"),
    [
        ("", "ed", ["edit"]),
        ("edit --method", "edi", ["edict", "edit-friendly"]),
        ("edit", "--cross", ["--cross-replace"]),
        ("edit --inversion null-text", "--inversion.inn", ["--inversion.inner"]),
        ("edit --inversion", "null", ["null-text"]),
        ("edit --method p2p --kind", "s", ["swap"]),
        ("generate --method", "p", ["p-plus"]),
        ("bench", "pi", ["pie"]),
        ("edit --method nothing", "--cross", []),
        ("nothing", "x", []),
        ("models nothing", "x", []),
    ],
)
def test_a_shell_is_offered_what_there_is(line: str, begun: str, wanted: list[str]) -> None:
    shell = ShellComplete(app, {}, "overpaint", "_OVERPAINT_COMPLETE")
    assert [one.value for one in shell.get_completions(line.split(), begun)] == wanted


def test_commands_of_commands_are_named_as_all_others() -> None:
    said = overpaint("bench", "stil-life")
    assert said.code == 2 and "'stil-life' of 'bench'; did you mean 'still-life'?" in said.err
    assert "There is no command 'list' of 'models'; there are: check." in overpaint("models", "list").err


def test_help_says_what_holds_for_the_command_at_hand() -> None:
    def help_of(*command: str) -> str:
        return " ".join(overpaint(*command, "--help").out.split())

    for name in ("inpaint", "outpaint", "remove"):
        assert "[default: still-life-inpaint]" in help_of(name)
    assert "[default: 4]" in help_of("remove") and "[default: the recipe's]" in help_of("rerun")
    for name in ("compare", "demo"):
        assert "-o, --output PATH The folder to write to." in help_of(name)
    assert "Keep inversions" not in help_of("direction") + help_of("learn", "imagic")
