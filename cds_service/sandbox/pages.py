"""The pages of the demonstration EHR: choose a patient, open the chart, draft and sign an insulin order.

A Flask blueprint over `hook_client` and `storage`; what the page's script posts here fires hooks for real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from flask import Blueprint, Response, jsonify, render_template, request
from requests import RequestException

from cds_service.sandbox import chart_results, chart_svg, rendering, risk_board
from cds_service.sandbox.bundles import check_resource
from cds_service.sandbox.drafts import WHEN, active_orders, context_of, drafted, former_orders, sign
from cds_service.sandbox.fhir_words import Resource
from cds_service.sandbox.formulary import NAMES, ORDERABLE
from cds_service.sandbox.hook_client import Exchange, HookClient, Json, Reading
from cds_service.sandbox.personas import PERSONAS
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage, instant
from hooks.errors import BadRequest, UnknownService
from hooks.needs import code_list
from hooks.wording import unbroken

HOOKS: Final = ("patient-view", "order-select", "order-sign")
_GLUCOSE: Final = code_list("glucose_cgm", "glucose_smbg")
_STORIES: Final = {persona.id: persona.story for persona in PERSONAS}


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages stand on."""

    client: HookClient

    @property
    def storage(self) -> Storage:
        """The EHR's records."""
        return self.client.server.storage

    def blueprint(self) -> Blueprint:
        """The routes."""
        routes = Blueprint("pages", __name__)
        routes.get("/")(self.patients)
        routes.get("/patients/<patient_id>")(self.chart)
        routes.get("/risks")(self.risks)
        routes.post("/risks/rows")(self.risk_rows)
        routes.post("/patients/<patient_id>/hooks/<hook>")(self.fire)
        routes.post("/patients/<patient_id>/orders")(self.sign)
        routes.post("/feedback")(self.feedback)
        return routes

    def patients(self) -> str:
        """All patients."""
        return render_template("patients.html", banners=self._banners(), stories=_STORIES)

    def roster(self) -> list[tuple[str, str]]:
        """Id and name of every patient."""
        return [(banner.id, banner.name) for banner in self._banners()]

    def risks(self) -> str:
        """The board of all patients; its script asks for the rows."""
        return render_template("risks.html")

    def risk_rows(self) -> str:
        """All patients by urgency, as the services answer now."""
        try:
            found = risk_board.board(self.client, self._banners())
        except RequestException as failure:
            return render_template("unreachable.html", kind=type(failure).__name__)
        return render_template("risk_rows.html", board=found, words=risk_board.WORDS)

    def _banners(self) -> list[rendering.Banner]:
        return [self._banner(patient) for patient in self.storage.search(parse_query("Patient", []))]

    def chart(self, patient_id: str) -> str:
        """One patient's chart; its script opens it, which fires patient-view."""
        patient = self._patient(patient_id)
        orders = active_orders(self.storage, patient_id)
        return render_template(
            "chart.html",
            banner=self._banner(patient),
            story=_STORIES.get(patient_id),
            strip=self._strip(patient_id),
            orders=[rendering.order_line(order) for order in orders],
            former=[rendering.order_line(order) for order in former_orders(self.storage, patient_id)],
            results=chart_results.results(self.storage, patient_id),
            current=_current(orders),
            products=[(rxcui, NAMES[rxcui]) for rxcui in ORDERABLE],
            times=WHEN,
        )

    def fire(self, patient_id: str, hook: str) -> Response:
        """Fires a hook of this chart at every service that listens to it; gives the cards as HTML."""
        self._patient(patient_id)
        if hook not in HOOKS:
            raise UnknownService("This EHR does not fire that hook.")
        asked = _json_body()
        draft = None if hook == "patient-view" else self._draft(patient_id, asked)
        context = context_of(patient_id, draft, selected=hook == "order-select")
        try:
            services = [each for each in self.client.discover() if each["hook"] == hook]
        except RequestException as failure:
            return _unreachable(failure, draft)
        reading = Reading(prefetch=bool(asked.get("prefetch", True)))
        exchanges = [self.client.call(service, context, reading) for service in services]
        return _answer(risk_board.by_urgency(exchanges), draft)

    def sign(self, patient_id: str) -> Response:
        """Signs the draft: it becomes an active order of the record."""
        draft = check_resource(_json_body().get("draft"), "MedicationRequest")
        signed = rendering.order_line(sign(self.storage, patient_id, draft))
        return jsonify(signed=f"{signed.name}, {signed.dose}")

    def feedback(self) -> Response:
        """Passes on what the user did with a card."""
        asked = _json_body()
        item = _feedback_item(asked) | {"outcomeTimestamp": instant(self.storage.clock())}
        status, answer = self.client.feedback(str(asked.get("service")), [item])
        return jsonify(status=status, answer=answer, sent=item)

    def _patient(self, patient_id: str) -> Resource:
        stored = self.storage.read("Patient", patient_id)
        if stored is None:
            raise UnknownService("There is no such patient.")
        return stored.parsed()

    def _banner(self, patient: Resource) -> rendering.Banner:
        pairs = [("patient", patient["id"]), ("clinical-status", "active,recurrence,relapse")]
        problems = self.storage.search(parse_query("Condition", pairs))
        allergies = self.storage.search(parse_query("AllergyIntolerance", pairs[:1]))
        return rendering.banner(patient, problems, allergies, self.storage.clock())

    def _strip(self, patient_id: str) -> Any:
        now_ms = self.storage.clock()
        since = instant(now_ms - chart_svg.DAY_MS)
        pairs = [("patient", patient_id), ("code", _GLUCOSE), ("date", f"ge{since}")]
        found = self.storage.search(parse_query("Observation", pairs))
        return chart_svg.day_strip(chart_svg.readings(found), now_ms)

    def _draft(self, patient_id: str, asked: Mapping[str, Any]) -> Resource:
        if asked.get("draft") is not None:
            draft = check_resource(asked["draft"], "MedicationRequest")
            if not isinstance(draft.get("id"), str):
                raise BadRequest("The draft has no id.")
            return draft
        form = asked.get("form") or {}
        if not isinstance(form, dict):
            raise BadRequest("The form is no object.")
        return drafted(patient_id, form, self.storage.clock())


def _json_body() -> Json:
    try:
        body = orjson.loads(request.get_data()) if request.is_json else None  # Flask fails on deep nesting
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("A JSON object is expected.")
    return body


def _current(orders: Sequence[Resource]) -> Mapping[str, Any]:
    """Product and dose of the newest order that this EHR can order again, to start the form with."""
    for order in orders:
        coding = order.get("medicationCodeableConcept", {}).get("coding") or [{}]
        if coding[0].get("code") in ORDERABLE:
            rate = (order["dosageInstruction"][0].get("doseAndRate") or [{}])[0]
            return {"rxcui": coding[0]["code"], "units": rate.get("doseQuantity", {}).get("value", "")}
    return {"rxcui": "", "units": ""}


def _answer(exchanges: Sequence[Exchange], draft: Resource | None) -> Response:
    return jsonify(
        draft=draft,
        findings=sum(len(exchange.cards) for exchange in exchanges),
        failures=sum(exchange.status != 200 for exchange in exchanges),
        cards=render_cards(exchanges),
        panel=render_template("panel.html", panels=[rendering.panel(exchange) for exchange in exchanges]),
    )


def _unreachable(failure: RequestException, draft: Resource | None) -> Response:
    """Discovery failed: the page says so, and nothing on it may look like an all-clear."""
    kind = type(failure).__name__
    return jsonify(
        draft=draft,
        findings=0,
        failures=1,
        cards=render_template("unreachable.html", kind=kind),
        panel="",
    )


def render_cards(exchanges: Sequence[Exchange]) -> str:
    """The cards as HTML; whatever a service wrote is escaped."""
    return render_template(
        "cards.html",
        exchanges=exchanges,
        indicator_words=rendering.INDICATOR_WORDS,
        markdown=rendering.markdown,
        unbroken=unbroken,
        web_address=rendering.web_address,
    )


def _feedback_item(asked: Json) -> Json:
    """One feedback item of CDS Hooks 2.0.1."""
    item: Json = {"card": asked.get("card"), "outcome": asked.get("outcome")}
    if asked.get("outcome") == "accepted":
        return item | {"acceptedSuggestions": [{"id": asked.get("suggestion")}]}
    reason = {
        **({"reason": asked["reason"]} if asked.get("reason") else {}),
        **({"userComment": asked["comment"]} if asked.get("comment") else {}),
    }
    return item | ({"overrideReason": reason} if reason else {})
