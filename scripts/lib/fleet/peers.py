"""The real PACS of the fleet: how each is configured, filled and started, and what it makes of a copy when it answers.

`answer` and `reaches` are rules, not recordings: `scripts/fleet self-check` holds them against the running peers.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .enterprise import Copy
from .processes import FleetError, Processes

# DCMTK writes a PDU as header and body: without this every small exchange waits 40 ms for a delayed ACK (N1).
NO_DELAY = {"TCP_NODELAY": "1"}

PLUGINS = "/usr/share/orthanc/plugins"


@dataclass
class Peer:
    """One archive, and the budget that concord.yaml grants for it."""

    name: str
    ae_title: str
    queries_per_second: float
    burst: int
    associations: int
    port: int = 0  # the archive's own
    tap_port: int = 0  # where Concord meets it

    def start(self, processes: Processes, folder: Path, files: list[Path]) -> None:
        raise NotImplementedError

    def fill(self, processes: Processes, folder: Path, files: list[Path]) -> None:
        """What can only be loaded into a running archive."""

    def answer(self, uid: str, copy: Copy) -> dict[str, str]:
        """Every attribute of the observation that this archive returns for the copy; absent: it never returns it."""
        raise NotImplementedError

    def reaches(self, copy: Copy) -> bool:
        """Whether a sweep of all dates, its ends open, finds it.

        Orthanc and pynetdicom compare dates as text: an empty one lies before every date, letters lie after, and only
        an absent one is nowhere. (A malformed one within a year, `20221399`, would depend on where slices meet.)
        """
        return copy.values["StudyDate"] is not None


def is_date(text: str | None) -> bool:
    try:
        datetime.strptime(text or "", "%Y%m%d")
        return len(text) == 8
    except ValueError:
        return False


class DCMTK(Peer):
    """dcmqrscp: stored bytes in the stored character set; keys that it does not know are left out (N3, N4)."""

    KEYS = ["PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
            "AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName"]

    def start(self, processes: Processes, folder: Path, files: list[Path]) -> None:
        store = folder / "store"
        store.mkdir()
        (folder / "dcmqrscp.cfg").write_text(
            f"NetworkTCPPort = {self.port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\n{self.ae_title} {store} RW (500, 1024mb) ANY\nAETable END\n"
        )
        for start in range(0, len(files), 200):
            run(["dcmqridx", str(store), *map(str, files[start : start + 200])])
        processes.start(self.name, ["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")], loopback(folder))

    def answer(self, uid: str, copy: Copy) -> dict[str, str]:
        answer = {key: (copy.values[key] or "").strip() for key in self.KEYS}
        return {"StudyInstanceUID": uid, **answer, "RetrieveAETitle": self.ae_title}

    def reaches(self, copy: Copy) -> bool:
        """It compares real dates, and reads their old form too (N7)."""
        return is_date((copy.values["StudyDate"] or "").replace(".", ""))


class Orthanc(Peer):
    """Orthanc: everything in its DefaultEncoding, dropping what that cannot hold; counts and modalities (N3, N4)."""

    def __init__(self, *positional, encoding: str = "Utf8", options: dict | None = None, postgres: bool = False,
                 plugins: tuple[str, ...] = (), **named):
        super().__init__(*positional, **named)
        self.encoding, self.options, self.postgres, self.plugins = encoding, options or {}, postgres, list(plugins)
        self.http_port = 0

    def start(self, processes: Processes, folder: Path, files: list[Path]) -> None:
        configuration = {
            "Name": self.name,
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "DicomAet": self.ae_title,
            "DicomPort": self.port,
            "HttpPort": self.http_port,
            "DicomAlwaysAllowFind": True,
            "DicomCheckCalledAet": True,
            "DefaultEncoding": self.encoding,
            "SyncStorageArea": False,
            "Plugins": [f"{PLUGINS}/{each}" for each in self.plugins],
            **self.options,
        }
        if self.postgres:
            socket_folder = start_postgres(processes, self.name)
            configuration["Plugins"].append(f"{PLUGINS}/libOrthancPostgreSQLIndex.so")
            configuration["PostgreSQL"] = {
                "EnableIndex": True,
                "EnableStorage": False,
                "ConnectionUri": f"postgresql://orthanc@/postgres?host={socket_folder}",
                "Lock": False,
            }
        (folder / "orthanc.json").write_text(json.dumps(configuration, indent=1))
        processes.start(self.name, ["Orthanc", str(folder / "orthanc.json")], {**NO_DELAY, **loopback(folder)})

    def fill(self, processes: Processes, folder: Path, files: list[Path]) -> None:
        processes.wait_for_port(self.name, self.http_port)

        def post(path: Path) -> None:
            url = f"http://127.0.0.1:{self.http_port}/instances"
            with urllib.request.urlopen(urllib.request.Request(url, path.read_bytes(), method="POST")) as answer:
                answer.read()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(post, files))

    def answer(self, uid: str, copy: Copy) -> dict[str, str]:
        answer = {key: self.encoded(copy.values[key] or "").strip() for key in copy.values}
        modalities = sorted({modality for modality, _ in copy.series})
        return {
            "StudyInstanceUID": uid,
            **answer,
            "ModalitiesInStudy": "\\".join(modalities),
            "NumberOfStudyRelatedSeries": str(len(copy.series)),
            "NumberOfStudyRelatedInstances": str(sum(count for _, count in copy.series)),
            "InstanceAvailability": "",
            "RetrieveAETitle": "",
        }

    def encoded(self, text: str) -> str:
        return text if self.encoding == "Utf8" else text.encode("latin-1", "ignore").decode("latin-1")


class Pynetdicom(Peer):
    """pynetdicom's qrscp: seven study-level keys, Latin-1 with `?` and no character set (N3-N5)."""

    KEYS = ["PatientID", "PatientName", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"]

    def start(self, processes: Processes, folder: Path, files: list[Path]) -> None:
        (folder / "qrscp.ini").write_text(
            f"[DEFAULT]\nae_title: {self.ae_title}\nport: {self.port}\nmax_pdu: 16382\nacse_timeout: 30\n"
            "dimse_timeout: 30\nnetwork_timeout: 600\nbind_address: 127.0.0.1\n"
            f"instance_location: {folder / 'instances'}\ndatabase_location: {folder / 'index.sqlite'}\n"
        )
        self._index(folder / "index.sqlite", files)
        command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", str(folder / "qrscp.ini"), "-q"]
        processes.start(self.name, command)

    def _index(self, database: Path, files: list[Path]) -> None:
        from pydicom import dcmread
        from pynetdicom.apps.qrscp import db
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        url = f"sqlite:///{database}"
        db.create(url)
        engine = create_engine(url)
        session = sessionmaker(bind=engine)()
        # One transaction instead of one per instance, which is what qrscp's own add_instance would commit.
        commit, session.commit = session.commit, session.flush
        for path in files:
            db.add_instance(dcmread(path), session, path.name)
        commit()
        session.close()
        engine.dispose()

    def answer(self, uid: str, copy: Copy) -> dict[str, str]:
        answer = {key: (copy.values[key] or "").encode("latin-1", "replace").decode("latin-1").strip() for key in self.KEYS}
        return {"StudyInstanceUID": uid, **answer, "RetrieveAETitle": self.ae_title}


def fleet() -> list[Peer]:
    return [
        Orthanc("pacs-a", "PACSA", 25, 1, 2),
        Orthanc("pacs-b", "PACSB", 30, 4, 2, encoding="Latin1", postgres=True),
        Orthanc("pacs-c", "PACSC", 25, 1, 1, options={"LimitFindResults": 25, "CaseSensitivePN": True}),
        DCMTK("pacs-d", "PACSD", 20, 2, 1),
        DCMTK("pacs-e", "PACSE", 40, 1, 3),
        DCMTK("pacs-f", "PACSF", 20, 1, 2),
        Pynetdicom("pacs-g", "PACSG", 20, 1, 1),
        DCMTK("pacs-h", "PACSH", 25, 10, 1),
    ]


def run(command: list[str], **options) -> None:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise FleetError(f"{command[0]} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-400:]}")


def loopback(folder: Path) -> dict[str, str]:
    """The environment in which a peer that would listen on every interface listens on loopback only."""
    return {**NO_DELAY, "LD_PRELOAD": str(folder.parent / "loopback.so")}


def build_loopback(folder: Path) -> None:
    source = Path(__file__).with_name("loopback.c")
    run(["cc", "-shared", "-fPIC", "-O1", "-o", str(folder / "loopback.so"), str(source), "-ldl"])


def start_postgres(processes: Processes, name: str) -> Path:
    """A throwaway cluster on a Unix socket; as root it runs as `postgres`, which PostgreSQL insists on."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="concord-fleet-"))
    (processes.path.parent / "temporary").write_text(str(folder))
    options = {}
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        shutil.chown(folder, account.pw_uid, account.pw_gid)
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = str(folder / "data")
    run([str(binaries / "initdb"), "-D", data, "-U", "orthanc", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        cwd=folder, **options)
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "shared_buffers=32MB"]
    command = [str(binaries / "postgres"), "-D", data]
    processes.start(f"postgres-{name}", command + [part for each in settings for part in ("-c", each)], cwd=folder, **options)
    for _ in range(200):
        if subprocess.run([str(binaries / "pg_isready"), "-q", "-h", str(folder), "-U", "orthanc"]).returncode == 0:
            return folder
        subprocess.run(["sleep", "0.05"])
    raise FleetError(f"PostgreSQL for {name} does not answer: see {processes.logs}")
