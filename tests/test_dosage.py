"""What a Dosage says: units, times a day, and a total only where it is certain."""

import pytest

from fhir_mappers.dosage import WhyNoDose, doses_per_day, insulin_units, read_dosing
from models.patient_record import InsulinKind, InsulinProduct

U100 = InsulinProduct("insulin glargine", "glargine", InsulinKind.LONG, 100.0)
UNKNOWN = InsulinProduct("insulin", None, None, None)
UCUM = "http://unitsofmeasure.org"
DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}


def units(value: object, unit: str = "units", code: str = "[iU]") -> dict:
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def dose(value: float, **more: object) -> dict:
    return {"doseAndRate": [{"doseQuantity": units(value)}], "timing": DAILY} | more


@pytest.mark.parametrize(
    ("quantity", "flags"),
    [
        (units(20), set()),
        (units(20, "[IU]", "[IU]"), set()),
        (units(20, "IU", "[iU]"), set()),
        (units(20, "Einheiten", "[iU]"), set()),
        ({"value": 20, "unit": "units"}, {"unit_from_text"}),
        ({"value": 20, "unit": "unit(s)"}, {"unit_from_text"}),
        (units(20, "units", "U"), {"unit_alias"}),
    ],
)
def test_every_spelling_of_the_insulin_unit_is_read_and_the_doubtful_ones_are_flagged(quantity, flags):
    read = insulin_units(quantity, UNKNOWN)
    assert (read.value, read.flags) == (20.0, flags)


@pytest.mark.spec("H-04")
@pytest.mark.parametrize(
    ("quantity", "product", "why"),
    [
        (units(0.2, "mL", "mL"), UNKNOWN, WhyNoDose.INSULIN_CONCENTRATION_UNKNOWN),
        (units(20, "mg", "mg"), U100, WhyNoDose.DOSE_UNIT_UNKNOWN),
        (units(20, "mL", "[iU]"), U100, WhyNoDose.DOSE_UNIT_CONFLICT),
        (units(20, "pen", "{pen}"), U100, WhyNoDose.DOSE_UNIT_UNKNOWN),
        ({"value": 20}, U100, WhyNoDose.DOSE_UNIT_UNKNOWN),
        (units("20"), U100, WhyNoDose.DOSE_MISSING),
        (units(True), U100, WhyNoDose.DOSE_MISSING),
        (units(20) | {"comparator": "<"}, U100, WhyNoDose.DOSE_MISSING),
        (units(-1), U100, WhyNoDose.DOSE_IMPLAUSIBLE),
        (units(601), U100, WhyNoDose.DOSE_IMPLAUSIBLE),
        (units(10**400), U100, WhyNoDose.DOSE_IMPLAUSIBLE),
        (units(float("nan")), U100, WhyNoDose.DOSE_IMPLAUSIBLE),
        (units(20, "mL", "mL"), U100, WhyNoDose.DOSE_IMPLAUSIBLE),
    ],
)
def test_H04_a_quantity_that_is_not_clearly_in_units_gives_no_number(quantity, product, why):
    read = insulin_units(quantity, product)
    assert (read.value, read.why) == (None, why)


def test_a_volume_of_known_concentration_becomes_units():
    assert insulin_units(units(0.2, "mL", "mL"), U100).value == 20.0


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (DAILY, 1),
        ({"repeat": {"frequency": 1, "period": 24, "periodUnit": "h"}}, 1),
        ({"repeat": {"period": 1, "periodUnit": "d"}}, 1),
        ({"repeat": {"frequency": 3, "period": 1, "periodUnit": "d", "when": ["AC"]}}, 3),
        ({"repeat": {"when": ["HS"]}}, 1),
        ({"repeat": {"timeOfDay": ["08:00:00", "20:00:00"]}}, 2),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d", "when": ["ACM", "HS"]}}, 2),
        ({"repeat": {"frequency": 1, "period": 2, "periodUnit": "d"}}, 0.5),
        ({"code": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "code": "BID"}]}}, 2),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d", "when": ["HS"]}}, None),
        ({"repeat": {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}}, None),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon"]}}, None),
        ({"repeat": {"count": 1, "frequency": 1, "period": 1, "periodUnit": "d"}}, None),
        ({"repeat": {"frequency": 1, "period": 0, "periodUnit": "d"}}, None),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "min"}}, None),
        ({"repeat": {"when": ["AC"]}}, None),
        ({"event": ["2024-05-02T08:00:00Z"]}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_doses_per_day_are_counted_only_where_the_count_is_fixed(timing, expected):
    assert doses_per_day(timing)[0] == expected


def test_a_fixed_dose_at_a_known_frequency_gives_a_daily_total():
    read = read_dosing([dose(10, timing={"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}})], U100)
    assert (read.dose_u, read.doses_per_day, read.daily_dose_u, read.why) == (10.0, 2, 20.0, None)


@pytest.mark.parametrize(
    ("instruction", "why"),
    [
        (dose(10, asNeededBoolean=True), WhyNoDose.AS_NEEDED),
        (dose(10, asNeededCodeableConcept={"text": "high glucose"}), WhyNoDose.AS_NEEDED),
        (dose(10, asNeeded=True), WhyNoDose.AS_NEEDED),
        (dose(10, asNeededFor=[{"text": "high glucose"}]), WhyNoDose.AS_NEEDED),
        (dose(10, timing={}), WhyNoDose.FREQUENCY_UNKNOWN),
        (dose(10, timing={"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}), WhyNoDose.NOT_DAILY),
        (dose(10, text="10 units per sliding scale"), WhyNoDose.DOSE_VARIES),
        (dose(10, text="10 units, increase by 2 units every 3 days"), WhyNoDose.DOSE_VARIES),
        (dose(10, text="Inject 12 units nightly"), WhyNoDose.DOSE_TEXT_CONFLICT),
        (dose(0), WhyNoDose.DOSE_IMPLAUSIBLE),
        (dose(10, modifierExtension=[{"url": "x"}]), WhyNoDose.MEANING_MODIFIED),
        ({"text": "Inject 18 units nightly"}, WhyNoDose.DOSE_TEXT_ONLY),
        ({"text": "ten units nightly"}, WhyNoDose.DOSE_TEXT_ONLY),
        ({"timing": DAILY}, WhyNoDose.DOSE_MISSING),
        ({"doseAndRate": [{"rateQuantity": units(1, "units/h", "[iU]/h")}]}, WhyNoDose.DOSE_IS_RATE),
        ({"doseAndRate": [{"doseQuantity": units(5)}, {"doseQuantity": units(9)}]}, WhyNoDose.SEVERAL_DOSES),
    ],
)
def test_anything_but_one_fixed_daily_dose_gives_no_total_and_says_why(instruction, why):
    read = read_dosing([instruction], U100)
    assert (read.daily_dose_u, read.why) == (None, why)


def test_a_range_keeps_its_ends_and_has_no_dose():
    limits = {"doseRange": {"low": units(2), "high": units(10)}}
    read = read_dosing([{"doseAndRate": [limits], "timing": DAILY}], U100)
    assert (read.range_u, read.dose_u, read.daily_dose_u, read.why) == (
        (2, 10),
        None,
        None,
        WhyNoDose.DOSE_IS_RANGE,
    )


def test_the_ordered_dose_goes_before_the_calculated_one():
    kinds = [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/dose-rate-type", "code": code}]}
        for code in ("calculated", "ordered")
    ]
    entries = [{"type": kinds[0], "doseQuantity": units(9)}, {"type": kinds[1], "doseQuantity": units(10)}]
    assert read_dosing([{"doseAndRate": entries, "timing": DAILY}], U100).daily_dose_u == 10.0


def test_instructions_at_different_times_add_up():
    read = read_dosing(
        [dose(10, timing={"repeat": {"when": ["MORN"]}}), dose(14, timing={"repeat": {"when": ["HS"]}})], U100
    )
    assert (read.dose_u, read.daily_dose_u, read.when) == (None, 24.0, ("MORN", "HS"))


@pytest.mark.parametrize(
    "second",
    [
        dose(10, timing={"repeat": {"when": ["HS"]}}, sequence=2),
        dose(10, timing={"repeat": {"when": ["MORN"]}}, sequence=1),
        dose(10, sequence=1),
        dose(10, timing={"repeat": {"when": ["HS"], "boundsPeriod": {"start": "2024-05-02"}}}, sequence=1),
    ],
    ids=["other sequence", "same time twice", "time not named", "other bounds"],
)
def test_instructions_that_follow_or_repeat_each_other_do_not_add_up(second):
    read = read_dosing([dose(10, timing={"repeat": {"when": ["MORN"]}}, sequence=1), second], U100)
    assert (read.daily_dose_u, read.doses_per_day, read.why) == (None, None, WhyNoDose.SEVERAL_DOSES)


def test_one_instruction_without_a_total_leaves_the_order_without_one():
    variable = {
        "doseAndRate": [{"doseRange": {"low": units(2), "high": units(4)}}],
        "timing": {"repeat": {"when": ["HS"]}},
    }
    read = read_dosing([dose(10, timing={"repeat": {"when": ["MORN"]}}), variable], U100)
    assert (read.daily_dose_u, read.why) == (None, WhyNoDose.DOSE_IS_RANGE)


@pytest.mark.spec("H-05")
@pytest.mark.parametrize(
    ("frequency", "printed", "agrees"),
    [
        (2, "10 units once daily", False),
        (2, "10 units nightly", False),
        (2, "10 units twice daily", True),
        (2, "10 units BID", True),
        (1, "10 units b.i.d.", False),
        (1, "10 units QD", True),
        (1, "10 Einheiten zweimal täglich", False),
        (1, "10 Einheiten 1x täglich", True),
        (3, "10 units TID with meals", True),
        (4, "10 units three times a day", False),
        (1, "10 units once a week", False),
        (1, "10 units before bed", True),
        (2, "", True),
    ],
)
def test_H05_a_coded_frequency_that_the_text_contradicts_gives_no_daily_dose(frequency, printed, agrees):
    timing = {"repeat": {"frequency": frequency, "period": 1, "periodUnit": "d"}}
    read = read_dosing([dose(10, timing=timing, text=printed)], U100)
    assert read.daily_dose_u == (10.0 * frequency if agrees else None)
    assert read.why is (None if agrees else WhyNoDose.FREQUENCY_TEXT_CONFLICT)
