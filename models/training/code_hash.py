"""Hash of the code that makes the glucose risk tables, written into each of them.

A changed feature or fit shows as a changed hash, so a table can be told to be older than its code.
"""

import hashlib
from importlib.resources import files
from typing import Final

EVERY_MODEL: Final = (
    ("models.risk", "causal_grid.py"),
    ("models.risk", "glucose_episodes.py"),
    ("models.risk", "similar_moments.py"),
    ("models.risk", "glucose_risk_features.py"),
    ("models.risk", "hypoglycemia_limits.py"),
    ("models.training", "cgm_people.py"),
    ("models.training", "questions.py"),
    ("models.training", "task.py"),
    ("models.training", "patient_folds.py"),
    ("models.training", "metrics.py"),
    ("models.training", "artefact.py"),
    ("models.training", "tuning.py"),
)

SHORT_TERM: Final = (
    ("models.risk", "short_term_features.py"),
    ("models.risk", "glucose_outlook.py"),
    ("models.risk", "glucose_forecast_trees.py"),
    ("models.training", "short_term_events.py"),
    ("models.training", "short_term_windows.py"),
    ("models.training", "forecast_fit.py"),
    ("models.training", "fit_outlook.py"),
    ("models.training", "fit_pairwise.py"),
    ("models.training", "pair_tables.py"),
    ("models.training", "train_short_term.py"),
)

NOCTURNAL: Final = (
    ("models.training", "fit_additive.py"),
    ("models.risk", "nocturnal_features.py"),
    ("models.risk", "recorded_terms.py"),
    ("models.training", "recorded_events.py"),
    ("models.training", "fit_recorded.py"),
    ("models.training", "nocturnal_windows.py"),
    ("models.training", "train_nocturnal.py"),
)

RECORDED: Final = (
    ("models.risk", "recorded_terms.py"),
    ("models.risk", "recorded_points.py"),
    ("models.training", "recorded_events.py"),
    ("models.training", "fit_recorded.py"),
    ("models.training", "train_recorded.py"),
)
"""The optional terms beside the short-term tables, and what those are made of; the night's are in its own."""


def sha256_of_code(model: str) -> str:
    """One hash over the sources that decide what this model's table contains."""
    sources = EVERY_MODEL + (NOCTURNAL if model.startswith("nocturnal") else SHORT_TERM)
    if model.startswith("recorded"):
        sources += RECORDED
    digest = hashlib.sha256()
    for package, name in sources:
        digest.update((files(package) / name).read_bytes())
    return digest.hexdigest()
