"""DCMTK's and pynetdicom's SCUs against every source of a concord.yaml: C-ECHO, and a C-FIND that must find studies.

Used on the simulated PACS: that they speak DICOM is judged by programs that are not Concord's.
"""

import subprocess
import sys

import yaml
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

DAY_RANGE = "20200101-20200110"


def dcmtk(source: dict) -> str | None:
    """What goes wrong, or None."""
    address = ["-aet", "CONCORD", "-aec", source["ae_title"], source["host"], str(source["port"])]
    echo = subprocess.run(["echoscu", *address], capture_output=True, text=True, errors="replace", timeout=60)
    if echo.returncode != 0:
        return f"echoscu: {echo.stderr.strip()}"
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName", "-k", f"StudyDate={DAY_RANGE}"]
    find = subprocess.run(["findscu", "-S", *keys, *address], capture_output=True, text=True, errors="replace", timeout=120)
    if find.returncode != 0:
        return f"findscu: {find.stderr.strip()}"
    return None


def pynetdicom(source: dict) -> str | None:
    entity = AE("CONCORD")
    entity.add_requested_context(Verification)
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = entity.associate(source["host"], source["port"], ae_title=source["ae_title"])
    if not association.is_established:
        return "pynetdicom: no association"
    status = association.send_c_echo()
    if not status or status.Status != 0:
        return f"pynetdicom: C-ECHO ended with {status}"
    if association.is_established:
        association.release()
    # On an association of its own: one of the simulated PACS takes a single query on each.
    association = entity.associate(source["host"], source["port"], ae_title=source["ae_title"])
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = query.PatientName = ""
    query.StudyDate = DAY_RANGE
    final = None
    for status, _ in association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind):
        if not status:
            return "pynetdicom: C-FIND ended without a status"
        final = status.Status
    if association.is_established:
        association.release()
    # Success, or one of the ends that a simulated PACS gives to a range that is too broad (F2, F3).
    return None if final in (0x0000, 0xFE00, 0xC000, 0xA700) else f"pynetdicom: C-FIND ended with {final!r}"


def main() -> int:
    failures = 0
    with open(sys.argv[1]) as file:
        sources = yaml.safe_load(file)["sources"]
    for source in sources:
        for problem in filter(None, (dcmtk(source), pynetdicom(source))):
            failures += 1
            print(f"{source['name']}: {problem}")
    print(f"{len(sources)} sources answer DCMTK and pynetdicom" if not failures else f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
