"""Whether the glucose of people in a file is what sensors can state, in mg/dL.

Beside `cgm_people`, for those who read a file that a person names: numbers beyond are of another unit, or of
a damaged file, and would be evaluated and learned from as if they were glucose.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.training.cgm_people import Person, UnreadablePeople

MOST_MGDL: Final = 1000.0
"""The hard limit of a sensor's glucose (`fhir_mappers/codes.csv`); sensors end at 400 to 500."""


def within_sensor_range(people: Sequence[Person]) -> tuple[Person, ...]:
    """The same people. UnreadablePeople where a reading is higher than any sensor states."""
    for person in people:
        if (highest := float(np.nanmax(person.measured))) > MOST_MGDL:
            raise UnreadablePeople(
                f"{person.name} has a reading of {highest:g}, which is no glucose in mg/dL"
            )
    return tuple(people)
