"""Tables of one and of two features hold the very sums of the leaves they were read from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.pair_tables import Leaf, tables_of

EDGES = (np.array([1.0, 2.0, 3.0]), np.array([10.0]), np.array([-1.0, 0.0]))
ROWS = 40


def rows(seed, missing=0.2):
    """float32[m, 3]: cells as the fit counts them, NaN where missing."""
    rng = np.random.default_rng(seed)
    cells = np.stack([rng.integers(0, edges.size + 1, ROWS) for edges in EDGES], axis=1).astype(np.float32)
    cells[rng.random(cells.shape) < missing] = np.nan
    return cells


def way(feature):
    cut = st.integers(0, EDGES[feature].size - 1)
    side = st.booleans()
    return st.tuples(cut, side, st.booleans()).map(
        lambda drawn: (
            (-np.inf, float(drawn[0]), drawn[2]) if drawn[1] else (float(drawn[0]), np.inf, drawn[2])
        )
    )


@st.composite
def leaves(draw):
    found = []
    for _ in range(draw(st.integers(1, 8))):
        asked = draw(st.sets(st.integers(0, 2), max_size=2))
        value = round(draw(st.floats(-2, 2)), 5)
        found.append(Leaf({feature: draw(way(feature)) for feature in asked}, value))
    return found


def summed(found, cell):
    """What the leaves add up to at one moment; `cell` holds None where a feature is missing."""

    def reached(leaf):
        return all(
            missing if cell[f] is None else above < cell[f] <= below
            for f, (above, below, missing) in leaf.led.items()
        )

    return sum(leaf.value for leaf in found if reached(leaf))


def looked_up(tables, refit, cell):
    def index(table, axis):
        feature = table.features[axis]
        if cell[feature] is None:
            return 0
        value = EDGES[feature][cell[feature] - 1] if cell[feature] else -np.inf
        return 1 + int(np.searchsorted(table.edges[axis], value, side="right"))

    terms = (*tables.alone, *tables.together)
    return tables.intercept[refit] + sum(
        table.points[(refit, *(index(table, axis) for axis in range(len(table.features))))] for table in terms
    )


@given(st.lists(leaves(), min_size=1, max_size=3), st.integers(0, 1000), st.data())
def test_every_cell_adds_up_to_its_leaves(refits, seed, data):
    tables = tables_of(refits, EDGES, rows(seed))
    cell = [data.draw(st.none() | st.integers(0, edges.size)) for edges in EDGES]
    for refit, found in enumerate(refits):
        assert looked_up(tables, refit, cell) == pytest.approx(summed(found, cell), abs=1e-9)


@given(st.lists(leaves(), min_size=1, max_size=2), st.integers(0, 1000))
def test_no_table_of_one_feature_moves_the_average_row(refits, seed):
    cells = rows(seed)
    for table in tables_of(refits, EDGES, cells).alone:
        (feature,) = table.features
        value = np.append(-np.inf, EDGES[feature])[np.nan_to_num(cells[:, feature]).astype(int)]
        at = np.searchsorted(table.edges[0], value, side="right") + 1
        at = np.where(np.isnan(cells[:, feature]), 0, at)
        assert np.abs(table.points[:, at].mean(axis=1)).max() < 1e-4


def test_what_a_pair_says_of_one_feature_alone_is_in_that_features_own_table():
    only_first = [
        Leaf({0: (-np.inf, 1.0, False), 1: (-np.inf, 0.0, False)}, 1.0),
        Leaf({0: (-np.inf, 1.0, False), 1: (0.0, np.inf, False)}, 1.0),
    ]
    tables = tables_of([only_first], EDGES, rows(1, missing=0.0))
    assert np.abs(tables.together[0].points[:, 1:, 1:]).max() < 1e-4
    assert np.ptp(tables.alone[0].points[0, 1:]) == pytest.approx(1.0, abs=1e-4)


def test_a_feature_that_was_never_missing_says_nothing_where_it_is():
    tables = tables_of([[Leaf({0: (-np.inf, 1.0, False)}, 1.0)]], EDGES, rows(1, missing=0.0))
    assert tables.alone[0].points[0, 0] == 0.0


def test_tables_of_fitted_trees_give_the_librarys_own_log_odds():
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    import json

    from models.risk.additive_model import AdditiveModel
    from models.training.artefact import readable
    from models.training.fit_pairwise import Settings

    rng = np.random.default_rng(3)
    features = {name: rng.normal(size=4000).round(2) for name in ("glucose_mgdl", "slope", "hour")}
    features["hour"][rng.random(4000) < 0.3] = np.nan
    risk = features["glucose_mgdl"] * features["slope"] - features["glucose_mgdl"]
    label = (rng.random(4000) < 1 / (1 + np.exp(2 - risk))).astype(float)
    settings = Settings(refits=2, rounds=40, rounds_to_choose=20, smallest_leaf=20, bins=16, jobs=1)
    fitted = settings.fit(features, label, rng.integers(0, 20, 4000), {"glucose_mgdl": -1})
    document = {"model": "made_up", "version": "1"} | fitted.stretched(-0.1, 0.9).tables(features)
    model = AdditiveModel.from_json(readable(json.loads(json.dumps(document))))
    np.testing.assert_allclose(model.probability(features), fitted.probability(features), atol=1e-9)
    assert any(len(term.features) == 2 for term in model.terms)
