"""Files by their content, beside the queue: what came in, and what came out with its recipe inside."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.ledger.entry import LedgerError


@dataclass(frozen=True)
class Shelf:
    """A folder of files that are named by the hash of what they hold, so that none is there twice."""

    folder: Path

    def put(self, data: bytes, suffix: str) -> str:
        """Keep a file, and give what it is known by.

        Raises:
            LedgerError: it cannot be written.
        """
        blob = sha256(data).hexdigest()
        place = self.place(blob, suffix)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                place.touch()  # young again, so that nobody takes it for forgotten
            else:
                atomic.write(place, data)
        except OSError as error:
            raise LedgerError(
                f"The results in {self.folder} cannot be written ({error.strerror or error}); make room, and "
                "the work goes on."
            ) from None
        return blob

    def place(self, blob: str, suffix: str) -> Path:
        """Where a file is, by what it is known by and the end of its name."""
        return self.folder / blob[:2] / f"{blob}{suffix}"

    def read(self, blob: str, suffix: str) -> bytes:
        """What a file holds.

        Raises:
            UsageError: it is not here, or not what it was.
        """
        try:
            data = self.place(blob, suffix).read_bytes()
        except OSError:
            data = b""
        if sha256(data).hexdigest() != blob:
            raise UsageError("The file is not kept any more; ask for the work again.")
        return data
