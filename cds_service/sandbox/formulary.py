"""The insulins that the sandbox can order, by RxNorm code, under their printed names.

Names come from the mapper's product table; used by the simulated patients and by order entry.
"""

from typing import Final

from cds_service.sandbox.fhir_words import Resource, drug
from fhir_mappers.insulin_products import PRODUCTS

NAMES: Final = {row["rxcui"]: row["rxnorm_name"] for row in PRODUCTS}

ORDERABLE: Final = ("847230", "2002419", "1670011", "1670021", "847239", "1654862", "1653202", "242120")
"""Glargine U-100 and U-300, degludec U-100 and U-200, detemir, NPH, aspart, lispro."""


def insulin(rxcui: str) -> Resource:
    """The insulin product of this RxNorm code. Raises KeyError for a code that is no insulin here."""
    return drug(rxcui, NAMES[rxcui])
