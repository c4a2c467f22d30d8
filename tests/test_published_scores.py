"""NEWS2, qSOFA, FINDRISC, ADA, CHA2DS2-VA(Sc), LACE and HOSPITAL against their printed tables, edge by edge.

The tables stand in tests/golden/scores; every input value and every total of them is asked of the real function.
"""

import csv
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Input, NotAssessed, Outcome
from models.risk import ada_risk, cha2ds2_va, findrisc, hospital_score, lace, news2, qsofa

AS_OF = 1_750_000_000_000
AGE_MS = 60_000
GOLDEN = Path(__file__).with_name("golden") / "scores"
TABLES = yaml.safe_load((GOLDEN / "tables.yaml").read_text(encoding="utf-8"))

ASKED = {
    "news2 on scale 1": (news2.VitalSigns, partial(news2.news2, spo2_scale=1)),
    "news2 on scale 2 in air": (news2.VitalSigns, partial(news2.news2, spo2_scale=2)),
    "news2 on scale 2 on oxygen": (news2.VitalSigns, partial(news2.news2, spo2_scale=2)),
    "qsofa": (qsofa.BedsideSigns, qsofa.qsofa),
    "findrisc of a man": (findrisc.Answers, partial(findrisc.findrisc, sex="male")),
    "findrisc of a woman": (findrisc.Answers, partial(findrisc.findrisc, sex="female")),
    "ada risk test of a man": (ada_risk.Answers, partial(ada_risk.ada_risk, sex="male")),
    "ada risk test of a woman": (ada_risk.Answers, partial(ada_risk.ada_risk, sex="female")),
    "cha2ds2_va": (cha2ds2_va.StrokeRiskFactors, cha2ds2_va.cha2ds2_va),
    "cha2ds2_vasc of a man": (cha2ds2_va.StrokeRiskFactors, partial(cha2ds2_va.cha2ds2_vasc, sex="male")),
    "cha2ds2_vasc of a woman": (cha2ds2_va.StrokeRiskFactors, partial(cha2ds2_va.cha2ds2_vasc, sex="female")),
    "lace": (lace.Stay, lace.lace),
    "hospital score of 2013": (hospital_score.Discharge, partial(hospital_score.hospital_score, version="2013")),
    "hospital score of 2016": (hospital_score.Discharge, partial(hospital_score.hospital_score, version="2016")),
}  # fmt: skip


def ask(score: str, values: dict[str, float]) -> Any:
    """The answer for these values, with the fixed ones of the table."""
    kind, assess = ASKED[score]
    given = values | TABLES[score].get("fixed", {})
    record = kind(**{n: Input(n, v, "", AS_OF - AGE_MS, f"Observation/{n}") for n, v in given.items()})
    return assess(record, as_of_ms=AS_OF)


def lowest(score: str) -> dict[str, float]:
    """For every input a value that the table gives its fewest points."""
    return {name: min(points, key=points.get) for name, (_, points) in TABLES[score]["items"].items()}


def fewest(score: str) -> int:
    """The total of the lowest values."""
    items = TABLES[score]["items"].values()
    return TABLES[score].get("always", 0) + sum(min(printed.values()) for _, printed in items)


def totals(score: str) -> dict[int, dict[str, float]]:
    """For every total that the table allows, values that add up to it with no larger points than they need."""
    reached: dict[int, tuple[int, dict[str, float]]] = {TABLES[score].get("always", 0): (0, {})}
    for name, (_, table) in TABLES[score]["items"].items():
        further: dict[int, tuple[int, dict[str, float]]] = {}
        for (total, (most, values)), (value, points) in product(reached.items(), table.items()):
            most = max(most, points)
            if most < further.get(total + points, (99, {}))[0]:
                further[total + points] = most, values | {name: value}
        reached = further
    return {total: values for total, (_, values) in reached.items()}


ITEMS = [(score, name) for score, table in TABLES.items() for name in table["items"]]
BANDS = [(score, *band) for score, table in TABLES.items() for band in table["bands"]]


@pytest.mark.parametrize(("score", "name"), ITEMS)
def test_each_value_scores_the_points_printed_for_its_band(score, name):
    part, printed = TABLES[score]["items"][name]
    answers = {value: ask(score, lowest(score) | {name: value}).result for value in printed}
    parts = {value: next(p for p in result.parts if p.name == part) for value, result in answers.items()}
    assert {value: (p.low, p.high) for value, p in parts.items()} == {v: (p, p) for v, p in printed.items()}
    rest = fewest(score) - min(printed.values())
    assert {value: (r.low, r.high) for value, r in answers.items()} == {
        value: (rest + points, rest + points) for value, points in printed.items()
    }


@pytest.mark.parametrize(("score", "first", "last", "band", "outcome"), BANDS)
def test_each_total_falls_in_its_printed_band_and_has_its_outcome(score, first, last, band, outcome):
    for total in range(first, last + 1):
        answer = ask(score, totals(score)[total])
        assert answer.result.low == answer.result.high == sum(c.points for c in answer.contributions) == total
        assert (answer.result.bands, answer.outcome) == ((band,), outcome)
        assert answer.result.complete and not answer.notes


@pytest.mark.parametrize("score", TABLES)
def test_the_printed_bands_name_every_total_that_can_be_reached(score):
    named = {total for first, last, *_ in TABLES[score]["bands"] for total in range(first, last + 1)}
    assert set(totals(score)) == named


@pytest.mark.parametrize(("score", "name"), [(s, n) for s, n in ITEMS if len(TABLES[s]["items"][n][1]) > 1])
def test_an_input_left_out_is_named_and_leaves_the_range_of_its_printed_points(score, name):
    part, printed = TABLES[score]["items"][name]
    answer = ask(score, {n: v for n, v in lowest(score).items() if n != name})
    most = max(printed.values())
    assert (answer.result.low, answer.result.high) == (fewest(score), fewest(score) + most)
    assert answer.result.missing == tuple(note.about for note in answer.notes) == ((part,) if most else ())


@pytest.mark.parametrize("score", TABLES)
def test_every_score_names_its_model_version_and_source_and_each_input_with_its_age(score):
    answer = ask(score, lowest(score))
    assert [answer.model, answer.version, answer.result.source] == TABLES[score]["is"]
    given = lowest(score) | TABLES[score].get("fixed", {})
    assert {i.name: i.value for i in answer.inputs} == given
    assert {(i.at_ms, i.reference) for i in answer.inputs} == {
        (AS_OF - AGE_MS, f"Observation/{n}") for n in given
    }


@pytest.mark.parametrize("score", [name for name in TABLES if "fixed" not in TABLES[name]])
def test_without_any_input_nothing_is_assessed(score):
    assert isinstance(ask(score, {}), NotAssessed)


@given(st.data(), st.sampled_from(sorted(TABLES)))
def test_leaving_inputs_out_keeps_the_true_total_band_and_outcome_among_the_possible_ones(data, score):
    items = TABLES[score]["items"].items()
    values = {name: data.draw(st.sampled_from(sorted(printed)), name) for name, (_, printed) in items}
    left_out = data.draw(st.sets(st.sampled_from(sorted(values)), max_size=len(values) - 1))
    full, less = ask(score, values), ask(score, {n: v for n, v in values.items() if n not in left_out})
    assert less.result.low <= full.result.low <= less.result.high
    assert set(full.result.bands) <= set(less.result.bands)
    assert less.outcome in (full.outcome, Outcome.PARTIAL)


@pytest.mark.parametrize("score", [name for name in TABLES if name.startswith("news2")])
def test_a_single_news2_sign_of_three_points_is_low_medium_and_positive(score):
    items = TABLES[score]["items"].items()
    red = [(name, v, part) for name, (part, printed) in items for v in printed if printed[v] == 3]
    for name, value, part in red:
        answer = ask(score, lowest(score) | {name: value})
        assert answer.result.bands == ("low-medium" if answer.result.low < 5 else "medium",)
        assert answer.outcome is Outcome.ASSESSED_POSITIVE
        assert news2.red_signs(answer.result) == (part,)


@pytest.mark.parametrize(
    ("others", "band"),
    [({}, "low-medium"), ({"temperature_c": 38.1}, "low-medium"), ({"respiration_per_min": 21}, "medium")],
)
def test_a_red_sign_is_low_medium_up_to_a_total_of_four(others, band):
    answer = ask("news2 on scale 1", lowest("news2 on scale 1") | {"pulse_per_min": 131} | others)
    assert (answer.result.bands, answer.outcome) == ((band,), "assessed_positive")


@pytest.mark.parametrize(
    ("signs", "bands", "outcome"),
    [
        ({}, ("low", "low-medium"), "partial"),
        ({"pulse_per_min": 91}, ("low", "low-medium"), "partial"),
        ({"pulse_per_min": 111}, ("low", "medium"), "partial"),
        ({"pulse_per_min": 131}, ("low-medium", "medium"), "assessed_positive"),
        ({"pulse_per_min": 131, "respiration_per_min": 21}, ("medium", "high"), "assessed_positive"),
    ],
)
def test_consciousness_not_known_leaves_open_whether_it_alone_scores_three(signs, bands, outcome):
    known = {n: v for n, v in lowest("news2 on scale 1").items() if n != "new_confusion"}
    answer = ask("news2 on scale 1", known | signs)
    assert (answer.result.bands, answer.outcome) == (bands, outcome)


@pytest.mark.parametrize(("spo2", "low", "high"), [(92, 0, 2), (93, 0, 3), (97, 0, 5), (83, 3, 5)])
def test_on_scale_2_unknown_oxygen_leaves_the_points_of_both_tables_open(spo2, low, high):
    values = {n: v for n, v in lowest("news2 on scale 1").items() if n != "on_oxygen"} | {
        "spo2_percent": spo2
    }
    signs = news2.VitalSigns(**{n: Input(n, v, "", AS_OF) for n, v in values.items()})
    answer = news2.news2(signs, 2, AS_OF)
    assert (answer.result.low, answer.result.high) == (low, high)


def printed_weights() -> list[Any]:
    """Each height of the form in inches, its first weight of 1, 2 and 3 points, its last of 1 and 2."""
    found = []
    with (GOLDEN / "ada_weights.csv").open(newline="") as lines:
        for row in csv.reader(lines, quoting=csv.QUOTE_NONE):
            if row[0] == "height":
                continue
            feet, inches = row[0].removesuffix('"').split("'")
            one, two, three = (band.removesuffix("+").split("-") for band in row[1:])
            pounds = [int(p) for p in (*one, *two, *three)]
            found.append(pytest.param(12 * int(feet) + int(inches), pounds, id=row[0]))
    return found


@pytest.mark.parametrize("off_inches", [-0.45, 0, 0.45])
@pytest.mark.parametrize(("inches", "pounds"), printed_weights())
def test_the_ada_form_scores_each_weight_of_its_table_at_each_height(inches, pounds, off_inches):
    first, last_of_1, second, last_of_2, third = pounds
    wanted = {first - 1: 0, first: 1, first + 1: 1, last_of_1: 1, second: 2, second + 1: 2, last_of_2: 2,
              third: 3, third + 1: 3}  # fmt: skip
    height = Input("height_cm", 2.54 * (inches + off_inches), "cm", AS_OF)
    for pound, points in wanted.items():
        answers = ada_risk.Answers(
            height_cm=height, weight_kg=Input("weight_kg", 0.45359237 * pound, "kg", AS_OF)
        )
        part = ada_risk.ada_risk(answers, "female", AS_OF).result.parts[-1]
        assert (part.low, part.high) == (points, points), pound


@pytest.mark.parametrize(("inches", "printed"), [(57.4, False), (57.6, True), (76.4, True), (76.6, False)])
def test_a_height_that_the_ada_form_does_not_print_leaves_the_weight_open(inches, printed):
    answers = ada_risk.Answers(
        height_cm=Input("height_cm", 2.54 * inches, "cm", AS_OF),
        weight_kg=Input("weight_kg", 50, "kg", AS_OF),
    )
    part = ada_risk.ada_risk(answers, "female", AS_OF).result.parts[-1]
    assert (part.low, part.high) == ((0, 0) if printed else (0, 3))


def test_the_weight_table_of_the_ada_test_follows_bmi_25_30_and_40():
    inches = np.arange(58, 77)[:, None]
    bmi = np.array(ada_risk.LEAST_POUNDS) * 703.07 / inches**2
    np.testing.assert_allclose(bmi, np.tile([25.0, 30.0, 40.0], (19, 1)), atol=0.35)


def test_findrisc_says_the_ten_year_risk_that_the_form_prints_for_each_band():
    assert findrisc.TEN_YEAR_RISK_PERCENT == {
        "low": 1, "slightly elevated": 4, "moderate": 17, "high": 33, "very high": 50,
    }  # fmt: skip
