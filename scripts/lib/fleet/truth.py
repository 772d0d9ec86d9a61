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
        if study.injected:
            discrepancies.append(discrepancy(study, {each["source"]: each["attributes"] for each in copies if each["reachable"]}))
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
