"""The cards of the order check: one for each order with findings, one short one for what was not assessed.

Under the service `hooks.insulin_order_check`; no text here changes a severity.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.input_table import NAMES, input_table
from hooks.service import Question
from models.assessment import Assessment, Input, Reason
from models.dosing.order_check import MODEL, VERSION
from models.dosing.order_dose_in_use import dose_text
from models.dosing.order_finding import Finding, OrderCheck
from models.patient_record import InsulinOrder

OVERRIDE_REASONS: Final = (
    wording.override("known-and-considered", "Known and considered in the order"),
    wording.override("old-order-is-stopped", "The other order is being stopped"),
    wording.override("dose-verified", "The dose was verified with the patient or the pharmacy"),
    wording.override("data-elsewhere", "The missing data are known to me from elsewhere"),
    wording.override("benefit-outweighs", "The benefit outweighs the risk"),
)

UNJUDGED: Final = frozenset({"dose", "insulin_product"})
"""Without these hardly anything of an order was checked, which is more than a note."""

SHORT_NAMES: Final[Mapping[str, str]] = {
    "egfr": "eGFR",
    "renal": "kidney function",
    "insulin": "insulin given",
    "basal_limits": "limits of basal doses",
    "bolus_inputs": "the dose computed again",
}
NAMED: Final = 3

Check = Assessment[OrderCheck]


def finding_card(question: Question, check: Check) -> Card:
    """One order with what was found, most severe first, both doses, and what could not be checked."""
    found = check.result
    return Card(
        uuid=question.uuid(f"order-check-{found.order.reference}"),
        summary=wording.summary(_summary(found)),
        indicator=Indicator(found.findings[0].severity),
        source=source(question),
        detail=wording.sections(
            "**Found**",
            "\n".join(_bullet(question, finding) for finding in found.findings),
            _doses(question, found),
            "**Not assessed**" if found.not_checked else "",
            wording.bullets([reason.text for reason in found.not_checked]),
            "**Values used**" if check.inputs else "",
            input_table(question, check.inputs),
            _closing(question),
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def not_assessed_card(question: Question, checks: Sequence[Check]) -> Card:
    """One card for all orders in which nothing was found and not everything could be checked."""
    reasons = list(dict.fromkeys(reason for check in checks for reason in check.result.not_checked))
    unjudged = any(reason.about in UNJUDGED for reason in reasons)
    said = _names(check.result.order for check in checks)
    return Card(
        uuid=question.uuid("order-check-not-assessed"),
        summary=wording.summary(f"{said} not fully checked. Not assessed: {_short(reasons)}"),
        indicator=Indicator.WARNING if unjudged else Indicator.INFO,
        source=source(question),
        detail=wording.sections(
            *(_unchecked(check) for check in checks),
            _closing(question),
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def unable_card(question: Question, why: str) -> Card:
    """A card for orders of which nothing could be judged."""
    return Card(
        uuid=question.uuid("order-check"),
        summary=wording.summary(f"Insulin order not checked: {why}"),
        indicator=Indicator.WARNING,
        source=source(question),
        detail=f"{why} Nothing of it was checked; it is not judged by this.",
        override_reasons=OVERRIDE_REASONS,
    )


def source(question: Question) -> Source:
    """Who says this."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, MODEL, "Insulin order check")
    return Source(f"Wearable CDS {MODEL} {VERSION}", topic, f"{url}/{MODEL}" if url else None)


def _summary(found: OrderCheck) -> str:
    """The first finding and how many more; shortened names of drugs never push its number out."""
    first, more = wording.plain(found.findings[0].headline), len(found.findings) - 1
    return f"{_name(found.order)}: {first}" + (f" (and {more} more)" if more else "")


def _name(order: InsulinOrder) -> str:
    return f"Insulin {order.product.ingredient or 'order'}"


def _names(orders: Iterable[InsulinOrder]) -> str:
    named = list(dict.fromkeys(_name(order) for order in orders))
    return ", ".join([named[0], *(name.removeprefix("Insulin ") for name in named[1:])])


def _short(reasons: Sequence[Reason]) -> str:
    words = [SHORT_NAMES.get(r.about, r.about.replace("_", " ").replace("-", " ")) for r in reasons]
    distinct = list(dict.fromkeys(words))
    more = len(distinct) - NAMED
    return ", ".join(distinct[:NAMED]) + (f" (and {more} more)" if more > 0 else "")


def _unchecked(check: Check) -> str:
    reasons = wording.bullets([reason.text for reason in check.result.not_checked])
    return f"**{_name(check.result.order)}, not assessed**\n\n{reasons}"


def _bullet(question: Question, finding: Finding) -> str:
    """The severity, the finding, what follows, and under it each value with its time and source."""
    headline = wording.plain(finding.headline)
    said = f"{headline if headline[1:2].isupper() else headline[:1].upper() + headline[1:]}."
    detail = f" {finding.detail}" if finding.detail else ""
    lines = [f"- {finding.severity}: {said}{detail}"]
    lines += [f"  - {_evidence(question, found)}" for found in finding.evidence]
    return "\n".join(lines)


def _evidence(question: Question, found: Input) -> str:
    name = wording.plain(NAMES.get(found.name, found.name).removeprefix("newest "))
    value = found.value if isinstance(found.value, str) else _number(question, found)
    parts = [f"{name}: {value}", _when(question, found), wording.plain(found.reference)]
    return ", ".join(part for part in parts if part)


def _number(question: Question, found: Input) -> str:
    if found.unit == "mg/dL":
        return wording.glucose(float(found.value), question.practice.glucose_unit)
    return f"{float(found.value):.4g} {found.unit}".replace("[iU]", "unit")


def _when(question: Question, found: Input) -> str:
    if found.at_ms is None:
        return ""
    at = wording.moment(found.at_ms, question.zone)
    return at if found.at_ms > question.as_of_ms else f"{wording.age(found.at_ms, question.as_of_ms)} ({at})"


def _doses(question: Question, found: OrderCheck) -> str:
    """The dose about to be signed and the dose in use, side by side."""
    order, in_use = found.order, found.in_use
    rows = [("about to be signed", _dose(order), "", wording.plain(order.reference))]
    if in_use is not None:
        when, reference = _when(question, in_use), wording.plain(in_use.reference)
        rows.append((f"in use, {in_use.name}", str(in_use.value), when, reference))
    else:
        rows.append(("in use", "none known", "", ""))
    return wording.table(("order", "dose", "when", "source"), rows)


def _dose(order: InsulinOrder) -> str:
    if order.product.contradictory:
        return "not judged"
    if order.dose_range_u is not None:
        return "{:g} to {:g} units a dose".format(*order.dose_range_u)
    return dose_text(order.daily_dose_u, order.dose_u)


def _closing(question: Question) -> str:
    return (
        "The check verifies an order and proposes no dose. Verify before signing. "
        f"{wording.moment(question.as_of_ms, question.zone)}; model {MODEL} {VERSION}."
    )
