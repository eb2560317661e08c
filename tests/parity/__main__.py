"""``python -m tests.parity [--from DIR] [--ends | --every-step] [--only NAME ...]``: measure and print."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tests.parity.adapters import Reach
from tests.parity.figures import Row
from tests.parity.golden import GOLDEN
from tests.parity.table import Job, files, prepare, run, seconds_a_row, summary, table


def asked(arguments: list[str]) -> tuple[Path, Reach, list[str]]:
    """The folder, how far to go, which files: all steps of a folder that is named, both ends of our own."""
    parser = ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument(
        "--from", dest="folder", type=Path, help="a folder of stored arrays; by itself our own"
    )
    parser.add_argument("--every-step", action="store_true", help="every stored array, the whole way")
    parser.add_argument("--ends", action="store_true", help="only next to the first and the last kept step")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="files whose name contains this"
    )
    said = parser.parse_args(arguments)
    whole = said.every_step or (said.folder is not None and not said.ends)
    return said.folder or GOLDEN, "whole" if whole else "ends", said.only


def main(arguments: list[str]) -> int:
    """Run, print the table, and say with the exit code whether anything failed: 1 a row, 2 nothing to run."""
    folder, reach, only = asked(arguments)
    found = [f for f in files(folder) if not only or any(part in f.stem for part in only)]
    if not found:
        print(
            f"There are no stored arrays in {folder}; name a folder of .safetensors files.", file=sys.stderr
        )
        return 2
    jobs = [prepare(file) for file in found]
    rows = list(_watched(jobs, reach))
    print(table(rows))
    print(summary(rows))
    return int(any(row.failed for row in rows))


def _watched(jobs: list[Job], reach: Reach) -> Iterator[Row]:
    total = sum(job.rows(reach) for job in jobs)
    minutes = total * seconds_a_row() / 60
    console = Console(stderr=True)
    console.print(f"{len(jobs)} files, about {minutes:.1f} minutes.")
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("parity", total=max(total, 1))
        for row in run(jobs, reach, lambda n: bar.advance(task, n)):
            bar.update(task, description=row.file)
            if row.failed and row.adapted:
                console.print(str(row), soft_wrap=True, markup=False, highlight=False)
            yield row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
