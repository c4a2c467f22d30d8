"""Writes the requests of tests/golden/insulin-adjustment and insulin-order-check: small, the same every time.

Run `PYTHONPATH=tests python tests/golden/make_insulin_requests.py` after a change of the cases, then look at
what changed.
"""

import json
from pathlib import Path

from order_request import HOSTILE_CASES
from titration_request import ADJUSTMENT_CASES, AS_OF, SIGNING_CASES

ORDER_CASES = SIGNING_CASES | HOSTILE_CASES
for service, cases in (("insulin-adjustment", ADJUSTMENT_CASES), ("insulin-order-check", ORDER_CASES)):
    folder = Path(__file__).with_name(service)
    folder.mkdir(exist_ok=True)
    (folder / "as_of").write_text(f"{AS_OF:%Y-%m-%dT%H:%M:%SZ}\n", encoding="utf-8")
    for name, asked in cases.items():
        text = json.dumps(asked, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.request.json").write_text(text, encoding="utf-8")
