"""The optional terms: read from events, fitted on top of CGM, and asked of people left out."""

import gzip

import numpy as np

from models.risk.additive_model import logistic
from models.risk.recorded_points import weight
from models.risk.recorded_terms import CARBS, HEART_RATE, RAISES_A_LOW, STEPS_OF_EVENING
from models.signals import CARBS as CARBS_SIGNAL
from models.signals import INSULIN_BOLUS
from models.training.fit_recorded import (
    EDGES,
    FEWEST_PEOPLE,
    LEARNED,
    NO_DATA,
    NO_GAIN,
    Asked,
    added,
    facts_of,
    on_people_left_out,
    points,
    terms,
)
from models.training.questions import Questions
from models.training.recorded_events import PERSON, read_events, recorded_features

PEOPLE = 10
NIGHTS_EACH = 150
NAMES = (CARBS, STEPS_OF_EVENING, HEART_RATE)


def nights(slope_of_steps, seed=1):
    """People whose log-odds of a low are a constant and a slope per percent of steps; half the food missing."""
    rng = np.random.default_rng(seed)
    count = PEOPLE * NIGHTS_EACH
    steps = rng.uniform(0, 80, count)
    carbs = np.where(rng.random(count) < 0.5, np.nan, rng.uniform(0, 40, count))
    log_odds = np.full(count, -1.0)
    episode = rng.random(count) < logistic(log_odds + slope_of_steps * (steps - 40))
    return Asked(
        features={CARBS: carbs, STEPS_OF_EVENING: steps, HEART_RATE: np.full(count, np.nan)},
        log_odds=log_odds,
        episode=episode.astype(float),
        person=np.repeat(np.arange(PEOPLE), NIGHTS_EACH),
        weight=np.ones(count),
        directions=RAISES_A_LOW,
    )


def test_steps_that_raise_the_risk_are_found_and_help_people_left_out():
    found = nights(0.05)
    table = points(found, NAMES[:2])[STEPS_OF_EVENING]
    assert (np.diff(table[1:]) >= 0).all() and table[-1] - table[1] > 1
    record = on_people_left_out(found, 1)
    assert record["auroc"] > record["auroc_cgm_only"] + 0.1
    assert record["auroc_difference_interval_95"][0] > 0 > record["log_loss_difference_interval_95"][1]
    assert (record["people"], record["questions"]) == (PEOPLE, PEOPLE * NIGHTS_EACH)


def test_a_slope_against_physiology_is_not_learned():
    assert not points(nights(-0.05), NAMES[:2])[STEPS_OF_EVENING].any()


def test_a_term_says_whether_it_was_learned_and_one_without_data_holds_nothing():
    learned = {term["feature"]: term for term in terms(nights(0.05), 2, 1)}
    assert learned[STEPS_OF_EVENING]["learned"] == LEARNED
    assert learned[CARBS]["learned"] in (LEARNED, NO_GAIN)
    assert learned[HEART_RATE]["learned"] == NO_DATA
    assert not np.any(learned[HEART_RATE]["points"]) and not np.any(learned[HEART_RATE]["points_by_refit"])


def test_missing_has_no_points_in_the_table_or_in_any_refit():
    for term in terms(nights(0.05), 4, 1):
        assert len(term["points"]) == len(EDGES[term["feature"]]) + 2
        assert term["points"][0] == 0 and all(refit[0] == 0 for refit in term["points_by_refit"])
    some = nights(0.05).take(np.arange(3))
    unknown = {name: np.full(3, np.nan) for name in NAMES}
    nothing = Asked(unknown, some.log_odds, some.episode, some.person, some.weight, some.directions)
    assert not added(points(nights(0.05), NAMES), nothing).any()


def test_fewer_people_than_say_anything_of_others_give_no_terms():
    few = nights(0.05).take(np.arange((FEWEST_PEOPLE - 1) * NIGHTS_EACH))
    assert facts_of(few, 2, 1) == {"recorded_terms": []}


def test_the_terms_fade_with_the_risk_from_cgm_and_never_turn_its_order():
    log_odds = np.linspace(-8, 3, 200)
    assert weight(np.array([-6.0]))[0] == 1 and weight(np.array([0.0]))[0] == 0
    for most in (2.9, -2.9):
        assert (np.diff(log_odds + most * weight(log_odds)) > 0).all()


def test_events_are_read_by_person_and_kind_and_meet_the_questions_of_their_own_person(tmp_path):
    days = range(1, 7)
    rows = [f"77,2015-01-{day:02}T22:30,carbs_g,{10 * day}" for day in days]
    path = tmp_path / "events.csv.gz"
    path.write_bytes(
        gzip.compress("\n".join(["id,time,kind,value", *rows, "77,2015-01-02T08:00,bolus_u,4"]).encode())
    )
    events = read_events(path)
    bedtime = 5 * 288 + 23 * 12
    questions = Questions(np.array([0, 1]), np.array([bedtime, bedtime]), np.zeros(2))
    features = recorded_features(NAMES, ["else/1", PERSON.format(77)], questions, events)
    np.testing.assert_allclose(features[CARBS], [np.nan, 100 * 60 / 35])
    assert np.isnan(features[STEPS_OF_EVENING]).all()
    assert events.keys() == {PERSON.format(77)}
    assert events[PERSON.format(77)].keys() == {CARBS_SIGNAL, INSULIN_BOLUS}
