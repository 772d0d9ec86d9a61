"""QIDO-RS side by side: `concord serve`, and Orthanc's DICOMweb plugin on its PostgreSQL index, on the same studies.

orthanc_lookups.py CONCORD DIRECTORY [STUDIES [SECONDS]]
"""

import json
import random
import re
import signal
import subprocess
import sys
import urllib.request
from calendar import monthrange
from pathlib import Path

from fleet.peers import Orthanc, build_loopback
from fleet.processes import Processes, free_ports

CLIENTS = 64
EXACT = ["patient ID", "Study Instance UID", "accession number"]
SYLLABLES = "AN BER CAR DO EL FER GA HIL IS JO KO LIN MAR NI OS PET QUA RO SCH TO UL VAN WIL XA YOS ZIM".split()
ROOT = "1.2.826.0.1.3680043.9.7133.64"


def studies(count: int) -> list[dict[str, str]]:
    """Five studies for two patients, over ten years; one patient in fifty is called SMITH."""
    chance = random.Random(1)
    names = ["SMITH" if number % 50 == 0 else "".join(chance.choices(SYLLABLES, k=3)) for number in range(count * 2 // 5)]
    made = []
    for number in range(count):
        patient = chance.randrange(len(names))
        day = chance.randrange(3_650)
        made.append({
            "StudyInstanceUID": f"{ROOT}.{number}",
            "PatientID": f"P{patient}",
            "PatientName": f"{names[patient]}^{SYLLABLES[patient % 26]}",
            "PatientBirthDate": f"19{50 + patient % 50}0115",
            "PatientSex": "FM"[patient % 2],
            "StudyDate": f"{2016 + day // 365}{1 + day % 12:02}{1 + day % 28:02}",
            "StudyTime": f"{8 + day % 10:02}3000",
            "AccessionNumber": f"A{number}",
            "StudyDescription": "CHEST ROUTINE",
            "Modality": ["CT", "MR", "CR", "US"][number % 4],
        })
    return made


def write(study: dict[str, str], folder: Path) -> Path:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    dataset = Dataset()
    for keyword, value in study.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SeriesInstanceUID = study["StudyInstanceUID"] + ".1"
    dataset.SOPInstanceUID = study["StudyInstanceUID"] + ".1.1"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def shapes(made: list[dict[str, str]]) -> dict[str, list[str]]:
    """By kind, the queries that are asked at random."""
    chosen = random.Random(2).sample(made, min(2_000, len(made)))
    months = [
        f"{year}{month:02}01-{year}{month:02}{monthrange(year, month)[1]}" for year in range(2016, 2026) for month in range(1, 13)]
    return {
        "patient ID": [f"PatientID={each['PatientID']}" for each in chosen],
        "Study Instance UID": [f"StudyInstanceUID={each['StudyInstanceUID']}" for each in chosen],
        "accession number": [f"AccessionNumber={each['AccessionNumber']}" for each in chosen],
        "a month, limit 100": [f"StudyDate={each}&limit=100" for each in months],
        "SMITH*": ["PatientName=SMITH*&limit=5000"],
    }


def ask(root: str, query: str, headers: dict[str, str]) -> list[dict]:
    request = urllib.request.Request(f"{root}/studies?{query}", headers={"Accept": "application/dicom+json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = answer.read()
    return json.loads(body) if body else []


def uids(answer: list[dict]) -> list[str]:
    return sorted(each["0020000D"]["Value"][0] for each in answer)


def load(root: str, queries: list[str], headers: dict[str, str], seconds: int, directory: Path) -> float:
    """Requests a second that are answered; any that is not ends the benchmark."""
    script = directory / "load.lua"
    paths = ", ".join(json.dumps(f"{root[root.index('/', 8):]}/studies?{query}") for query in queries)
    fields = "".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in headers.items())
    script.write_text(
        f"{fields}local paths = {{{paths}}}\nfunction request() return wrk.format(nil, paths[math.random(#paths)]) end\n")
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "120s", "-s", str(script), root],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"requests failed: {output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def main(concord: str, directory: Path, count: int, seconds: int) -> None:
    directory.mkdir(parents=True)
    made = studies(count)
    files = directory / "files"
    files.mkdir()
    print(f"writing {count} studies …", file=sys.stderr)
    paths = [write(each, files) for each in made]
    processes = Processes(directory)
    server = None
    try:
        folder = directory / "peers" / "orthanc"
        folder.mkdir(parents=True)
        build_loopback(directory / "peers")
        peer = Orthanc(
            "orthanc", "ORTHANC", 1_000, 1, 4, postgres=True, plugins=("libOrthancDicomWeb.so",),
            options={"DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, "RemoteAccessAllowed": False})
        peer.port, peer.http_port = free_ports(2)
        peer.start(processes, folder, paths)
        print("sending them to Orthanc …", file=sys.stderr)
        peer.fill(processes, folder, paths)
        (http,) = free_ports(1)
        configuration = directory / "concord.yaml"
        configuration.write_text(
            f"data_dir: {directory}/data\nsources:\n"
            f"  - name: orthanc\n    ae_title: ORTHANC\n    host: 127.0.0.1\n    port: {peer.port}\n    issuer: X\n"
            f"    limits: {{ queries_per_second: 100, associations: 2 }}\n"
            f"server:\n  http: {{ port: {http} }}\n  freshness: {{ recent: 10d }}\n")
        print("sweeping it …", file=sys.stderr)
        subprocess.run([concord, "sweep", "--config", str(configuration)], check=True, stdout=subprocess.DEVNULL)
        key = subprocess.run(
            [concord, "keys", "create", "--name", "bench", "--scope", "query", "--config", str(configuration)],
            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        server = subprocess.Popen([concord, "serve", "--config", str(configuration)], stderr=subprocess.PIPE, text=True)
        server.stderr.readline()
        compare(f"http://127.0.0.1:{http}/dicom-web", key, f"http://127.0.0.1:{peer.http_port}/dicom-web", made, seconds, directory)
    finally:
        if server:
            server.terminate()
            server.wait()
        processes.stop()


def compare(concord: str, key: str, orthanc: str, made: list[dict[str, str]], seconds: int, directory: Path) -> None:
    headers = {"Authorization": f"Api-Key {key}"}
    print(f"{len(made)} studies, {CLIENTS} clients     concord requests/s   Orthanc requests/s   ratio")
    for kind, queries in shapes(made).items():
        for query in random.Random(3).sample(queries, min(20, len(queries))):
            ours, theirs = uids(ask(concord, query, headers)), uids(ask(orthanc, query, {}))
            # Of a list that is cut off, each chooses its own part.
            if ours != theirs and not (len(ours) == len(theirs) == 100):
                sys.exit(f"{query}: concord finds {len(ours)}, Orthanc {len(theirs)}")
        ours = load(concord, queries, headers, seconds, directory)
        # What takes it seconds is not counted unless it ends within the time.
        theirs = load(orthanc, queries, {}, seconds if kind in EXACT else 9 * seconds, directory)
        print(f"{kind:32} {ours:20.0f} {theirs:20.1f} {ours / theirs:7.0f}", flush=True)


if __name__ == "__main__":
    # So that Orthanc and its database end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1], Path(sys.argv[2]), *[int(each) for each in (sys.argv[3:] + ["20000", "10"][len(sys.argv) - 3:])])
