"""Writes the requests of tests/golden/setting-adjustment: simulated lives, the same every time.

Run `PYTHONPATH=tests python tests/golden/make_setting_requests.py` after a change of the cases or of the
simulator, then look at what changed.
"""

import json
from pathlib import Path

from setting_request import AS_OF, CASES

folder = Path(__file__).with_name("setting-adjustment")
folder.mkdir(exist_ok=True)
(folder / "as_of").write_text(f"{AS_OF:%Y-%m-%dT%H:%M:%SZ}\n", encoding="utf-8")
for name, asked in CASES.items():
    text = json.dumps(asked, ensure_ascii=False) + "\n"
    (folder / f"{name}.request.json").write_text(text, encoding="utf-8")
