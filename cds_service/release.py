"""Whether the data files of this installation are those it was released with.

Asked by `settings` before the service starts and by `cli` before a command reads them.
"""

from typing import Final

from models.artefacts import unlike_release

WITH_ARTEFACTS: Final = ("models", "fhir_mappers")


def changed_files() -> list[str]:
    """One sentence for each file that is damaged, changed, missing or not of this release."""
    return [problem for package in WITH_ARTEFACTS for problem in unlike_release(package)]
