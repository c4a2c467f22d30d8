"""Every model that is learned, and how it is made again from a data file; a new one is one line.

The door of training, for the command line; each function imports its learning libraries when it is called.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from models.risk.causal_grid import SLOTS_PER_DAY
from models.training.cgm_people import read_people
from models.training.patient_folds import FOLDS
from models.training.questions import NothingToAsk
from models.training.short_term_events import EVENTS, HYPERGLYCEMIA, HYPOGLYCEMIA, Event
from models.training.short_term_windows import questions

Report = Callable[[str], None]
Remake = Callable[[Path | None, Report], dict[str, str]]


class DataNeeded(ValueError):
    """The model learns from people, and no file of people is given."""


def hypoglycemia(data: Path | None, report: Report) -> dict[str, str]:
    """The three tables of short-term hypoglycaemia by file name."""
    people = _given(data, HYPOGLYCEMIA)
    from models.training.fit_pairwise import Settings
    from models.training.train_short_term import train

    return train(HYPOGLYCEMIA, people, Settings(), report)


def hyperglycemia(data: Path | None, report: Report) -> dict[str, str]:
    """The three tables of short-term hyperglycaemia by file name."""
    people = _given(data, HYPERGLYCEMIA)
    from models.training.fit_pairwise import Settings
    from models.training.train_short_term import train

    return train(HYPERGLYCEMIA, people, Settings(), report)


def recorded_points(data: Path | None, report: Report) -> dict[str, str]:
    """The optional terms beside the short-term tables by file name; make them again after those."""
    people = _given(data, *EVENTS.values())
    from models.training.train_recorded import SETTINGS, train

    return train(people, SETTINGS, report)


def nocturnal_hypoglycemia(data: Path | None, report: Report) -> dict[str, str]:
    """The table of nocturnal hypoglycaemia by file name."""
    people = _given(data)
    from models.training.train_nocturnal import SETTINGS, train

    return train(people, SETTINGS, report)


def forecast(data: Path | None, report: Report) -> dict[str, str]:
    """The glucose forecast by file name."""
    people = _given(data)
    from models.training.forecast_fit import Settings
    from models.training.forecast_train import train

    return train(people, Settings(), report)


def comparison(data: Path | None, report: Report) -> dict[str, str]:
    """The records of all algorithms of glucose risk on people left out, by file name."""
    people = _given(data, *EVENTS.values())
    from models.training.compare import compare

    return compare(people, report)


def quoted_comparison(data: Path | None, report: Report) -> dict[str, str]:
    """The same records with the served models as their tables state them now; nothing is learned."""
    from models.training.compare import quoted

    return quoted()


def value_of_action(data: Path | None, report: Report) -> dict[str, str]:
    """The model of therapy changes and its fold models by path; they learn in simulation, without a file."""
    from models.training.train_value_of_action import Settings, train

    return train(Settings(), report)


def bandit(data: Path | None, report: Report) -> dict[str, str]:
    """The learned policy of the trial, by path; it learns from the same simulated cases."""
    from models.training.train_bandit import EXPERIENCE, train

    return train(EXPERIENCE, report)


def _given(data: Path | None, *events: Event) -> Path:
    """The file, where people enough for one of them to be left out of each fold have a day of CGM, and can be
    asked about each of these events.
    """
    if data is None:
        raise DataNeeded("--data FILE is needed: this model learns from people with CGM")
    people = read_people(data)
    days = sum(np.count_nonzero(person.measured > 0) >= SLOTS_PER_DAY for person in people)
    if days < FOLDS:
        raise NothingToAsk(f"{FOLDS} people with a day of CGM are needed to learn from; {days} in the file")
    for event in events:
        asked = sum(questions(person, event).size > 0 for person in people)
        if asked < FOLDS:
            raise NothingToAsk(
                f"{FOLDS} people who are outside an episode are needed to learn of {event.name}; "
                f"{asked} in the file"
            )
    return data


REMAKE: Final[Mapping[str, Remake]] = {
    "forecast": forecast,
    "hypoglycemia": hypoglycemia,
    "hyperglycemia": hyperglycemia,
    "recorded_points": recorded_points,
    "nocturnal_hypoglycemia": nocturnal_hypoglycemia,
    "comparison": comparison,
    "quoted_comparison": quoted_comparison,
    "value_of_action": value_of_action,
    "bandit": bandit,
}
"""By the id of the model."""
