from pathlib import Path

from tests.cli.kit import SOURCE, TARGET
from tests.cli.kit import overpaint as command


def test_the_command_line_takes_it(picture: Path, folder: Path) -> None:
    said = ["edit", picture, "--source", SOURCE, "--target", TARGET, "--model", folder, "--method", "auto"]
    plain = command(*said, "--candidates", "1", "--dry-run")
    assert plain.code == 0 and "Rows through the network: 200" in plain.out, plain.err
    assert command(*said, "--type", "flower").code == 2
    help_ = command("edit", "--method", "auto", "--help").out
    assert "--candidates" in help_ and "--type" in help_
