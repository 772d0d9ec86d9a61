"""Records what DCMTK's findscu and echoscu exchange with dcmqrscp, Orthanc and pynetdicom, as seeds of scripts/fuzz.

record_seeds.py DIR    writes DIR/pdu (a direction of a connection each), DIR/command and DIR/dataset (what the PDVs held)

The studies are made up here. Needs Debian's dcmtk and orthanc, and is run by the Python of scripts/lib/install.sh.
"""

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

STUDIES = [
    ("1.2.3.1", "ISO_IR 192", "MÜLLER^ANNA", "20240102", "P1"),
    ("1.2.3.2", "ISO_IR 100", "PÉREZ^JOSÉ", "", "P2"),
    ("1.2.3.3", "ISO_IR 192", "YAMADA^TARO=山田^太郎", "20240103", "P3"),
]
KEYS = ["StudyInstanceUID", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
        "ModalitiesInStudy", "StudyDescription", "NumberOfStudyRelatedSeries", "RetrieveAETitle"]
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Relay:
    """Passes one connection on, and keeps both directions."""

    def __init__(self, target):
        self.target, self.sent, self.received = target, b"", b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client, _ = self.listener.accept()
        peer = socket.create_connection(("127.0.0.1", self.target))
        there = threading.Thread(target=self.copy, args=(client, peer, "sent"))
        there.start()
        self.copy(peer, client, "received")
        there.join()

    def copy(self, source, sink, name):
        while data := source.recv(65536):
            setattr(self, name, getattr(self, name) + data)
            sink.sendall(data)
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def pdvs(stream):
    """(is a command, bytes) of each message part in a stream of PDUs."""
    part = b""
    while len(stream) >= 6:
        kind, length = stream[0], struct.unpack_from(">I", stream, 2)[0]
        body, stream = stream[6 : 6 + length], stream[6 + length :]
        while kind == 4 and body:
            size, header = struct.unpack_from(">I", body)[0], body[5]
            part += body[6 : 4 + size]
            body = body[4 + size :]
            if header & 2:
                yield header & 1 == 1, part
                part = b""


def make_studies(directory):
    for uid, charset, name, date, patient in STUDIES:
        dump, file = directory / "study.dump", directory / f"{uid}.dcm"
        codec = {"ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1"}[charset]
        dump.write_bytes(f"""(0008,0005) CS [{charset}]
(0008,0016) UI =CTImageStorage
(0008,0018) UI [{uid}.1.1]
(0008,0020) DA [{date}]
(0008,0060) CS [CT]
(0010,0010) PN [{name}]
(0010,0020) LO [{patient}]
(0020,000d) UI [{uid}]
(0020,000e) UI [{uid}.1]
""".encode(codec))
        subprocess.run(["/usr/bin/dump2dcm", dump, file], check=True)
        dump.unlink()
        yield file


def archives(directory, environment=ENVIRONMENT):
    """(name, called AE title, port, process) of each."""
    store = directory / "store"
    store.mkdir()
    files = list(make_studies(store))
    subprocess.run(["/usr/bin/dcmqridx", store, *files], check=True)
    port = free_port()
    configuration = directory / "dcmqrscp.cfg"
    configuration.write_text(f"""NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 4
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
ARCHIVE {store} R (200, 1024mb) ANY
AETable END
""")
    yield "dcmqrscp", "ARCHIVE", port, subprocess.Popen(["/usr/bin/dcmqrscp", "-c", configuration], env=environment, stderr=subprocess.DEVNULL)
    port, web = free_port(), free_port()
    configuration = directory / "orthanc.json"
    configuration.write_text(json.dumps({
        "StorageDirectory": str(directory / "orthanc"), "IndexDirectory": str(directory / "orthanc"), "DicomPort": port,
        "HttpPort": web, "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True, "DefaultEncoding": "Utf8",
    }))
    orthanc = subprocess.Popen(["/usr/sbin/Orthanc", configuration], env=environment, stderr=subprocess.DEVNULL)
    wait_for(web)
    for file in files:
        subprocess.run(["curl", "-s", "-o", "/dev/null", "--data-binary", f"@{file}", f"http://127.0.0.1:{web}/instances"], check=True)
    yield "orthanc", "ORTHANC", port, orthanc
    port = free_port()
    peer = Path(__file__).with_name("pynetdicom_peer.py")
    yield "pynetdicom", "PYNETDICOM", port, subprocess.Popen([sys.executable, peer, "serve", str(port)])


def wait_for(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on {port}")


def questions(title):
    find = ["/usr/bin/findscu", "-aec", title, "-aet", "CONCORD"]
    keys = [word for key in KEYS for word in ("-k", key)]
    yield "echo", ["/usr/bin/echoscu", "-aec", title]
    yield "studies", [*find, "-S", "-k", "QueryRetrieveLevel=STUDY", *keys]
    yield "explicit", [*find, "-S", "-xe", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyDate=20240101-20240131", *keys[2:]]
    yield "patients", [*find, "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName=M*", "-k", "PatientID"]
    yield "refused", [*find, "-S", "-k", "StudyInstanceUID"]


def main(target):
    def keep(kind, name, data):
        (target / kind).mkdir(parents=True, exist_ok=True)
        (target / kind / name).write_bytes(data)

    with tempfile.TemporaryDirectory() as scratch:
        for name, title, port, process in archives(Path(scratch)):
            try:
                wait_for(port)
                for question, command in questions(title):
                    relay = Relay(port)
                    subprocess.run([*command, "127.0.0.1", str(relay.port)], env=ENVIRONMENT, capture_output=True)
                    relay.thread.join(20)
                    for direction, stream in (("sent", relay.sent), ("received", relay.received)):
                        keep("pdu", f"{name}-{question}-{direction}", stream)
                        for is_command, part in pdvs(stream):
                            keep("command" if is_command else "dataset", hashlib.sha256(part).hexdigest()[:16], part)
            finally:
                process.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
