"""Lines on the summary that a CGM system sent of itself: shown as its own, and held against the readings.

Used by the cards of the glucose review, with readings or without.
"""

from hooks import wording
from hooks.service import Question
from models.features.device_summary import BandShare, DeviceSummary, newest_summary
from models.signals import GLUCOSE_CGM


def device_summary_lines(question: Question) -> list[str]:
    """What the system reports, and each band in which the readings of the same period say otherwise."""
    series = question.record.series
    found = newest_summary(series, series.get(GLUCOSE_CGM), question.as_of_ms)
    return [] if found is None else [_reported(question, found), *_differences(question, found)]


def _reported(question: Question, found: DeviceSummary) -> str:
    unit = question.practice.glucose_unit
    shares = [f"{wording.percent(s.reported_percent)} {wording.band(s.band, unit)}" for s in found.bands]
    period = f"{wording.day(found.start_ms, question.zone)} to {wording.day(found.until_ms, question.zone)}"
    return f"The CGM system's own summary of {period}: {', '.join(shares)}"


def _differences(question: Question, found: DeviceSummary) -> list[str]:
    differing = [share for share in found.bands if share.disagrees]
    if differing:
        said = "; ".join(_difference(question, share) for share in differing)
        return [f"**The summary and its readings disagree**: {said}. Neither is corrected by the other"]
    if all(share.computed_percent is None for share in found.bands):
        covered = f"{found.covered_percent:.0f} %"
        return [f"It could not be held against readings: those here cover {covered} of its period"]
    return []


def _difference(question: Question, share: BandShare) -> str:
    band = wording.band(share.band, question.practice.glucose_unit)
    computed = wording.percent(share.computed_percent or 0.0)
    return f"{band} {wording.percent(share.reported_percent)} reported, {computed} by the readings"
