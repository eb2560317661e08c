"""The errors a user can meet: each is one sentence that says what is wrong and what to do."""

import os
import traceback


class OverpaintError(Exception):
    """One sentence for the person at the keyboard, raised before any work starts."""


class UsageError(OverpaintError):
    """What was asked for cannot be done as asked: a missing file, an unknown option, a value out of range."""


class NotFinite(OverpaintError):
    """Numbers became infinite or none at all on the way; nothing that follows would mean anything."""


class OutOfMemory(OverpaintError):
    """Memory ran out, and fewer rows at a time do not help."""


WORDS_FOR_SHORTAGE = ("can't allocate memory", "out of memory", "ALLOC_FAILED")


def short_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, in the words of Python, of accelerators or of the processor's allocator."""
    names = {kind.__name__ for kind in type(error).__mro__}
    told = isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS_FOR_SHORTAGE)
    return told or bool(names & {"MemoryError", "OutOfMemoryError"})


def sentence(error: Exception) -> str:
    """What to say of an error to people: its own sentence, if it has one."""
    return str(error) if isinstance(error, OverpaintError) else unforeseen(error)


def unforeseen(error: Exception) -> str:
    """What to say of an error that nobody foresaw."""
    if os.environ.get("OVERPAINT_DEBUG") == "1":
        traceback.print_exception(error)
    if short_of_memory(error):
        return "The work does not fit into memory; use a smaller picture or model."
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"Internal error ({said[:200]}); OVERPAINT_DEBUG=1 shows where."
