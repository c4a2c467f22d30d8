"""Everything a route needs from the process, wired once in `app.create_app` and passed on explicitly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from cds_service.bulkhead import Bulkheads
from cds_service.client_auth import Verifier
from cds_service.egress import Egress
from cds_service.rates import TakesRates
from cds_service.settings import Settings
from cds_service.store import Store
from cds_service.turns import Turns
from fhir_mappers.site import Site
from hooks.service import Service


@dataclass(frozen=True, slots=True)
class Shell:
    """The wired process. `clock_ms` is read once per request, in the route; who computes takes turns."""

    settings: Settings
    services: Mapping[str, Service]
    verifier: Verifier
    store: Store
    egress: Egress
    sites: Mapping[str, Site]
    clock_ms: Callable[[], int]
    rates: TakesRates
    bulkheads: Bulkheads
    is_draining: Callable[[], bool]
    computing: Turns = field(default_factory=Turns)


def attach(app: Flask, shell: Shell) -> None:
    """Make the shell available to the routes of this app."""
    app.extensions["wearable_cds"] = shell


def current() -> Shell:
    """The shell of the app that is answering."""
    return cast(Shell, current_app.extensions["wearable_cds"])
