"""The risk page: lows and highs of the next hours, lows of tonight, what makes them up, why none is stated.

One of the pages in `routes`; the models are `models.risk.hypoglycemia`, `hyperglycemia` and
`nocturnal_hypoglycemia`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cds_service.smart_app.action_table import Actions, actions_shown
from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.charts.plot import NARROW, WIDE
from cds_service.smart_app.charts.risk import interval_chart, waterfall
from cds_service.smart_app.wording import Charts, Table, clock_words, low_now, why
from hooks import beside_cgm, needs, wording
from hooks.beside_cgm import estimated_from
from hooks.glucose_card import left_out
from hooks.hypoglycemia_risk import asked_episode
from hooks.nocturnal_risk import asked_tonight
from models.assessment import Contribution, Interval, NotAssessed, Outcome
from models.risk import nocturnal_hypoglycemia
from models.risk.additive_model import AdditiveModel
from models.risk.episode_risk import LEADING_MIN, EpisodeModel
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.nocturnal_reasons import TOPICS as NIGHT_TOPICS
from models.risk.risk_reasons import Topic, all_reasons
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries

MEANING: Final = "A low is at least 15 minutes below 70 mg/dL (3.9 mmol/L)."
MEANING_OF_HIGH: Final = "A high is at least 15 minutes above 250 mg/dL (13.9 mmol/L)."
NOTHING_SHOWN: Final = "No sensor reading is in the data received."


@dataclass(frozen=True, slots=True)
class Risk:
    """One model's answer as it is shown; without `chart` it is not assessed, and `why_not` says why.

    `actions` only where a low is likely: for a high no dose is ever shown.
    """

    title: str
    said: str
    chart: Charts | None
    waterfall: Charts | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    why_not: tuple[str, ...]
    model: str
    actions: Actions | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind of episode is named, and what it is."""

    event: str
    meaning: str


def view(reader: Reader, _: Mapping[str, str]) -> tuple[Chart, dict[str, Any]]:
    """The page as of now."""
    chart = reader.read(needs.CGM, needs.FINGERSTICKS, needs.SETTINGS, *beside_cgm.NEEDS)
    return chart, {
        "risks": risks(chart),
        "left_out": [*beside_cgm.not_counted(chart.question), *left_out(chart.question)],
        "clock": clock_words(chart),
        "low": low_now(chart),
    }


def risks(chart: Chart) -> tuple[Risk, Risk, Risk]:
    """Lows of the next hours and of tonight, and highs of the next hours."""
    glucose = chart.record.series.get(GLUCOSE_CGM)
    return (
        _hours(chart, glucose, HYPOGLYCEMIA, Words("low", MEANING)),
        _tonight(chart, glucose),
        _hours(chart, glucose, HYPERGLYCEMIA, Words("high", MEANING_OF_HIGH)),
    )


def _hours(chart: Chart, glucose: TimeSeries | None, asks: EpisodeModel, words: Words) -> Risk:
    title, model = f"A {words.event} in the next two hours", f"{asks.name} {asks.version}"
    if glucose is None:
        return _not_assessed(title, model, [NOTHING_SHOWN])
    answer = asked_episode(chart.question, asks, glucose)
    if isinstance(answer, NotAssessed):
        return _not_assessed(title, model, why(answer))
    within = answer.result.within_min
    rows = [(f"{minutes} min", found) for minutes, found in within.items()]
    caption = f"The {LEADING_MIN}-minute risk of a {words.event}, reason by reason"
    likely_low = asks is HYPOGLYCEMIA and answer.outcome is Outcome.ASSESSED_POSITIVE
    return Risk(
        title=title,
        said=f"Risk of a new {words.event} within {LEADING_MIN} minutes: {_share(within[LEADING_MIN])}. "
        f"{words.meaning}",
        chart=_interval_charts(rows, f"Risk of a new {words.event}"),
        waterfall=_waterfalls(asks.topics, answer.contributions, caption),
        reasons=_reason_lines(asks.topics, answer.contributions),
        notes=(
            *answer.limits,
            _calibration(asks.tables[LEADING_MIN], words.event),
            f"Estimated from {estimated_from(answer, f'a {words.event}')}.",
        ),
        why_not=(),
        model=model,
        actions=actions_shown(chart, glucose) if likely_low else None,
    )


def _tonight(chart: Chart, glucose: TimeSeries | None) -> Risk:
    title, model = (
        "A low tonight, midnight to 06:00",
        f"{nocturnal_hypoglycemia.MODEL} {nocturnal_hypoglycemia.VERSION}",
    )
    if glucose is None:
        return _not_assessed(title, model, [NOTHING_SHOWN])
    answer = asked_tonight(chart.question, glucose)
    if isinstance(answer, NotAssessed):
        return _not_assessed(title, model, why(answer))
    tonight = answer.result.tonight
    return Risk(
        title=title,
        said=f"Risk of a low between midnight and 06:00: {_share(tonight)}. {MEANING}",
        chart=_interval_charts([("tonight", tonight)], "Risk of a low tonight"),
        waterfall=_waterfalls(NIGHT_TOPICS, answer.contributions, "Tonight's risk, reason by reason"),
        reasons=_reason_lines(NIGHT_TOPICS, answer.contributions),
        notes=(
            _calibration(nocturnal_hypoglycemia.TABLE, "low"),
            f"Estimated from {estimated_from(answer)}.",
        ),
        why_not=(),
        model=model,
    )


def _not_assessed(title: str, model: str, reasons: Sequence[str]) -> Risk:
    return Risk(title, "Not assessed.", None, None, (), (), tuple(reasons), model)


def _share(found: Interval) -> str:
    low, high = wording.percent(100 * found.low), wording.percent(100 * found.high)
    return f"{wording.percent(100 * found.value)} (90 % interval of the estimate: {low} to {high})"


def _interval_charts(rows: Sequence[tuple[str, Interval]], caption: str) -> Charts:
    wide, narrow = (
        interval_chart(rows, f"{caption}, with intervals. Table below.", w) for w in (WIDE, NARROW)
    )
    cells = [
        (name, *(wording.percent(100 * value) for value in (found.value, found.low, found.high)))
        for name, found in rows
    ]
    return Charts(wide, narrow, Table(caption, ("Within", "Risk", "From", "To"), cells))


def _waterfalls(topics: Sequence[Topic], contributions: Sequence[Contribution], caption: str) -> Charts:
    """The intercept, each topic, and what no topic tells of; together the score."""
    steps = waterfall_steps(topics, contributions)
    label = f"{caption}: from the average moment to this one. Table below."
    wide, narrow = (waterfall(steps, label, width) for width in (WIDE, NARROW))
    rows = [(name, f"{points:+.2f}") for name, points in steps]
    total = ("sum", f"{sum(points for _, points in steps):+.2f}")
    return Charts(wide, narrow, Table(caption, ("Reason", "Points (log-odds)"), [*rows, total]))


def waterfall_steps(
    topics: Sequence[Topic], contributions: Sequence[Contribution]
) -> list[tuple[str, float]]:
    """Names and log-odds points that add up to the score, the largest topic first."""
    points = {contribution.name: contribution.points for contribution in contributions}
    told = [(reason.topic.replace("_", " "), reason.points) for reason in all_reasons(topics, contributions)]
    start = points["intercept"]
    rest = sum(points.values()) - start - sum(value for _, value in told)
    others = [("not known", rest)] if abs(rest) > SMALLEST_STEP else []
    return [("average moment", start), *told, *others]


SMALLEST_STEP: Final = 0.005


def _reason_lines(topics: Sequence[Topic], contributions: Sequence[Contribution]) -> tuple[str, ...]:
    return tuple(
        f"{reason.topic.replace('_', ' ')}: {reason.text} ({'raises' if reason.raises else 'lowers'} it)"
        for reason in all_reasons(topics, contributions)
    )


def _calibration(model: AdditiveModel, event: str) -> str:
    """How the stated risks compared with what happened, in people not learned from."""
    seen = model.facts["on_people_left_out"]
    return (
        f"In people not learned from ({seen['windows']:,.0f} questions, a {event} followed "
        f"{100 * seen['prevalence']:.1f} %): stated and observed risk differed by "
        f"{100 * seen['ece']:.2f} points on average, calibration slope {seen['calibration_slope']:.2f}, "
        f"AUROC {seen['auroc']:.2f}. How this holds for this organisation's patients is not known."
    )
