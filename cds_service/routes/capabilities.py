"""What this service does, for people: hooks, data asked for, limits, versions, what errors mean (SE8).

Public, and made of what the process runs with; nothing of a tenant or a patient is on it.
"""

from importlib.metadata import version
from typing import Final

from flask import Blueprint, Response, render_template_string

from cds_service import shell
from cds_service.openapi import REFUSALS
from models.model_cards import MODEL_CARDS

blueprint = Blueprint("capabilities", __name__)

_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>What this service does</title>
<h1>What this service does</h1>
<p>Wearable CDS, version {{ version }}; CDS Hooks 2.0.1, FHIR R4, R4B and R5.</p>
{% for service in services %}<h2>{{ service.title }}</h2>
<p>{{ service.description }}</p><p>{{ service.usage_requirements }}</p>
<p>Id <code>{{ service.id }}</code>, hook <code>{{ service.hook }}</code>
{%- if service.dosing %}; computes doses, so it answers only where it was enabled and approved by name
{%- endif %}.</p>
<table><tr><th>Prefetch key</th><th>Resource</th><th>Days back</th><th>Needed for</th></tr>
{% for need in service.needs %}<tr><td>{{ need.key }}{% if need.required %} (required){% endif %}</td>
<td>{{ need.resource_type }}</td><td>{{ need.days or "" }}</td><td>{{ need.purpose }}</td></tr>
{% endfor %}</table>
{% endfor %}<h2>Models</h2><ul>{% for card in models %}
<li><a href="/models/{{ card.id }}">{{ card.title }}</a>, version {{ card.version }}</li>{% endfor %}</ul>
<h2>Limits</h2><ul><li>Body of a hook call: {{ settings.hook_body_limit_bytes }} bytes</li>
<li>Body of feedback: {{ settings.feedback_body_limit_bytes }} bytes</li>
<li>An answer comes within {{ settings.deadline_s }} seconds</li>
<li>Requests of one address: {{ settings.requests_per_minute_per_address }} a minute</li></ul>
<h2>Errors</h2><p>Every answer but 200 is a FHIR OperationOutcome with the id of the request.</p>
<dl>{% for status, text in refusals.items() %}
<dt>{{ status }}</dt><dd>{{ text }}</dd>{% endfor %}</dl></html>"""


@blueprint.get("/capabilities")
def capabilities() -> Response:
    """The page; browsers may keep it for five minutes."""
    known = shell.current()
    page = render_template_string(
        _PAGE,
        version=version("wearable-cds"),
        services=known.services.values(),
        models=MODEL_CARDS.values(),
        settings=known.settings,
        refusals=REFUSALS,
    )
    response = Response(page, mimetype="text/html")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
