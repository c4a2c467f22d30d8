"""For whom the fasting goal is the cautious one: older adults with complex health, or where chosen.

Sits under the facts of basal titration. American Diabetes Association, Standards of Care in Diabetes, section
13 (older adults), table of treatment goals: complex or intermediate health, fasting 90-150 mg/dL, HbA1c below
8.0 %. Whom it takes for complex is said there in words that a record rarely holds; what stands for them is
named here.
"""

from collections.abc import Mapping
from typing import Final

from models.dosing.titration_table import Edge

CAUTIOUS_GOAL: Final = (Edge(90, 5.0), Edge(150, 8.3))
CAUTIOUS_HBA1C_PERCENT: Final = 8.0

OLD_YEARS: Final = 75
"""From this age function and cognition are taken for limited unless an organisation knows otherwise
(our judgement: the table goes by health, which a record shows only in part)."""

OLDER_YEARS: Final = 65
FEWEST_ILLNESSES: Final = 3
"""ADA: multiple, that is at least three, coexisting chronic illnesses."""

COMPLEX: Final[Mapping[str, str]] = {
    "dementia": "dementia",
    "cognitive_impairment": "cognitive impairment",
    "frailty": "frailty",
    "long_term_care": "long-term care",
}
CHRONIC: Final[frozenset[str]] = frozenset(
    {"heart_failure", "copd", "chronic_kidney_disease", "stroke", "myocardial_infarction", "depression",
     "falls", "hypertension"}
)  # fmt: skip
"""Of the illnesses that the table's footnote lists those that the record tells; arthritis, cancer and
incontinence are not read, so that some patients are missed."""


def cautious_because(age_years: int, concepts: frozenset[str], chosen: bool) -> str | None:
    """Why the cautious goal holds, in a few words; None where it does not."""
    named = [words for concept, words in COMPLEX.items() if concept in concepts]
    illnesses = len(concepts & CHRONIC)
    if named:
        return f"{named[0]} on the problem list"
    if age_years >= OLD_YEARS:
        return f"age {age_years}"
    if age_years >= OLDER_YEARS and illnesses >= FEWEST_ILLNESSES:
        return f"age {age_years} with {illnesses} chronic illnesses"
    return "the organisation's choice" if chosen else None
