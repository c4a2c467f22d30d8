"""Signals compared with the patient's own weeks: which change counts, and the comparison itself.

Sits over the daily values and the CUSUM; `models.risk.vital_signs` runs it for every watched signal.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Input, NotAssessed, Reason, ReasonCode
from models.features.activity import ActivityInputs, steps_by_day, worn_days
from models.features.daily_values import (
    DailyValues,
    daily_medians,
    daily_medians_by_hour,
    main_source,
    medians_by_day,
)
from models.features.local_time import instant_ms, local_day
from models.features.sampling import DAY_MS
from models.features.sleep import nights_of
from models.features.temperature import core
from models.risk.change_point import (
    BASELINE_DAYS,
    FALSE_ALARMS,
    FEWEST_BASELINE,
    RECENT_DAYS,
    ChangePoint,
    Spread,
    change_point,
    spread_of,
)
from models.risk.vital_comparison import Answer, Comparison, Level, assessed, not_assessed
from models.risk.watched_signals import Watched
from models.time_series import TimeSeries

WINDOW_DAYS: Final = BASELINE_DAYS + RECENT_DAYS
FEWEST_RECENT: Final = 3
FRESH_DAYS: Final = 2
"""Three recent days at least, the newest not over two days old (our judgement)."""

RANGE_SDS: Final = 1.645
"""Half of the width of the range that holds 90 % of a normal distribution."""

FEWEST_READINGS_SHARE: Final = 0.5
"""A recent day is whole when it has half of the readings that the baseline days have in the median."""

SOURCE: Final = (
    "own baseline: median and MAD of up to 21 days; CUSUM of the last 7 (Page 1954) with its limit at "
    f"{FALSE_ALARMS:.0%} false findings per signal and review"
)


@dataclass(frozen=True, slots=True)
class Window:
    """Where the days of a comparison lie: the clock, today's local day, and the instant of the question."""

    clock: ZoneInfo
    today: int
    as_of_ms: int

    @property
    def first_recent(self) -> int:
        """The first of the recent days; the days before it are the baseline."""
        return self.today - RECENT_DAYS + 1

    def start_of(self, day: int) -> int:
        """UTC instant at which a local day starts."""
        return instant_ms(day, 0, self.clock)


def window_at(as_of_ms: int, clock: ZoneInfo) -> Window:
    """The comparison's days for a question asked at this instant."""
    return Window(clock, int(local_day(np.array([as_of_ms]), clock)[0]), as_of_ms)


def assess_change(watched: Watched, series: TimeSeries, window: Window) -> Answer:
    """One signal other than steps against the patient's own weeks."""
    values, mine, others = days_of(watched, series, window)
    return compare_days(watched, values, mine, window, others)


def days_of(watched: Watched, series: TimeSeries, window: Window) -> tuple[DailyValues, TimeSeries, int]:
    """The daily values that are compared, the readings of the main source behind them, and how many more."""
    past = series.between(window.as_of_ms - (WINDOW_DAYS + 1) * DAY_MS, window.as_of_ms)
    mine = main_source(core(past) if watched.signal == signals.BODY_TEMPERATURE else past, window.clock)
    return _daily(watched, mine, window), mine, len(past) - len(mine)


def assess_steps(watched: Watched, inputs: ActivityInputs, window: Window) -> Answer:
    """Steps of the worn days before today, which is not over; without a sign of wear there is no answer."""
    series = inputs.daily_steps if inputs.daily_steps is not None else inputs.interval_steps
    worn = worn_days(inputs, window.clock)
    if series is None or worn is None:
        why = "none in the data received" if series is None else "whether the device was worn is not known"
        text = f"{watched.label}: {why}"
        return not_assessed(ReasonCode.MISSING, watched.signal, text, window.as_of_ms)
    return compare_days(watched, days_of_steps(inputs, worn, window), series, window, 0)


def days_of_steps(inputs: ActivityInputs, worn: set[int], window: Window) -> DailyValues:
    """Steps of the days before today on which the device was worn."""
    total = steps_by_day(inputs, window.clock)
    days = np.array(sorted(day for day in total if day in worn and day < window.today), np.int64)
    return DailyValues(days, np.array([total[int(d)] for d in days]), np.ones(days.size, np.int64))


def _daily(watched: Watched, series: TimeSeries, window: Window) -> DailyValues:
    if watched.shape == "nights":
        slept = nights_of(series, window.clock)
        return medians_by_day(local_day(slept.until_ms, window.clock), slept.value)
    if watched.shape == "by_hour":
        return daily_medians_by_hour(series, window.clock, window.start_of(window.first_recent))
    return daily_medians(series, window.clock)


def compare_days(
    watched: Watched, values: DailyValues, series: TimeSeries, window: Window, others: int
) -> Answer:
    """The last week against the three before it; `others` counts readings of other sources, left out."""
    baseline = values.between(window.today - WINDOW_DAYS + 1, window.first_recent - 1)
    recent = values.between(window.first_recent, window.today)
    why_not = _why_not(watched, baseline, recent, window)
    if why_not is not None:
        return why_not
    scaled = _scaled(watched, recent.value)
    usual = spread_of(_scaled(watched, baseline.value), watched.typical_sd)
    directions = (watched.direction,) if watched.direction else (1, -1)
    points = (change_point(scaled, usual, direction) for direction in directions)
    point = max(points, key=lambda p: p.height_sd)
    found = _comparison(watched, recent, usual, point, window)
    newest = Input(
        watched.signal, float(series.value[-1]), series.unit, int(series.at_ms[-1]),
        series.references[int(series.reference[-1])],
    )  # fmt: skip
    notes = _notes(watched, baseline, recent, others, window)
    details = {"height_sd": point.height_sd, "limit_sd": point.limit_sd, "direction": float(point.direction)}
    return assessed(found, window.as_of_ms, (newest,), notes, details)


def _why_not(
    watched: Watched, baseline: DailyValues, recent: DailyValues, window: Window
) -> NotAssessed | None:
    found, about = f"{watched.label}: ", watched.signal
    if not len(baseline) and not len(recent):
        text = f"{found}no usable reading of the last {WINDOW_DAYS} days"
        return not_assessed(ReasonCode.MISSING, about, text, window.as_of_ms)
    if not len(recent) or int(recent.day[-1]) < window.today - FRESH_DAYS:
        newest = window.today - int((recent if len(recent) else baseline).day[-1])
        return not_assessed(
            ReasonCode.STALE, about, f"{found}newest day with a value is {newest} days ago", window.as_of_ms
        )
    if len(baseline) < FEWEST_BASELINE or len(recent) < FEWEST_RECENT:
        text = (
            f"{found}{len(recent)} of the last {RECENT_DAYS} days and {len(baseline)} of the "
            f"{BASELINE_DAYS} before; {FEWEST_RECENT} and {FEWEST_BASELINE} are needed"
        )
        return not_assessed(ReasonCode.SPARSE, about, text, window.as_of_ms)
    return None


def _notes(
    watched: Watched, baseline: DailyValues, recent: DailyValues, others: int, window: Window
) -> tuple[Reason, ...]:
    """What keeps 'nothing found' from being complete: any day before today missing or thin, other devices."""
    notes = []
    gaps = WINDOW_DAYS - 1 - len(baseline) - int(np.count_nonzero(recent.day < window.today))
    few = recent.readings < FEWEST_READINGS_SHARE * np.median(baseline.readings)
    thin = int(np.count_nonzero(few & (recent.day < window.today)))
    if gaps or thin:
        text = f"{watched.label}: {gaps} of {WINDOW_DAYS - 1} days without a value, {thin} with few readings"
        notes.append(Reason(ReasonCode.SPARSE, watched.signal, text))
    if others:
        text = f"{watched.label}: {others} readings of another device left out"
        notes.append(Reason(ReasonCode.CONFLICT, watched.signal, text))
    return tuple(notes)


def _comparison(
    watched: Watched, recent: DailyValues, usual: Spread, point: ChangePoint, window: Window
) -> Comparison:
    """The comparison in the signal's own unit."""
    since = 0 if point.first is None else point.first
    now = float(np.median(_scaled(watched, recent.value[since:])))
    changed = point.passed and point.direction * (now - usual.level) >= watched.least_change
    shown = recent.value[since:] if changed else recent.value
    distance = (_scaled(watched, recent.value) - usual.level) / usual.sd
    half = RANGE_SDS * usual.sd
    low, level, high = (_back(watched, x) for x in (usual.level - half, usual.level, usual.level + half))
    return Comparison(
        name=f"{watched.signal}_change",
        kind="change",
        label=watched.label,
        unit=watched.unit,
        decimals=watched.decimals,
        now=Level(float(np.median(shown)), float(shown.min()), float(shown.max()), int(shown.size), "days"),
        usual=Level(level, low, high, usual.days, "days"),
        usual_is="own baseline" + (" by hour" if recent.by_hour else ""),
        urgency=watched.urgency if changed else None,
        says=("up" if point.direction > 0 else "down") if changed else "no change found",
        since_ms=window.start_of(int(recent.day[since])) if changed else None,
        since_or_before=changed and since == 0,
        statistic=f"CUSUM {point.height_sd:.1f} SD, limit {point.limit_sd:.1f}",
        source=SOURCE,
        recent_sd=tuple(zip(recent.day.tolist(), distance.tolist(), strict=True)),
        group=watched.group if changed and (watched.direction or point.direction > 0) else "",
    )


def _scaled(watched: Watched, value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log1p(value) if watched.is_ratio else value


def _back(watched: Watched, value: float) -> float:
    return float(np.expm1(value)) if watched.is_ratio else value
