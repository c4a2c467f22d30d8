"""The optional terms of the night: read from events, fitted on top of CGM, and asked of people left out."""

import gzip

import numpy as np
import pytest

from models.risk.additive_model import logistic
from models.risk.nocturnal_evening import CARBS, STEPS
from models.training.cgm_people import Person
from models.training.fit_evening import EDGES, Evenings, added, on_people_left_out, points, terms
from models.training.nocturnal_events import PERSON, evenings, read_events
from models.training.questions import Questions

PEOPLE = 10
NIGHTS_EACH = 150


def nights(slope_of_steps, seed=1):
    """People whose log-odds of a low are a constant and a slope per percent of steps; half the food missing."""
    rng = np.random.default_rng(seed)
    count = PEOPLE * NIGHTS_EACH
    steps, carbs = (
        rng.uniform(0, 80, count),
        np.where(rng.random(count) < 0.5, np.nan, rng.uniform(0, 40, count)),
    )
    log_odds = np.full(count, -1.0)
    episode = rng.random(count) < logistic(log_odds + slope_of_steps * (steps - 40))
    person = np.repeat(np.arange(PEOPLE), NIGHTS_EACH)
    return Evenings({CARBS: carbs, STEPS: steps}, log_odds, episode.astype(float), person)


def test_steps_that_raise_the_risk_are_found_and_help_people_left_out():
    found = nights(0.05)
    table = points(found)[STEPS]
    assert (np.diff(table[1:]) >= 0).all() and table[-1] - table[1] > 1
    record = on_people_left_out(found, 1)
    assert record["auroc"] > record["auroc_cgm_only"] + 0.1
    assert record["difference_interval_95"][0] > 0
    assert (record["people"], record["nights"]) == (PEOPLE, PEOPLE * NIGHTS_EACH)


def test_a_slope_against_physiology_is_not_learned():
    assert not points(nights(-0.05))[STEPS].any()


def test_missing_has_no_points_in_the_table_or_in_any_refit():
    for term in terms(nights(0.05), 4, 1):
        assert len(term["points"]) == len(EDGES[term["feature"]]) + 2
        assert term["points"][0] == 0 and all(refit[0] == 0 for refit in term["points_by_refit"])
    unknown = nights(0.05).take(np.arange(3))
    nothing = Evenings(
        {n: np.full(3, np.nan) for n in (CARBS, STEPS)},
        *[getattr(unknown, f) for f in ("log_odds", "episode", "person")],
    )
    assert not added(points(nights(0.05)), nothing).any()


def test_events_are_read_by_person_and_kind_and_meet_the_nights_of_their_own_person(tmp_path):
    days = range(1, 7)
    rows = [f"77,2015-01-{day:02}T22:30,carbs_g,{10 * day}" for day in days]
    path = tmp_path / "events.csv.gz"
    path.write_bytes(
        gzip.compress("\n".join(["id,time,kind,value", *rows, "77,2015-01-02T08:00,bolus_u,4"]).encode())
    )
    people = [Person(name, 0, np.zeros(1)) for name in ("else/1", PERSON.format(77))]
    bedtime = 5 * 288 + 23 * 12
    questions = Questions(np.array([0, 1]), np.array([bedtime, bedtime]), np.zeros(2))
    features = evenings(people, questions, read_events(path))
    np.testing.assert_allclose(features[CARBS], [np.nan, 100 * 60 / 35])
    assert np.isnan(features[STEPS]).all()
    assert set(read_events(path)) == {(PERSON.format(77), CARBS)}
    assert features[CARBS][1] == pytest.approx(171.4, abs=0.1)
