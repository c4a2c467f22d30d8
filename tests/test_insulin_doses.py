"""Insulin as given: boluses, pump segments and injections to rows."""

import gzip
import json
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from fhir_mappers.therapy import to_insulin_doses
from fhir_mappers.timing import parse_time

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"


def coded(code: str, system: str = RXNORM) -> dict:
    return {"coding": [{"system": system, "code": code}]}


ASPART, GLARGINE, PREMIX = coded("311040"), coded("311041"), coded("311048")
INSULIN = coded("67866001", "http://snomed.info/sct")


def units(value: object, code: str = "[iU]") -> dict:
    return {"value": value, "unit": "IU", "system": UCUM, "code": code}


def dosed(medication: dict = ASPART, dose: object = 6, **more: object) -> dict:
    return {
        "resourceType": "MedicationAdministration", "id": "m", "status": "completed",
        "medicationCodeableConcept": medication, "effectiveDateTime": "2024-05-02T12:00:00Z",
        "dosage": {"dose": units(dose)},
    } | more  # fmt: skip


def segment(minutes: int = 30, **dosage: object) -> dict:
    administration = dosed(dosage=dosage)
    del administration["effectiveDateTime"]
    period = {"start": "2024-05-02T12:00:00Z", "end": f"2024-05-02T12:{minutes:02d}:00Z"}
    return administration | {"effectivePeriod": period}


def per_hour(value: object) -> dict:
    return {"value": value, "unit": "IU/h", "system": UCUM, "code": "[iU]/h"}


def only(administration: dict):
    rows, drops = to_insulin_doses([administration], {})
    assert not drops
    return rows[0]


def reason(administration: dict) -> str:
    rows, drops = to_insulin_doses([administration], {})
    assert not rows
    return drops[0].reason


@pytest.mark.spec("Q56")
def test_every_published_administration_quirk_gives_the_expected_rows_or_drop_reason(shared):
    cases = json.loads((shared / "data/quirks/quirk_cases.json").read_text())["cases"]
    cases = [c for c in cases if isinstance(c["input"], dict)]
    cases = [c for c in cases if c["input"].get("resourceType") == "MedicationAdministration"]
    assert len(cases) >= 7
    for case in cases:
        rows, drops = to_insulin_doses([case["input"]], {})
        expected = case["expect"]
        assert [d.reason for d in drops] == ([expected["drop_reason"]] if expected["drop_reason"] else []), (
            case["id"]
        )
        assert len(rows) == len(expected["points"])
        for row, point in zip(rows, expected["points"], strict=True):
            assert (row.signal, row.unit) == (point["metric"], point["unit"]), case["id"]
            assert row.value == pytest.approx(point["value"], abs=1e-6)
            assert row.until_ms == parse_time(point["time"]).at_ms
            assert row.at_ms == parse_time(point.get("start", point["time"])).at_ms
            assert row.flags == set(expected["flags"])


def test_a_real_pump_bundle_gives_every_dose_and_flags_where_dose_and_rate_disagree(shared):
    packed = shared / "data/fhir/fi_kanta_phr/diabetes-data-bundle.json.gz"
    resources = [e["resource"] for e in json.loads(gzip.decompress(packed.read_bytes()))["entry"]]
    administrations = [r for r in resources if r["resourceType"] == "MedicationAdministration"]
    rows, drops = to_insulin_doses(administrations, {})
    assert (len(administrations), len(rows), drops) == (312, 312, [])
    assert Counter(row.signal for row in rows) == {"insulin_basal": 291, "insulin_bolus": 21}
    assert sum(row.value for row in rows) == pytest.approx(
        sum(r["dosage"]["dose"]["value"] for r in administrations)
    )
    flagged = [row for row in rows if "dose_rate_conflict" in row.flags]
    assert len(flagged) == 213  # 212 of them differ by more than 5 %, one by 2.3 %
    assert {row.reference for row in rows} == {"MedicationAdministration"}
    assert {row.source for row in rows} == {"tandemCIQ1002717799999"}
    assert {row.offset_min for row in rows} == {180}


@pytest.mark.parametrize(
    ("file", "signal", "value"),
    [
        ("medication-administration-insulin-bolus-dose-fi", "insulin_bolus", 1.06542),
        ("medication-administration-insulin-basal-dose-kanta-stu3-sv", "insulin_basal", 0.501667),
        ("medication-administration-insulin-dose-temporary-basal-rate-kanta-en", "insulin_basal", 0.065448),
    ],
)
def test_the_finnish_national_examples_are_read(shared, file, signal, value):
    row = only(json.loads((shared / f"data/fhir/fi_kanta_phr/{file}.json").read_text()))
    assert (row.signal, row.value) == (signal, pytest.approx(value, abs=1e-6))


def test_a_dose_known_only_to_the_day_is_dropped(shared):
    path = shared / "data/fhir/fi_kanta_phr/InsulinDosage-example-optional.json"
    assert reason(json.loads(path.read_text())) == "time_precision"


@pytest.mark.parametrize(
    ("medication", "signal"),
    [
        (ASPART, "insulin_bolus"),
        (GLARGINE, "insulin_basal"),
        (coded("1654862"), "insulin_basal"),
        (PREMIX, "insulin_delivery"),
        (INSULIN, "insulin_delivery"),
        (coded("1543202"), "insulin_delivery"),
    ],
    ids=["rapid", "long", "intermediate", "premix", "unknown", "inhaled"],
)
def test_an_injection_is_bolus_or_basal_only_where_its_kind_is_known(medication, signal):
    row = only(dosed(medication))
    assert (row.signal, row.value, row.at_ms == row.until_ms) == (signal, 6.0, True)


@pytest.mark.parametrize(
    ("dosage", "value", "flags"),
    [
        ({"dose": units(0.5), "rateQuantity": per_hour(1)}, 0.5, set()),
        ({"dose": units(0.4), "rateQuantity": per_hour(1)}, 0.4, {"dose_rate_conflict"}),
        ({"rateQuantity": per_hour(1)}, 0.5, {"dose_from_rate"}),
        ({"dose": units(0), "rateQuantity": per_hour(0)}, 0.0, set()),
        (
            {"rateRatio": {"numerator": units(2), "denominator": {"value": 120, "code": "min"}}},
            0.5,
            {"dose_from_rate"},
        ),
    ],
)
def test_a_pump_segment_is_the_amount_over_its_interval(dosage, value, flags):
    row = only(segment(**dosage))
    assert (row.signal, row.value, row.flags) == ("insulin_basal", pytest.approx(value), flags)
    assert row.until_ms - row.at_ms == 30 * 60_000


def test_an_extended_bolus_has_an_interval_and_no_rate():
    row = only(segment(dose=units(4), text="Extended bolus"))
    assert (row.signal, row.until_ms > row.at_ms) == ("insulin_bolus", True)


MDC = "urn:iso:std:iso:11073:10101"


@pytest.mark.parametrize(
    "stated",
    [
        {"dosage": {"dose": units(0.4), "text": "Basal 0.8 U/h"}},
        {"dosage": {"dose": units(0.4), "method": {"text": "Continuous basal infusion"}}},
        {"category": {"text": "basal"}},
        {"category": [coded("189440", MDC)]},
        {"reasonCode": [{"coding": [{"display": "Basal insulin delivery"}]}]},
    ],
)
def test_an_amount_over_an_hour_that_is_called_basal_is_a_pump_segment_without_a_rate(stated):
    row = only(segment(dose=units(0.4)) | stated)
    assert (row.signal, row.value, row.until_ms - row.at_ms) == ("insulin_basal", 0.4, 30 * 60_000)


@pytest.mark.parametrize("minutes", [15, 30, 59])
@pytest.mark.parametrize("text", ["", "Insulin aspart 0.8 units", "Basal or bolus"])
def test_an_amount_over_a_while_of_which_nobody_says_what_it_is_for_is_never_a_bolus(minutes, text):
    pump = {"device": [{"display": "Insulin pump"}]}
    row = only(segment(minutes, dose=units(0.8), text=text) | pump)
    assert (row.signal, row.value) == ("insulin_delivery", 0.8)


def test_a_rate_is_basal_unless_the_record_calls_it_an_extended_bolus():
    rated = {"dose": units(0.5), "rateQuantity": per_hour(1)}
    assert only(segment(**rated)).signal == "insulin_basal"
    assert only(segment(**rated, text="Extended bolus")).signal == "insulin_bolus"
    assert only(segment(**rated, text="Basal, or bolus")).signal == "insulin_basal"


def test_an_amount_within_minutes_is_a_bolus():
    assert only(segment(14, dose=units(8))).signal == "insulin_bolus"


def test_a_rapid_dose_at_once_that_is_called_basal_is_no_bolus_and_a_premix_stays_unspecified():
    assert only(dosed(dosage={"dose": units(0.8), "text": "Basal"})).signal == "insulin_basal"
    assert only(dosed(PREMIX, dosage={"dose": units(8), "text": "Basal"})).signal == "insulin_delivery"


@pytest.mark.parametrize("minutes", [0, 10, 30])
def test_a_note_that_mentions_basal_hides_no_dose_that_no_pump_gives_as_basal(minutes):
    noted = {"dosage": {"dose": units(18), "text": "Correction, high despite basal"}}
    injected = dosed(**noted) if not minutes else segment(minutes, **noted["dosage"])
    assert only(injected).signal == "insulin_delivery"


@pytest.mark.parametrize(
    ("administration", "why"),
    [
        (dosed(status="not-done"), "status:not-done"),
        (dosed(status="entered-in-error"), "status:entered-in-error"),
        (dosed(status="stopped"), "status:stopped"),
        (dosed({"text": "paracetamol"}), "medication_not_insulin"),
        (dosed(medicationCodeableConcept=None), "medication_unknown"),
        (dosed(effectiveDateTime=None), "time_missing"),
        (dosed(effectiveDateTime="2024-05-02T12:00:00"), "time_without_offset"),
        (dosed(effectiveDateTime="2024-05-02"), "time_precision"),
        (dosed(dose=101), "implausible"),
        (dosed(dose=-1), "dose_implausible"),
        (dosed(dosage={"dose": units(1, "mL") | {"unit": "mL"}}, medicationCodeableConcept=INSULIN), "insulin_concentration_unknown"),
        (dosed(dosage={"dose": {"value": 6, "unit": "mg"}}), "dose_unit_unknown"),
        (dosed(dosage={}), "dose_missing"),
        (segment(rateQuantity=per_hour(36)), "implausible"),
        (segment(rateQuantity={"value": 5, "code": "g/min"}), "dose_missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_dose_is_dropped_with_its_reason(administration, why):
    assert reason(administration) == why


def test_a_volume_of_a_known_concentration_is_read():
    assert only(dosed(dosage={"dose": {"value": 0.06, "unit": "mL", "code": "mL"}})).value == pytest.approx(
        6.0
    )


@pytest.mark.spec("Q56")
def test_r5_spellings_of_time_and_medication_are_read():
    r5 = dosed() | {"occurenceDateTime": "2024-05-02T12:00:00Z", "medication": {"concept": ASPART}}
    del r5["effectiveDateTime"], r5["medicationCodeableConcept"]
    assert only(r5).at_ms == parse_time("2024-05-02T12:00:00Z").at_ms


def test_a_time_without_offset_is_read_in_the_declared_zone():
    administration = dosed(effectiveDateTime="2024-05-02T15:00:00")
    rows, _ = to_insulin_doses([administration], {}, ZoneInfo("Europe/Helsinki"))
    assert rows[0].at_ms == parse_time("2024-05-02T12:00:00Z").at_ms
    assert "time_zone_assumed" in rows[0].flags


def test_the_same_dose_uploaded_twice_counts_once():
    rows, drops = to_insulin_doses([dosed(id="pump"), dosed(id="phone")], {})
    assert (len(rows), [d.reason for d in drops]) == (1, ["duplicate"])


def test_two_doses_at_one_time_that_differ_both_count():
    rows, _ = to_insulin_doses([dosed(id="a"), dosed(id="b", dose=4)], {})
    assert sorted(row.value for row in rows) == [4.0, 6.0]


def from_device(name: str, second: int, source: str, **more: object) -> dict:
    return dosed(
        id=name, effectiveDateTime=f"2024-05-02T12:00:{second:02d}Z", device=[{"reference": source}], **more
    )


@pytest.mark.spec("Q40")
def test_a_dose_that_pump_and_phone_both_report_seconds_apart_counts_once():
    pump, phone = from_device("a", 0, "Device/pump"), from_device("b", 8, "Device/phone")
    for sent in ([pump, phone], [phone, pump]):
        rows, drops = to_insulin_doses(sent, {})
        assert [row.reference for row in rows] == ["MedicationAdministration/a"]
        assert [(d.reference, d.reason) for d in drops] == [
            ("MedicationAdministration/b", "dose_copy_of_other_device")
        ]


@pytest.mark.parametrize(
    "second",
    [
        from_device("b", 8, "Device/pump"),
        from_device("b", 16, "Device/phone"),
        from_device("b", 8, "Device/phone", dose=5),
        from_device("b", 8, "Device/phone", medication=GLARGINE),
        dosed(id="b", effectiveDateTime="2024-05-02T12:00:08Z"),
    ],
    ids=["same device", "too far apart", "another amount", "another kind of insulin", "device unknown"],
)
def test_a_second_dose_seconds_later_counts_unless_another_device_repeats_the_first(second):
    rows, drops = to_insulin_doses([from_device("a", 0, "Device/pump"), second], {})
    assert (len(rows), drops) == (2, [])


def test_two_equal_parts_of_a_pump_bolus_stay_two_although_a_phone_repeats_both():
    doses = [from_device(f"pump{s}", s, "Device/pump") for s in (0, 6)]
    copies = [from_device(f"phone{s}", s, "Device/phone") for s in (4, 11)]
    rows, drops = to_insulin_doses([*copies, *doses], {})
    assert [row.reference for row in rows] == [f"MedicationAdministration/pump{s}" for s in (0, 6)]
    assert len(drops) == 2
