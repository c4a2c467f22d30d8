"""The models behind the cards: a list, and each one's card with its transparency attributes."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, render_template_string, request

from cds_service.http import json_response
from hooks.errors import UnknownService
from models.model_cards import ATTRIBUTES, IDENTITY, MODEL_CARDS

blueprint = Blueprint("models", __name__)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ card.title }}</title>
<h1>{{ card.title }}</h1><p>{{ card.id }}, version {{ card.version }}</p>
<dl>{% for name, value in attributes %}
<dt><strong>{{ name }}</strong></dt><dd>{{ value }}</dd>{% endfor %}</dl>
</html>"""


@blueprint.get("/models", strict_slashes=False)
def index() -> Response:
    """Every model that can speak on a card."""
    rows = [{"id": c["id"], "version": c["version"], "title": c["title"]} for c in MODEL_CARDS.values()]
    return json_response({"models": rows})


@blueprint.get("/models/<model_id>")
def show(model_id: str) -> Response:
    """One model card: JSON, or a page where the browser asks for one."""
    card = MODEL_CARDS.get(model_id)
    if card is None:
        raise UnknownService()
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
        return json_response(card)
    page = render_template_string(_PAGE, card=card, attributes=_readable(card))
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    response.vary.add("Accept")
    return response


def _readable(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Attributes in the order of the regulation, lists joined, names as words."""
    shown = []
    for name in (*IDENTITY, *ATTRIBUTES):
        value = card[name]
        text = "; ".join(str(part) for part in value) if isinstance(value, list) else str(value)
        shown.append((name.replace("_", " ").capitalize(), text))
    return shown
