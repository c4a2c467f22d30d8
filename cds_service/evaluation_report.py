"""An evaluation as files in a folder: the metrics as JSON.

Used by `wearable-cds evaluate --report`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


def write_report(found: Mapping[str, Any], folder: Path) -> Path:
    """Writes the metrics into the folder, which is made; returns the file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{found['task']}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
    return file
