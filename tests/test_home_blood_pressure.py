"""Blood pressure at home at every edge of both guidelines, and what the answer says of where it comes from."""

from dataclasses import replace
from math import erfc, sqrt

import numpy as np
import pytest

from models.assessment import NotAssessed, ReasonCode
from models.risk.home_blood_pressure import home_blood_pressure
from models.time_series import series_of

AS_OF = 1_750_000_000_000
DAY_MS = 86_400_000
SOURCES = {
    "acc_aha": ("ACC/AHA 2017", "Whelton PK et al., Hypertension 2018;71:e13 (home 130/80 mmHg)"),
    "esh": ("ESH 2023", "Mancia G et al., J Hypertens 2023;41:1874 (home 135/85 mmHg)"),
}


def cuff(signal, daily, per_day=4):
    """`per_day` readings at each day's level, the newest day first."""
    at = [AS_OF - day * DAY_MS - 3_600_000 * (k + 1) for day in range(len(daily)) for k in range(per_day)]
    return series_of(signal, "mm[Hg]", np.array(at, np.int64), np.repeat(np.array(daily, float), per_day))


@pytest.mark.parametrize(
    ("systolic", "diastolic", "guideline", "outcome"),
    [
        (129.5, 79.5, "acc_aha", "assessed_negative"), (130, 79.5, "acc_aha", "assessed_positive"),
        (130.5, 79.5, "acc_aha", "assessed_positive"), (129.5, 80, "acc_aha", "assessed_positive"),
        (129.5, 80.5, "acc_aha", "assessed_positive"),
        (134.5, 84.5, "esh", "assessed_negative"), (135, 84.5, "esh", "assessed_positive"),
        (135.5, 84.5, "esh", "assessed_positive"), (134.5, 85, "esh", "assessed_positive"),
        (134.5, 85.5, "esh", "assessed_positive"),
    ],
)  # fmt: skip
def test_either_mean_at_the_guidelines_cut_is_elevated(systolic, diastolic, guideline, outcome):
    answer = home_blood_pressure(cuff("sbp", [systolic] * 3), cuff("dbp", [diastolic] * 3), guideline, AS_OF)
    assert answer.outcome == outcome
    assert (answer.result.systolic.mmhg, answer.result.diastolic.mmhg) == (systolic, diastolic)


@pytest.mark.parametrize(
    ("mean", "signal", "sd"),
    [(120, "sbp", 10), (130, "sbp", 10), (141, "sbp", 10), (76, "dbp", 6), (80, "dbp", 6)],
)
@pytest.mark.parametrize("days", [3, 6])
def test_the_probability_above_the_cut_is_that_of_a_mean_of_days_with_a_known_spread(mean, signal, sd, days):
    levels = {"sbp": [100] * days, "dbp": [60] * days} | {signal: [mean] * days}
    result = home_blood_pressure(*(cuff(s, v) for s, v in levels.items()), "acc_aha", AS_OF).result
    found = {"sbp": result.systolic, "dbp": result.diastolic}[signal]
    assert found.probability_above == pytest.approx(0.5 * erfc((found.cut_mmhg - mean) / sd * sqrt(days / 2)))
    assert (found.days, found.readings) == (days, 4 * days)


@pytest.mark.parametrize(
    ("days", "per_day", "assessed"),
    [(2, 8, False), (3, 3, False), (3, 4, True), (4, 3, True), (12, 1, False), (1, 0, False)],
)
def test_twelve_readings_on_three_days_of_one_week_are_needed(days, per_day, assessed):
    readings = [cuff(signal, [120] * days, per_day) for signal in ("sbp", "dbp")]
    answer = home_blood_pressure(*readings, "esh", AS_OF)
    assert answer.version == "ESH 2023"
    assert isinstance(answer, NotAssessed) is not assessed
    if isinstance(answer, NotAssessed):
        assert [reason.about for reason in answer.reasons] == ["sbp", "dbp"]
        assert {r.code for r in answer.reasons} == {ReasonCode.SPARSE if per_day else ReasonCode.MISSING}


def test_one_pressure_alone_is_not_assessed_and_the_other_is_named():
    answer = home_blood_pressure(cuff("sbp", [150] * 3), cuff("dbp", []), "acc_aha", AS_OF)
    assert [(r.about, r.code) for r in answer.reasons] == [("dbp", ReasonCode.MISSING)]


@pytest.mark.parametrize("guideline", SOURCES)
def test_the_answer_names_guideline_and_source_and_every_reading_with_its_age(guideline):
    readings = {
        signal: replace(
            cuff(signal, [level] * 8, 2),
            references=[f"Observation/{signal}-{i}" for i in range(16)],
            reference=np.arange(16, dtype=np.int32),
        )
        for signal, level in (("sbp", 128), ("dbp", 77))
    }
    answer = home_blood_pressure(readings["sbp"], readings["dbp"], guideline, AS_OF)
    assert (answer.model, answer.version, answer.result.source) == (
        "home_blood_pressure",
        *SOURCES[guideline],
    )
    wanted = [
        (signal, float(value), "mm[Hg]", int(at_ms), f"Observation/{signal}-{i}")
        for signal, series in readings.items()
        for i, (at_ms, value) in enumerate(zip(series.at_ms, series.value, strict=True))
        if at_ms > AS_OF - 7 * DAY_MS
    ]
    assert [(i.name, i.value, i.unit, i.at_ms, i.reference) for i in answer.inputs] == wanted
    assert answer.result.systolic.readings + answer.result.diastolic.readings == len(wanted) == 28
