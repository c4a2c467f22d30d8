"""Speed of the app's glucose page, 14 and 90 days, and of the sandbox's searches that it waits for.

Run: python tests/benchmarks/app.py
"""

import json
import time
import uuid
from datetime import date
from zoneinfo import ZoneInfo

from features import START_MS, STEP_MS, curve
from flask import Flask, render_template

from cds_service.sandbox.fhir_words import Subject, measured
from cds_service.sandbox.glucose_records import CGM
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage
from cds_service.smart_app.chart_data import Banner, Chart
from cds_service.smart_app.glucose_page import WINDOWS_DAYS, review
from cds_service.smart_app.routes import blueprint
from fhir_mappers.site import Site
from hooks.needs import code_list
from hooks.protocol import Context
from hooks.service import Practice, Question
from models.patient_record import PatientRecord
from models.signals import GLUCOSE_CGM

ROUNDS = 20


def chart(days: int) -> Chart:
    """A record of that many days of a five-minute sensor."""
    record = PatientRecord("p1", date(1980, 1, 1), zone="Europe/Berlin", series={GLUCOSE_CGM: curve(days)})
    as_of_ms = START_MS + days * 288 * STEP_MS
    question = Question(record, Context("p1"), as_of_ms, uuid.uuid4(), Practice())
    return Chart(question, None, Site(), Banner("Ann Example", None, None))


def page(shown: Chart, days: int) -> str:
    """The whole page as HTML."""
    words = {"title": "Glucose", "page": "glucose", "pages": {}, "banner": shown.banner, "clock": ""}
    return render_template(
        "smart/glucose.html",
        chart=shown,
        review=review(shown, days),
        windows=WINDOWS_DAYS,
        days=days,
        **words,
    )


def measure() -> dict[str, float]:
    """Milliseconds of CPU from the record to the HTML, and kilobytes of the page."""
    app, found = Flask("app"), {}
    app.register_blueprint(blueprint)
    with app.test_request_context():
        for days in (14, 90):
            shown, times = chart(days), []
            for _ in range(ROUNDS):
                started = time.process_time()
                html = page(shown, days)
                times.append(time.process_time() - started)
            found[f"app_glucose_{days}_days_ms"] = round(1000 * min(times), 1)
            found[f"app_glucose_{days}_days_kb"] = round(len(html.encode()) / 1000, 1)
    return found | {"sandbox_search_90_days_ms": round(1000 * sandbox_search_s(90), 1)}


def sandbox_search_s(days: int) -> float:
    """Seconds of CPU in which the sandbox finds all pages of that many days of a sensor, newest first."""
    storage, subject = Storage(":memory:"), Subject("p1", ZoneInfo("UTC"))
    storage.put_all(
        measured(subject, CGM, START_MS + at * STEP_MS, 120) | {"id": f"r{at}"} for at in range(days * 288)
    )
    pairs = [("patient", "p1"), ("code", code_list("glucose_cgm")), ("_sort", "-date"), ("_count", "4500")]
    query, times = parse_query("Observation", pairs), []
    for _ in range(ROUNDS):
        started = time.process_time()
        page = storage.page(query)
        while page.after:
            page = storage.page(query.following(page.after))
        times.append(time.process_time() - started)
    storage.close()
    return min(times)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
