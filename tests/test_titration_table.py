"""Each row of each published table at its edges, in both units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.dosing.titration_table import TABLES, Edge, UnknownTable, find_table, goal_text
from models.units import to_mgdl, to_mmoll

EDGES = [
    (
        "ada-basal",
        [(79, 0), (80, 0), (130, 0), (131, 2), (300, 2)],
        [(4.3, 0), (7.2, 0), (7.3, 2), (16.7, 2)],
    ),
    (
        "treat-to-target-2003",
        [(99, 0), (100, 2), (119, 2), (120, 4), (139, 4), (140, 6), (179, 6), (180, 8), (400, 8)],
        [(5.5, 0), (5.6, 2), (6.6, 2), (6.7, 4), (7.7, 4), (7.8, 6), (9.9, 6), (10.0, 8), (22.0, 8)],
    ),
    ("two-zero-two", [(79, -2), (80, 0), (130, 0), (131, 2)], [(4.3, -2), (4.4, 0), (7.2, 0), (7.3, 2)]),
    (
        "fixed-ratio-weekly",
        [(79, -2), (80, 0), (130, 0), (131, 2), (300, 2)],
        [(4.3, -2), (4.4, 0), (7.2, 0), (7.3, 2)],
    ),
    (
        "premix-evening",
        [(79, -2), (80, 0), (110, 0), (111, 2), (140, 2), (141, 4), (180, 4), (181, 6)],
        [(4.3, -2), (4.4, 0), (6.1, 0), (6.2, 2), (7.8, 2), (7.9, 4), (10.0, 4), (10.1, 6)],
    ),
    ("predictive-303", [(79, -3), (80, 0), (110, 0), (111, 3)], [(4.3, -3), (4.4, 0), (6.1, 0), (6.2, 3)]),
]


def test_every_table_is_tested_at_its_edges():
    assert {table_id for table_id, *_ in EDGES} == set(TABLES)


@pytest.mark.parametrize(("table_id", "mgdl", "mmoll"), EDGES)
def test_each_row_begins_where_it_was_published_in_both_units(table_id, mgdl, mmoll):
    table = find_table(table_id)
    assert [(value, table.row_for(value).step_u) for value, _ in mgdl] == mgdl
    assert [(value, table.row_for(to_mgdl(value, "mmol/L")).step_u) for value, _ in mmoll] == mmoll


@pytest.mark.spec("H-03")
@given(value_mgdl=st.integers(40, 800).map(lambda sixths: sixths / 2), table=st.sampled_from(sorted(TABLES)))
def test_H03_the_row_is_the_same_after_conversion_there_and_back(value_mgdl, table):
    there_and_back = to_mgdl(to_mmoll(value_mgdl), "mmol/L")
    assert TABLES[table].row_for(there_and_back) is TABLES[table].row_for(value_mgdl)


@given(low=st.floats(20, 600), rise=st.floats(0, 300), table=st.sampled_from(sorted(TABLES)))
def test_a_higher_fasting_glucose_never_gives_a_smaller_step(low, rise, table):
    assert TABLES[table].row_for(low).step_u <= TABLES[table].row_for(low + rise).step_u


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
def test_every_table_names_its_source_version_and_cadence(table):
    assert len(table.source) > 40
    assert table.version == "1.0.0"
    assert table.cadence_days >= 3
    assert table.rows[-1].edge is None
    assert all(row.edge for row in table.rows[:-1])


def test_the_statistic_of_a_table_is_the_mean_or_the_lowest():
    assert find_table("ada-basal").fasting_mgdl([100, 130, 160]) == 130
    assert find_table("premix-evening").fasting_mgdl([100, 130, 160]) == 100


def test_weekly_tables_and_their_rules_for_lows_are_marked():
    weekly = [table.id for table in TABLES.values() if table.weekly]
    assert weekly == ["treat-to-target-2003", "fixed-ratio-weekly", "premix-evening"]
    table = find_table("treat-to-target-2003")
    assert table.no_increase.edge.mgdl == 72
    assert (table.reduce.edge.mgdl, table.reduce.step_u, table.reduce.days) == (56, -2, 7)


def test_a_row_reads_as_a_sentence_in_both_units():
    table = find_table("treat-to-target-2003")
    assert (
        table.row_text(table.rows[2])
        == "from 120 mg/dL (6.7 mmol/L) to below 140 mg/dL (7.8 mmol/L): +4 units"
    )
    assert find_table("two-zero-two").row_text(find_table("two-zero-two").rows[1]) == (
        "from 80 mg/dL (4.4 mmol/L) to at most 130 mg/dL (7.2 mmol/L): 0 units"
    )
    assert goal_text(find_table("ada-basal").goal) == "80 mg/dL (4.4 mmol/L) to 130 mg/dL (7.2 mmol/L)"


def test_an_edge_is_reached_in_either_unit_and_exceeded_in_both():
    edge = Edge(80, 4.4)
    assert edge.reached_by(to_mgdl(4.4, "mmol/L"))
    assert not edge.reached_by(79.0)
    assert not edge.exceeded_by(80.0)
    assert edge.exceeded_by(80.1)


def test_an_unknown_table_is_named_with_those_there_are():
    with pytest.raises(UnknownTable, match="ada-basal"):
        find_table("my-own")
