"""The data that services ask for, each once: which codes, how far back, and which feature needs them.

Code lists come from the mapper's table, so that what is asked for is what can be read.
"""

from typing import Final

from fhir_mappers.codes import code_table
from hooks.prefetch import DataNeed
from models.features.device_summary import METRIC_OF

GLUCOSE_DAYS: Final = 14
"""The consensus reporting period (Battelino 2019, Diabetes Care 42:1593)."""

VITAL_DAYS: Final = 28
"""The last week and the three before it, which make the personal baseline."""

VITAL_FEATURES: Final = (
    "heart_rate", "heart_rate_resting", "hrv_sdnn", "resp_rate", "spo2", "spo2_flow", "spo2_fio2",
    "body_temperature", "bp_panel", "sbp", "dbp", "body_weight", "af_burden", "ecg_classification",
)  # fmt: skip

LAB_DAYS: Final = 365
WEIGHT_DAYS: Final = 365
"""Older values are not used for a dose; asking a year back lets a card say how old the newest is."""

BOLUS_DAYS: Final = 90
"""As far back as a setting is taken for the one in use."""

PAST_MEDICATION_DAYS: Final = 90
"""Covers the longest look back of the dosing rules (drugs begun in the last 4 weeks, steroids, refills)."""


def code_list(*features: str) -> str:
    """All codes of these features as one FHIR token search value, with their systems."""
    rows = [row for row in code_table().values() if row.feature in features]
    return ",".join(f"{row.system}|{row.code}" for row in rows)


def _observations(key: str, purpose: str, features: tuple[str, ...], days: int, count: int) -> DataNeed:
    return DataNeed(key, "Observation", purpose, (("code", code_list(*features)),), days=days, count=count)


PATIENT: Final = DataNeed(
    "patient", "Patient", "age for the choice of targets and limits; the patient's identity", required=True
)
CGM: Final = DataNeed(
    "cgm",
    "Observation",
    "consensus CGM metrics, patterns and hypoglycaemia risk; fasting glucose; the system's own summary",
    (("code", code_list("glucose_cgm", "cgm_summary", "cgm_tir_panel", *METRIC_OF)),),
    days=GLUCOSE_DAYS,
    count=4500,
    required=True,
)
FINGERSTICKS: Final = _observations(
    "fingersticks", "review without CGM; fasting glucose", ("glucose_smbg",), GLUCOSE_DAYS, 500
)
CONDITIONS: Final = DataNeed(
    "conditions",
    "Condition",
    "type of diabetes, pregnancy and other conditions that decide which targets and rules hold",
    (("clinical-status", "active,recurrence,relapse"),),
    count=200,
)
MEDICATIONS: Final = DataNeed(
    "medications",
    "MedicationRequest",
    "current insulin orders, however old, and drugs that change what a dose does",
    (("status", "active,on-hold"),),
    count=200,
)
PAST_MEDICATIONS: Final = DataNeed(
    "past-medications",
    "MedicationRequest",
    "insulin doses and drugs stopped lately, which still act or explain a change",
    (("status", "completed,stopped"),),
    days=PAST_MEDICATION_DAYS,
    date_parameter="authoredon",
    count=200,
)
INSULIN_GIVEN: Final = DataNeed(
    "insulin",
    "MedicationAdministration",
    "insulin on board, doses taken, automated delivery",
    days=GLUCOSE_DAYS,
    date_parameter="effective-time",
    count=1000,
)
ENCOUNTER: Final = DataNeed(
    "encounter",
    "Encounter",
    "a stay in hospital, for which doses at home are not computed",
    (("status", "arrived,triaged,in-progress,onleave"),),
    count=20,
)
DIARY: Final = _observations(
    "diary",
    "carbohydrate entries; boluses that come as Observations",
    ("carbs", "insulin_bolus", "insulin_delivery"),
    GLUCOSE_DAYS,
    1000,
)
WEIGHT: Final = _observations("weight", "limits in units per kg", ("body_weight",), WEIGHT_DAYS, 20)
RENAL: Final = _observations(
    "renal", "renal function limits insulin doses", ("egfr", "creatinine"), LAB_DAYS, 20
)
BOLUS: Final = _observations(
    "bolus",
    "carbohydrates of now, and the carb ratio, sensitivity and target that a mealtime dose follows from",
    ("carbs", "carb_ratio", "insulin_sensitivity", "glucose_target"),
    BOLUS_DAYS,
    500,
)
SETTINGS: Final = _observations(
    "settings",
    "carb ratio and insulin sensitivity, to tell what carbohydrate would do where a low is likely",
    ("carb_ratio", "insulin_sensitivity"),
    BOLUS_DAYS,
    50,
)
HBA1C: Final = _observations("hba1c", "long-term glucose, shown with its age", ("hba1c",), LAB_DAYS, 10)
VITAL_SIGNS: Final = DataNeed(
    "vital-signs",
    "Observation",
    "comparison with the patient's own baseline and with absolute limits; NEWS2",
    (("code", code_list(*VITAL_FEATURES)),),
    days=VITAL_DAYS,
    count=5000,
    required=True,
)
ACTIVITY: Final = _observations(
    "activity",
    "steps and sleep against the patient's own weeks; wear of the device",
    ("steps", "steps_per_day", "device_active_pct", "sleep_duration"),
    VITAL_DAYS,
    3000,
)
