"""Real clients against `concord serve`: DCMTK's findscu, pynetdicom, dicomweb-client and Orthanc as a modality get, at
every level, what truth.json says.

    clients.py DIR HTTP-URL KEY DIMSE-PORT
"""

import collections
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind as PatientRoot,
    PatientStudyOnlyQueryRetrieveInformationModelFind as PatientStudyOnly,
    StudyRootQueryRetrieveInformationModelFind as StudyRoot,
)

LEVEL_UID = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


class Truth:
    """What the fleet holds: of each study the copies that a query can reach."""

    def __init__(self, path: Path):
        document = json.loads(path.read_text())
        self.issuers = {source["name"]: source["issuer"] for source in document["sources"]}
        self.studies = {
            study["study_uid"]: [copy for copy in study["copies"] if copy["reachable"]] for study in document["studies"]
        }

    def matching(self, attribute: str, value: str) -> set[str]:
        return {uid for uid, copies in self.studies.items() if any(c["attributes"].get(attribute) == value for c in copies)}

    def patients_of_one_issuer(self) -> list[str]:
        issuers, studies = collections.defaultdict(set), collections.Counter()
        for copies in self.studies.values():
            for patient in {copy["attributes"]["PatientID"] for copy in copies}:
                studies[patient] += 1
            for copy in copies:
                issuer = copy["attributes"].get("IssuerOfPatientID") or self.issuers[copy["source"]]
                issuers[copy["attributes"]["PatientID"]].add(issuer)
        return sorted((p for p in studies if p and studies[p] > 1 and len(issuers[p]) == 1), key=lambda p: (-studies[p], p))

    def counted_study(self) -> tuple[str, int, int]:
        """A study of several series with one copy, at a source that says how many there are."""
        for uid, copies in sorted(self.studies.items()):
            if len(copies) != 1 or not copies[0]["source"] in ("pacs-a", "pacs-b"):
                continue
            series = copies[0]["attributes"].get("NumberOfStudyRelatedSeries") or "0"
            instances = copies[0]["attributes"].get("NumberOfStudyRelatedInstances") or "0"
            if int(series) > 1:
                return uid, int(series), int(instances)
        raise SystemExit("the truth has no study of several series")


def findscu(port: int, level: str, model: str, keys: dict[str, str], calling: str = "FINDSCU") -> tuple[set[str], str]:
    """The unique keys of the answers, and how it ended."""
    arguments = [part for key, value in keys.items() for part in ("-k", f"{key}={value}")]
    command = ["findscu", model, "-v", "-aet", calling, "-aec", "CONCORD", "-k", f"QueryRetrieveLevel={level}", "-k", LEVEL_UID[level]]
    done = subprocess.run([*command, *arguments, "127.0.0.1", str(port)], capture_output=True, text=True, errors="replace", timeout=120)
    output = done.stdout + done.stderr
    final = re.search(r"Received Final Find Response \((.*)\)", output)
    found = re.findall(rf"\[([^\]]*)\]\s+#\s+\d+, 1 {LEVEL_UID[level]}", output)
    # findscu prints the request as well, without a value.
    return {value.strip(" \0") for value in found if value}, final.group(1) if final else output[-300:]


def pynetdicom(port: int, model: str, level: str, keys: dict[str, str]) -> tuple[set[str], int]:
    entity = AE("PYNETDICOM")
    entity.add_requested_context(model)
    association = entity.associate("127.0.0.1", port, ae_title="CONCORD")
    assert association.is_established, "pynetdicom got no association"
    query = Dataset()
    query.QueryRetrieveLevel = level
    setattr(query, LEVEL_UID[level], "")
    for key, value in keys.items():
        setattr(query, key, value)
    found, final = set(), None
    for status, match in association.send_c_find(query, model):
        final = status.Status if status else None
        if match is not None:
            found.add(str(getattr(match, LEVEL_UID[level])))
    association.release()
    return found, final


def orthanc(directory: Path, port: int, keys: dict[str, str]) -> set[str]:
    """Orthanc's own C-FIND, with Concord as a remote modality."""
    http = json.loads((directory / "peers" / "pacs-a" / "orthanc.json").read_text())["HttpPort"]

    def call(method: str, path: str, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{http}{path}", None if body is None else json.dumps(body).encode(), method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    call("PUT", "/modalities/concord", {"AET": "CONCORD", "Host": "127.0.0.1", "Port": port})
    query = call("POST", "/modalities/concord/query", {"Level": "Study", "Query": keys})["ID"]
    answers = call("GET", f"/queries/{query}/answers")
    return {call("GET", f"/queries/{query}/answers/{number}/content?simplify")["StudyInstanceUID"] for number in answers}


def check_browser(check, url: str, key: str, patient: str) -> None:
    """What a page of a viewer may do: OHIF and Weasis send these requests (F123, F127, F142)."""

    def ask(path: str, method: str = "GET", origin: str = "https://viewer.example", authorised: bool = True):
        headers = {"Origin": origin, **({"Authorization": f"Api-Key {key}"} if authorised else {})}
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers, method=method), timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    studies = "/dicom-web/studies"
    ohif = f"{studies}?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030&00100020=*{patient}*"
    weasis = f"{studies}?00100020={patient}&&includefield=00080020,00080030,00080050&limit=10&offset=0&"
    for name, path in (("OHIF", ohif), ("Weasis", weasis)):
        status, headers, body = ask(path)
        answers = json.loads(body)
        check(f"{name}'s request", (status, headers["Content-Type"], {a["00100020"]["Value"][0] for a in answers}), (200, "application/dicom+json", {patient}))
        names = [a["00100010"]["Value"][0] for a in answers if "Value" in a["00100010"]]
        check(f"{name} gets names that it can show", bool(names) and all(n and set(n) <= {"Alphabetic", "Ideographic", "Phonetic"} for n in names), True)
    status, headers, _ = ask(studies, "OPTIONS", authorised=False)
    check("a preflight needs no key", (status, headers["Access-Control-Allow-Origin"]), (204, "https://viewer.example"))
    check("warnings can be read by pages", "Warning" in ask(ohif)[1]["Access-Control-Expose-Headers"], True)
    check("another origin is not let in", ask(ohif, origin="https://evil.example")[1]["Access-Control-Allow-Origin"], None)
    status, headers, body = ask(f"{studies}?PatientID=NOBODY")
    check("nothing is 200 and []", (status, body), (200, b"[]"))
    check("nothing is kept by a cache", headers["Cache-Control"], "no-store")
    check("no key", ask(ohif, authorised=False)[0], 401)
    check("a page past the end", ask(f"{studies}?PatientID={patient}&offset=1000")[2], b"[]")
    check("another method", ask(studies, "POST")[0], 405)


def main(directory: Path, url: str, key: str, port: int) -> int:
    truth = Truth(directory / "truth.json")
    failures = 0

    def check(what: str, found, expected) -> None:
        nonlocal failures
        same = found == expected
        failures += not same
        print(f"{'ok  ' if same else 'FAIL'} {what}{'' if same else f': expected {expected}, found {found}'}")

    patient = truth.patients_of_one_issuer()[0]
    studies = truth.matching("PatientID", patient)
    for model, option in ((StudyRoot, "-S"), (PatientRoot, "-P"), (PatientStudyOnly, "-O")):
        name = {"-S": "Study Root", "-P": "Patient Root", "-O": "Patient/Study Only"}[option]
        found, final = findscu(port, "STUDY", option, {"PatientID": patient})
        check(f"findscu, {name}, STUDY by PatientID", (found, final), (studies, "Success"))
        check(f"pynetdicom, {name}, STUDY by PatientID", pynetdicom(port, model, "STUDY", {"PatientID": patient}), (studies, 0))
    check("findscu, PATIENT", findscu(port, "PATIENT", "-P", {"PatientID": patient}), ({patient}, "Success"))
    check("pynetdicom, PATIENT", pynetdicom(port, PatientRoot, "PATIENT", {"PatientID": patient}), ({patient}, 0))
    check("Orthanc, STUDY by PatientID", orthanc(directory, port, {"PatientID": patient}), studies)

    uid, series_count, instance_count = truth.counted_study()
    series, final = findscu(port, "SERIES", "-S", {"StudyInstanceUID": uid})
    check("findscu, SERIES of a study", (len(series), final), (series_count, "Success"))
    check("pynetdicom, SERIES of a study", pynetdicom(port, StudyRoot, "SERIES", {"StudyInstanceUID": uid}), (series, 0))
    by_series: dict[str, set[str]] = {}
    for each in sorted(series):
        found, status = pynetdicom(port, StudyRoot, "IMAGE", {"StudyInstanceUID": uid, "SeriesInstanceUID": each})
        other, final = findscu(port, "IMAGE", "-S", {"StudyInstanceUID": uid, "SeriesInstanceUID": each})
        check("IMAGE of a series, both", (other, status, final), (found, 0, "Success"))
        by_series[each] = found
    instances = set().union(*by_series.values())
    check("IMAGE of a study", len(instances), instance_count)
    check("a stranger's association", findscu(port, "STUDY", "-S", {"PatientID": patient}, calling="STRANGER")[0], set())

    client = DICOMwebClient(f"{url}/dicom-web", headers={"Authorization": f"Api-Key {key}"})

    def uids(answers: list[dict], tag: str) -> set[str]:
        return {answer[tag]["Value"][0] for answer in answers}

    check("dicomweb-client, studies", uids(client.search_for_studies(search_filters={"PatientID": patient}), "0020000D"), studies)
    check("dicomweb-client, pages", uids([
        answer for offset in range(len(studies) + 1)
        for answer in client.search_for_studies(limit=1, offset=offset, search_filters={"PatientID": patient})
    ], "0020000D"), studies)
    check("dicomweb-client, series", uids(client.search_for_series(uid), "0020000E"), series)
    check("dicomweb-client, all instances", uids(client.search_for_instances(uid), "00080018"), instances)
    one = sorted(series)[0]
    check("dicomweb-client, instances of an indexed series", uids(client.search_for_instances(search_filters={"SeriesInstanceUID": one}), "00080018"), by_series[one])
    check_browser(check, url, key, patient)
    print(f"{failures} failures" if failures else "findscu, pynetdicom, Orthanc and dicomweb-client get what is there")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
