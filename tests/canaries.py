"""What no log may hold: the tokens, names, numbers and birth dates that tests give to patients and clients.

A plugin of pytest, loaded by conftest: a test that passed and yet printed or logged one of them fails.
`served` looks through the log of each service it started.
"""

import re
from collections.abc import Generator
from typing import Any, Final

import pytest

_SECRETS: Final = {
    "marked": r"(?i:canary)|Ann Onymous|Zzyzx|SECRET-TOKEN|t0ken|seen at home",
    "signed token": r"eyJ[\w-]{6,}\.[\w-]*\.[\w-]*",
    "bearer token": r"Bearer [\w.~+/-]+",
    "birth date": r"\b(?:19\d\d-\d\d-\d\d|2015-01-01)\b",
    "patient": r"Patient/[\w.-]+|patientId|birthDate",
}
"""By kind; patients of tests were born before 2000, where nothing else that is logged lies."""

_ANY: Final = re.compile("|".join(f"(?P<{kind.replace(' ', '_')}>{told})" for kind, told in _SECRETS.items()))


def leaks(text: str) -> list[str]:
    """Every secret in a text, with its kind."""
    return [f"{found.lastgroup}: {found.group()}" for found in _ANY.finditer(text)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """Each phase of a test is judged by what was captured in it: both outputs and the libraries' log."""
    report = yield
    said = "".join(text for name, text in report.sections if name.endswith(report.when))
    found = leaks(said) if report.passed else []
    if found:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} ({report.when}) put into the log what belongs in none: {found}"
    return report
