"""The facts of a Patient."""

import gzip
import json
from datetime import date

import pytest

from fhir_mappers.patient import to_patient

ZONE = "http://hl7.org/fhir/StructureDefinition/timezone"


def test_a_patient_of_a_real_bundle_gives_birth_date_and_sex(shared):
    bundle = json.loads(
        gzip.decompress((shared / "data/fhir/synthea_diabetes/Almeda560.json.gz").read_bytes())
    )
    resource = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    facts = to_patient(resource)
    assert facts.patient_id == resource["id"]
    assert (facts.birth_date, facts.sex, facts.deceased) == (date(1967, 5, 29), "female", False)


@pytest.mark.parametrize("written", ["1967", "1967-05", "1967-02-30", "", None, 19670529, "1967-W22-1"])
def test_a_birth_date_without_its_day_is_unknown(written):
    assert to_patient({"id": "p", "birthDate": written}).birth_date is None


@pytest.mark.parametrize(
    ("resource", "zone"),
    [
        ({"extension": [{"url": ZONE, "valueCode": "Europe/Helsinki"}]}, "Europe/Helsinki"),
        ({"address": [{"extension": [{"url": ZONE, "valueCode": "America/Chicago"}]}]}, "America/Chicago"),
        ({"address": [{"use": "old", "extension": [{"url": ZONE, "valueCode": "America/Chicago"}]}]}, None),
        ({"extension": [{"url": ZONE, "valueCode": "Mars/Olympus"}]}, None),
        ({"extension": [{"url": ZONE, "valueCode": "../../etc/passwd"}]}, None),
        ({"extension": [{"url": ZONE, "valueCode": ""}]}, None),
        ({}, None),
    ],
)
def test_the_zone_is_taken_only_from_its_extension_and_only_when_it_exists(resource, zone):
    assert to_patient({"id": "p"} | resource).zone == zone


@pytest.mark.parametrize(
    ("resource", "deceased"),
    [
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2024-01-01"}, True),
        ({"deceasedBoolean": False}, False),
    ],
)
def test_death_is_read_from_flag_or_date(resource, deceased):
    assert to_patient({"id": "p"} | resource).deceased is deceased


@pytest.mark.spec("H-06")
def test_H06_a_merged_patient_names_the_record_that_replaced_it():
    link = {"type": "replaced-by", "other": {"reference": "Patient/new"}}
    assert to_patient({"id": "old", "link": [link]}).replaced_by == "Patient/new"


def test_an_unknown_gender_code_is_no_sex():
    assert to_patient({"id": "p", "gender": "F"}).sex is None
