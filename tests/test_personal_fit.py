"""The fit of one person's sensitivity, carb ratio and basal need: right where the truth is known, else refused."""

import csv
import gzip
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from models.assessment import Reason, ReasonCode
from models.dosing.carb_absorption import CarbEntry, absorbed_g
from models.dosing.insulin_doses import InsulinDoses
from models.dosing.insulin_effect import insulin_effect_mgdl
from models.dosing.insulin_on_board import InsulinCurve
from models.dosing.personal_fit import LEAST_EXPLAINED_PERCENT, PersonalFit, fit_person
from models.dosing.recorded_days import SLOTS_PER_DAY, RecordedDays
from models.dosing.replay import ABSORPTIONS_MIN, PEAKS_MIN, absorption, action, joined_up
from models.dosing.schedule import Schedule
from models.simulation.run import simulate_world
from models.simulation.therapy_cases import draw_cases
from models.simulation.true_settings import true_settings
from models.simulation.worlds import DEFAULT, SHIFTED

STEP_MS = 300_000
EPOCH = datetime.fromisoformat("2015-01-01T00:00")
DAYS = 14
SLOTS = DAYS * SLOTS_PER_DAY


def invented_days(sensitivity: float = 40.0, ratio: float = 10.0, need: float = 1.0) -> RecordedDays:
    """A life in which glucose does exactly what the replay supposes, with meals counted wrongly."""
    rng = np.random.default_rng(8)
    eaten, basal = np.zeros(SLOTS), np.full(SLOTS, 0.9 / 12)
    for hour in (7, 12, 18):
        at = hour * 12 + rng.integers(-6, 6, DAYS) + np.arange(DAYS) * SLOTS_PER_DAY
        eaten[at] = rng.uniform(30, 80, DAYS)
    bolus = eaten / ratio * np.exp(0.3 * rng.standard_normal(SLOTS))
    bolus[np.arange(DAYS) * SLOTS_PER_DAY + 15 * 12] += rng.uniform(0, 3, DAYS)
    change = need * sensitivity / 12 - sensitivity * np.convolve(basal + bolus, action(75.0))[:SLOTS]
    change += sensitivity / ratio * np.convolve(eaten, absorption(180.0))[:SLOTS]
    glucose = np.empty(SLOTS + 1)
    glucose[0] = 120.0
    for slot in range(SLOTS):
        glucose[slot + 1] = glucose[slot] + change[slot] - 0.1 / 12 * (glucose[slot] - 120.0)
    return RecordedDays(20_000, glucose[:-1], basal, bolus, eaten)


@pytest.fixture(scope="module")
def simulated() -> tuple[list[RecordedDays], dict[str, np.ndarray]]:
    """Forty mis-set adults and adolescents, half of them in the shifted world, and their truth."""
    cases = draw_cases(40, np.random.default_rng(31))
    traces = [
        simulate_world(cases.patients, cases.start, world, DAYS, np.random.default_rng(32))
        for world in (DEFAULT, SHIFTED)
    ]
    found = []
    for i in range(40):
        trace = traces[i % 2]
        columns = (trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g)
        found.append(RecordedDays(0, *(column[i] for column in columns)))
    truth = true_settings(cases.patients)
    return found, {
        "sensitivity_mgdl_per_u": truth.sensitivity_mgdl_per_u,
        "carb_ratio_g_per_u": truth.carb_ratio_g_per_u,
        "basal_night_u_per_h": truth.basal_u_per_h,
        "basal_day_u_per_h": truth.basal_u_per_h,
    }


# The pieces


@pytest.mark.parametrize("peak", PEAKS_MIN)
def test_insulin_acts_as_in_the_insulin_effect(peak: float) -> None:
    at_ms = np.arange(90) * STEP_MS
    dose = InsulinDoses(at_ms[:1], at_ms[:1], np.array([1.0]))
    effect = insulin_effect_mgdl(dose, Schedule(at_ms[:1], np.array([1.0])), at_ms, InsulinCurve(360.0, peak))
    acted = np.concatenate([[0.0], np.cumsum(action(peak))])
    assert np.allclose(-effect[: acted.size], acted, atol=1e-9)
    assert acted[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("minutes", ABSORPTIONS_MIN)
def test_carbohydrate_is_absorbed_as_entered(minutes: float) -> None:
    absorbed = np.cumsum(absorption(minutes))
    at_ms = np.arange(1, absorbed.size + 1) * STEP_MS
    assert np.allclose(absorbed, absorbed_g(CarbEntry(0, 1.0, minutes), at_ms), atol=1e-12)
    assert absorbed[-1] == pytest.approx(1.0)


def test_readings_every_quarter_hour_are_joined_and_longer_gaps_are_not() -> None:
    cgm = np.array([100.0, np.nan, np.nan, 130.0, np.nan, np.nan, np.nan, 90.0, np.nan])
    expected = [100.0, 110.0, 120.0, 130.0, np.nan, np.nan, np.nan, 90.0, np.nan]
    assert np.allclose(joined_up(cgm), expected, equal_nan=True)


def test_recorded_days_are_whole_and_of_one_length() -> None:
    with pytest.raises(ValueError, match="whole"):
        RecordedDays(0, *(np.zeros(100) for _ in range(4)))
    with pytest.raises(ValueError, match="one length"):
        RecordedDays(0, np.zeros(288), np.zeros(288), np.zeros(288), np.zeros(576))


# Recovery


def test_a_life_that_follows_the_model_gives_its_settings_back() -> None:
    fit = fit_person(invented_days())
    assert isinstance(fit, PersonalFit)
    assert fit.carb_ratio_g_per_u.value == pytest.approx(10.0, rel=0.02)
    assert fit.basal_night_u_per_h.value == pytest.approx(1.0, rel=0.02)
    assert fit.basal_day_u_per_h.value == pytest.approx(1.0, rel=0.02)
    # glucose regains a tenth of its distance to 120 in an hour, so that not all of 40 mg/dL is ever seen
    assert 28.0 < fit.sensitivity_mgdl_per_u.value < 36.0
    assert (fit.insulin_peak_min, fit.absorption_min) == (75.0, 180.0)
    assert fit.explained_percent > 95.0
    assert fit.error_mgdl < 0.2 * fit.naive_error_mgdl


def test_simulated_people_get_their_settings_back_within_what_is_claimed(simulated) -> None:
    days, truth = simulated
    fits = [fit_person(each) for each in days]
    fitted = [i for i, fit in enumerate(fits) if isinstance(fit, PersonalFit)]
    assert len(fitted) >= 0.6 * len(fits)
    for name, most in (
        ("sensitivity_mgdl_per_u", 0.30),
        ("carb_ratio_g_per_u", 0.35),
        ("basal_night_u_per_h", 0.20),
        ("basal_day_u_per_h", 0.20),
    ):
        found = [getattr(fits[i], name) for i in fitted]
        ratio = np.array([each.value for each in found]) / truth[name][fitted]
        held = [each.low <= truth[name][i] <= each.high for each, i in zip(found, fitted, strict=True)]
        assert np.median(np.abs(np.log(ratio))) < most, name
        assert np.mean(held) >= 0.8, name


def test_the_same_records_give_the_same_fit() -> None:
    assert fit_person(invented_days()) == fit_person(invented_days())


def test_a_sensor_of_a_quarter_hour_gives_nearly_the_same_fit() -> None:
    days = invented_days()
    seldom = days.cgm_mgdl.copy()
    seldom[np.arange(SLOTS) % 3 != 0] = np.nan
    dense, sparse = fit_person(days), fit_person(replace(days, cgm_mgdl=seldom))
    assert isinstance(dense, PersonalFit) and isinstance(sparse, PersonalFit)
    assert sparse.carb_ratio_g_per_u.value == pytest.approx(dense.carb_ratio_g_per_u.value, rel=0.05)
    assert sparse.basal_day_u_per_h.value == pytest.approx(dense.basal_day_u_per_h.value, rel=0.05)


# Refusals


@pytest.mark.spec("H-08")
@pytest.mark.parametrize("column", ["bolus_u", "carbs_g"])
def test_H08_without_boluses_or_carbohydrate_there_is_no_number(column: str) -> None:
    answer = fit_person(replace(invented_days(), **{column: np.zeros(SLOTS)}))
    assert isinstance(answer, Reason) and answer.code is ReasonCode.MISSING


@pytest.mark.spec("H-08")
def test_H08_half_the_meals_unrecorded_never_widen_into_confidence() -> None:
    days = invented_days()
    forgotten = days.carbs_g.copy()
    forgotten[np.flatnonzero(forgotten)[::2]] = 0.0
    whole, half = fit_person(days), fit_person(replace(days, carbs_g=forgotten))
    assert isinstance(whole, PersonalFit)
    assert isinstance(half, Reason) or half.explained_percent < whole.explained_percent


def test_a_sensor_worn_a_third_of_the_time_gives_no_number() -> None:
    days = invented_days()
    worn = np.where(np.arange(SLOTS) // SLOTS_PER_DAY % 3 == 0, days.cgm_mgdl, np.nan)
    answer = fit_person(replace(days, cgm_mgdl=worn))
    assert isinstance(answer, Reason) and answer.code is ReasonCode.SPARSE


def test_no_glucose_at_all_gives_no_number() -> None:
    answer = fit_person(replace(invented_days(), cgm_mgdl=np.full(SLOTS, np.nan)))
    assert isinstance(answer, Reason) and answer.code is ReasonCode.SPARSE


@pytest.mark.spec("H-06")
def test_H06_insulin_and_meals_of_other_days_do_not_explain_the_glucose(simulated) -> None:
    days, _ = simulated
    foreign = [
        replace(a, bolus_u=b.bolus_u, carbs_g=b.carbs_g) for a, b in zip(days[:12], days[12:24], strict=True)
    ]
    refused = [isinstance(fit_person(each), Reason) for each in foreign]
    assert sum(refused) >= 10


# Recorded people


def recorded_people(shared: Path) -> dict[str, RecordedDays]:
    """A fortnight in the middle of each person's records, injections of basal insulin spread over a day."""
    events: dict[str, list[tuple[int, str, float]]] = {}
    with gzip.open(shared / "data" / "t1d_uom_events.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            minutes = (datetime.fromisoformat(row["time"]) - EPOCH).total_seconds() / 60
            events.setdefault(row["id"], []).append((int(minutes // 5), row["kind"], float(row["value"])))
    glucose = np.load(shared / "data" / "cgm_t1d_open.npz")
    names = {str(name).rsplit("UoMGlucose", 1)[-1]: i for i, name in enumerate(glucose["ids"])}
    return {
        person: _fortnight(events[person], glucose, names[person])
        for person in sorted(events)
        if person in names
    }


def _fortnight(events: list[tuple[int, str, float]], glucose, number: int) -> RecordedDays:
    mine = glucose["code"] == number
    slot, mgdl = np.cumsum(glucose["slot_delta"][mine]), glucose["mgdl"][mine].astype(float)
    boluses = [at for at, kind, _ in events if kind == "bolus_u"] or [int(slot[0])]
    first = int(np.median(boluses)) // SLOTS_PER_DAY * SLOTS_PER_DAY - SLOTS // 2
    columns = {name: np.zeros(SLOTS + SLOTS_PER_DAY) for name in ("basal_L", "bolus_u", "carbs_g", "basal_R")}
    for at, kind, value in events:
        if kind in columns and 0 <= at - first < SLOTS:
            if kind == "basal_L":
                columns[kind][at - first : at - first + SLOTS_PER_DAY] += value / SLOTS_PER_DAY
            elif kind == "basal_R":
                columns[kind][at - first : at - first + SLOTS_PER_DAY] = value / 12
            else:
                columns[kind][at - first] += value
    cgm = np.full(SLOTS, np.nan)
    inside = (slot >= first) & (slot < first + SLOTS)
    cgm[slot[inside] - first] = mgdl[inside]
    basal = columns["basal_L"] + columns["basal_R"]
    return RecordedDays(
        first // SLOTS_PER_DAY, cgm, basal[:SLOTS], columns["bolus_u"][:SLOTS], columns["carbs_g"][:SLOTS]
    )


def test_recorded_people_get_numbers_only_where_their_records_explain_their_glucose(shared: Path) -> None:
    people = recorded_people(shared)
    assert len(people) >= 10
    for person, days in people.items():
        answer = fit_person(days)
        if isinstance(answer, Reason):
            assert answer.text, person
        else:
            assert answer.explained_percent >= LEAST_EXPLAINED_PERCENT, person
            assert 0.0 < answer.sensitivity_mgdl_per_u.low <= answer.sensitivity_mgdl_per_u.high, person
