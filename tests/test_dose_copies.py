"""Copies of doses by a second device: found as the plain definition finds them, however many doses there are."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers import dose_copies
from fhir_mappers.dose_copies import DOSE_COPY_MS, without_copies
from fhir_mappers.pace import Pace
from fhir_mappers.row import Row

MANY = 2_000


def dose(number: int, at_ms: int = 0, lasts_ms: int = 0, value: float = 1.0, source: str = "pump") -> Row:
    """A bolus, by a number that no other has."""
    return Row(
        "insulin_bolus", value, "[iU]", at_ms, at_ms + lasts_ms, value, "[iU]", f"a{number:05}", source
    )


def by_definition(doses: Sequence[Row]) -> tuple[list[str], list[str]]:
    """References of doses that stay and of copies, each dose compared with every earlier one."""
    kept: list[Row] = []
    copies: list[str] = []
    copied: set[tuple[int, str]] = set()
    for one in sorted(doses, key=lambda row: (row.at_ms, row.source, row.reference)):
        originals = [i for i, earlier in enumerate(kept) if _repeats(one, earlier)]
        original = next((i for i in originals if (i, one.source) not in copied), None)
        if original is None:
            kept.append(one)
        else:
            copied.add((original, one.source))
            copies.append(one.reference)
    return [row.reference for row in kept], copies


def _repeats(one: Row, earlier: Row) -> bool:
    near = one.at_ms - earlier.at_ms <= DOSE_COPY_MS and abs(one.until_ms - earlier.until_ms) <= DOSE_COPY_MS
    alike = (one.signal, one.value) == (earlier.signal, earlier.value)
    return near and alike and "" not in (one.source, earlier.source) and one.source != earlier.source


crowded = st.lists(
    st.tuples(
        st.integers(0, 8).map(lambda part: part * DOSE_COPY_MS // 4),
        st.sampled_from([0, 0, 1, DOSE_COPY_MS, DOSE_COPY_MS + 1, 60_000]),
        st.sampled_from([1.0, 2.0]),
        st.sampled_from(["", "pump", "phone", "cloud"]),
    ),
    max_size=40,
)


@pytest.mark.spec("Q40")
@given(crowded)
def test_what_is_called_a_copy_is_what_the_plain_definition_calls_one(
    made: list[tuple[int, int, float, str]],
) -> None:
    doses = [dose(number, *each) for number, each in enumerate(made)]
    kept, drops = without_copies(doses)
    assert ([row.reference for row in kept], [drop.reference for drop in drops]) == by_definition(doses)


CROWDS: dict[str, Callable[[int], Row]] = {
    "amounts of one instant": lambda n: dose(n, value=float(n), source=f"device {n % 3}"),
    "ends after one instant": lambda n: dose(n, lasts_ms=20_000 * n, source=f"device {n % 3}"),
    "boluses of one device": lambda n: dose(n, at_ms=n),
    "boluses of a pump that a phone repeats": lambda n: dose(n, at_ms=n, source=("pump", "phone")[n % 2]),
    "boluses of as many devices": lambda n: dose(n, at_ms=n, source=f"device {n}"),
    "boluses of nobody": lambda n: dose(n, at_ms=n, source=""),
}


@pytest.mark.spec("B-07")
@pytest.mark.parametrize("crowd", CROWDS)
def test_of_thousands_at_one_moment_each_is_compared_with_few(
    crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    end_alike = dose_copies._end_alike

    def counted(one: Row, other: Row) -> bool:
        nonlocal compared
        compared += 1
        return end_alike(one, other)

    monkeypatch.setattr(dose_copies, "_end_alike", counted)
    kept, drops = without_copies([CROWDS[crowd](number) for number in range(MANY)])
    assert len(kept) + len(drops) == MANY
    assert compared <= 3 * MANY


@pytest.mark.spec("H-15")
def test_H15_the_search_for_copies_stops_when_its_caller_has_no_more_time() -> None:
    class Late(Exception):
        """The caller's time is over."""

    def checkpoint() -> None:
        raise Late

    with pytest.raises(Late):
        without_copies([dose(1)], Pace(checkpoint=checkpoint))
