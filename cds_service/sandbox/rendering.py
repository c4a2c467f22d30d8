"""What the pages show of a card, an exchange and a patient, as plain values for the templates.

Between `hook_client` and the HTML; text from a service becomes HTML only through a Markdown parser without
raw HTML and without images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
from markdown_it import MarkdownIt
from markupsafe import Markup

from cds_service.sandbox.fhir_words import Resource
from cds_service.sandbox.hook_client import Exchange
from fhir_mappers.patient import ZONE_EXTENSION
from fhir_mappers.references import objects
from hooks.wording import unbroken

SHOWN_JSON_CHARACTERS: Final = 40_000
"""The developer panel cuts longer texts: four megabytes would stop a browser."""

INDICATOR_WORDS: Final = {"info": "Information", "warning": "Warning", "critical": "Critical"}

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def markdown(text: str) -> Markup:
    """GFM as HTML: tags in the text come out as text, images stay text."""
    return Markup(unbroken(_MARKDOWN.render(text)))


def web_address(url: str) -> str:
    """The address when it is one of the web, else one that leads nowhere."""
    return url if url.startswith(("https://", "http://")) else "about:blank"


@dataclass(frozen=True, slots=True)
class Panel:
    """One exchange for the developer panel."""

    title: str
    status: str
    timing: str
    request: str
    prefetch: Sequence[tuple[str, str]]
    response: str


def panel(exchange: Exchange) -> Panel:
    """Request, response and timing in words and cut JSON; the access token is not shown."""
    authorization = exchange.sent["fhirAuthorization"] | {"access_token": "(not shown)"}
    return Panel(
        title=f"{exchange.sent['hook']} → {exchange.service['id']}",
        status=str(exchange.status) if exchange.status else "no answer",
        timing=(
            f"{exchange.sent_bytes / 1000:,.0f} kB sent, filled in {exchange.gathered_ms:.0f} ms, "
            f"answered in {exchange.answered_ms:.0f} ms"
        ),
        request=pretty(exchange.sent | {"fhirAuthorization": authorization}),
        prefetch=[(key, _weight(text)) for key, text in exchange.prefetch.items()],
        response=pretty(exchange.answer),
    )


def _weight(text: bytes) -> str:
    if text == b"null":
        return "null: the EHR has none"
    found = orjson.loads(text)
    entries = len(found.get("entry", ()))
    kind = (
        f"{found['resourceType']} of {entries}"
        if found["resourceType"] == "Bundle"
        else found["resourceType"]
    )
    return f"{kind}, {len(text) / 1000:.1f} kB"


def pretty(value: Any) -> str:
    """Indented JSON, cut when it is long."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    if len(text) <= SHOWN_JSON_CHARACTERS:
        return text
    return f"{text[:SHOWN_JSON_CHARACTERS]}\n… cut: {len(text):,} characters in all"


@dataclass(frozen=True, slots=True)
class Banner:
    """Who the patient is, in one line each. No allergies: nothing about any is recorded."""

    id: str
    name: str
    age: str
    sex: str
    born: str
    zone: str
    problems: Sequence[str]
    allergies: Sequence[str]


def banner(
    patient: Resource, problems: Sequence[Resource], allergies: Sequence[Resource], now_ms: int
) -> Banner:
    """The patient banner; what the record does not say is said to be unknown."""
    names = patient.get("name") or [{}]
    name = " ".join([*names[0].get("given", ()), names[0].get("family", "")]).strip()
    born = patient.get("birthDate", "")
    return Banner(
        id=patient["id"],
        name=name or names[0].get("text") or f"Patient {patient['id']}",
        age=_age(born, now_ms),
        sex=patient.get("gender", "sex unknown"),
        born=born or "unknown",
        zone=_zone(patient) or "unknown",
        problems=[title(problem.get("code", {})) for problem in problems],
        allergies=[title(allergy.get("code", {})) for allergy in allergies],
    )


def _age(born: str, now_ms: int) -> str:
    try:
        day = date.fromisoformat(born)
    except ValueError:
        return "age unknown"
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    return f"{today.year - day.year - ((today.month, today.day) < (day.month, day.day))} years"


def _zone(patient: Resource) -> str:
    """The time zone that the record names, as an IANA name; empty when it names none."""
    stated = (each for each in objects(patient.get("extension")) if each.get("url") == ZONE_EXTENSION)
    return next((str(each.get("valueCode", "")) for each in stated), "")


def title(concept: Mapping[str, Any]) -> str:
    """A CodeableConcept in words."""
    coding = (concept.get("coding") or [{}])[0]
    return str(concept.get("text") or coding.get("display") or coding.get("code") or "unnamed")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One medication order: what, how much, since when."""

    name: str
    dose: str
    since: str
    status: str


def order_line(order: Resource) -> OrderLine:
    """A MedicationRequest in words."""
    dosage = (order.get("dosageInstruction") or [{}])[0]
    amount = ((dosage.get("doseAndRate") or [{}])[0]).get("doseQuantity", {})
    dose = f"{amount['value']:g} {amount.get('unit', '')}" if "value" in amount else ""
    return OrderLine(
        name=title(order.get("medicationCodeableConcept", {})),
        dose=str(dosage.get("text") or dose or "no dose given"),
        since=str(order.get("authoredOn", ""))[:10],
        status=str(order.get("status", "unknown")),
    )
