"""What anybody may fetch: our public keys and the model cards."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from markupsafe import escape

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.own_keys import new_key
from cds_service.tenants import Backend
from hooks.registry import SERVICES
from models.model_cards import ATTRIBUTES, IDENTITY, MODEL_CARDS


@pytest.mark.spec("BS3")
def test_BS3_current_and_next_public_key_are_published_without_their_private_halves(
    ehr: Any, settings: Any, tmp_path: Path
) -> None:
    keys = [new_key("ES384", "now"), new_key("RS384", "next")]
    path = tmp_path / "keys.json"
    path.write_bytes(msgspec.json.encode({"keys": keys}))
    backend = Backend("cds", parse_base("https://ehr.example.org/token"), path)
    with_keys = replace(settings, tenants=(replace(settings.tenants[0], backend=backend),))
    app = create_app(with_keys)
    answer = app.test_client().get("/.well-known/jwks.json")
    app.extensions["wearable_cds"].egress.close()
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert [key["kid"] for key in answer.json["keys"]] == ["now", "next"]
    assert all(not {"d", "p", "q", "dp", "dq", "qi"} & set(key) for key in answer.json["keys"])


def test_every_model_is_listed_and_its_card_is_whole_as_json_and_as_a_page(ehr: Any) -> None:
    listed = ehr.client.get("/models").json["models"]
    assert {row["id"] for row in listed} == set(MODEL_CARDS) and len(listed) >= 2
    for row in listed:
        card = ehr.client.get(f"/models/{row['id']}")
        assert set(IDENTITY) | set(ATTRIBUTES) <= set(card.json)
        page = ehr.client.get(f"/models/{row['id']}", headers={"Accept": "text/html"})
        assert page.mimetype == "text/html" and "Accept" in page.headers["Vary"]
        assert str(escape(card.json["title"])) in page.get_data(as_text=True)


def test_a_model_nobody_has_is_404(ehr: Any) -> None:
    assert ehr.client.get("/models/no-such-model").json["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("card", MODEL_CARDS.values(), ids=lambda card: card["id"])
def test_a_card_says_its_regulatory_status_and_names_its_data(card: Any) -> None:
    assert "not cleared" in card["regulatory_status"].lower() and card["data_sets"]


def test_every_model_that_answers_has_a_card() -> None:
    answering = {
        importlib.import_module(name).MODEL
        for name in (
            "hooks.glucose_card",
            "models.dosing.basal_titration",
            "models.dosing.order_check",
            "models.dosing.setting_adjustment",
            "models.risk.action_outlook",
            "models.risk.glucose_forecast",
            "models.risk.hyperglycemia",
            "models.risk.hypoglycemia",
            "models.risk.nocturnal_hypoglycemia",
            "models.risk.vital_comparison",
        )
    }
    assert answering | {"value-of-action"} == set(MODEL_CARDS)  # asked by setting-adjustment


@pytest.mark.spec("SE8")
def test_SE8_a_public_page_says_what_the_service_does_with_which_data_and_limits(
    ehr: Any, settings: Any
) -> None:
    answer = ehr.client.get("/capabilities")
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for service in SERVICES:
        assert str(escape(service.title)) in text and service.hook in text
        assert all(str(escape(need.purpose)) in text for need in service.needs)
    assert str(settings.hook_body_limit_bytes) in text and "412" in text and "2.0.1" in text
    assert ehr.tenant.id not in text and ehr.tenant.issuer not in text
