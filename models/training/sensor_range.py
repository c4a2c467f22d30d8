"""Glucose of people in a file as sensors can state it, in mg/dL.

Beside `cgm_people`, for those who read a file that a person names: a number beyond is none, and many of them
are of another unit or a damaged file, and would be evaluated and learned from as if they were glucose.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from models.training.cgm_people import Person, UnreadablePeople

MOST_MGDL: Final = 1000.0
"""The hard limit of a sensor's glucose (`fhir_mappers/codes.csv`); sensors end at 400 to 500."""

FEW_SHARE: Final = 0.01
"""So many readings may be beyond and are left out; more of them put the file in doubt (our judgement)."""


def within_sensor_range(people: Sequence[Person]) -> tuple[Person, ...]:
    """The people without readings that no sensor states. UnreadablePeople where these are not few."""
    return tuple(_within(person) for person in people)


def _within(person: Person) -> Person:
    beyond = person.measured > MOST_MGDL
    if not beyond.any():
        return person
    if beyond.sum() > FEW_SHARE * np.count_nonzero(~np.isnan(person.measured)):
        highest = float(np.nanmax(person.measured))
        raise UnreadablePeople(f"{person.name} has a reading of {highest:g}, which is no glucose in mg/dL")
    return replace(person, measured=np.where(beyond, np.nan, person.measured))
