"""Targets: the group of a patient, and each target at its boundary."""

from dataclasses import replace

import numpy as np
import pytest

from models.assessment import Reason, ReasonCode
from models.features.glycemic import GlycemicMetrics, glycemic_metrics
from models.features.sampling import MINUTE_MS
from models.features.targets import TARGETS, TargetGroup, check_targets, target_group
from models.signals import GLUCOSE_CGM
from models.time_series import series_of

T1, T2 = "type_1_diabetes", "type_2_diabetes"


@pytest.mark.parametrize(
    ("age", "concepts", "group"),
    [
        (18, {T1}, TargetGroup.MOST_ADULTS),
        (64, {T2}, TargetGroup.MOST_ADULTS),
        (65, {T2}, TargetGroup.OLDER_OR_HIGH_RISK),
        (40, {T1, "hypoglycaemia_unawareness"}, TargetGroup.OLDER_OR_HIGH_RISK),
        (30, {T1, "pregnancy"}, TargetGroup.PREGNANCY_TYPE_1),
        (30, {T2, "pregnancy"}, TargetGroup.PREGNANCY_OTHER),
        (None, {"gestational_diabetes"}, TargetGroup.PREGNANCY_OTHER),
    ],
)
def test_age_and_problems_choose_the_group(age: int | None, concepts: set[str], group: TargetGroup) -> None:
    assert target_group(age, frozenset(concepts)) is group


@pytest.mark.parametrize(
    ("age", "concepts", "about"),
    [
        (40, set(), "diabetes_type"),
        (None, {T1}, "birth_date"),
        (17, {T1}, "age"),
        (40, {"asthma"}, "diabetes_type"),
    ],
)
def test_without_what_tells_the_group_there_is_a_reason(
    age: int | None, concepts: set[str], about: str
) -> None:
    reason = target_group(age, frozenset(concepts))
    assert isinstance(reason, Reason) and reason.about == about


def fortnight(mgdl: float) -> GlycemicMetrics:
    at_ms = 1_709_251_200_000 + 5 * MINUTE_MS * np.arange(1, 4033)
    return glycemic_metrics(series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.full(4032, mgdl)), int(at_ms[-1]))


@pytest.mark.parametrize("group", [group for group in TargetGroup if TARGETS[group]])
def test_every_target_is_strict_at_its_own_number(group: TargetGroup) -> None:
    for target in TARGETS[group]:
        on, better = target.percent, target.percent + (0.01 if target.side == "more than" else -0.01)
        for value, met in ((on, False), (better, True)):
            metrics = replace(fortnight(120), **{target.metric: value})
            checks = check_targets(metrics, group)
            assert not isinstance(checks, Reason)
            (check,) = (check for check in checks if check.target is target)
            assert (check.value_percent, check.met) == (value, met)


def test_the_same_glucose_can_meet_one_groups_targets_and_miss_anothers() -> None:
    metrics = fortnight(150)
    adults = check_targets(metrics, TargetGroup.MOST_ADULTS)
    pregnant = check_targets(metrics, TargetGroup.PREGNANCY_TYPE_1)
    assert not isinstance(adults, Reason) and all(check.met for check in adults)
    assert not isinstance(pregnant, Reason) and not pregnant[0].met


def test_pregnancy_without_type_1_has_no_percentages() -> None:
    reason = check_targets(fortnight(120), TargetGroup.PREGNANCY_OTHER)
    assert isinstance(reason, Reason) and "no consensus" in reason.text


def test_too_few_readings_are_not_held_against_targets() -> None:
    metrics = replace(fortnight(120), sufficient=False, why_not="sensor readings cover 40.0 %")
    reason = check_targets(metrics, TargetGroup.MOST_ADULTS)
    assert isinstance(reason, Reason) and reason.code is ReasonCode.SPARSE
