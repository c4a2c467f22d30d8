"""The embedded demonstration EHR: FHIR server, simulated patients, signed hook calls and a workflow page.

Part of the shell, in a process of its own; it talks to the CDS service over HTTP as any other EHR does.
"""
