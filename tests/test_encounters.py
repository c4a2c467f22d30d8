"""Whether the patient is in hospital, from Encounters of R4 and R5."""

import pytest

from fhir_mappers.encounters import in_hospital

AS_OF_MS = 1_778_832_000_000
"""15 May 2026, 08:00 UTC."""
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def encounter(code: str = "IMP", status: str = "in-progress", **more: object) -> dict:
    return {"resourceType": "Encounter", "status": status, "class": {"system": ACT, "code": code}} | more


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    ("code", "stays"),
    [
        ("IMP", True),
        ("ACUTE", True),
        ("OBSENC", True),
        ("EMER", True),
        ("AMB", False),
        ("VR", False),
        ("HH", False),
    ],
)
def test_H13_a_stay_is_told_from_a_visit_by_its_class(code, stays):
    assert in_hospital([encounter(code)], AS_OF_MS) is stays


@pytest.mark.parametrize(
    ("status", "stays"),
    [("in-progress", True), ("arrived", True), ("onleave", True), ("finished", False), ("planned", False)],
)
def test_only_a_stay_under_way_counts(status, stays):
    assert in_hospital([encounter(status=status)], AS_OF_MS) is stays


@pytest.mark.parametrize(("end", "stays"), [("2026-05-14T10:00:00Z", False), ("2026-05-20T10:00:00Z", True)])
def test_a_stay_that_has_ended_is_over_although_nobody_closed_it(end, stays):
    assert in_hospital([encounter(period={"end": end})], AS_OF_MS) is stays


def test_classes_of_R5_and_of_a_site_are_read():
    listed = encounter() | {"class": [{"coding": [{"system": ACT, "code": "IMP"}]}]}
    assert in_hospital([listed], AS_OF_MS)
    local = encounter() | {"class": {"system": "urn:site", "code": "13", "display": "Hospital Inpatient"}}
    assert in_hospital([local], AS_OF_MS)
    assert not in_hospital([encounter() | {"class": None}], AS_OF_MS)
    assert not in_hospital([], AS_OF_MS)
