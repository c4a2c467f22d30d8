"""The model cards of the learned glucose models quote what their tables record."""

import pytest

from models.model_cards import MODEL_CARDS
from models.risk.hypoglycemia import MODELS
from models.risk.nocturnal_hypoglycemia import TABLE

STATED = ("auroc", "auprc", "prevalence", "ece", "sensitivity_at_90_specificity")


@pytest.mark.parametrize("horizon", [30, 60, 120])
@pytest.mark.parametrize("metric", [*STATED, "false_alarms_per_day_at_80"])
def test_the_short_term_card_quotes_each_horizons_recorded_metric(horizon, metric):
    assert (
        str(MODELS[horizon].facts["on_people_left_out"][metric])
        in MODEL_CARDS["hypoglycemia"]["validity_internal"]
    )


@pytest.mark.parametrize("metric", STATED)
def test_the_nocturnal_card_quotes_its_recorded_metric(metric):
    recorded = TABLE.facts["on_people_left_out"][metric]
    assert str(recorded) in MODEL_CARDS["nocturnal_hypoglycemia"]["validity_internal"]


@pytest.mark.parametrize("name", ["hypoglycemia", "nocturnal_hypoglycemia"])
def test_the_cards_name_every_data_set_with_its_licence_and_the_regulatory_status(name):
    card = MODEL_CARDS[name]
    assert len(card["data_sets"]) == 5
    assert all("CC" in entry and "doi" in entry for entry in card["data_sets"])
    assert "device function" in card["regulatory_status"]


def test_cards_and_tables_have_the_same_version():
    assert {model.version for model in MODELS.values()} == {MODEL_CARDS["hypoglycemia"]["version"]}
    assert TABLE.version == MODEL_CARDS["nocturnal_hypoglycemia"]["version"]


def test_the_cards_state_the_hashes_of_data_and_code_that_their_tables_record():
    tables = {"hypoglycemia": MODELS.values(), "nocturnal_hypoglycemia": [TABLE]}
    for name, models in tables.items():
        made_from = MODEL_CARDS[name]["made_from"]
        assert made_from["tables"] == [f"{model.name}.json" for model in models]
        for model in models:
            for key in ("data_sha256", "code_sha256", "made_with"):
                assert made_from[key] == model.facts[key], (model.name, key)
