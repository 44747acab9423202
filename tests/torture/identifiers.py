"""The patient who is in every header and must be in no output."""

from __future__ import annotations

import re

IDENTIFIERS: dict[str, str] = {
    "PatientName": "Mustermann^Erika",
    "PatientID": "PID-4711-88",
    "OtherPatientIDs": "OLD-5150-21",
    "PatientBirthDate": "19510203",
    "PatientAddress": "Heidestrasse 17",
    "PatientTelephoneNumbers": "+49-555-0142",
    "AccessionNumber": "ACC-0815-77",
    "StudyID": "STY-3141-59",
    "StudyDescription": "Mustermann links",
    "InstitutionName": "Musterklinik",
    "InstitutionAddress": "Beispielallee 4",
    "ReferringPhysicianName": "Ueberweiser^Horst",
    "PerformingPhysicianName": "Radiologin^Rita",
    "OperatorsName": "Bediener^Bodo",
    "StationName": "CTSTATION7",
}

# All UIDs of the suite start with it.
UID_ROOT = "1.2.826.0.1.3680043.8.498.4711"
SHORTEST_WORD = 4


def identifying_words() -> frozenset[str]:
    """The words and numbers, in lower case, by which a text would name the patient."""
    words = {UID_ROOT}
    for value in IDENTIFIERS.values():
        words |= {value.casefold(), *re.split(r"[\W_]+", value.casefold())}
    return frozenset(word for word in words if len(word) >= SHORTEST_WORD)


def names_in(text: str) -> list[str]:
    """The identifying words that a text holds."""
    return sorted(word for word in identifying_words() if word in text.casefold())
