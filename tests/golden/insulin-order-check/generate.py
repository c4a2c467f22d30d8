"""Writes the golden pairs of this folder; run it after a wanted change of a card, and read the difference.

PYTHONPATH=.:tests python tests/golden/insulin-order-check/generate.py
"""

import json
from pathlib import Path

from test_insulin_order_check import GOLDEN_CASES, answer_to

FOLDER = Path(__file__).parent

for name, asked in GOLDEN_CASES.items():
    for kind, body in (("request", asked), ("response", answer_to(asked))):
        text = json.dumps(body, indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.{kind}.json").write_text(text + "\n", encoding="utf-8")
