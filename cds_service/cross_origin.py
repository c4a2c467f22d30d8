"""Which browser origins may read our answers: a fixed list, echoed exactly, none by default (CO1 to CO4)."""

from collections.abc import Sequence

from flask import Flask
from flask_cors import CORS


def allow_origins(app: Flask, origins: Sequence[str]) -> None:
    """CORS for the listed origins on every answer, refusals included, without credentials."""
    CORS(
        app,
        origins=list(origins),
        methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type"],
        max_age=600,
        supports_credentials=False,
        vary_header=True,
    )
