"""The services and the CDS Hooks words they speak. Pure; above fhir_mappers, below cds_service."""
