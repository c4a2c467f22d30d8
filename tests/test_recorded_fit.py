"""The optional terms: read from events, fitted on top of CGM, and asked of people left out."""

import gzip
import json

import numpy as np
import pytest

from models.risk.additive_model import logistic
from models.risk.recorded_points import RecordedPoints, weight
from models.risk.recorded_terms import CARBS, HEART_RATE, OF_NEXT_HOURS, RAISES_A_LOW, STEPS_OF_EVENING
from models.signals import CARBS as CARBS_SIGNAL
from models.signals import INSULIN_BOLUS
from models.training.cgm_people import UnreadablePeople
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
from models.training.questions import NothingToAsk, Questions
from models.training.recorded_events import FILE, PERSON, read_events, recorded_features

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


def test_from_fewer_people_than_say_anything_of_others_no_term_is_learned_and_each_is_named():
    few = nights(0.05).take(np.arange((FEWEST_PEOPLE - 1) * NIGHTS_EACH))
    found = facts_of(few, 2, 1)
    assert [(term["feature"], term["learned"]) for term in found["recorded_terms"]] == [
        (name, NO_DATA) for name in NAMES
    ]
    terms = RecordedPoints.of(found["recorded_terms"])
    assert terms.learned == () and terms.terms[0].points_by_refit.shape == (2, 2)
    assert "recorded_on_people_left_out" not in found


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


HEAD = "id,time,kind,value\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"no archive",
        gzip.compress(HEAD.encode() * 50)[:-9],
        gzip.compress(b"other,columns\n1,2\n"),
        gzip.compress(f"{HEAD}77,2015-01-02T08:00,bolus_u,four\n".encode()),
        gzip.compress(f"{HEAD}77,2015-01-02T08:00,bolus_u,nan\n".encode()),
        gzip.compress(f"{HEAD}77,2015-01-02T08:00,bolus_u,-4\n".encode()),
        gzip.compress(f"{HEAD}77,yesterday,bolus_u,4\n".encode()),
        gzip.compress(f"{HEAD}77,2015-01-02T08:00,bolus_u\n".encode()),
        gzip.compress(HEAD.encode() + b"77,2015-01-02T08:00,bolus_u,\xff\n"),
    ],
    ids=["no archive", "cut", "columns", "word", "nan", "negative", "time", "short", "bytes"],
)
def test_a_damaged_file_of_events_is_refused_by_its_name(tmp_path, octets):
    path = tmp_path / FILE
    path.write_bytes(octets)
    with pytest.raises(UnreadablePeople, match=FILE):
        read_events(path)


def test_the_terms_of_the_next_hours_are_made_again_from_people_and_their_events(tmp_path):
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    from models.training.fit_pairwise import Settings
    from models.training.train_recorded import MODEL, train

    data = written(tmp_path, days=8)
    small = Settings(rounds=10, rounds_to_choose=5, pairs=2, smallest_leaf=20, validation_refits=1, jobs=1)
    said = []
    made = json.loads(train(data, small, said.append)[f"{MODEL}.json"])
    assert set(made["data_sha256"]) == {data.name, FILE}
    assert made["models"].keys() == {
        f"{event}_{horizon}" for event in ("hypoglycemia", "hyperglycemia") for horizon in (30, 60, 120)
    }
    for own in made["models"].values():
        assert [term["feature"] for term in own["recorded_terms"]] == list(OF_NEXT_HOURS)
        assert own["recorded_on_people_left_out"]["people"] == FEWEST_PEOPLE
    assert len(said) == 6


def test_people_without_events_beside_their_glucose_are_nobody_to_learn_the_terms_from(tmp_path):
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    from models.training.train_recorded import SETTINGS, train

    data = written(tmp_path, days=2)
    (tmp_path / FILE).unlink()
    with pytest.raises(NothingToAsk, match="insulin, food or steps beside their CGM"):
        train(data, SETTINGS, print)


def test_where_everybody_kept_a_diary_nobody_is_left_to_learn_the_tables_from(tmp_path, monkeypatch):
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    from models.training import train_recorded

    data = written(tmp_path, days=2)
    kept = [one for one in train_recorded.read_people(data) if one.name.startswith(PERSON.format(""))]
    monkeypatch.setattr(train_recorded, "read_people", lambda _: kept)
    with pytest.raises(NothingToAsk, match="nobody is left"):
        train_recorded.train(data, train_recorded.SETTINGS, print)


def written(folder, days):
    """Nine people of whom five kept a diary: their arrays, and the file of events beside them."""
    names = [f"other/{number}" for number in range(4)] + [PERSON.format(n) for n in range(FEWEST_PEOPLE)]
    slots, level = np.arange(days * 288), []
    for seed in range(len(names)):
        pushed, at = np.random.default_rng(seed).normal(0, 12, slots.size), 0.0
        wander = np.array([at := 0.98 * at + push for push in pushed])
        level.append(np.clip(150 + wander, 40, 390).round())
    code = np.repeat(np.arange(len(names)), slots.size)
    np.savez(
        folder / "people.npz",
        mgdl=np.concatenate(level).astype(np.int16),
        code=code.astype(np.uint8),
        slot_delta=np.tile(np.append(0, np.ones(slots.size - 1)), len(names)).astype(np.int32),
        ids=np.array(names),
    )
    rows = ["id,time,kind,value"]
    for person in range(FEWEST_PEOPLE):
        for day in range(1, days + 1):
            rows += [f"{person},2015-01-{day:02}T{h:02}:00,bolus_u,{2 + h % 5}" for h in (7, 12, 18)]
            rows += [f"{person},2015-01-{day:02}T{h:02}:00,carbs_g,{20 + h}" for h in (7, 12, 18)]
    (folder / FILE).write_bytes(gzip.compress("\n".join(rows).encode()))
    return folder / "people.npz"
