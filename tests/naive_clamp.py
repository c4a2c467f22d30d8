"""The limits on a basal dose once more, written the slow way round and without the clamp: for its tests.

Hazards H-01, H-02 and H-23 as sentences: try every dose that the pen delivers, and keep the highest allowed.
"""

import math
from typing import Any

SLACK = 1e-9


def naive_dose(wished_u: float, s: Any, limits: Any) -> float | None:
    """The dose that may be given, None for none; `s` and `limits` have the fields of the clamp's records."""
    if not _believable(wished_u, s) or s.low_now:
        return None
    if s.current_dose_u is None:
        lows = s.low_recently or s.time_below_over_target
        top_u = min(limits.start_units, limits.start_units_per_kg * s.weight_kg)
        return None if lows else _highest_deliverable(min(wished_u, top_u), s.increment_u)
    if wished_u == s.current_dose_u:
        return s.current_dose_u
    if wished_u < s.current_dose_u:
        return _highest_deliverable(wished_u, s.increment_u)
    raised_u = _highest_deliverable(min(wished_u, _top_of_a_raise(s, limits)), s.increment_u)
    return max(s.current_dose_u, raised_u)


def _believable(wished_u: float, s: Any) -> bool:
    if math.isnan(wished_u) or math.isinf(wished_u) or s.increment_u not in (0.5, 1.0):
        return False
    if not (s.weight_kg >= 20 and s.weight_kg <= 350):
        return False
    return s.current_dose_u is None or (s.current_dose_u > 0 and s.current_dose_u <= 300)


def _top_of_a_raise(s: Any, limits: Any) -> float:
    now_u = s.current_dose_u
    ceiling_u = s.weight_kg * limits.ceiling_units_per_kg
    days = -1.0 if s.days_since_change is None or math.isnan(s.days_since_change) else s.days_since_change
    if s.low_recently or s.time_below_over_target or days < limits.interval_days or now_u > ceiling_u:
        return now_u
    steps = [limits.step_units, now_u * limits.step_fraction]
    weekly = limits.weekly_step
    if weekly is not None and s.weekly_table and days >= weekly.interval_days:
        steps.append(min(weekly.units, weekly.fraction * now_u))
    tops = [now_u + max(steps), ceiling_u]
    if s.product_max_u is not None:
        tops.append(s.product_max_u)
    return min(tops)


def _highest_deliverable(top_u: float, increment_u: float) -> float:
    """Counts up from zero, one turn of the pen at a time."""
    dose_u = 0.0
    while dose_u + increment_u <= top_u + SLACK * increment_u:
        dose_u += increment_u
    return dose_u
