"""Insulin as given: MedicationAdministrations of injections, boluses and pump segments to rows.

Sits beside observation mapping. Every dose is in units; a pump segment is the amount over its interval.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from fhir_mappers.dosage import Units, insulin_units, units_per_hour
from fhir_mappers.dose_copies import without_copies
from fhir_mappers.insulin_products import product_of
from fhir_mappers.pace import UNHURRIED, Pace
from fhir_mappers.references import (
    Json,
    code_words,
    medication_concept,
    member,
    names,
    objects,
    reference_to,
    text,
)
from fhir_mappers.row import Drop, Row
from fhir_mappers.timing import (
    EFFECTIVE_NAMES,
    WITHOUT_END,
    Effective,
    Moment,
    Precision,
    TimeFault,
    effective,
    goes_on,
    parse_time,
)
from models.patient_record import InsulinKind, InsulinProduct
from models.signals import INSULIN_BASAL, INSULIN_BOLUS, INSULIN_DELIVERY

GIVEN: Final = frozenset({"completed", "in-progress"})
FAST: Final = frozenset({InsulinKind.RAPID, InsulinKind.SHORT})
BASAL: Final = frozenset({InsulinKind.LONG, InsulinKind.INTERMEDIATE, InsulinKind.LONG_WITH_GLP1})

LONGEST_BOLUS_MS: Final = 15 * 60_000
"""Pumps give a bolus within minutes. Over longer, without a rate, it may be an extended bolus or a stretch of
basal (our judgement); as either it would be counted wrong where it is the other."""

LONGEST_EXTENDED_MS: Final = 24 * 60 * 60_000
"""Pumps extend a bolus over hours, eight at most; over more than a day it is a wrong time (our judgement)."""

SHORTEST_BASAL_MS: Final = 5 * 60_000
"""Pumps give basal as pulses some minutes apart: an instant stands for at least so much of it."""

USES: Final[Mapping[str, frozenset[str]]] = {"basal": frozenset({"189440"}), "bolus": frozenset({"189452"})}
"""What a dose is for, by the word that is printed or the IEEE 11073 code."""

MAX_BOLUS_U: Final = 100.0
MAX_RATE_U_PER_H: Final = 35.0
"""Hard limits of the IEEE 11073 insulin terms MDC 189452 and 189440."""

DOSE_RATE_TOLERANCE: Final = 0.02
"""Relative difference of dose and rate x time from which they conflict; engineering, above rounding."""

MS_PER_HOUR: Final = 3_600_000
HOURS: Final[Mapping[str, float]] = {"h": 1.0, "hour": 1.0, "min": 1 / 60, "s": 1 / 3600, "d": 24.0}


class Amount(NamedTuple):
    """Units given, the rate where one is stated, and flags on how they were found."""

    units: float
    rate_u_per_h: float | None
    flags: frozenset[str]


def to_insulin_doses(
    administrations: Sequence[Json],
    medications: Mapping[str, Json],
    zone: ZoneInfo | None = None,
    pace: Pace = UNHURRIED,
) -> tuple[list[Row], list[Drop]]:
    """Rows of `insulin_bolus`, `insulin_basal` and `insulin_delivery` in `[iU]`, and what gave none.

    `insulin_basal` is an injection of basal insulin (a point) or a pump segment (an interval with the amount
    delivered in it). `insulin_delivery` is insulin of which nobody said whether it is basal or bolus, such as
    rapid-acting insulin given over a quarter of an hour or longer without a rate.
    The same amount over the same time counts once. `zone` reads times that came without an offset.
    """
    rows: dict[object, Row] = {}
    drops: list[Drop] = []
    for administration in administrations:
        found = _dose(administration, medications, zone)
        key = (found.signal, found.at_ms, found.until_ms, found.value) if isinstance(found, Row) else None
        if isinstance(found, Drop):
            drops.append(found)
        elif key in rows:
            drops.append(Drop(found.reference, "duplicate"))
        else:
            rows[key] = found
    kept, copies = without_copies(list(rows.values()), pace)
    return kept, drops + copies


def _dose(administration: Json, medications: Mapping[str, Json], zone: ZoneInfo | None) -> Row | Drop:
    """One administration."""
    reference, status = reference_to(administration), text(administration, "status")
    if status not in GIVEN:
        return Drop(reference, f"status:{status or 'missing'}")
    concept = medication_concept(administration, medications)
    product = product_of(concept)
    if product is None:
        return Drop(reference, "medication_not_insulin" if names(concept) else "medication_unknown")
    when = effective(administration, zone, EFFECTIVE_NAMES)
    if isinstance(when, TimeFault):
        return Drop(reference, when.value)
    if when.precision is not Precision.INSTANT:
        return Drop(reference, "time_precision")
    if goes_on(administration, when):
        return Drop(reference, WITHOUT_END)
    amount = _amount(member(administration, "dosage"), product, when.until_ms - when.at_ms)
    if isinstance(amount, str):
        return Drop(reference, amount)
    return _row(administration, product, when, amount)


def _amount(dosage: Json, product: InsulinProduct, span_ms: int) -> Amount | str:
    """What was given, or the drop reason. A dose goes before rate x time: a pump counts what it delivered."""
    dose, rate = insulin_units(member(dosage, "dose"), product), _rate(dosage, product)
    if rate is not None and rate > MAX_RATE_U_PER_H:
        return "implausible"
    by_rate = rate * span_ms / MS_PER_HOUR if rate is not None and span_ms > 0 else None
    if dose.value is not None:
        conflict = by_rate is not None and _differ(dose.value, by_rate)
        return Amount(dose.value, rate, dose.flags | ({"dose_rate_conflict"} if conflict else set()))
    if by_rate is not None and not member(dosage, "dose"):
        return Amount(by_rate, rate, frozenset({"dose_from_rate"}))
    return dose.why.name.lower() if dose.why else "dose_missing"


def _rate(dosage: Json, product: InsulinProduct) -> float | None:
    """Units per hour of `rate[x]`, None where absent or in a unit that is no insulin rate."""
    if quantity := member(dosage, "rateQuantity"):
        return units_per_hour(quantity)
    ratio = member(dosage, "rateRatio")
    per = member(ratio, "denominator")
    amount: Units = insulin_units(member(ratio, "numerator"), product)
    hours, count = HOURS.get(text(per, "code") or text(per, "unit")), per.get("value", 1)
    counted = isinstance(count, int | float) and not isinstance(count, bool) and 1e-6 < count < 1e6
    return amount.value / (count * hours) if amount.value is not None and hours and counted else None


def _differ(dose_u: float, by_rate_u: float) -> bool:
    return abs(dose_u - by_rate_u) > DOSE_RATE_TOLERANCE * max(dose_u, by_rate_u)


def may_be_of(administration: Json, medications: Mapping[str, Json]) -> str:
    """The signal of insulin of which something could not be read: basal where product or rate say so."""
    product = product_of(medication_concept(administration, medications))
    if product is None:
        return INSULIN_DELIVERY
    rated = _rate(member(administration, "dosage"), product) is not None
    return INSULIN_BASAL if _is_basal(administration, product, rated) else INSULIN_DELIVERY


def _is_basal(administration: Json, product: InsulinProduct, rated: bool) -> bool:
    """By its product, or by a rate that is not said to be that of an extended bolus."""
    return product.kind in BASAL or (rated and _stated_uses(administration) != {"bolus"})


def _signal(administration: Json, product: InsulinProduct, when: Effective, amount: Amount) -> str:
    if _is_basal(administration, product, amount.rate_u_per_h is not None):
        return INSULIN_BASAL
    if product.kind not in FAST:
        return INSULIN_DELIVERY
    used_as = _stated_uses(administration)
    if used_as == {"basal"}:
        return INSULIN_BASAL if _may_be_basal(amount, when) else INSULIN_DELIVERY
    at_once = when.until_ms - when.at_ms < LONGEST_BOLUS_MS and not used_as
    return INSULIN_BOLUS if at_once or used_as == {"bolus"} else INSULIN_DELIVERY


def _may_be_basal(amount: Amount, when: Effective) -> bool:
    """Whether a pump can give so much as basal; a note on an injection may only mention the basal insulin."""
    return amount.units * MS_PER_HOUR <= MAX_RATE_U_PER_H * max(when.until_ms - when.at_ms, SHORTEST_BASAL_MS)


def _stated_uses(administration: Json) -> set[str]:
    """`basal`, `bolus` or both, where category, reason, method or text of the dosage say so."""
    dosage, category = member(administration, "dosage"), administration.get("category")
    concepts = [
        category,
        *objects(category),
        *objects(administration.get("reasonCode")),
        dosage.get("method"),
    ]
    printed = [text(dosage, "text"), *(name for concept in concepts for name in names(concept))]
    codes = {code for concept in concepts for code in code_words(concept)}
    words = " ".join(printed).lower()
    return {use for use, meant in USES.items() if use in words or codes & meant}


def _row(administration: Json, product: InsulinProduct, when: Effective, amount: Amount) -> Row | Drop:
    signal, reference = _signal(administration, product, when, amount), reference_to(administration)
    too_long = when.until_ms - when.at_ms > LONGEST_EXTENDED_MS
    if signal == INSULIN_BOLUS and (too_long or amount.units > MAX_BOLUS_U):
        return Drop(reference, "implausible")
    updated = parse_time(member(administration, "meta").get("lastUpdated"))
    return Row(
        signal=signal,
        value=amount.units,
        unit="[iU]",
        at_ms=when.at_ms,
        until_ms=when.until_ms,
        native_value=amount.units,
        native_unit="[iU]",
        reference=reference,
        source=_source(administration),
        flags=amount.flags | when.flags,
        offset_min=when.offset_min,
        updated_ms=updated.at_ms if isinstance(updated, Moment) else 0,
    )


def _source(administration: Json) -> str:
    """The device that reports the dose: its reference, else its printed name, else the sending system."""
    device = next(iter(objects(administration.get("device"))), {})
    pointer = member(device, "reference") or device
    return (
        text(pointer, "reference")
        or text(pointer, "display")
        or text(member(administration, "meta"), "source")
    )
