"""What could not be read is missed, with its signal and the last instant it may be of; copies are not."""

import json
from collections.abc import Sequence

import pytest

from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import to_patient_record
from models.assessment import Input, Reason, ReasonCode
from models.dosing.recorded_settings import setting_on_record
from models.patient_record import UNREAD, PatientRecord
from models.signals import CARB_RATIO, CARBS, INSULIN_BASAL, INSULIN_BOLUS, INSULIN_DELIVERY, STEPS

AS_OF_MS = 1_778_846_400_000  # 2026-05-15T12:00:00Z
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
AT = "2026-05-15T11:00:00Z"
AT_MS = AS_OF_MS - HOUR_MS
PATIENT = {"reference": "Patient/p1"}
LOINC = "http://loinc.org"
STEPS_CODE, CARBS_CODE = {"system": LOINC, "code": "55423-8"}, {"system": LOINC, "code": "9059-7"}
BOLUS_CODE = {"system": "urn:iso:std:iso:11073:10101", "code": "189452"}
RATIO_CODE = {"system": "urn:wearable-cds:therapy-setting", "code": "carb-ratio"}


def observation(code: dict, quantity: dict | None, **more: object) -> dict:
    valued = {"valueQuantity": quantity} if quantity else {}
    return {
        "resourceType": "Observation", "id": "o", "status": "final", "subject": PATIENT,
        "code": {"coding": [code]}, "effectiveDateTime": AT,
    } | valued | more  # fmt: skip


def steps(value: object = 300, **more: object) -> dict:
    return observation(STEPS_CODE, {"value": value, "code": "{steps}"}, **more)


def grams(value: object = 30, code: str = "g", **more: object) -> dict:
    return observation(CARBS_CODE, {"value": value, "code": code, "unit": code}, **more)


def ratio(value: object = 10, **more: object) -> dict:
    return observation(RATIO_CODE, {"value": value, "code": "g/[iU]"}, **more)


def dose(**more: object) -> dict:
    return {
        "resourceType": "MedicationAdministration", "id": "m", "status": "completed", "subject": PATIENT,
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "311040"}]
        },
        "effectiveDateTime": AT, "dosage": {"dose": {"value": 6, "code": "[iU]"}},
    } | more  # fmt: skip


GLARGINE = {"text": "insulin glargine 100 units/ml"}
RATE = {"rateQuantity": {"value": 0.8, "unit": "U/h", "code": "[iU]/h"}}


def mapped(*resources: object) -> PatientRecord:
    return of_entries([{"resource": one} for one in resources])


def of_entries(entries: Sequence[object]) -> PatientRecord:
    body = json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()
    return to_patient_record("p1", {"diary": [body]}, as_of_ms=AS_OF_MS)


def period(start: str, end: str) -> dict:
    return {"effectiveDateTime": None, "effectivePeriod": {"start": start, "end": end}}


@pytest.mark.parametrize(
    ("sent", "signal"),
    [
        (steps(-5), STEPS),
        (steps(1_000_000), STEPS),
        (steps("many"), STEPS),
        (steps(subject=None), STEPS),
        (steps(status="unknown"), STEPS),
        (steps(modifierExtension=[{"url": "http://x", "valueBoolean": True}]), STEPS),
        (observation(STEPS_CODE, None, dataAbsentReason={"coding": [{"code": "error"}]}), STEPS),
        (grams(30, "furlong"), CARBS),
        (grams(-1), CARBS),
        (observation(CARBS_CODE, None), CARBS),
        (observation(BOLUS_CODE, {"value": 500, "code": "[iU]"}), INSULIN_BOLUS),
        (observation(RATIO_CODE, {"value": 0.2, "code": "g/[iU]"}), CARB_RATIO),
        (dose(dosage={}), INSULIN_DELIVERY),
        (dose(dosage={}, medicationCodeableConcept=GLARGINE), INSULIN_BASAL),
        (dose(dosage=RATE), INSULIN_BASAL),
        (dose(dosage=RATE | {"text": "Extended bolus"}), INSULIN_DELIVERY),
        (dose(status="on-hold"), INSULIN_DELIVERY),
        (dose(subject=None), INSULIN_DELIVERY),
        (dose(medicationCodeableConcept=None), INSULIN_DELIVERY),
    ],
)
def test_what_is_dropped_for_a_fault_is_missed_with_its_signal_and_time(sent: dict, signal: str) -> None:
    record = mapped(sent)
    assert record.rejected and record.lost == {signal: AT_MS}


@pytest.mark.parametrize(
    ("sent", "until_ms"),
    [
        (grams(effectiveDateTime=None), None),
        (grams(effectiveDateTime="yesterday"), None),
        (grams(effectiveDateTime="2026-05-15T11:00:00"), None),
        (grams(effectiveDateTime="1999-01-01T00:00:00Z"), None),
        (grams(effectiveDateTime="2026-05"), None),
        (
            grams(effectiveDateTime="2026-05-01"),
            AS_OF_MS - 14 * DAY_MS - 12 * HOUR_MS + DAY_MS + 14 * HOUR_MS,
        ),
        (grams(effectiveDateTime="2026-05-15T13:00:00Z"), AS_OF_MS + HOUR_MS),
        (grams(-1, **period("2026-05-15T10:00:00Z", AT)), AT_MS),
        (grams(-1, **period(AT, "2026-05-15T10:00:00Z")), None),
        (dose(effectiveDateTime="2026-05-15T13:00:00Z"), AS_OF_MS + HOUR_MS),
    ],
    ids=[
        "none",
        "words",
        "no offset",
        "reset clock",
        "month",
        "day",
        "future",
        "interval",
        "reversed",
        "dose",
    ],
)
def test_the_time_of_what_is_missed_is_as_late_as_it_may_be_or_unknown(
    sent: dict, until_ms: int | None
) -> None:
    (found,) = mapped(sent).lost.values()
    assert found == until_ms


@pytest.mark.parametrize(
    "sent",
    [
        steps(),
        grams(),
        dose(),
        steps(-5, status="entered-in-error"),
        grams(status="cancelled"),
        dose(status="not-done"),
        dose(medicationCodeableConcept={"text": "paracetamol"}),
        steps(-5, meta={"security": [{"code": "HTEST"}]}),
        grams(focus=[{"reference": "RelatedPerson/child"}]),
        observation({"system": LOINC, "code": "11111-1"}, {"value": 1, "code": "1"}),
    ],
)
def test_what_was_used_retracted_not_done_not_real_or_of_another_kind_is_not_missed(sent: dict) -> None:
    assert mapped(sent).lost == {}


SAMPLES = {"origin": {"value": 0, "code": "furlongs"}, "period": 60_000, "dimensions": 1, "data": "20 30"}
DAY = period("2026-05-15T00:00:00Z", "2026-05-16T00:00:00Z")


@pytest.mark.parametrize(
    ("sent", "missed"),
    [
        (steps(**DAY), False),
        (steps(-5, **period("2026-05-15T08:00:00Z", AT)), False),
        (steps(-5, effectiveDateTime="2026-05-15"), False),
        (steps(-5, **period("2026-05-15T10:00:00Z", AT)), True),
        (observation(STEPS_CODE, None, valueSampledData=SAMPLES, **DAY), True),
        (grams(**DAY), True),
        (ratio(effectiveDateTime="2026-05-16T00:00:00Z"), False),
        (ratio(-5), True),
        (dose(effectiveDateTime="2026-05-16T00:00:00Z"), True),
    ],
    ids=[
        "running total of a day",
        "hours",
        "date",
        "an hour",
        "chunk",
        "food",
        "planned ratio",
        "ratio",
        "dose",
    ],
)
def test_a_setting_to_come_and_a_count_of_many_hours_would_not_be_used_and_are_not_missed(
    sent: dict, missed: bool
) -> None:
    record = mapped(sent)
    assert record.rejected and bool(record.lost) == missed


def test_a_copy_is_not_missed() -> None:
    record = mapped(grams(), grams(id="copy"), dose(), dose(id="copy"))
    assert sum(rejection.count for rejection in record.rejected.values()) == 2 and record.lost == {}


def ratio(number: int, value: float, date: str) -> dict:
    quantity = {"value": value, "code": "g/[iU]"}
    return observation(RATIO_CODE, quantity, id=f"r{number}", effectiveDateTime=date)


EVENING_MS = AS_OF_MS + 8 * HOUR_MS
"""2026-05-15T20:00:00Z: the 16th in Auckland."""


@pytest.mark.parametrize(("zone", "used"), [(None, None), ("UTC", 10.0), ("Pacific/Auckland", 8.0)])
def test_a_setting_of_a_date_that_may_have_begun_leaves_the_one_before_it_in_doubt(
    zone: str | None, used: float | None
) -> None:
    sent = json.dumps([ratio(1, 10, "2026-05-01"), ratio(2, 8, "2026-05-16")]).encode()
    record = to_patient_record("p1", {"settings": [sent]}, as_of_ms=EVENING_MS, site=Site(zone=zone))
    found = setting_on_record(record, CARB_RATIO, EVENING_MS)
    if used is None:
        assert isinstance(found, Reason) and found.code is ReasonCode.CONFLICT
    else:
        assert isinstance(found, Input) and found.value == used


def test_of_several_the_latest_counts_and_an_unknown_time_above_all() -> None:
    earlier = steps(-1, id="a", effectiveDateTime="2026-05-10T11:00:00Z")
    later = steps(-1, id="b")
    assert mapped(later, earlier).lost == {STEPS: AT_MS}
    assert mapped(later, earlier, steps(-1, id="c", effectiveDateTime=None)).lost == {STEPS: None}


def test_a_component_that_could_not_be_read_beside_one_that_could_is_missed() -> None:
    parts = [
        {"code": {"coding": [CARBS_CODE]}, "valueQuantity": {"value": 30, "code": "g"}},
        {"code": {"coding": [BOLUS_CODE]}, "valueQuantity": {"value": 500, "code": "[iU]"}},
    ]
    record = mapped(observation({"system": LOINC, "code": "11111-1"}, None, component=parts))
    assert CARBS in record.series and record.lost == {INSULIN_BOLUS: AT_MS}


def test_counts_of_a_chunk_that_could_not_be_read_are_missed() -> None:
    chunk = {"origin": {"value": 0, "code": "{steps}"}, "period": 60_000, "dimensions": 1, "data": "20 E 40"}
    record = mapped(observation(STEPS_CODE, None, valueSampledData=chunk))
    assert len(record.series[STEPS]) == 2 and record.lost == {STEPS: AT_MS}


def test_an_entry_that_is_no_resource_may_be_of_any_signal() -> None:
    record = of_entries([{"resource": grams()}, {"resource": "x"}])
    assert record.rejected["malformed"].count == 1 and record.lost == {UNREAD: None}
    assert record.may_lack(STEPS, AS_OF_MS) and record.may_lack(CARB_RATIO, AS_OF_MS)


def test_what_is_missed_matters_from_its_last_instant_back() -> None:
    record = mapped(steps(-5))
    assert record.may_lack(STEPS, AT_MS) and not record.may_lack(STEPS, AT_MS + 1)
    assert not record.may_lack(CARBS, 0)


def test_a_dose_without_an_amount_is_missed_beside_another_drug_of_the_same_id_but_for_a_space() -> None:
    paracetamol = {"text": "paracetamol"}
    for spelled, other in (("m", "m "), ("m ", "m")):
        unread, harmless = dose(id=spelled, dosage={}), dose(id=other, medicationCodeableConcept=paracetamol)
        assert mapped(unread, harmless).lost == mapped(harmless, unread).lost
        assert mapped(unread, harmless).lost[INSULIN_DELIVERY] == AT_MS


@pytest.mark.parametrize("more", [{}, {"dosage": {}}], ids=["amount", "no amount"])
def test_what_of_a_delivery_that_still_goes_on_has_been_given_is_missed_however_long_ago_it_began(
    more: dict,
) -> None:
    begun = {"effectiveDateTime": None, "effectivePeriod": {"start": "2026-04-01T00:00:00Z"}}
    record = mapped(dose(status="in-progress", **begun, **more))
    assert record.series == {} and record.lost == {INSULIN_DELIVERY: None}
    done = mapped(dose(**begun))
    assert done.series[INSULIN_BOLUS].value.tolist() == [6.0] and done.lost == {}


@pytest.mark.parametrize("entry", [{"resource": None}, {"fullUrl": "urn:x"}, {}])
def test_an_entry_without_its_resource_may_have_been_of_any_signal(entry: dict) -> None:
    record = of_entries([{"resource": grams()}, entry])
    assert record.rejected["entry_without_resource"].count == 1 and record.lost == {UNREAD: None}


@pytest.mark.parametrize("member", ["code", "subject", "device"])
def test_a_number_out_of_range_beside_a_reading_costs_only_that_reading(member: str) -> None:
    sent = steps(device={"display": "watch"})
    sent[member] = {**sent[member], "extension": "OUT"}
    body = json.dumps([sent, grams(id="g")]).encode().replace(b'"OUT"', b"1e999")
    record = to_patient_record("p1", {"diary": [body]}, as_of_ms=AS_OF_MS)
    assert set(record.series) == {CARBS} and record.rejected["malformed"].count == 1
    assert record.lost == {UNREAD: None}


BROKEN = {"resourceType": "Bundle", "entry": 5}


@pytest.mark.parametrize(
    "holder",
    [
        BROKEN,
        {"resourceType": "Bundle", "entry": [{"resource": BROKEN}]},
        {"resourceType": "Parameters", "parameter": [{"resource": BROKEN}]},
    ],
    ids=["bundle", "bundle in a bundle", "bundle in parameters"],
)
def test_a_bundle_inside_a_page_that_cannot_be_opened_costs_only_itself(holder: dict) -> None:
    record = mapped(holder, grams())
    assert CARBS in record.series and record.rejected["malformed"].count == 1
    assert record.lost == {UNREAD: None}


@pytest.mark.parametrize("code", [None, 5, "x", [], {}, {"coding": []}, {"coding": [{"system": LOINC}]}])
def test_an_observation_that_does_not_say_what_it_is_may_be_of_any_signal(code: object) -> None:
    record = mapped(steps() | {"code": code})
    assert record.rejected["code_unmapped"].count == 1 and record.lost == {UNREAD: AT_MS}


@pytest.mark.parametrize(
    "sent",
    [
        dose(category={"text": "bolus"}),
        observation(BOLUS_CODE, {"value": 5, "code": "[iU]"}),
    ],
    ids=["administration", "observation"],
)
def test_a_bolus_over_years_is_a_wrong_time_and_not_a_million_small_amounts(sent: dict) -> None:
    record = mapped(sent | period("2001-01-01T00:00:00Z", AT))
    assert record.rejected["implausible"].count == 1
    assert record.series == {} and set(record.lost.values()) == {AT_MS}
    extended = mapped(sent | period("2026-05-15T03:00:00Z", AT))
    assert len(extended.series[INSULIN_BOLUS]) == 1 and extended.lost == {}
