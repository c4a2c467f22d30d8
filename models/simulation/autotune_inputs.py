"""Reviews as oref0 autotune reads them, and its answers as therapy: the peer in the trial.

Sits beside the arms; who runs autotune itself is not known here. Its input is Nightscout's: entries,
treatments and a profile; its days run from four in the morning (oref0 0.7.1, MIT). Autotune knows one carb
ratio and one sensitivity for the whole day.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from models.dosing.setting_features import SLOTS_PER_DAY, SLOTS_PER_H, TherapyRecord
from models.dosing.therapy import HOURS, Array, Therapy
from models.simulation.arms import Review

FIRST_MIDNIGHT: Final = datetime(2026, 1, 1, tzinfo=UTC)  # a date of its own; only hours matter
DAY_STARTS_SLOT: Final = 4 * SLOTS_PER_H
SLOT: Final = timedelta(minutes=5)
# Its defaults: rapid-acting insulin over six hours, and how far it may go from the pump's settings.
DEFAULTS: Final[Mapping[str, Any]] = {
    "dia": 6,
    "curve": "rapid-acting",
    "useCustomPeakTime": False,
    "insulinPeakTime": 75,
    "autosens_max": 1.2,
    "autosens_min": 0.7,
    "min_5m_carbimpact": 8,
}


def autotune_questions(review: Review) -> list[dict[str, Any]]:
    """What autotune is asked for each patient: {"profile", "days": [{"entries", "treatments"}]}."""
    days = review.record.cgm_mgdl.shape[1] // SLOTS_PER_DAY - 1
    starts = [DAY_STARTS_SLOT + day * SLOTS_PER_DAY for day in range(days)]
    return [
        {
            "profile": _profile(review.record.therapy.take([patient])),
            "days": [_day(review.record, patient, start) for start in starts],
        }
        for patient in range(len(review.patient))
    ]


def tuned_therapy(answers: Sequence[Mapping[str, Any]]) -> Therapy:
    """The settings that autotune found, from {"basal": 24 rates, "cr", "isf"} for each patient."""

    def all_day(name: str) -> Array:
        return np.repeat(np.array([[answer[name]] for answer in answers], np.float64), HOURS, axis=1)

    basal = np.array([answer["basal"] for answer in answers], np.float64)
    return Therapy(basal, all_day("cr"), all_day("isf"))


def _profile(therapy: Therapy) -> dict[str, Any]:
    rates = [round(float(rate), 3) for rate in therapy.basal_u_per_h[0]]
    ratio = round(float(therapy.carb_ratio_g_per_u.mean()), 3)
    fall = round(float(therapy.sensitivity_mgdl_per_u.mean()), 3)
    block = {"i": 0, "offset": 0, "x": 0, "start": "00:00:00"}
    return {
        "basalprofile": [
            {"i": h, "minutes": 60 * h, "rate": rate, "start": f"{h:02d}:00:00"}
            for h, rate in enumerate(rates)
        ],
        "carb_ratio": ratio,
        "carb_ratios": {"units": "grams", "schedule": [block | {"ratio": ratio}]},
        "isfProfile": {
            "units": "mg/dL",
            "sensitivities": [block | {"endOffset": 1440, "sensitivity": fall}],
        },
        "sens": fall,
        "max_daily_basal": max(rates),
        "current_basal": rates[0],
        **DEFAULTS,
    }


def _day(record: TherapyRecord, patient: int, start: int) -> dict[str, Any]:
    slots = range(start, start + SLOTS_PER_DAY)
    return {
        "entries": [
            _entry(slot + 1, float(record.cgm_mgdl[patient, slot + 1]))
            for slot in slots
            if np.isfinite(record.cgm_mgdl[patient, slot + 1])
        ],
        "treatments": [
            _meal_bolus(slot, float(record.carbs_g[patient, slot]), float(record.bolus_u[patient, slot]))
            for slot in slots
            if record.carbs_g[patient, slot] > 0.0
        ],
    }


def _entry(slot: int, glucose_mgdl: float) -> dict[str, Any]:
    at = FIRST_MIDNIGHT + slot * SLOT
    milliseconds = int(at.timestamp()) * 1000
    return {"date": milliseconds, "dateString": _text(at), "sgv": float(round(glucose_mgdl)), "type": "sgv"}


def _meal_bolus(slot: int, carbs_g: float, insulin_u: float) -> dict[str, Any]:
    at = _text(FIRST_MIDNIGHT + slot * SLOT)
    amounts = {"carbs": round(carbs_g, 1), "insulin": round(insulin_u, 2)}
    return {"created_at": at, "timestamp": at, "eventType": "Meal Bolus", **amounts}


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
