"""The glycaemic metrics: equal to reference numbers, and unmoved by what must not matter."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features import indices
from models.features.glucose_features import features_of
from models.features.glycemic import GlycemicMetrics, glycemic_metrics
from models.features.sampling import DAY_MS, MINUTE_MS
from models.signals import GLUCOSE_CGM
from models.time_series import ABOVE, BELOW, TimeSeries, series_of
from models.units import MGDL_PER_MMOLL

START_MS = 1_709_251_200_000  # 2024-03-01T00:00Z
STEP_MS = 5 * MINUTE_MS


def cgm(values: list[float], start_ms: int = START_MS, step_ms: int = STEP_MS) -> TimeSeries:
    at_ms = start_ms + step_ms * np.arange(1, len(values) + 1)
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.array(values, float))


def in_mmoll(values: list[float]) -> TimeSeries:
    """A series that a device reported in mmol/L."""
    native = np.array(values)
    return replace(cgm((native * MGDL_PER_MMOLL).tolist()), native_value=native, native_units=("mmol/L",))


def metrics_of(glucose: TimeSeries, days: float = 14) -> GlycemicMetrics:
    assert glucose.newest_ms is not None
    return glycemic_metrics(glucose, glucose.newest_ms, days)


def people(path: Path, time: str = "time", value: str = "gl") -> Iterator[tuple[str, TimeSeries]]:
    """Every person of a CSV file; rows without a value are left out."""
    rows: dict[str, list[tuple[int, float]]] = {}
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            if row[value] not in ("", "NA"):
                at = datetime.fromisoformat(row[time]).replace(tzinfo=UTC)
                rows.setdefault(row.get("id", ""), []).append(
                    (round(at.timestamp() * 1000), float(row[value]))
                )
    for person, points in rows.items():
        at_ms, values = zip(*points, strict=True)
        yield person, series_of(GLUCOSE_CGM, "mg/dL", np.array(at_ms), np.array(values))


def expected_metrics(reference: dict[str, dict[str, float]]) -> dict[str, float]:
    """The reference's reliable metrics under our names; bands from its cumulative shares."""
    below, above = reference["below_percent"], reference["above_percent"]
    return {
        "mean_mgdl": reference["mean_glu"]["mean"],
        "median_mgdl": reference["median_glu"]["median"],
        "sd_mgdl": reference["sd_glu"]["SD"],
        "cv_percent": reference["cv_glu"]["CV"],
        "gmi_percent": reference["gmi"]["GMI"],
        "estimated_a1c_percent": reference["ea1c"]["eA1C"],
        "time_below_54_percent": below["below_54"],
        "time_below_70_percent": below["below_70"],
        "time_70_180_percent": reference["in_range_percent"]["in_range_70_180"],
        "time_63_140_percent": reference["in_range_percent"]["in_range_63_140"],
        "time_above_140_percent": above["above_140"],
        "time_above_180_percent": above["above_180"],
        "time_above_250_percent": above["above_250"],
        "lbgi": reference["lbgi"]["LBGI"],
        "hbgi": reference["hbgi"]["HBGI"],
        "gri": reference["gri"]["GRI"],
        "j_index": reference["j_index"]["J_index"],
        "m_value": reference["m_value"]["M_value"],
    }


def assert_equal_to_reference(glucose: TimeSeries, reference: dict[str, dict[str, float]]) -> None:
    found = features_of(glucose, days=10_000, as_displayed=False)
    for name, value in expected_metrics(reference).items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_every_hall_subject_has_the_reference_numbers(shared: Path) -> None:
    folder = shared / "data" / "cgm"
    with gzip.open(folder / "expected_hall2018_iglu_python_0.4.3.json.gz") as f:
        expected = json.load(f)
    series = dict(people(folder / "hall2018_57subjects.csv.gz"))
    assert len(expected) == 29
    for person, reference in expected.items():
        assert_equal_to_reference(series[person], reference["r_compatible"])


def test_every_synthetic_series_has_the_reference_numbers_and_exact_counts(shared: Path) -> None:
    folder = shared / "data" / "cgm"
    expected = json.loads((folder / "expected_synthetic_iglu_python_0.4.3.json").read_text())
    series = dict(people(folder / "synthetic_cgm.csv.gz"))
    for person, reference in expected.items():
        assert_equal_to_reference(series[person], reference["r_compatible"])
        found, counts = metrics_of(series[person], 90), reference["exact_counts"]
        assert found.readings == counts["n"]
        assert found.time_54_69_percent == pytest.approx(100 * counts["54_69"] / counts["n"], abs=1e-9)
        assert found.time_181_250_percent == pytest.approx(100 * counts["181_250"] / counts["n"], abs=1e-9)


def test_every_simulated_patient_has_the_reference_numbers_when_decimals_are_kept(shared: Path) -> None:
    folder = shared / "data" / "cgm"
    expected = json.loads((folder / "expected_simglucose_iglu_python_0.4.3.json").read_text())
    for person, reference in expected.items():
        ((_, glucose),) = people(folder / f"simglucose_{person}_14d.csv.gz", "Time", "CGM")
        glucose = glucose.take(np.arange(14 * 288))  # the reference leaves out the file's last row
        assert_equal_to_reference(glucose, reference["r_compatible"])


def test_the_sensor_share_of_two_wear_periods_is_counted_on_the_fixed_window(shared: Path) -> None:
    series = dict(people(shared / "data" / "cgm" / "hall2018_57subjects.csv.gz"))
    found = metrics_of(series["1636-69-001"])
    assert found.sensor_active_percent < 50
    assert not found.sufficient
    assert found.why_not is not None and "14 days" in found.why_not


BANDS = {
    "very_low": "time_below_54_percent",
    "low": "time_54_69_percent",
    "in_range": "time_70_180_percent",
    "high": "time_181_250_percent",
    "very_high": "time_above_250_percent",
}


@pytest.mark.parametrize("unit", ["mgdl", "mmol"])
def test_H02_boundary_values_fall_in_the_band_of_the_unit_that_the_device_showed(
    shared: Path, unit: str
) -> None:
    case = json.loads((shared / "data" / "cgm" / "boundary_cases.json").read_text())[unit]
    in_band = {v: key for key, values in case.items() if key not in ("values", "trap") for v in values}
    assert sorted(in_band) == case["values"]
    for value, key in in_band.items():
        found = metrics_of(cgm([value]) if unit == "mgdl" else in_mmoll([value]))
        shares = {band: getattr(found, name) for band, name in BANDS.items()}
        assert shares == {band: 100.0 if key.startswith(f"{band}_") else 0.0 for band in BANDS}, (value, key)


def test_closed_formulas_give_the_hand_checked_numbers(shared: Path) -> None:
    formulas = json.loads((shared / "data" / "cgm" / "boundary_cases.json").read_text())["formulas"]
    computed = {
        "GMI %": lambda c: indices.glucose_management_indicator(c["mean_mgdl"]),
        "eA1c % (ADAG)": lambda c: indices.estimated_a1c(c["mean_mgdl"]),
        "CV % (sample SD)": lambda c: metrics_of(cgm(c["values"])).cv_percent,
        "GRI": lambda c: indices.glycemia_risk_index(c["very_low"], c["low"], c["high"], c["very_high"]),
        "LBGI": lambda c: metrics_of(cgm(c["values"])).lbgi,
        "HBGI": lambda c: metrics_of(cgm(c["values"])).hbgi,
    }
    for case in formulas:
        assert computed[case["name"].removesuffix(" capped at 100")](case) == pytest.approx(
            case["expected"], abs=1e-6
        )


@pytest.mark.parametrize(
    ("native", "side", "band"),
    [
        (39, BELOW, "very_low"),
        (70, BELOW, "low"),
        (54, BELOW, "very_low"),
        (180, ABOVE, "high"),
        (400, ABOVE, "very_high"),
    ],
)
def test_a_reading_beyond_the_number_it_carries_counts_in_the_band_beyond(
    native: float, side: int, band: str
) -> None:
    glucose = replace(cgm([native]), censored=np.array([side], np.int8))
    found = metrics_of(glucose)
    assert getattr(found, BANDS[band]) == 100
    assert (found.readings_below_range, found.readings_above_range) == ((1, 0) if side == BELOW else (0, 1))


@pytest.mark.spec("H-12")
def test_H12_error_codes_are_removed_and_counted_and_a_marked_low_stays() -> None:
    glucose = replace(cgm([10, 38, 38, 100]), censored=np.array([0, 0, BELOW, 0], np.int8))
    found = metrics_of(glucose)
    assert (found.readings, found.removed) == (2, {"sensor_error_code": 2})
    assert found.time_below_54_percent == 50


@pytest.mark.spec("H-10")
def test_H10_two_copies_of_seven_days_do_not_pass_as_fourteen() -> None:
    week = cgm([120.0] * (7 * 288), start_ms=START_MS + 7 * DAY_MS)
    other = replace(week, at_ms=week.at_ms - STEP_MS // 2)
    both = series_of(GLUCOSE_CGM, "mg/dL", np.r_[week.at_ms, other.at_ms], np.r_[week.value, other.value])
    found = glycemic_metrics(both, int(week.at_ms[-1]))
    assert found.sensor_active_percent <= 50.1
    assert not found.sufficient


@pytest.mark.spec("H-10")
def test_H10_copies_that_contradict_each_other_are_left_out_with_a_count() -> None:
    at_ms = START_MS + STEP_MS * np.array([1, 1, 2, 2, 3])
    found = metrics_of(series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.array([100.0, 150, 100, 110, 100])))
    assert found.removed == {"conflicting_copies": 2, "copy": 1}
    assert found.mean_mgdl == 100


def test_seventy_percent_of_fourteen_days_is_enough_and_one_reading_less_is_not() -> None:
    needed = int(np.ceil(0.7 * 4032))
    end_ms = START_MS + 14 * DAY_MS
    first = end_ms - needed * STEP_MS
    assert glycemic_metrics(cgm([120.0] * needed, first), end_ms).sufficient
    assert not glycemic_metrics(cgm([120.0] * (needed - 1), first), end_ms).sufficient


@pytest.mark.parametrize(("minutes", "per_day"), [(1, 1440), (5, 288), (15, 96)])
def test_a_full_day_of_any_sensor_covers_the_day(minutes: int, per_day: int) -> None:
    found = metrics_of(cgm([120.0] * per_day, step_ms=minutes * MINUTE_MS), days=1)
    assert found.interval_min == minutes
    assert found.sensor_active_percent == pytest.approx(100)


@pytest.mark.spec("Q47")
def test_Q47_readings_weigh_as_long_as_they_stand_for_when_sensors_of_two_intervals_mix() -> None:
    frequent = cgm([100.0] * 288)
    seldom = cgm([200.0] * 96, start_ms=START_MS + DAY_MS, step_ms=15 * MINUTE_MS)
    both = replace(
        series_of(
            GLUCOSE_CGM, "mg/dL", np.r_[frequent.at_ms, seldom.at_ms], np.r_[frequent.value, seldom.value]
        ),
        source=np.repeat([0, 1], [288, 96]).astype(np.int16),
        sources=("five", "fifteen"),
    )
    found = metrics_of(both, days=2)
    assert found.interval_min is None
    assert found.mean_mgdl == pytest.approx(150)
    assert found.time_70_180_percent == pytest.approx(50)


def test_features_are_plain_json_with_every_promised_key() -> None:
    promised = [
        "mean_mgdl",
        "sd_mgdl",
        "cv_percent",
        "gmi_percent",
        "time_below_54_percent",
        "time_54_69_percent",
        "time_70_180_percent",
        "time_181_250_percent",
        "time_above_250_percent",
        "lbgi",
        "hbgi",
        "gri",
        "sensor_active_percent",
        "hypo_events",
        "hypo_level2_events",
        "hyper_events",
    ]
    for glucose in (cgm([100.0, 60, 300] * 20 + [50] * 60 + [300] * 60), cgm([100.0]), cgm([])):
        printed = json.loads(json.dumps(features_of(glucose, zone="UTC"), allow_nan=False))
        assert set(promised) <= set(printed)


def test_no_reading_gives_no_number_and_no_count_of_events() -> None:
    found = glycemic_metrics(cgm([]), START_MS)
    assert found.mean_mgdl is None and found.gri is None and found.hypo_events is None
    assert (found.readings, found.sensor_active_percent, found.sufficient) == (0, 0, False)
    assert features_of(cgm([]))["why_not"]


values = st.lists(st.integers(40, 400).map(float), min_size=1, max_size=80)


@given(values, st.randoms(use_true_random=False))
def test_order_and_copies_of_readings_change_no_metric(readings: list[float], random: object) -> None:
    glucose = cgm(readings)
    picks = list(range(len(readings))) * 2
    random.shuffle(picks)  # type: ignore[attr-defined]
    mixed = series_of(GLUCOSE_CGM, "mg/dL", glucose.at_ms[picks], glucose.value[picks])
    assert asdict(metrics_of(mixed)) | {"removed": {}} == asdict(metrics_of(glucose))


@given(values, st.integers(-(10**11), 10**11))
def test_shifting_all_time_together_changes_no_metric(readings: list[float], shift_ms: int) -> None:
    glucose, moved = cgm(readings), cgm(readings, START_MS + shift_ms)
    instants = ("window_start_ms", "window_end_ms", "newest_ms")
    there, here = asdict(metrics_of(moved)), asdict(metrics_of(glucose))
    for name in instants:
        assert there.pop(name) - here.pop(name) == shift_ms
    assert there == here


@pytest.mark.spec("H-03")
@given(st.lists(st.integers(20, 222), min_size=2, max_size=60))
def test_H03_a_device_in_mmoll_gives_the_same_arithmetic_as_its_converted_values(tenths: list[int]) -> None:
    native = [tenth / 10 for tenth in tenths]
    a, b = metrics_of(in_mmoll(native)), metrics_of(cgm([v * MGDL_PER_MMOLL for v in native]))
    for name in ("mean_mgdl", "sd_mgdl", "gmi_percent", "lbgi", "hbgi", "sensor_active_percent"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9)
    assert a.time_70_180_percent == pytest.approx(100 * np.mean([3.9 <= v <= 10.0 for v in native]))


@given(values, st.sampled_from(["Pacific/Kiritimati", "Pacific/Midway", "Asia/Kolkata", "America/St_Johns"]))
def test_the_zone_moves_only_what_has_a_time_of_day(readings: list[float], zone: str) -> None:
    here, there = features_of(cgm(readings), zone="UTC"), features_of(cgm(readings), zone=zone)
    for name in ("profile", "night", "patterns"):
        del here[name], there[name]
    assert here == there


@given(values)
def test_the_five_bands_share_out_all_time(readings: list[float]) -> None:
    found = metrics_of(cgm(readings))
    assert sum(getattr(found, name) for name in BANDS.values()) == pytest.approx(100)
    assert found.sensor_active_percent <= 100
