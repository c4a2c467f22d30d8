"""NEWS2 on both saturation scales and qSOFA, at every band edge of the printed tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Assessment, Input, NotAssessed, Outcome
from models.risk.news2 import VitalSigns, news2, red_signs
from models.risk.qsofa import BedsideSigns, qsofa

AS_OF = 1_750_000_000_000

UNREMARKABLE = {
    "respiration_per_min": 16, "spo2_percent": 98, "on_oxygen": 0, "systolic_mmhg": 120, "pulse_per_min": 70,
    "new_confusion": 0, "temperature_c": 37.0,
}  # fmt: skip


def given_value(name, value):
    return Input(name, value, "", AS_OF - 60_000, f"Observation/{name}")


def score(scale=1, **values):
    return news2(VitalSigns(**{n: given_value(n, v) for n, v in values.items()}), scale, AS_OF)


EDGES = [
    ("respiration_per_min", 1, [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)]),
    ("spo2_percent", 1, [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
    ("systolic_mmhg", 1, [(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
    ("pulse_per_min", 1, [(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)]),
    ("temperature_c", 1, [(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)]),
    ("new_confusion", 1, [(0, 0), (1, 3)]),
    ("on_oxygen", 1, [(0, 0), (1, 2)]),
    ("spo2_percent", 2, [(83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 0), (100, 0)]),
]  # fmt: skip
CASES = [(name, scale, value, points) for name, scale, rows in EDGES for value, points in rows]


@pytest.mark.parametrize(("name", "scale", "value", "points"), CASES)
def test_each_vital_sign_scores_the_points_printed_for_its_band(name, scale, value, points):
    assert score(scale, **(UNREMARKABLE | {name: value})).result.low == points


@pytest.mark.parametrize(
    ("value", "points"), [(87, 1), (88, 0), (92, 0), (93, 1), (94, 1), (95, 2), (96, 2), (97, 3)]
)
def test_scale_2_on_oxygen_scores_high_saturation_too(value, points):
    answer = score(2, **(UNREMARKABLE | {"spo2_percent": value, "on_oxygen": 1}))
    assert answer.result.low == points + 2


@pytest.mark.parametrize(("value", "points"), [(35.04, 3), (35.05, 1), (38.04, 0), (38.05, 1)])
def test_temperature_is_read_to_one_decimal_like_the_chart(value, points):
    assert score(**(UNREMARKABLE | {"temperature_c": value})).result.low == points


@pytest.mark.parametrize(
    ("pulse", "respiration", "band", "outcome"),
    [(70, 16, "low", Outcome.ASSESSED_NEGATIVE), (131, 21, "medium", Outcome.ASSESSED_POSITIVE)],
)
def test_totals_fall_in_the_bands_of_the_report(pulse, respiration, band, outcome):
    answer = score(**(UNREMARKABLE | {"pulse_per_min": pulse, "respiration_per_min": respiration}))
    assert answer.result.bands == (band,)
    assert answer.outcome is outcome


def test_a_single_red_sign_is_named_even_where_the_total_is_low():
    answer = score(**(UNREMARKABLE | {"pulse_per_min": 131}))
    assert answer.result.low == 3
    assert red_signs(answer.result) == ("pulse",)


def test_a_missing_sign_gives_a_range_and_is_named():
    values = {n: v for n, v in UNREMARKABLE.items() if n not in ("temperature_c", "new_confusion")}
    answer = score(**values)
    assert (answer.result.low, answer.result.high) == (0, 6)
    assert answer.result.missing == ("consciousness", "temperature")
    assert answer.result.bands == ("low", "medium")
    assert answer.outcome is Outcome.PARTIAL


def test_missing_signs_cannot_take_back_a_total_that_is_reached():
    answer = score(respiration_per_min=25, pulse_per_min=131)
    assert answer.outcome is Outcome.ASSESSED_POSITIVE
    assert answer.result.high > answer.result.low == 6


def test_on_scale_2_unknown_oxygen_leaves_a_high_saturation_open():
    values = {n: v for n, v in UNREMARKABLE.items() if n != "on_oxygen"}
    part = next(p for p in score(2, **values).result.parts if p.name == "oxygen_saturation")
    assert (part.low, part.high) == (0, 3)


def test_without_any_sign_nothing_is_assessed():
    assert isinstance(score(), NotAssessed)


@given(
    st.sets(st.sampled_from(sorted(UNREMARKABLE))),
    st.integers(0, 40),
    st.integers(70, 100),
    st.integers(40, 240),
)
def test_leaving_inputs_out_never_narrows_the_range_nor_turns_negative(left_out, respiration, spo2, systolic):
    values = UNREMARKABLE | {
        "respiration_per_min": respiration,
        "spo2_percent": spo2,
        "systolic_mmhg": systolic,
    }
    full = score(**values)
    partial = score(**{n: v for n, v in values.items() if n not in left_out})
    if isinstance(partial, Assessment):
        assert partial.result.low <= full.result.low <= partial.result.high
        assert partial.outcome is not Outcome.ASSESSED_NEGATIVE or full.outcome is Outcome.ASSESSED_NEGATIVE


def test_the_known_parts_add_up_to_the_least_total_and_inputs_keep_their_age():
    answer = score(**(UNREMARKABLE | {"pulse_per_min": 95, "on_oxygen": 1}))
    assert sum(c.points for c in answer.contributions) == answer.result.low == 3
    assert {i.at_ms for i in answer.inputs} == {AS_OF - 60_000}


QSOFA_EDGES = [(21, 101, 15, 0), (22, 101, 15, 1), (21, 100, 15, 1), (21, 101, 14, 1), (22, 100, 14, 3)]


@pytest.mark.parametrize(("respiration", "systolic", "coma", "points"), QSOFA_EDGES)
def test_qsofa_scores_one_for_each_sign_at_its_edge(respiration, systolic, coma, points):
    signs = BedsideSigns(
        given_value("rr", respiration), given_value("sbp", systolic), given_value("gcs", coma)
    )
    answer = qsofa(signs, AS_OF)
    assert answer.result.low == answer.result.high == points
    assert (answer.outcome is Outcome.ASSESSED_POSITIVE) == (points >= 2)


def test_qsofa_without_consciousness_is_a_range():
    answer = qsofa(BedsideSigns(given_value("rr", 23), given_value("sbp", 120)), AS_OF)
    assert (answer.result.low, answer.result.high) == (1, 2)
    assert answer.outcome is Outcome.PARTIAL
