"""A seeded synthetic enterprise: patients, studies, and the copy of each study at each source, in Unicode.

What a source makes of a copy when it answers is not decided here but in `peers`. A study carries at most one injected
kind of disagreement, so that the truth can name it without judging it.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

FIRST_DAY = date(2021, 1, 1)
LAST_DAY = date(2023, 12, 31)
DENSE_DAY = date(2022, 3, 15)

# Since this day everything at pacs-d is also expected at pacs-a (`expects:` in concord.yaml).
EXPECTED_SINCE = date(2023, 7, 1)
EXPECTED_FROM, EXPECTED_TO = "pacs-d", "pacs-a"

ISSUERS = {
    "pacs-a": "HOSP-A",
    "pacs-b": "HOSP-A",
    "pacs-c": "HOSP-B",
    "pacs-d": "HOSP-A",
    "pacs-e": "HOSP-B",
    "pacs-f": "HOSP-C",
    "pacs-g": "HOSP-C",
    "pacs-h": "HOSP-D",
}

# Names of the character sets that PACS meet (PS3.3 §C.12.1.1.2), as (Specific Character Set, names).
NAMES = [
    ("ISO_IR 100", ["Müller^Jürgen", "Ångström^Björn", "García^Íñigo", "Lefèvre^Noémie"]),
    ("ISO_IR 144", ["Иванова^Анна", "Петров^Иван", "Сидорова^Ольга^Петровна"]),
    ("ISO_IR 126", ["Διονυσίου^Ελένη", "Παπαδόπουλος^Νίκος"]),
    ("ISO_IR 138", ["שרון^דבורה", "כהן^משה"]),
    ("ISO_IR 127", ["قباني^لنزار", "حداد^ليلى"]),
    ("\\ISO 2022 IR 87", ["YAMADA^TARO=山田^太郎=やまだ^たろう", "SUZUKI^HANAKO=鈴木^花子=すずき^はなこ"]),
    ("\\ISO 2022 IR 149", ["HONG^GILDONG=洪^吉洞=홍^길동", "KIM^MINSEO=金^珉序=김^민서"]),
    ("GB18030", ["WANG^XIAODONG=王^小东", "LI^NA=李^娜"]),
    ("ISO_IR 192", ["ZHANG^WEI=张^伟", "PARK^JIWOO=朴^智友=박^지우"]),
]
FAMILIES = "ADLER BAKER CARTER DUBOIS EVANS FISCHER GRANT HUGHES IRVING JANSEN KELLER LARSON MOREAU NORRIS OWENS".split()
GIVEN = "ALICE BRUNO CLARA DAVID EMMA FELIX GRACE HENRY IRENE JONAS KAREN LUCAS MARIA NOAH OLGA PAUL ROSA SIMON".split()
REFERRERS = ["HOUSE^GREGORY", "WATSON^JOHN^H^^MD", "CURIE^MARIE^^DR", "", None]
PROCEDURES = {
    "CT": ["CT Chest", "CT Abdomen and Pelvis", "CT Head w/o contrast"],
    "MR": ["MRI Brain", "MRI Lumbar Spine"],
    "CR": ["Chest 2 views", "Left hand"],
    "US": ["US Abdomen", None],
    "DX": ["Knee right", ""],
}


@dataclass
class Patient:
    number: int
    name: str
    character_set: str | None
    birth_date: str
    sex: str

    def identifier(self, issuer: str) -> str:
        """A hospital's own number of this patient: another one at every issuer."""
        return f"{issuer[-1]}{100000 + self.number * 7 + ord(issuer[-1])}"


@dataclass
class Copy:
    """A study as it is stored at one source: None is an absent element, "" an empty one."""

    source: str
    values: dict[str, str | None]
    character_set: str | None
    series: list[tuple[str, int]]  # modality, number of instances


@dataclass
class Study:
    uid: str
    copies: list[Copy]
    # The injected disagreement: class, severity, the sources whose copies were changed.
    injected: tuple[str, str, list[str]] | None = None
    other_uid: str | None = None

    def copy(self, source: str) -> Copy:
        return next(each for each in self.copies if each.source == source)


@dataclass
class Enterprise:
    seed: int
    chance: random.Random = field(init=False)
    patients: list[Patient] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        for number in range(160):
            self.patients.append(self._patient(number))
        self._ordinary(380)
        self._dense_day(40)
        self._expected(30)
        self._every_character_set_everywhere()
        self._disagreements()
        self._odd_dates()

    # One study

    def _patient(self, number: int) -> Patient:
        r = self.chance
        if number % 3 == 0:
            character_set, names = NAMES[(number // 3) % len(NAMES)]
            name = names[(number // 3 // len(NAMES)) % len(names)]
        else:
            character_set, name = None, f"{r.choice(FAMILIES)}^{r.choice(GIVEN)}" + r.choice(["", "", "^Q", "^^DR"])
        born = date(1930, 1, 1) + timedelta(days=r.randrange(29000))
        return Patient(number, name, character_set, f"{born:%Y%m%d}", r.choice("FM"))

    def study(self, sources: list[str], day: date | None = None, patient: Patient | None = None, time: str | None = None) -> Study:
        """Adds a study whose copies agree in everything but the patient's number, which is each issuer's own."""
        r = self.chance
        number = len(self.studies) + 1
        uid = f"1.2.826.0.1.3680043.8.498.{self.seed}.{number}"
        patient = patient or r.choice(self.patients)
        day = day or FIRST_DAY + timedelta(days=r.randrange((EXPECTED_SINCE - FIRST_DAY).days))
        seconds = r.randrange(7 * 3600, 19 * 3600)
        modality = r.choice(list(PROCEDURES))
        series = [(modality, 1)]
        if r.random() < 0.15:
            series = [(modality, r.choice([1, 2])), (r.choice([modality, "SR", "PR"]), 1)]
        values = {
            "PatientName": patient.name,
            "PatientBirthDate": patient.birth_date,
            "PatientSex": patient.sex,
            "StudyDate": f"{day:%Y%m%d}",
            "StudyTime": time or f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}" + r.choice(["", "", ".250000"]),
            "AccessionNumber": f"ACC{number:06}",
            "StudyID": str(number),
            "StudyDescription": r.choice(PROCEDURES[modality]),
            "ReferringPhysicianName": r.choice(REFERRERS),
            "TimezoneOffsetFromUTC": r.choice(["+0100", None, None, None]),
        }
        if r.random() < 0.08:
            values[r.choice(["PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"])] = r.choice(["", None])
        sends_issuer = r.random() < 0.3
        copies = []
        for source in sorted(sources):
            own = dict(values)
            own["PatientID"] = patient.identifier(ISSUERS[source])
            own["IssuerOfPatientID"] = ISSUERS[source] if sends_issuer else None
            copies.append(Copy(source, own, patient.character_set, list(series)))
        result = Study(uid, copies)
        self.studies.append(result)
        return result

    def plain(self, sources: list[str], day: date | None = None) -> Study:
        """A study for an injected disagreement: ASCII names and every value present."""
        patient = self.chance.choice([each for each in self.patients if each.character_set is None])
        study = self.study(sources, day, patient)
        for copy in study.copies:
            copy.values.update(
                PatientName=patient.name.rstrip("^"),
                PatientBirthDate=patient.birth_date,
                PatientSex=patient.sex,
                AccessionNumber=f"ACC{len(self.studies):06}",
                StudyTime=copy.values["StudyTime"][:6],
                IssuerOfPatientID=None,
            )
        return study

    # The archives' content

    def _ordinary(self, count: int) -> None:
        names = list(ISSUERS)
        for _ in range(count):
            sources = self.chance.sample(names, self.chance.choice([1, 1, 1, 2, 2, 3]))
            self.study(sources)

    def _dense_day(self, count: int) -> None:
        """More studies on one day than pacs-c will answer: the day has to be split by time (F30)."""
        for index in range(count):
            minute = index * 17
            self.study(["pacs-c"], DENSE_DAY, time=f"{7 + minute // 60:02}{minute % 60:02}{index:02}")

    def _expected(self, count: int) -> None:
        """The days on which pacs-a must hold what pacs-d does, and three studies that it does not hold."""
        span = (LAST_DAY - EXPECTED_SINCE).days
        for index in range(count):
            day = EXPECTED_SINCE + timedelta(days=index * span // count)
            if index % 10 == 4:
                self.plain([EXPECTED_FROM], day).injected = ("missing-copy", "major", [EXPECTED_TO])
            elif index % 3 == 0:
                self.study([EXPECTED_TO], day)
            else:
                self.study([EXPECTED_FROM, EXPECTED_TO], day)

    def _every_character_set_everywhere(self) -> None:
        for character_set, names in NAMES:
            for index, name in enumerate(names):
                patient = Patient(500 + len(self.studies), name, character_set, "19700704", "O")
                self.study(list(ISSUERS) if index == 0 else ["pacs-a", "pacs-b", "pacs-d", "pacs-g"], patient=patient)

    def _disagree(self, kind: str, severity: str, sources: list[str], changed: str, **values: str | None) -> Study:
        """One study whose copy at `changed` differs in `values`."""
        study = self.plain(sources)
        study.copy(changed).values.update(values)
        study.injected = (kind, severity, [changed])
        return study

    def _disagreements(self) -> None:
        d = self._disagree
        # Patients. pacs-a, pacs-b and pacs-d share an issuer.
        d("different-patients", "critical", ["pacs-a", "pacs-d"], "pacs-d", PatientName="ZIMMER^OTTO", PatientBirthDate="19010203", PatientID="A999001")
        d("different-patients", "critical", ["pacs-c", "pacs-f"], "pacs-f", PatientName="ZUCKER^ANNA", PatientBirthDate="19010204")
        d("different-patients", "critical", ["pacs-a", "pacs-b", "pacs-e"], "pacs-b", PatientName="ZORN^EVA", PatientID="A999002")
        d("patient-name-mismatch", "major", ["pacs-a", "pacs-c"], "pacs-c", PatientName="ZEMANN^RALF")
        d("patient-name-mismatch", "major", ["pacs-d", "pacs-g", "pacs-e"], "pacs-g", PatientName="ZIEGLER^UTE")
        for study in (d("patient-name-mismatch", "cosmetic", ["pacs-a", "pacs-d"], "pacs-d"), d("patient-name-mismatch", "cosmetic", ["pacs-b", "pacs-f", "pacs-h"], "pacs-h")):
            changed = study.copy(study.injected[2][0]).values
            changed["PatientName"] = changed["PatientName"].title()
        study = d("patient-name-mismatch", "cosmetic", ["pacs-e", "pacs-h"], "pacs-e")
        study.copy("pacs-e").values["PatientName"] += "^^"
        d("birth-date-mismatch", "major", ["pacs-a", "pacs-d"], "pacs-a", PatientBirthDate="19020304")
        d("birth-date-mismatch", "major", ["pacs-b", "pacs-e", "pacs-g"], "pacs-e", PatientBirthDate="19020305")
        study = d("sex-mismatch", "major", ["pacs-a", "pacs-e"], "pacs-e")
        study.copy("pacs-e").values["PatientSex"] = "F" if study.copy("pacs-a").values["PatientSex"] == "M" else "M"
        d("sex-mismatch", "minor", ["pacs-c", "pacs-h"], "pacs-h", PatientSex="O")
        study = d("sex-mismatch", "cosmetic", ["pacs-b", "pacs-d"], "pacs-d")
        study.copy("pacs-d").values["PatientSex"] = study.copy("pacs-b").values["PatientSex"].lower()
        d("patient-id-mismatch", "major", ["pacs-a", "pacs-b"], "pacs-b", PatientID="A999003")
        d("patient-id-mismatch", "major", ["pacs-f", "pacs-g"], "pacs-g", PatientID="C999004")
        study = d("patient-id-mismatch", "cosmetic", ["pacs-a", "pacs-d"], "pacs-d")
        study.copy("pacs-d").values["PatientID"] = study.copy("pacs-a").values["PatientID"].lower()
        for pair in (["pacs-a", "pacs-c"], ["pacs-b", "pacs-c"]):
            study = self.plain(pair)
            for copy in study.copies:
                copy.values.update(PatientID="X777000", IssuerOfPatientID=ISSUERS[copy.source])
            study.injected = ("issuer-mismatch", "minor", pair)
        # Orders and times
        d("accession-mismatch", "major", ["pacs-a", "pacs-f"], "pacs-f", AccessionNumber="ZZZ000001")
        d("accession-mismatch", "major", ["pacs-c", "pacs-g"], "pacs-c", AccessionNumber="ZZZ000002")
        study = d("accession-mismatch", "cosmetic", ["pacs-d", "pacs-e"], "pacs-e")
        study.copy("pacs-e").values["AccessionNumber"] = study.copy("pacs-d").values["AccessionNumber"].lower()
        d("study-date-mismatch", "minor", ["pacs-b", "pacs-d"], "pacs-d", StudyDate="20210909")
        d("study-date-mismatch", "minor", ["pacs-g", "pacs-h"], "pacs-g", StudyDate="20220909")
        study = d("study-date-mismatch", "cosmetic", ["pacs-a", "pacs-e"], "pacs-e")
        day = study.copy("pacs-e").values["StudyDate"]
        study.copy("pacs-e").values["StudyDate"] = f"{day[:4]}.{day[4:6]}.{day[6:]}"
        d("study-time-mismatch", "minor", ["pacs-c", "pacs-d"], "pacs-d", StudyTime="034455")
        study = d("study-time-mismatch", "cosmetic", ["pacs-a", "pacs-f"], "pacs-f")
        time = study.copy("pacs-f").values["StudyTime"]
        study.copy("pacs-f").values["StudyTime"] = f"{time[:2]}:{time[2:4]}:{time[4:6]}"
        # Content: only Orthanc counts
        study = d("series-count-mismatch", "major", ["pacs-a", "pacs-b"], "pacs-b")
        study.copy("pacs-a").series, study.copy("pacs-b").series = [("CT", 2)], [("CT", 1), ("CT", 1)]
        study = d("instance-count-mismatch", "major", ["pacs-a", "pacs-c", "pacs-d"], "pacs-c")
        study.copy("pacs-a").series, study.copy("pacs-c").series = [("MR", 3)], [("MR", 2)]
        # Values that do not parse
        d("unparsable-value", "minor", ["pacs-a", "pacs-d"], "pacs-d", PatientBirthDate="19851345")
        d("unparsable-value", "minor", ["pacs-c"], "pacs-c", StudyTime="240000")
        d("unparsable-value", "minor", ["pacs-b"], "pacs-b", PatientBirthDate="n/a")
        d("unparsable-value", "minor", ["pacs-h"], "pacs-h", StudyTime="24:00:00")
        # The same study under another UID
        for first_source, second_source in (("pacs-a", "pacs-b"), ("pacs-b", "pacs-a")):
            first, second = self.plain([first_source]), self.plain([second_source])
            second.copies[0].values = dict(first.copies[0].values)
            second.copies[0].series = list(first.copies[0].series)
            low, high = sorted((first, second), key=lambda each: each.uid)
            low.injected = ("probable-copy", "minor", [first_source, second_source])
            low.other_uid = high.uid

    def _odd_dates(self) -> None:
        """Placeholder dates, which only open ranges reach (F24), and dates that are blank, absent or none at all (N7)."""
        for day in (date(1900, 1, 1), date(2099, 12, 31)):
            self.study(list(ISSUERS), day)
        for source in ISSUERS:
            for value in ("", None, "n/a"):
                self.plain([source]).copies[0].values["StudyDate"] = value
