"""The insulin page: what is ordered and given, and what the dosing services answer to the order in use.

One of the pages in `routes`. It asks the services themselves, so that page and card say the same; only those
that the organisation enabled and approved are asked, and nothing here edits an order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from markdown_it import MarkdownIt
from markupsafe import Markup

from cds_service.places import practice_of
from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.charts.insulin import difference_chart
from cds_service.smart_app.wording import Table, clock_words
from fhir_mappers.references import member, objects
from fhir_mappers.therapy import to_insulin_order
from hooks import needs, wording
from hooks.card import Card
from hooks.insulin_adjustment import MEALTIME
from hooks.service import Decision, Service
from hooks.setting_words import change_words
from models.assessment import Assessment
from models.dosing.dose_format import stated_units_text
from models.dosing.setting_advice import SettingAdvice
from models.dosing.value_of_action import RankedChange
from models.patient_record import InsulinOrder

_MARKDOWN: Final = (
    MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])
)

ASKED_HOOKS: Final = frozenset({"order-select", "patient-view"})
"""The hooks whose services propose; checking an order that is about to be signed needs one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one service says, as its card does; and its options, where it compares several by prediction."""

    title: str
    summary: str
    detail: Markup
    options: tuple[str, ...]
    differences: tuple[tuple[str, Markup], ...]


def view(reader: Reader, _: Mapping[str, str]) -> tuple[Chart, dict[str, Any]]:
    """The page as of now."""
    services = [each for each in reader.known.services.values() if each.dosing and each.hook in ASKED_HOOKS]
    offered = [each for each in services if reader.tenant.offers(each.id, dosing=True)]
    asked = {need.key: need for service in offered for need in service.needs}
    chart = reader.read(
        *({need.key: need for need in (needs.MEDICATIONS, needs.INSULIN_GIVEN)} | asked).values()
    )
    basal = next(basal_orders(chart), None)
    return chart, {
        "orders": _orders(chart),
        "answers": [answer for service in offered for answer in _answers(reader, chart, service, basal)],
        "offered": [service.title for service in offered],
        "basal": basal is not None,
        "clock": clock_words(chart),
    }


def basal_orders(chart: Chart) -> Iterator[Mapping[str, Any]]:
    """The orders of insulin that is not for meals, as they came, of those that count as active."""
    counted = {order.reference for order in chart.record.insulin_orders}
    for body in chart.gathered.pages.get(needs.MEDICATIONS.key, ()):
        for entry in objects(orjson.loads(body).get("entry")):
            resource = member(entry, "resource")
            order = to_insulin_order(resource, {})
            if order and order.reference in counted and order.product.kind not in MEALTIME:
                yield resource


def _answers(
    reader: Reader, chart: Chart, service: Service, basal: Mapping[str, Any] | None
) -> Iterator[Answer]:
    """The service asked about the order in use; one that waits for a draft is not asked without one."""
    if service.hook == "order-select" and basal is None:
        return
    context = replace(chart.question.context, draft_orders=(basal,) if basal else ())
    practice = practice_of(reader.known, reader.tenant, service.id)
    with reader.turn:
        decision = service.decide(replace(chart.question, context=context, practice=practice))
    for card in decision.cards:
        options = _options(decision)
        yield Answer(service.title, card.summary, _detail(card), _names(options), _differences(options))


def _detail(card: Card) -> Markup:
    """The card's text as HTML: tags in it come out as text, links and images stay text."""
    return Markup(_MARKDOWN.render(card.detail))


def _options(decision: Decision) -> tuple[RankedChange, ...]:
    """The options that a service compared, best first."""
    results = [answer.result for answer in decision.assessments if isinstance(answer, Assessment)]
    return next((result.options for result in results if isinstance(result, SettingAdvice)), ())


def _names(options: Sequence[RankedChange]) -> tuple[str, ...]:
    return tuple(change_words(option.change) for option in options)


def _differences(options: Sequence[RankedChange]) -> tuple[tuple[str, Markup], ...]:
    """One chart for each outcome, its rows numbered as the options are."""
    if not options:
        return ()
    return tuple(
        (
            words,
            difference_chart(
                [getattr(option, name) for option in options],
                f"{words}, with 90 % intervals. The numbers are in the table of options below.",
            ),
        )
        for name, words in PREDICTED
    )


PREDICTED: Final = (
    ("tir", "Time in range, points"),
    ("tbr", "Time below range, points"),
    ("gri", "Glycaemia risk index, points"),
)


def _orders(chart: Chart) -> Table:
    rows = [_order(chart, order) for order in chart.record.insulin_orders]
    return Table("Insulin ordered now", ("Insulin", "Daily dose", "Instruction", "Since"), rows)


def _order(chart: Chart, order: InsulinOrder) -> tuple[str, ...]:
    stated = None if order.daily_dose_u is None else stated_units_text(order.daily_dose_u)
    dose = stated or order.why_no_dose or "not stated"
    since = order.start_ms if order.start_ms is not None else order.authored_ms
    when = "not stated" if since is None else wording.day(since, chart.zone)
    return order.product.name, dose, order.instruction_text or "none", when
