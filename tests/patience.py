"""How long tests wait for what must come: no part of what they test, and enough on the busiest machine.

What hangs for ever ends a test all the same; what ends by itself (a process that died) is noticed at once.
"""

from typing import Final

import pytest

from cds_service import pipeline
from cds_service.tenants_file import DEADLINES_S

PATIENCE_S: Final = 120.0
LONGEST_DEADLINE_S: Final = DEADLINES_S[1]
"""The most that a served process may be given for one answer."""

REDIS_WITHIN_S: Final = 2.0
"""For an answer of a Redis that is there; tests of one that is frozen wait it out."""

READING_S: Final = 1.0


def read_only_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an EHR never answers, reading ends soon; all else has the time that is left of PATIENCE_S."""
    monkeypatch.setattr(pipeline, "DECIDING_S", PATIENCE_S - READING_S)
