"""A day in the life of the fleet: studies arrive, one is corrected, some are deleted; `changes.json` says which."""

import copy
import json
import urllib.request
from pathlib import Path

from . import files
from .enterprise import Copy, Enterprise, Study
from .lifecycle import SEED
from .processes import FleetError, psql

# Where a new study arrives: an Orthanc, a dcmqrscp, pynetdicom's qrscp.
ARRIVALS = ["pacs-a", "pacs-d", "pacs-g"]
# Deletion needs Orthanc's REST interface; so does the correction of a study, which is deleted and sent again.
DELETIONS = ["pacs-b", "pacs-c"]
CORRECTION = "pacs-a"


def apply(directory: Path) -> bool:
    enterprise = Enterprise(SEED)
    store = directory / "changes"
    store.mkdir(exist_ok=True)
    taken: set[str] = set()
    changes: dict[str, list] = {"added": [], "changed": [], "deleted": []}

    for number, source in enumerate(ARRIVALS):
        template = plain_study(enterprise, source, taken)
        study = Study(f"{template.uid}.99{number}", [copy_of(template, source)])
        study.copies[0].values["AccessionNumber"] = f"NEW{number}"
        send(directory, source, files.write(study, study.copies[0], store))
        changes["added"].append([study.uid, source])

    study = plain_study(enterprise, CORRECTION, taken)
    corrected = copy_of(study, CORRECTION)
    corrected.values["StudyDescription"] = "Corrected description"
    delete(directory, CORRECTION, study.uid)
    send(directory, CORRECTION, files.write(study, corrected, store))
    changes["changed"].append([study.uid, CORRECTION])

    for source in DELETIONS:
        study = plain_study(enterprise, source, taken)
        delete(directory, source, study.uid)
        changes["deleted"].append([study.uid, source])

    (directory / "changes.json").write_text(json.dumps(changes, indent=1))
    print(", ".join(f"{len(each)} {kind}" for kind, each in changes.items()))
    return True


def plain_study(enterprise: Enterprise, source: str, taken: set[str]) -> Study:
    """One that only this source holds, so that nothing else follows from what happens to it."""
    for study in enterprise.studies:
        if study.uid in taken or [each.source for each in study.copies] != [source]:
            continue
        date = study.copies[0].values["StudyDate"] or ""
        if len(date) == 8 and date.isdigit():
            taken.add(study.uid)
            return study
    raise FleetError(f"{source} has no study that is only there")


def copy_of(study: Study, source: str) -> Copy:
    return copy.deepcopy(next(each for each in study.copies if each.source == source))


def send(directory: Path, source: str, paths: list[Path]) -> None:
    from pydicom import dcmread
    from pynetdicom import AE
    from pynetdicom.sop_class import SecondaryCaptureImageStorage

    peer = tap(directory, source)
    entity = AE("SENDER")
    entity.add_requested_context(SecondaryCaptureImageStorage, "1.2.840.10008.1.2.1")
    association = entity.associate("127.0.0.1", peer["target"], ae_title=source.replace("-", "").upper())
    if not association.is_established:
        raise FleetError(f"{source} takes no association for C-STORE")
    for path in paths:
        status = association.send_c_store(dcmread(path))
        if not status or status.Status != 0:
            raise FleetError(f"{source} did not store {path.name}: {status}")
    association.release()


def tap(directory: Path, source: str) -> dict:
    return next(each for each in json.loads((directory / "taps" / "taps.json").read_text()) if each["name"] == source)


def delete(directory: Path, source: str, uid: str) -> None:
    port = json.loads((directory / "peers" / source / "orthanc.json").read_text())["HttpPort"]
    base = f"http://127.0.0.1:{port}"
    request = urllib.request.Request(f"{base}/tools/lookup", uid.encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        found = [each for each in json.load(answer) if each["Type"] == "Study"]
    if len(found) != 1:
        raise FleetError(f"{source} has {len(found)} studies {uid}")
    with urllib.request.urlopen(urllib.request.Request(base + found[0]["Path"], method="DELETE")) as answer:
        answer.read()


def check(directory: Path, url: str) -> bool:
    """Whether the index has learned exactly these changes: `concord.skew` dated what it learned a day ahead or more."""

    def rows(condition: str) -> list:
        query = (
            "SELECT json_build_array(o.study_uid, s.name) FROM observation o JOIN source s ON s.id = o.source_id "
            f"WHERE {condition} ORDER BY 1::text"
        )
        return sorted(json.loads(line) for line in psql(url, query).splitlines())

    expected = json.loads((directory / "changes.json").read_text())
    later = "clock_timestamp() + interval '12 hours'"
    found = {
        "added": rows(f"o.first_seen > {later}"),
        "changed": rows(f"o.changed_at > {later} AND o.first_seen <= {later}"),
        "deleted": rows("o.vanished_at IS NOT NULL"),
        "missing": rows("o.missing_since IS NOT NULL"),
    }
    expected["missing"] = expected["deleted"]
    equal = True
    for kind, rows_found in found.items():
        same = rows_found == sorted(expected[kind])
        equal = equal and same
        print(f"{kind:8} {len(expected[kind])} expected, {len(rows_found)} found{'' if same else ': ' + str(rows_found)}")
    return equal
