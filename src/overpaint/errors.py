"""The errors a user can meet: each is one sentence that says what is wrong and what to do."""


class OverpaintError(Exception):
    """One sentence for the person at the keyboard, raised before any work starts."""


class UsageError(OverpaintError):
    """What was asked for cannot be done as asked: a missing file, an unknown option, a value out of range."""


class NotFinite(OverpaintError):
    """Numbers became infinite or none at all on the way; nothing that follows would mean anything."""
