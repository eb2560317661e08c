"""The command line: one small file a command; nothing here imports a network library before it is needed."""


def main() -> None:
    """The entry point ``overpaint``."""
    from overpaint.cli.app import app
    from overpaint.cli.words import resolve

    resolve()
    app()


__all__ = ["main"]
