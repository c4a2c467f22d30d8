"""The services on offer, in the order of discovery; a new service is one line here."""

from typing import Final

from hooks import glucose_review
from hooks.service import Service

SERVICES: Final[tuple[Service, ...]] = (glucose_review.SERVICE,)
