"""The services on offer, in the order of discovery; a new service is one line here."""

from typing import Final

from hooks import (
    glucose_review,
    insulin_adjustment,
    insulin_order_check,
    setting_adjustment,
    vital_signs_review,
)
from hooks.service import Service

SERVICES: Final[tuple[Service, ...]] = (
    glucose_review.SERVICE,
    insulin_adjustment.SERVICE,
    insulin_order_check.SERVICE,
    setting_adjustment.SERVICE,
    vital_signs_review.SERVICE,
)
