"""Hash of the code that makes the records of all algorithms, written into each of them.

Beside `compare`, as `code_hash` is beside the tables: a record older than its code can be told.
"""

import hashlib
from importlib.resources import files
from inspect import getsource
from typing import Final

from models.training.train_short_term import without_some_clocks

FEATURES: Final = (
    "causal_grid.py",
    "glucose_episodes.py",
    "similar_moments.py",
    "glucose_risk_features.py",
    "short_term_features.py",
    "nocturnal_features.py",
    "hypoglycemia_limits.py",
)

TRAINING: Final = (
    "patient_folds.py",
    "questions.py",
    "short_term_events.py",
    "short_term_windows.py",
    "nocturnal_windows.py",
    "challengers.py",
    "challenge.py",
    "boosting_loss.py",
    "recurrent.py",
    "compare.py",
)


def sha256_of_comparison() -> str:
    """One hash over the sources that decide what is asked, what rivals see, and how they learn."""
    sources = [("models.risk", name) for name in FEATURES] + [("models.training", name) for name in TRAINING]
    digest = hashlib.sha256()
    for package, name in sources:
        digest.update((files(package) / name).read_bytes())
    digest.update(getsource(without_some_clocks).encode())
    return digest.hexdigest()
