"""The clamp against the hazards it controls, and against a naive second writing of the same rules."""

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive_clamp import naive_dose

from models.dosing.limits import (
    PLAUSIBLE_WEIGHT_KG,
    BasalLimits,
    Clamped,
    Situation,
    WeeklyStep,
    clamp_basal,
)

CASES = max(20_000, settings.default.max_examples)
"""A million under `make safety`, whose profile asks for it."""
STANDARD = BasalLimits(10, 0.2, 2, 0.10, 3, 0.5, None)
WEEKLY = BasalLimits(10, 0.2, 2, 0.10, 3, 0.5, WeeklyStep(8, 0.20, 7))


def situation(current_u: float | None = 30.0, **changes: object) -> Situation:
    usual: dict[str, object] = {
        "current_dose_u": current_u,
        "weight_kg": 100.0,
        "days_since_change": 3.0,
        "low_now": False,
        "low_recently": False,
        "time_below_over_target": False,
        "weekly_table": False,
        "increment_u": 1.0,
    }
    return Situation(**(usual | changes))  # type: ignore[arg-type]


def clamped(
    wished_u: float, current_u: float | None = 30.0, limits: BasalLimits = STANDARD, **changes: object
) -> Clamped:
    return clamp_basal(wished_u, situation(current_u, **changes), limits)


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("weight_kg", "wished_u", "dose_u", "limits"),
    [
        (100.0, 10.0, 10.0, ()),
        (100.0, 11.0, 10.0, ("start",)),
        (50.0, 10.0, 10.0, ()),
        (49.9, 10.0, 9.0, ("start", "rounded_down")),
        (45.0, 10.0, 9.0, ("start",)),
        (20.0, 10.0, 4.0, ("start",)),
        (100.0, 6.0, 6.0, ()),
        (100.0, 6.7, 6.0, ("rounded_down",)),
    ],
)
def test_H01_a_start_is_at_most_ten_units_and_a_fifth_of_a_unit_per_kilogram(
    weight_kg, wished_u, dose_u, limits
):
    assert clamped(wished_u, None, weight_kg=weight_kg) == Clamped(dose_u, limits)


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("current_u", "wished_u", "dose_u", "limits"),
    [
        (10.0, 12.0, 12.0, ()),
        (10.0, 13.0, 12.0, ("step",)),
        (19.0, 22.0, 21.0, ("step",)),
        (20.0, 23.0, 22.0, ("step",)),
        (30.0, 33.0, 33.0, ()),
        (30.0, 34.0, 33.0, ("step",)),
        (29.0, 34.0, 31.0, ("step", "rounded_down")),
        (39.0, 47.0, 42.0, ("step", "rounded_down")),
    ],
)
def test_H01_a_step_is_at_most_the_greater_of_two_units_and_ten_percent(current_u, wished_u, dose_u, limits):
    assert clamped(wished_u, current_u) == Clamped(dose_u, limits)


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("current_u", "days", "weekly_table", "dose_u"),
    [
        (40.0, 7.0, True, 48.0),
        (45.0, 7.0, True, 53.0),
        (20.0, 7.0, True, 24.0),
        (6.0, 7.0, True, 8.0),
        (40.0, 6.99, True, 44.0),
        (40.0, 7.0, False, 44.0),
    ],
)
def test_H01_a_signed_weekly_step_is_the_lower_of_eight_units_and_a_fifth(
    current_u, days, weekly_table, dose_u
):
    answer = clamped(
        99.0, current_u, WEEKLY, days_since_change=days, weekly_table=weekly_table, weight_kg=200.0
    )
    assert answer.dose_u == dose_u
    assert answer.limits[0] == "step"


def test_H01_without_a_signature_a_weekly_table_gets_the_usual_step():
    assert clamped(48.0, 40.0, days_since_change=7.0, weekly_table=True) == Clamped(44.0, ("step",))


@pytest.mark.spec("H-01")
@pytest.mark.parametrize("days", [None, -1.0, 0.0, 2.999, math.nan])
def test_H01_no_increase_before_three_days_have_passed(days):
    assert clamped(32.0, days_since_change=days) == Clamped(30.0, ("no_increase_before_interval",))


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("current_u", "weight_kg", "dose_u", "limits"),
    [
        (30.0, 60.0, 30.0, ("ceiling",)),
        (30.0, 59.9, 30.0, ("no_increase_above_ceiling",)),
        (30.0, 62.0, 31.0, ("ceiling",)),
        (30.0, 63.9, 31.0, ("ceiling", "rounded_down")),
        (30.0, 64.0, 32.0, ()),
        (40.0, 84.0, 42.0, ()),
        (12.5, 25.0, 12.5, ("ceiling", "rounded_down")),
    ],
)
def test_H01_no_increase_passes_half_a_unit_per_kilogram(current_u, weight_kg, dose_u, limits):
    assert clamped(current_u + 2, current_u, weight_kg=weight_kg) == Clamped(dose_u, limits)


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("current_u", "wished_u", "dose_u", "limits"),
    [
        (48.0, 50.0, 50.0, ()),
        (49.0, 51.0, 50.0, ("product_maximum",)),
        (50.0, 52.0, 50.0, ("product_maximum",)),
        (55.0, 57.0, 55.0, ("product_maximum",)),
        (55.0, 50.0, 50.0, ()),
        (40.0, 46.0, 44.0, ("step",)),
    ],
)
def test_H01_no_increase_passes_the_highest_dose_of_the_product(current_u, wished_u, dose_u, limits):
    assert clamped(wished_u, current_u, weight_kg=150.0, product_max_u=50.0) == Clamped(dose_u, limits)


def test_H01_where_step_and_ceiling_agree_the_step_is_named():
    assert clamped(34.0, 30.0, weight_kg=66.0) == Clamped(33.0, ("step",))


@pytest.mark.spec("H-02")
def test_H02_no_dose_at_all_while_glucose_is_low():
    for wished_u, current_u in [(32.0, 30.0), (30.0, 30.0), (20.0, 30.0), (10.0, None)]:
        assert clamped(wished_u, current_u, low_now=True) == Clamped(None, ("no_dose_while_low",))


@pytest.mark.spec("H-02")
@pytest.mark.parametrize(
    ("fact", "limit"),
    [("low_recently", "no_increase_after_low"), ("time_below_over_target", "no_increase_time_below_range")],
)
def test_H02_after_a_low_a_dose_stays_or_falls_and_nothing_is_started(fact, limit):
    assert clamped(32.0, **{fact: True}) == Clamped(30.0, (limit,))
    assert clamped(30.0, **{fact: True}) == Clamped(30.0)
    assert clamped(27.0, **{fact: True}) == Clamped(27.0)
    assert clamped(10.0, None, **{fact: True}) == Clamped(None, (limit,))


@pytest.mark.spec("H-23")
@pytest.mark.parametrize(
    ("wished_u", "increment_u", "dose_u", "limits"),
    [
        (26.99, 1.0, 26.0, ("rounded_down",)),
        (26.99, 0.5, 26.5, ("rounded_down",)),
        (26.5, 0.5, 26.5, ()),
        (0.4, 0.5, 0.0, ("rounded_down",)),
        (0.0, 1.0, 0.0, ()),
        (-0.5, 1.0, 0.0, ("not_negative",)),
        (27.0 - 1e-12, 1.0, 27.0, ()),
        (27.0 - 1e-6, 1.0, 26.0, ("rounded_down",)),
        (1e-9, 1.0, 0.0, ()),
    ],
)
def test_H23_a_dose_is_rounded_down_and_never_below_zero(wished_u, increment_u, dose_u, limits):
    assert clamped(wished_u, increment_u=increment_u) == Clamped(dose_u, limits)


@pytest.mark.spec("H-23")
def test_H23_a_raise_that_the_pen_cannot_deliver_leaves_the_dose_as_it_is():
    assert clamped(0.7, 0.5) == Clamped(0.5, ("rounded_down",))


def test_a_hold_leaves_a_half_unit_dose_as_it_is():
    assert clamped(12.5, 12.5) == Clamped(12.5)
    assert clamped(float("12.5"), float("12.5"), low_recently=True) == Clamped(12.5)


@pytest.mark.parametrize(
    "made", [situation(), STANDARD, WEEKLY.weekly_step, Clamped(1.0)], ids=lambda r: type(r).__name__
)
def test_what_the_clamp_was_given_and_gave_cannot_be_changed_afterwards(made):
    with pytest.raises(AttributeError):
        setattr(made, made.__slots__[0], 999.0)


@pytest.mark.spec("H-05")
@pytest.mark.parametrize(
    "changes",
    [
        {"wished_u": math.nan},
        {"wished_u": math.inf},
        {"wished_u": -math.inf},
        {"current_u": 0.0},
        {"current_u": -1.0},
        {"current_u": 300.1},
        {"current_u": math.nan},
        {"weight_kg": 19.9},
        {"weight_kg": 350.1},
        {"weight_kg": math.nan},
        {"increment_u": 0.1},
        {"increment_u": 2.0},
    ],
)
def test_H05_numbers_that_cannot_be_right_give_no_dose(changes):
    assert clamped(**({"wished_u": 30.0} | changes)) == Clamped(None, ("out_of_bounds",))


@pytest.mark.parametrize("changes", [{"current_u": 300.0}, {"weight_kg": 20.0}, {"weight_kg": 350.0}])
def test_the_bounds_themselves_are_plausible(changes):
    assert clamped(**({"wished_u": 1.0} | changes)) == Clamped(1.0)


def breaches(wished_u: float, s: Situation, limits: BasalLimits) -> list[str]:
    """Where the clamp differs from the naive second writing, or changes a number without saying why."""
    answer, expected_u = clamp_basal(wished_u, s, limits), naive_dose(wished_u, s, limits)
    unnamed = answer.dose_u is None or abs(answer.dose_u - wished_u) > 1e-6
    found = [
        (answer.dose_u != expected_u, f"{answer.dose_u} and not {expected_u}"),
        (answer.dose_u is not None and not answer.dose_u >= 0, "negative"),
        (unnamed and not answer.limits, "changed without saying why"),
    ]
    return [text for is_so, text in found if is_so]


finite = st.floats(-50, 400, allow_nan=False)
situations = st.builds(
    Situation,
    current_dose_u=st.none() | st.floats(-1, 320) | st.integers(1, 120).map(float) | st.just(math.nan),
    weight_kg=st.floats(10, 400) | st.just(math.nan),
    days_since_change=st.none() | st.floats(-1, 30) | st.sampled_from([3.0, 7.0]),
    low_now=st.booleans(),
    low_recently=st.booleans(),
    time_below_over_target=st.booleans(),
    weekly_table=st.booleans(),
    increment_u=st.sampled_from([0.5, 1.0]),
    product_max_u=st.sampled_from([None, 50.0, 60.0]),
)


@pytest.mark.spec("H-01", "H-02", "H-23")
@settings(max_examples=2000, deadline=None)
@given(wished_u=st.floats() | finite, s=situations, limits=st.sampled_from([STANDARD, WEEKLY]))
@example(wished_u=34.0, s=situation(), limits=STANDARD)
def test_H01_the_clamp_keeps_every_rule_of_a_naive_second_writing(wished_u, s, limits):
    assert breaches(wished_u, s, limits) == []


@pytest.mark.spec("H-01")
def test_H01_many_random_cases_breach_no_rule():
    rng = random.Random(20261121)
    for _ in range(CASES):
        current_u = rng.choice([None, float(rng.randint(1, 120)), rng.uniform(0.5, 310)])
        s = Situation(
            current_dose_u=current_u,
            weight_kg=rng.uniform(15, 360),
            days_since_change=rng.choice([None, rng.uniform(0, 20), 3.0, 7.0, math.nan]),
            low_now=rng.random() < 0.05,
            low_recently=rng.random() < 0.2,
            time_below_over_target=rng.random() < 0.2,
            weekly_table=rng.random() < 0.5,
            increment_u=rng.choice([0.5, 1.0]),
            product_max_u=rng.choice([None, 50.0, 60.0]),
        )
        wished_u = (current_u or 0) + rng.choice([rng.uniform(-20, 40), float(rng.randint(-8, 8))])
        assert breaches(wished_u, s, rng.choice([STANDARD, WEEKLY])) == [], (wished_u, s)


@settings(max_examples=500, deadline=None)
@given(
    s=situations, wished_u=finite, fact=st.sampled_from(["low_now", "low_recently", "time_below_over_target"])
)
def test_H02_learning_of_a_low_never_raises_the_dose(s, wished_u, fact):
    def dose(is_low: bool) -> float:
        fields = {name: getattr(s, name) for name in s.__slots__} | {fact: is_low}
        return clamp_basal(wished_u, Situation(**fields), WEEKLY).dose_u or 0.0

    assert dose(True) <= dose(False)


@settings(max_examples=500, deadline=None)
@given(s=situations, wished_u=finite, lighter=st.floats(0, 1))
def test_H01_a_lower_weight_never_raises_the_dose(s, wished_u, lighter):
    fields = {name: getattr(s, name) for name in s.__slots__}
    light = Situation(**(fields | {"weight_kg": s.weight_kg * lighter}))
    assert (clamp_basal(wished_u, light, WEEKLY).dose_u or 0.0) <= (
        clamp_basal(wished_u, s, WEEKLY).dose_u or 0.0
    ) or (math.isnan(s.weight_kg) or not PLAUSIBLE_WEIGHT_KG[0] <= s.weight_kg <= PLAUSIBLE_WEIGHT_KG[1])
