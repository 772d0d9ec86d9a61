"""The site's answers against the centre's: the same queries to both, over QIDO-RS, and one over C-FIND to the site."""

import json
import random
import subprocess
import sys
import urllib.parse
import urllib.request


def ask(url, key, path):
    request = urllib.request.Request(url + path, headers={"Authorization": f"Api-Key {key}", "Cache-Control": "only-if-cached"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response), response.headers


def queries(studies, count):
    pick = random.Random(7)
    for _ in range(count):
        study = pick.choice(studies)
        copy = pick.choice(study["copies"])["attributes"]
        name = copy.get("PatientName") or "A"
        family = name.split("^")[0].split("=")[0] or "A"
        date = copy.get("StudyDate") or ""
        keys = pick.choice(
            [
                {"StudyInstanceUID": study["study_uid"]},
                {"PatientID": copy.get("PatientID") or "1"},
                {"PatientID": (copy.get("PatientID") or "1")[:3] + "*"},
                {"AccessionNumber": copy.get("AccessionNumber") or "1"},
                {"PatientName": family + "*"},
                {"PatientName": "*" + family[1:4] + "*"},
                {"PatientName": family[:2] + "?" + family[3:] + "*"},
                # What is no date cannot be asked for.
                {"StudyDate": date if date.replace(".", "").isdigit() else "20200101"},
                {"StudyDate": "20200101-20200301", "ModalitiesInStudy": "CT"},
                {"ModalitiesInStudy": "MR", "PatientSex": "F"},
            ]
        )
        yield keys | pick.choice([{}, {"limit": "5"}, {"limit": "20", "offset": "10"}])


def main(truth, centre, edge, key, port, count=400):
    count = int(count)
    studies = json.load(open(truth))["studies"]
    wrong = found_some = 0
    asked = list(queries(studies, count))
    for keys in asked:
        path = "/dicom-web/studies?" + urllib.parse.urlencode(keys)
        (left, _), (right, headers) = ask(centre, key, path), ask(edge, key, path)
        found_some += bool(left)
        if left != right:
            wrong += 1
            print(f"differs: {sorted(keys)}: {len(left)} at the centre, {len(right)} at the site")
        if "Age" not in headers or not any("generation" in text for text in headers.get_all("Warning", [])):
            wrong += 1
            print("an answer does not name its generation and age")
    study = studies[0]["study_uid"]
    found = subprocess.run(
        ["findscu", "-S", "-aec", "CONCORD", "127.0.0.1", port, "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    if study not in found.stdout + found.stderr:
        wrong += 1
        print(f"findscu does not find a study at the site: {found.returncode}")
    print(f"{len(asked)} queries to centre and site, {found_some} with matches: {wrong} differences")
    return 1 if wrong or found_some < len(asked) / 2 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
