"""Whether a resource may be used at all: is it about this patient, is it real data, may it be read.

Sits in front of every mapper: patient first, then test data, then modifiers nobody here understands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappers.references import member, objects, text
from fhir_mappers.site import Site

TEST_DATA: Final = "HTEST"
"""`meta.security` label of test health data (HL7 v3 ActReason)."""

READ_MODIFIED: Final = frozenset({"MedicationRequest"})
"""Types whose own mapper weighs a modifier extension: an order stays visible, without a dose."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who the patient is. `full_urls` maps the fullUrl of each entry to `Type/id`, for urn:uuid subjects."""

    patient_id: str
    site: Site = field(default_factory=Site)
    full_urls: Mapping[str, str] = field(default_factory=dict)

    def refusal(self, resource: Mapping[str, Any]) -> str | None:
        """The drop reason of a resource that must not be used, None where it may."""
        if (reason := self.about(resource)) is not None:
            return reason
        if any(self._is_somebody_else(pointer) for pointer in objects(resource.get("focus"))):
            return "focus_not_patient"
        labels = objects(member(resource, "meta").get("security"))
        if any(text(label, "code") == TEST_DATA for label in labels):
            return "test_data"
        modified = resource.get("modifierExtension") and text(resource, "resourceType") not in READ_MODIFIED
        return "modifier_extension" if modified else None

    def about(self, resource: Mapping[str, Any]) -> str | None:
        """Whose resource this is: None for this patient, else the drop reason."""
        subject = resource.get("subject", resource.get("patient"))
        if subject is None:
            return None if self.site.subject_optional else "subject_missing"
        reference = text(subject, "reference")
        if not reference:
            return "subject_unresolved"
        return self.of_reference(reference, objects(resource.get("contained")))

    def of_reference(self, reference: str, contained: list[dict[str, Any]] | None = None) -> str | None:
        """The same for a subject's reference: relative, absolute, versioned, urn:uuid or contained."""
        bare = reference.split("/_history/")[0]
        if bare.startswith("#"):
            return self._of_contained(bare[1:], contained or [])
        if bare.startswith("urn:"):
            if self._same(bare.removeprefix("urn:uuid:")):
                return None
            bare = self.full_urls.get(bare, "")
        kind, _, name = bare.rpartition("/")
        base, _, kind = kind.rpartition("/")
        if kind != "Patient":
            return "subject_not_patient" if kind else "subject_unresolved"
        if base and self.site.base_url and base != self.site.base_url.rstrip("/"):
            return "wrong_patient"
        return None if self._same(name) else "wrong_patient"

    def _is_somebody_else(self, pointer: Mapping[str, Any]) -> bool:
        """Whether a focus is another person: the child of a pregnant patient, a donor, a parent."""
        reference = text(pointer, "reference")
        kind = text(pointer, "type") or reference.split("/_history/")[0].rpartition("/")[0].rpartition("/")[2]
        return kind == "RelatedPerson" or (kind == "Patient" and self.of_reference(reference) is not None)

    def _of_contained(self, name: str, contained: list[dict[str, Any]]) -> str | None:
        """A contained subject has no identity outside its resource unless it has the patient's own id."""
        found = next((c for c in contained if text(c, "id") == name), None)
        if found is None:
            return "subject_unresolved"
        if text(found, "resourceType") != "Patient":
            return "subject_not_patient"
        return None if self._same(name) else "subject_unresolved"

    def _same(self, name: str) -> bool:
        return bool(name) and name == self.patient_id.removeprefix("urn:uuid:").removeprefix("Patient/")
