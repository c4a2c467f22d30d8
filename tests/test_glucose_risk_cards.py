"""The model cards of the learned glucose models quote what their tables record."""

import json
from importlib.resources import files

import pytest

from models.model_cards import MODEL_CARDS
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.nocturnal_hypoglycemia import TABLE

MODELS = (HYPOGLYCEMIA, HYPERGLYCEMIA)
SHORT_TERM = {model.name: model.tables for model in MODELS}
LEARNED = [*SHORT_TERM, TABLE.name]

STATED = ("auroc", "auprc", "prevalence", "ece", "sensitivity_at_90_specificity")


@pytest.mark.parametrize("name", SHORT_TERM)
@pytest.mark.parametrize("horizon", [30, 60, 120])
@pytest.mark.parametrize("metric", [*STATED, "false_alarms_per_day_at_80"])
def test_the_short_term_cards_quote_each_horizons_recorded_metric(name, horizon, metric):
    recorded = SHORT_TERM[name][horizon].facts["on_people_left_out"][metric]
    assert str(recorded) in MODEL_CARDS[name]["validity_internal"]


@pytest.mark.parametrize("metric", STATED)
def test_the_nocturnal_card_quotes_its_recorded_metric(metric):
    recorded = TABLE.facts["on_people_left_out"][metric]
    assert str(recorded) in MODEL_CARDS["nocturnal_hypoglycemia"]["validity_internal"]


@pytest.mark.parametrize("name", LEARNED)
def test_the_cards_quote_what_the_optional_terms_gave_people_left_out(name):
    recorded = json.loads((files("models.risk") / "recorded_points.json").read_bytes())["models"]
    tables = {model: facts for model, facts in recorded.items() if model.startswith(f"{name}_")}
    for facts in tables.values() or [TABLE.facts]:
        found = facts["recorded_on_people_left_out"]
        low, high = found["auroc_difference_interval_95"]
        for stated in (found["auroc_cgm_only"], found["auroc"], f"{low} to {high}"):
            assert str(stated) in MODEL_CARDS[name]["validity_internal"]


@pytest.mark.parametrize("name", LEARNED)
def test_the_cards_name_every_data_set_with_its_licence_and_the_regulatory_status(name):
    card = MODEL_CARDS[name]
    assert len(card["data_sets"]) == 5
    assert all("CC" in entry and "doi" in entry for entry in card["data_sets"])
    assert "device function" in card["regulatory_status"]


def test_cards_and_tables_have_the_same_version():
    for name, tables in SHORT_TERM.items():
        assert {table.version for table in tables.values()} == {MODEL_CARDS[name]["version"]}
    assert TABLE.version == MODEL_CARDS["nocturnal_hypoglycemia"]["version"]


def test_the_cards_state_the_hashes_of_data_and_code_that_their_tables_record():
    facts = {
        model.name: [model.outlook.facts, *(of.facts for of in model.tables.values())] for model in MODELS
    }
    facts[TABLE.name] = [TABLE.facts]
    for name, tables in facts.items():
        made_from = MODEL_CARDS[name]["made_from"]
        assert made_from["tables"] == [f"{table['model']}.json" for table in tables]
        for table in tables:
            for key in ("data_sha256", "code_sha256", "made_with"):
                assert made_from[key] == table[key], (table["model"], key)
