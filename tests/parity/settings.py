"""Settings of a file, read one by one: what nobody asks for is unknown, and is said."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tests.parity.figures import Unknown

T = TypeVar("T")
NOTHING: Any = object()


class Settings:
    """The settings as other code wrote them down. Each is read by name; `done` finds those that were not."""

    def __init__(self, values: Mapping[str, Any], under: str = "") -> None:
        self.values, self.under = dict(values), under
        self.read: set[str] = set()
        self.inner: list[Settings] = []

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def called(self, name: str) -> str:
        """The name of a setting, with that of the one it is part of."""
        return f"{self.under}.{name}" if self.under else name

    def get(self, name: str, default: Any = NOTHING) -> Any:
        """A setting as it stands."""
        self.read.add(name)
        if name not in self.values and default is NOTHING:
            raise Unknown(f"the setting {self.called(name)!r} is missing")
        return self.values.get(name, default)

    def take(self, name: str, read: Callable[[Any], T], default: Any = NOTHING) -> T:
        """A setting made into something else; what cannot be is named."""
        value = self.get(name, default)
        try:
            return read(value)
        except (TypeError, ValueError, KeyError, LookupError):
            raise self.odd(name, value) from None

    def number(self, name: str, default: Any = NOTHING) -> float:
        """A number; a word or a truth value is none."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.odd(name, value)
        return float(value)

    def count(self, name: str, default: Any = NOTHING) -> int:
        """A whole number."""
        value = self.number(name, default)
        if value != int(value):
            raise self.odd(name, value)
        return int(value)

    def text(self, name: str, default: Any = NOTHING) -> str:
        """A text."""
        value = self.get(name, default)
        if not isinstance(value, str):
            raise self.odd(name, value)
        return value

    def flag(self, name: str, default: Any = NOTHING) -> bool:
        """Yes or no."""
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise self.odd(name, value)
        return value

    def one_of(self, name: str, choices: Mapping[Any, T], default: Any = NOTHING) -> T:
        """One of a few values, each with what it means here."""
        value = self.get(name, default)
        for known, meant in choices.items():
            if value == known and isinstance(value, bool) == isinstance(known, bool):
                return meant
        raise self.odd(name, value)

    def must(self, name: str, *known: Any, default: Any = NOTHING) -> None:
        """A setting that has one meaning only here; without a default it may be left out."""
        if name in self.values or default is not NOTHING:
            self.one_of(name, {value: value for value in known}, default)
        self.read.add(name)

    def part(self, name: str) -> "Settings | None":
        """Settings inside a setting, or nothing where there are none."""
        value = self.get(name, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.odd(name, value)
        self.inner.append(Settings(value, self.called(name)))  # pyright: ignore[reportUnknownArgumentType]
        return self.inner[-1]

    def label(self, *names: str) -> None:
        """Settings that tell a reader something, and change nothing."""
        self.read.update(names)

    def odd(self, name: str, value: Any) -> Unknown:
        """The error for a value nobody knows."""
        return Unknown(f"the setting {self.called(name)!r} has the unknown value {value!r}")

    def done(self) -> None:
        """Refuse what nobody asked for.

        Raises:
            Unknown: there are settings left; it names them.
        """
        left = self.unread()
        if left:
            raise Unknown(f"unknown setting{'s' * (len(left) > 1)}: {', '.join(left)}")

    def unread(self) -> list[str]:
        """The settings nobody asked for."""
        own = [self.called(name) for name in self.values if name not in self.read]
        return own + [name for part in self.inner for name in part.unread()]
