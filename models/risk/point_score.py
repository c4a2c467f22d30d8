"""Published point scores: tables of bands, the parts of an answer, and ranges where an input is missing.

Sits under every score of Layer A. A missing input contributes its lowest and its highest points, so the
answer is a range; nothing is ever taken as if it had been unremarkable.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from models.assessment import Assessment, Contribution, Input, NotAssessed, Outcome, Reason, ReasonCode


@dataclass(frozen=True, slots=True)
class Bands:
    """A printed table: `points[i]` up to and including `upper[i]`, the last points above every bound.

    `step` is the resolution at which the table is printed; a value is rounded to it (half up) first.
    """

    upper: tuple[float, ...]
    points: tuple[int, ...]
    step: float = 1

    def at(self, value: float) -> int:
        """Points of a value."""
        printed = Decimal(str(value)).quantize(Decimal(str(self.step)), ROUND_HALF_UP)
        return self.points[bisect_left(self.upper, float(printed))]


@dataclass(frozen=True, slots=True)
class Part:
    """One item of a score: fewest and most points that it can have; equal where the input is known."""

    name: str
    low: int
    high: int
    value: float | None = None

    @property
    def missing(self) -> bool:
        """Whether the input does not settle the points."""
        return self.low != self.high


@dataclass(frozen=True, slots=True)
class PointScore:
    """A score's answer: the range of its total, the bands it can lie in, and its parts."""

    low: int
    high: int
    bands: tuple[str, ...]
    parts: tuple[Part, ...]
    source: str

    @property
    def complete(self) -> bool:
        """Whether one total is left."""
        return self.low == self.high

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the items that leave a range."""
        return tuple(part.name for part in self.parts if part.missing)


@dataclass(frozen=True, slots=True)
class Score:
    """What a published score is: its name, version and source, its bands, and when it is positive.

    `bands` is (least total, name), ascending; the score is positive from `positive_from` points.
    """

    model: str
    version: str
    source: str
    bands: tuple[tuple[int, str], ...]
    positive_from: int

    def answer(
        self, parts: Sequence[Part], inputs: Sequence[Input], as_of_ms: int
    ) -> Assessment[PointScore] | NotAssessed:
        """The total as a range. PARTIAL where the range crosses the threshold, NotAssessed without inputs."""
        if not inputs:
            text = "none of the score's inputs is at hand"
            return NotAssessed(
                self.model, self.version, as_of_ms, (Reason(ReasonCode.MISSING, self.model, text),)
            )
        low, high = sum(part.low for part in parts), sum(part.high for part in parts)
        found = PointScore(low, high, self.bands_between(low, high), tuple(parts), self.source)
        return Assessment(
            model=self.model,
            version=self.version,
            as_of_ms=as_of_ms,
            outcome=self._outcome(low, high),
            result=found,
            contributions=tuple(Contribution(p.name, p.value, float(p.low)) for p in parts if not p.missing),
            inputs=tuple(inputs),
            notes=tuple(
                Reason(ReasonCode.MISSING, name, f"{name.replace('_', ' ')} is not known")
                for name in found.missing
            ),
        )

    def bands_between(self, low: int, high: int) -> tuple[str, ...]:
        """Names of the bands that totals from `low` to `high` fall in."""
        starts = [start for start, _ in self.bands]
        first, last = (bisect_left(starts, total + 1) - 1 for total in (low, high))
        return tuple(name for _, name in self.bands[first : last + 1])

    def _outcome(self, low: int, high: int) -> Outcome:
        if low >= self.positive_from:
            return Outcome.ASSESSED_POSITIVE
        return Outcome.ASSESSED_NEGATIVE if high < self.positive_from else Outcome.PARTIAL


def banded(name: str, given: Input | None, bands: Bands) -> Part:
    """An item read from a table of bands."""
    if given is None:
        return Part(name, min(bands.points), max(bands.points))
    value = float(given.value)
    return Part(name, bands.at(value), bands.at(value), value)


def present(name: str, given: Input | None, points: int) -> Part:
    """A yes-or-no item: `points` where the input's value is not zero."""
    if given is None:
        return Part(name, min(0, points), max(0, points))
    scored = points if float(given.value) else 0
    return Part(name, scored, scored, float(given.value))


def known(*inputs: Input | None) -> tuple[Input, ...]:
    """The inputs that are at hand."""
    return tuple(given for given in inputs if given is not None)
