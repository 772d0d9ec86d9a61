"""Whether the running peers answer exactly what truth.json says, asked with DCMTK's findscu (no part of Concord)."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import yaml
from pydicom import config, dcmread

from .enterprise import DENSE_DAY, FIRST_DAY, LAST_DAY
from .peers import NO_DELAY

# The observation: what Concord asks of every source (AttributeDictionary.observation).
KEYS = [
    "StudyInstanceUID", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate",
    "StudyTime", "AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName", "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "InstanceAvailability", "RetrieveAETitle",
    "TimezoneOffsetFromUTC",
]
config.settings.reading_validation_mode = config.IGNORE


def find(source: dict, **matching: str) -> list[dict[str, str]]:
    """The distinct answers of one C-FIND at study level, decoded by their own Specific Character Set, else Latin-1."""
    keys = [part for key in KEYS for part in ("-k", f"{key}={matching.get(key, '')}")]
    with tempfile.TemporaryDirectory() as folder:
        command = ["findscu", "-S", "-X", "-od", folder, "-aet", "CONCORD", "-aec", source["ae_title"], "-k", "QueryRetrieveLevel=STUDY"]
        done = subprocess.run(command + keys + ["127.0.0.1", str(source["port"])], capture_output=True, text=True, env={**os.environ, **NO_DELAY})
        if done.returncode != 0 or re.search(r"^[EF]:", done.stderr, re.M):
            raise RuntimeError(f"findscu at {source['name']}: {done.stderr.strip()[-300:]}")
        answers = {}
        for path in sorted(Path(folder).glob("rsp*.dcm")):
            dataset = dcmread(path, force=True)
            if "SpecificCharacterSet" not in dataset:
                dataset.SpecificCharacterSet = "ISO_IR 100"
            answers[str(dataset.StudyInstanceUID)] = {
                key: text(dataset[key].value) for key in KEYS if key in dataset
            }
        return list(answers.values())


def text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return "\\".join(map(str, value))
    return str(value).strip(" \0")


def slices() -> list[dict[str, str]]:
    """Open ends, half months, and the dense day by its hours: each stays below the limit of pacs-c."""
    dense = f"{DENSE_DAY:%Y%m%d}"
    result = [{"StudyDate": f"-{FIRST_DAY.year - 1}1231"}, {"StudyDate": f"{LAST_DAY.year + 1}0101-"}]
    result += [{"StudyDate": dense, "StudyTime": hours} for hours in ("000000-115959.999999", "120000-235959.999999")]
    for year in range(FIRST_DAY.year, LAST_DAY.year + 1):
        for month in range(1, 13):
            prefix = f"{year}{month:02}"
            middle = 14 if dense.startswith(prefix) else 15
            result += [{"StudyDate": f"{prefix}01-{prefix}{middle}"}, {"StudyDate": f"{prefix}16-{prefix}31"}]
    return result


def check(directory: Path) -> bool:
    truth = json.loads((directory / "truth.json").read_text())
    sources = yaml.safe_load((directory / "concord.yaml").read_text())["sources"]
    # Past the taps: what is asked here is not Concord's.
    targets = {each["name"]: each["target"] for each in json.loads((directory / "taps" / "taps.json").read_text())}
    differences = []
    for source in sources:
        expected, hidden = {}, set()
        for study in truth["studies"]:
            for copy in study["copies"]:
                if copy["source"] == source["name"]:
                    expected[study["study_uid"]] = copy
                    if not copy["reachable"]:
                        hidden.add(study["study_uid"])
        found, source = {}, {**source, "port": targets[source["name"]]}
        for asked in slices():
            found |= {each["StudyInstanceUID"]: each for each in find(source, **asked)}
        for uid, answer in found.items():
            if uid not in expected:
                differences.append(f"{source['name']} {uid}: not in truth")
            elif uid in hidden:
                differences.append(f"{source['name']} {uid}: reached, although {answer.get('StudyDate')!r} should not be")
        for uid, copy in expected.items():
            if uid in hidden:
                continue
            if uid not in found:
                differences.append(f"{source['name']} {uid}: not found ({copy['attributes'].get('StudyDate')!r})")
                continue
            for key in KEYS:
                want, got = copy["attributes"].get(key), found[uid].get(key)
                if want != got:
                    differences.append(f"{source['name']} {uid} {key}: truth {want!r}, answered {got!r}")
        print(f"{source['name']:10} {len(found):4} of {len(expected) - len(hidden):4} reachable studies answered, {len(hidden)} out of reach")
    for line in differences[:40]:
        print(line)
    print(f"{len(differences)} differences between truth.json and the peers" if differences else "truth.json is what the peers answer")
    return not differences
