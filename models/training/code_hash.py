"""Hash of the code that makes the glucose risk tables, written into each of them.

A changed feature or fit shows as a changed hash, so a table can be told to be older than its code.
"""

import hashlib
from importlib.resources import files
from typing import Final

SOURCES: Final = {
    "models.risk": ("causal_grid.py", "glucose_risk_features.py", "hypoglycemia_limits.py"),
    "models.training": ("hypoglycemia_windows.py", "fit_additive.py", "patient_folds.py"),
}


def sha256_of_code() -> str:
    """One hash over the sources that decide what a table contains."""
    digest = hashlib.sha256()
    for package, names in SOURCES.items():
        for name in names:
            digest.update((files(package) / name).read_bytes())
    return digest.hexdigest()
