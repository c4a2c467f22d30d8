"""Rules on glucose around an insulin order: low now, low lately, often low, or so high that a crisis may run.

Sits inside the order check; they hold for every insulin and every type of diabetes (hazards H-02 and H-13).
"""

from collections.abc import Iterator
from typing import Final

from models.assessment import Input, Reason, ReasonCode
from models.dosing.dose_format import glucose_text, percent_text
from models.dosing.hyperglycaemic_crisis import SGLT2_INHIBITOR
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.dosing.order_readings import PERSISTENT_MS
from models.features.sampling import DAY_MS, MINUTE_MS

GLUCOSE_HOURS: Final = 48
HOUR_MS: Final = 60 * MINUTE_MS
REDUCE: Final = (
    "After a low the dose is reviewed; usual is 10 to 20 % less unless its cause is found (ADA, section 9)."
)
CRISIS: Final = "Look for ketones, dehydration and a cause; an order for home does not treat a crisis."


def low_now(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """The present glucose is low, or no glucose is known at all."""
    lows = facts.lows
    if lows.newest is None:
        yield Reason(ReasonCode.MISSING, "glucose", "No glucose of the last 7 days is on record.")
    elif lows.low_now:
        headline = f"glucose is {glucose_text(float(lows.newest.value))} now: treat the low before insulin"
        rule = "very_low_now" if lows.very_low_now else "low_now"
        yield Finding(rule, headline, f"The dose is {facts.change_text}.", (lows.newest,))
    elif facts.as_of_ms - (lows.newest.at_ms or 0) > GLUCOSE_HOURS * HOUR_MS:
        text = f"The newest glucose is older than {GLUCOSE_HOURS} hours; recent lows were not looked for."
        yield Reason(ReasonCode.STALE, "glucose", text)


def two_values(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Moments reported with two values: a low may be among the readings left out."""
    count = facts.readings.conflicts
    if count:
        text = f"Glucose of 7 days was reported with two values at once ({count} times); lows may be hidden."
        yield Reason(ReasonCode.CONFLICT, "glucose_conflict", text)


def after_low(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """The same dose or more after a low (hazard H-02).

    A dose that was lowered after all of these lows and is only repeated now has answered them, unless one of
    24 hours was very low; an increase is named with the answer that it takes back.
    """
    found = facts.readings.very_low or facts.lows.very_low_in_7_d or facts.lows.low_in_24_h
    if found is None or facts.lowers or (facts.lows.low_now and found == facts.lows.newest):
        return
    answered = facts.answer_to_lows
    if answered and not facts.raises and facts.readings.very_low is None:
        return
    if facts.readings.very_low is not None:
        rule = "very_low_in_24_h"
    else:
        rule = "raised_after_low" if facts.raises else "repeated_after_low"
    low = f"{glucose_text(float(found.value))} {_age(found, facts.as_of_ms)}"
    evidence = (found, answered) if answered else (found,)
    yield Finding(rule, f"dose {facts.change_text} after a glucose of {low}", REDUCE, evidence)


def often_low(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Insulin started or raised although more time than the target is spent below range."""
    lows = facts.lows
    low, very_low = lows.time_below_70_percent, lows.time_below_54_percent
    if not (facts.raises and lows.time_below_over_target and lows.metrics) or low is None or very_low is None:
        return
    shares = f"{percent_text(low)} below 70 mg/dL, {percent_text(very_low)} below 54"
    covered = percent_text(lows.metrics.sensor_active_percent)
    why = f"At most 4 % and 1 % are the target (Battelino 2019); the readings cover {covered} of 14 days."
    yield Finding("raised_time_below", f"dose {facts.change_text}; sensor time {shares}", why)


def high_now(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """The newest glucose of a day is 300 mg/dL (16.7 mmol/L) or more."""
    readings = facts.readings
    if readings.high is None:
        return
    value = glucose_text(float(readings.high.value))
    since_ms = readings.high_since_ms
    lasting = since_ms is not None and (readings.high.at_ms or 0) - since_ms >= PERSISTENT_MS
    rule = "high_now"
    if readings.very_high:
        rule = "very_high_now"
    elif lasting and _ketosis_prone(facts):
        rule = "persistently_high"
    headline = f"glucose {value} {_age(readings.high, facts.as_of_ms)}: review for ketones before signing"
    yield Finding(rule, headline, CRISIS, (readings.high,))


def _ketosis_prone(facts: OrderFacts) -> bool:
    """Type 1, unknown type, or an SGLT2 inhibitor; in type 2 alone lasting highs are why insulin begins."""
    concepts = facts.record.concepts()
    drugs = {drug.drug_class for drug in facts.record.medications}
    return "type_1_diabetes" in concepts or "type_2_diabetes" not in concepts or SGLT2_INHIBITOR in drugs


def _age(found: Input, as_of_ms: int) -> str:
    elapsed_ms = max(0, as_of_ms - (found.at_ms or as_of_ms))
    if elapsed_ms < 2 * HOUR_MS:
        return f"{elapsed_ms // MINUTE_MS} min ago"
    return f"{elapsed_ms // HOUR_MS} h ago" if elapsed_ms < 2 * DAY_MS else f"{elapsed_ms // DAY_MS} days ago"


GLUCOSE_RULES: Final = (low_now, two_values, after_low, often_low, high_now)
