"""One feature of a vital sign or activity: its value, or why there is none.

What every function of the vital-sign features returns; cards and models read nothing else.
"""

from dataclasses import dataclass

from models.features.sampling import DAY_MS


def count_text(number: int, noun: str) -> str:
    """A number of things: `1 reading`, `3,794 readings`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


@dataclass(frozen=True, slots=True)
class Definition:
    """What a feature is, whoever it is computed for: its unit, the days it looks back, where it comes from.

    `needs` says in words what must be there for the value to stand.
    """

    name: str
    unit: str
    days: int
    needs: str
    source: str

    def start_ms(self, as_of_ms: int) -> int:
        """Start of the window that ends at `as_of_ms`; the start itself is outside."""
        return as_of_ms - self.days * DAY_MS

    def known(self, value: float, as_of_ms: int) -> "Feature":
        """The feature with its value."""
        return Feature(self, float(value), self.start_ms(as_of_ms), as_of_ms, None)

    def unknown(self, why_not: str, as_of_ms: int) -> "Feature":
        """The feature without a value: what was found instead of what it needs."""
        return Feature(self, None, self.start_ms(as_of_ms), as_of_ms, f"{why_not}; needs {self.needs}")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature over (start, end]. `value` is None exactly when `why_not` says why."""

    definition: Definition
    value: float | None
    start_ms: int
    end_ms: int
    why_not: str | None

    @property
    def name(self) -> str:
        """Name of its definition, as `resting_heart_rate_change`."""
        return self.definition.name

    @property
    def sufficient(self) -> bool:
        """Whether there was enough to give a value."""
        return self.why_not is None
