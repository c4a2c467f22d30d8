"""The door: FHIR R4, R4B and R5 JSON to the records of `models`. Pure."""
