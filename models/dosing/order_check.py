"""Checks an insulin order about to be signed against the record: dose, weight, kidneys, lows, other insulins.

The model behind the service `insulin-order-check`. It verifies and never proposes a number; what it cannot
check it names, and only a check that could do everything and found nothing is silent.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from models.assessment import Assessment, Input, Outcome, Reason
from models.dosing.limits import BasalLimits
from models.dosing.order_basal_limits import basal_limits
from models.dosing.order_bolus_rules import BOLUS_RULES
from models.dosing.order_dose_rules import DOSE_RULES
from models.dosing.order_facts import OrderFacts, Signing, order_facts, upper_end
from models.dosing.order_finding import SEVERITY, Finding, OrderCheck, Severity
from models.dosing.order_glucose_rules import GLUCOSE_RULES
from models.dosing.order_patient_rules import PATIENT_RULES
from models.dosing.order_product_rules import PRODUCT_RULES
from models.patient_record import PatientRecord

MODEL: Final = "insulin-order-check"
VERSION: Final = "2.2.0"

Rule = Callable[[OrderFacts], Iterator[Finding | Reason]]
RULES: Final[tuple[Rule, ...]] = (
    *PRODUCT_RULES, *DOSE_RULES, basal_limits, *BOLUS_RULES, *GLUCOSE_RULES, *PATIENT_RULES,
)  # fmt: skip


def check_order(
    record: PatientRecord, signing: Signing, as_of_ms: int, limits: BasalLimits
) -> Assessment[OrderCheck]:
    """Every finding of every rule, most severe first, and every reason why a rule could not be applied.

    Of a range of doses the upper end is judged.
    """
    signing = replace(signing, order=upper_end(signing.order))
    facts = order_facts(record, signing, as_of_ms, limits)
    found = [answer for rule in RULES for answer in rule(facts)]
    findings = sorted((f for f in found if isinstance(f, Finding)), key=lambda f: _RANK[f.rule])
    not_checked = tuple(dict.fromkeys(reason for reason in found if isinstance(reason, Reason)))
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=as_of_ms,
        outcome=_outcome(bool(findings), bool(not_checked)),
        result=OrderCheck(
            signing.order, tuple(findings), not_checked, facts.in_use.source if facts.in_use else None
        ),
        inputs=tuple(i for i in (facts.weight, facts.egfr, facts.lows.newest) if isinstance(i, Input)),
    )


_RANK: Final = {
    rule: (list(Severity).index(severity), place) for place, (rule, severity) in enumerate(SEVERITY.items())
}


def _outcome(found: bool, incomplete: bool) -> Outcome:
    if found:
        return Outcome.ASSESSED_POSITIVE
    return Outcome.PARTIAL if incomplete else Outcome.ASSESSED_NEGATIVE
