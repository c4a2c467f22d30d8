"""The medicine: numpy in, records out. Pure; the lowest layer, and it knows no FHIR."""
