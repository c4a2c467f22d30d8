"""What training recorded of all algorithms on people left out of it; one JSON file a question.

Read by the page of an evaluation, which shows it beside the numbers of the people at hand.
"""

import json
from importlib.resources import files
from typing import Any, Final

RESULTS: Final[tuple[dict[str, Any], ...]] = tuple(
    json.loads(entry.read_text(encoding="utf-8"))
    for entry in sorted(files("models.training.results").iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".json")
)
"""Each with `task`, `title`, `people`, `windows`, `models` (metrics by algorithm), `loss`, samples."""
