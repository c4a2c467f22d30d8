"""PREVENT: risk of cardiovascular disease over 10 and 30 years, in each published variant.

One of the published scores; coefficients stand in `prevent_coefficients.json`.
Source: Khan 2024, Circulation 149:430 (AHA PREVENT), supplemental tables; the numbers were taken from the
R package preventr (Martin Mayer, MIT licence).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import exp, log
from typing import Final, Literal

from models.assessment import (
    Assessment,
    Contribution,
    Input,
    NotAssessed,
    Outcome,
    Reason,
    ReasonCode,
    Refused,
)

MODEL: Final = "prevent"
VERSION: Final = "2023"
SOURCE: Final = "Khan SS et al., Circulation 2024;149:430 (AHA PREVENT)"

TABLES: Final[Mapping[str, Mapping[str, Mapping[str, float]]]] = json.loads(
    (files("models.risk") / "prevent_coefficients.json").read_text(encoding="utf-8")
)["tables"]

Sex = Literal["female", "male"]

OUTCOMES: Final = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")

RANGES: Final = {
    "age_years": (30, 79), "systolic_mmhg": (90, 200), "total_cholesterol_mgdl": (130, 320),
    "hdl_mgdl": (20, 100), "egfr": (15, 140), "bmi": (18.5, 39.9), "hba1c_percent": (3, 15),
    "uacr_mg_g": (0.1, 25_000), "deprivation_decile": (1, 10),
}  # fmt: skip
"""What the equations were made for (supplement of Khan 2024); outside, nothing is computed."""

OLDEST_FOR_30_YEARS: Final = 59

POSITIVE_FROM: Final = 0.075
"""Ten-year risk of all cardiovascular disease from which drugs are advised in stage 1 hypertension (2025
AHA/ACC guideline on high blood pressure)."""

MMOLL_PER_MGDL_CHOLESTEROL: Final = 0.02586

REQUIRED: Final = (
    "age_years", "systolic_mmhg", "total_cholesterol_mgdl", "hdl_mgdl", "egfr", "bmi", "diabetes", "smoking",
    "on_antihypertensive", "on_statin",
)  # fmt: skip
OPTIONAL: Final = {"hba1c_percent": "hba1c", "uacr_mg_g": "uacr", "deprivation_decile": "sdi"}


@dataclass(frozen=True, slots=True)
class PreventRisk:
    """Risks as fractions by outcome; `within_30_years` is None above 59 years of age."""

    variant: str
    sex: Sex
    within_10_years: Mapping[str, float]
    within_30_years: Mapping[str, float] | None
    source: str = SOURCE


def prevent(
    inputs: Mapping[str, Input], sex: Sex, as_of_ms: int
) -> Assessment[PreventRisk] | NotAssessed | Refused:
    """Risk from inputs named as in `RANGES` plus `diabetes smoking on_antihypertensive on_statin` (1 or 0).

    The variant follows from the optional inputs at hand: none is base, one is that one, more is full.
    """
    missing = tuple(name for name in REQUIRED if name not in inputs)
    if missing:
        return NotAssessed(MODEL, VERSION, as_of_ms, tuple(_missing(name) for name in missing))
    values = {name: float(given.value) for name, given in inputs.items()}
    outside = tuple(name for name in RANGES if name in values and not _inside(name, values[name]))
    if outside:
        reasons = tuple(_out_of_range(name, values[name]) for name in outside)
        return Refused(MODEL, VERSION, as_of_ms, reasons, tuple(inputs.values()))
    return _assessed(inputs, values, sex, as_of_ms)


def _assessed(
    inputs: Mapping[str, Input], values: Mapping[str, float], sex: Sex, as_of_ms: int
) -> Assessment[PreventRisk]:
    variant, terms = variant_of(values), _terms(values)
    young = values["age_years"] <= OLDEST_FOR_30_YEARS
    within = {
        years: {
            outcome: _risk(TABLES[f"{variant}_{years}yr"][f"{sex}_{outcome}"], terms) for outcome in OUTCOMES
        }
        for years in (10, 30)
    }
    found = PreventRisk(variant, sex, within[10], within[30] if young else None)
    weights = TABLES[f"{variant}_10yr"][f"{sex}_total_cvd"]
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=as_of_ms,
        outcome=outcome_of(found.within_10_years["total_cvd"]),
        result=found,
        contributions=tuple(Contribution(name, terms[name], weights[name] * terms[name]) for name in weights),
        inputs=tuple(inputs.values()),
    )


def outcome_of(total_cvd_in_10_years: float) -> Outcome:
    """Positive from the risk, a fraction, from which treatment is advised."""
    positive = total_cvd_in_10_years >= POSITIVE_FROM
    return Outcome.ASSESSED_POSITIVE if positive else Outcome.ASSESSED_NEGATIVE


def variant_of(values: Mapping[str, float]) -> str:
    """Name of the published variant that the optional inputs at hand ask for."""
    at_hand = [short for name, short in OPTIONAL.items() if name in values]
    return "base" if not at_hand else at_hand[0] if len(at_hand) == 1 else "full"


def _risk(weights: Mapping[str, float], terms: Mapping[str, float]) -> float:
    return 1 / (1 + exp(-sum(weight * terms[name] for name, weight in weights.items())))


def _terms(values: Mapping[str, float]) -> dict[str, float]:
    """Every term of every variant under the name that the published tables give it."""
    age = (values["age_years"] - 55) / 10
    hdl_mmoll = values["hdl_mgdl"] * MMOLL_PER_MGDL_CHOLESTEROL
    non_hdl = values["total_cholesterol_mgdl"] * MMOLL_PER_MGDL_CHOLESTEROL - hdl_mmoll - 3.5
    hdl = (hdl_mmoll - 1.3) / 0.3
    pressure = (max(values["systolic_mmhg"], 110) - 130) / 20
    obesity = (max(values["bmi"], 30) - 30) / 5
    low_egfr = (min(values["egfr"], 60) - 60) / -15
    return {
        "Constant": 1.0,
        "Age, per 10 years": age,
        "Age, 10 years": age,
        "Age squared": age**2,
        "non-HDL-C per 1 mmol/L": non_hdl,
        "HDL-C per 0.3 mmol/L": hdl,
        "SBP <110 per 20 mmHg": (min(values["systolic_mmhg"], 110) - 110) / 20,
        "SBP ≥110 per 20 mmHg": pressure,
        "Diabetes": values["diabetes"],
        "Current smoking": values["smoking"],
        "BMI <30, per 5 kg/m2": (min(values["bmi"], 30) - 25) / 5,
        "BMI 30+, per 5 kg/m2": obesity,
        "eGFR <60, per -15 ml": low_egfr,
        "eGFR 60+, per -15 ml": (max(values["egfr"], 60) - 90) / -15,
        "Anti-hypertensive use": values["on_antihypertensive"],
        "Statin use": values["on_statin"],
        "Treated SBP ≥110 mm Hg per 20 mm Hg": values["on_antihypertensive"] * pressure,
        "Treated non-HDL-C": values["on_statin"] * non_hdl,
        "Age per 10yr * non-HDL-C per 1 mmol/L": age * non_hdl,
        "Age per 10yr * HDL-C per 0.3 mmol/L": age * hdl,
        "Age per 10yr * SBP ≥110 mm Hg per 20 mmHg": age * pressure,
        "Age per 10yr * diabetes": age * values["diabetes"],
        "Age per 10yr * current smoking": age * values["smoking"],
        "Age per 10yr * BMI 30+ per 5 kg/m2": age * obesity,
        "Age per 10yr * eGFR <60, per -15 ml": age * low_egfr,
    } | _optional_terms(values)


def _optional_terms(values: Mapping[str, float]) -> dict[str, float]:
    """Each optional input, or the published term for its absence."""
    hba1c, uacr, decile = (values.get(name) for name in OPTIONAL)
    excess = 0.0 if hba1c is None else hba1c - 5.3
    return {
        "HbA1c in DM, per 1%": excess * values["diabetes"],
        "HbA1c no DM, per 1%": excess * (1 - values["diabetes"]),
        "Missing HbA1c": float(hba1c is None),
        "ln-ACR, mg/g, per 1 ln unit": 0.0 if uacr is None else log(uacr),
        "Missing ACR/PCR/Dipstick": float(uacr is None),
        "SDI decile categories 4-6 vs. 1-3": float(decile is not None and 4 <= decile <= 6),
        "SDI decile categories 7-10 vs. 1-3": float(decile is not None and decile >= 7),
        "Missing SDI": float(decile is None),
    }


def _inside(name: str, value: float) -> bool:
    low, high = RANGES[name]
    return low <= value <= high


def _missing(name: str) -> Reason:
    return Reason(ReasonCode.MISSING, name, f"{name.replace('_', ' ')} is not known")


def _out_of_range(name: str, value: float) -> Reason:
    low, high = RANGES[name]
    text = f"{name.replace('_', ' ')} {value:g} lies outside {low:g} to {high:g}, for which PREVENT was made"
    return Reason(ReasonCode.OUT_OF_POPULATION, name, text)
