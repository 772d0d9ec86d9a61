"""What an index of this fleet must hold: `truth.json`."""

from .enterprise import EXPECTED_FROM, EXPECTED_SINCE, EXPECTED_TO, ISSUERS, Enterprise, Study
from .peers import Peer

# Which attribute an injected disagreement is about; the others are not about one value.
ATTRIBUTE = {
    "different-patients": "PatientName",
    "patient-name-mismatch": "PatientName",
    "birth-date-mismatch": "PatientBirthDate",
    "sex-mismatch": "PatientSex",
    "patient-id-mismatch": "PatientID",
    "issuer-mismatch": "IssuerOfPatientID",
    "accession-mismatch": "AccessionNumber",
    "study-date-mismatch": "StudyDate",
    "study-time-mismatch": "StudyTime",
    "series-count-mismatch": "NumberOfStudyRelatedSeries",
    "instance-count-mismatch": "NumberOfStudyRelatedInstances",
}


def document(enterprise: Enterprise, fleet: list[Peer], seed: int) -> dict:
    by_name = {peer.name: peer for peer in fleet}
    studies, duplicates, discrepancies = [], [], []
    for study in enterprise.studies:
        copies = []
        for copy in study.copies:
            peer = by_name[copy.source]
            copies.append({"source": copy.source, "reachable": peer.reaches(copy), "attributes": peer.answer(study.uid, copy)})
        studies.append({"study_uid": study.uid, "copies": copies})
        reachable = [each["source"] for each in copies if each["reachable"]]
        if len(reachable) > 1:
            duplicates.append({"study_uid": study.uid, "sources": sorted(reachable)})
        malformed = [each["source"] for each in copies if each["reachable"] and each["attributes"]["StudyDate"] == "n/a"]
        if malformed:
            study.injected = ("unparsable-value", "minor", malformed)
        answers = {each["source"]: each["attributes"] for each in copies if each["reachable"]}
        if study.injected:
            discrepancies.append(discrepancy(study, answers))
        discrepancies += consequences(study, answers)
    return {
        "seed": seed,
        "sources": [{"name": peer.name, "issuer": ISSUERS[peer.name]} for peer in fleet],
        "studies": studies,
        "duplicates": duplicates,
        "discrepancies": discrepancies,
        "expects": [{"from": EXPECTED_FROM, "to": EXPECTED_TO, "since": f"{EXPECTED_SINCE:%Y%m%d}"}],
    }


def discrepancy(study: Study, answers: dict[str, dict[str, str]]) -> dict:
    """The row of an injected disagreement. Its sources are all that answer the attribute with a value: those that
    leave it out or empty have no part in it (F177). Injected studies have ASCII names, which no source garbles."""
    kind, severity, changed = study.injected
    sources = sorted(changed)
    if kind in ATTRIBUTE:
        sources = sorted(name for name, answer in answers.items() if answer.get(ATTRIBUTE[kind]))
        assert len(sources) > 1 and set(changed) <= set(sources), f"{kind} cannot be seen by {changed}"
    return {"class": kind, "severity": severity, "study_uid": study.uid, "other_uid": study.other_uid, "sources": sources}


def consequences(study: Study, answers: dict[str, dict[str, str]]) -> list[dict]:
    """What nobody injected: dates that are placeholders or blank, and text that an archive cannot write while another can."""

    def row(kind: str, severity: str, sources: set[str]) -> list[dict]:
        found = {"class": kind, "severity": severity, "study_uid": study.uid, "other_uid": None, "sources": sorted(sources)}
        return [found] if sources else []

    damaged = set()
    for attribute in ("PatientName", "StudyDescription", "ReferringPhysicianName"):
        stored = {copy.source: (copy.values[attribute] or "").strip() for copy in study.copies if copy.source in answers}
        shown = {source: answers[source].get(attribute, "") for source in stored}
        whole = {stored[source] for source in stored if stored[source] == shown[source]}
        damaged |= {
            source for source in stored
            if shown[source] not in ("", stored[source]) and not stored[source].isascii() and stored[source] in whole
        }
    dates = {source: answer.get("StudyDate") for source, answer in answers.items()}
    return (
        row("character-set-difference", "cosmetic", damaged)
        + row("implausible-study-date", "minor", {name for name, day in dates.items() if day in ("19000101", "20991231")})
        + row("no-study-date", "minor", {name for name, day in dates.items() if day == ""})
    )
