"""CDS Hooks requests as records: what is asked, of whom, with what access; the first thing after HTTP.

Parsing is lenient about FHIR content and strict about the envelope (rows RQ1 to RQ14, CX1 to CX12, FA1 to FA3).
"""
