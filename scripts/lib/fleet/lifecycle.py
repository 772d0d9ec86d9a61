"""Bringing the fleet up and down."""

import json
import random
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import facilities, files, peers, truth
from .enterprise import EXPECTED_FROM, EXPECTED_SINCE, EXPECTED_TO, ISSUERS, Enterprise
from .processes import Processes, free_ports

SEED = 1


def up(directory: Path) -> bool:
    """Fills and starts eight archives and their taps; on any failure stops what it had started."""
    started = time.monotonic()
    if (directory / "processes.json").exists():
        down(directory)
    for name in ("peers", "taps", "logs"):
        shutil.rmtree(directory / name, ignore_errors=True)
    (directory / "taps").mkdir(parents=True)
    (directory / "peers").mkdir()
    fleet = peers.fleet()
    ports = free_ports(3 * len(fleet))
    for index, peer in enumerate(fleet):
        peer.port, peer.tap_port, http = ports[3 * index : 3 * index + 3]
        if isinstance(peer, peers.Orthanc):
            peer.http_port = http
    processes = Processes(directory)
    try:
        enterprise = Enterprise(SEED)
        peers.build_loopback(directory / "peers")
        written = {peer.name: write_files(enterprise, peer, directory / "peers" / peer.name) for peer in fleet}
        for peer in fleet:
            peer.start(processes, directory / "peers" / peer.name, written[peer.name])
        # Loading waits for the archive, not for this program: all at once.
        with ThreadPoolExecutor(len(fleet)) as pool:
            list(pool.map(lambda each: each.fill(processes, directory / "peers" / each.name, written[each.name]), fleet))
        for peer in fleet:
            processes.wait_for_port(peer.name, peer.port)
        start_taps(processes, directory, fleet)
        write_configuration(directory, fleet)
        document = truth.document(enterprise, fleet, SEED)
        (directory / "truth.json").write_text(json.dumps(document, ensure_ascii=False, indent=1))
    except BaseException:
        down(directory)
        raise
    instances = sum(len(each) for each in written.values())
    copies = sum(len(each["copies"]) for each in document["studies"])
    print(
        f"{len(fleet)} PACS up in {time.monotonic() - started:.0f} s: {len(document['studies'])} studies, {copies} copies, "
        f"{instances} instances, {len(document['discrepancies'])} discrepancies in {directory}"
    )
    return True


def down(directory: Path) -> bool:
    """Stops every process of this directory and removes its throwaway PostgreSQL; truth and tap logs stay."""
    Processes(directory).stop()
    temporary = directory / "temporary"
    if temporary.exists():
        shutil.rmtree(temporary.read_text(), ignore_errors=True)
        temporary.unlink()
    return True


def write_files(enterprise: Enterprise, peer: peers.Peer, folder: Path) -> list[Path]:
    """The DICOM files of one archive, in an order that is not that of dates or UIDs."""
    store = folder / "files"
    store.mkdir(parents=True)
    paths = []
    for study in enterprise.studies:
        for copy in study.copies:
            if copy.source == peer.name:
                paths += files.write(study, copy, store)
    random.Random(peer.name).shuffle(paths)
    return paths


def start_taps(processes: Processes, directory: Path, fleet: list[peers.Peer]) -> None:
    configuration = directory / "taps" / "taps.json"
    configuration.write_text(
        json.dumps([
            {"name": each.name, "port": each.tap_port, "target": each.port, "log": str(directory / "taps" / f"{each.name}.csv")}
            for each in fleet
        ])
    )
    processes.start("taps", [sys.executable, str(Path(__file__).with_name("tap.py")), str(configuration)])
    for peer in fleet:
        processes.wait_for_port("taps", peer.tap_port)


def write_configuration(directory: Path, fleet: list[peers.Peer]) -> None:
    lines = [f"data_dir: {directory / 'data'}", "database: embedded", "ae_title: CONCORD", "sources:"]
    for priority, peer in enumerate(fleet, start=1):
        lines += [
            f"  - name: {peer.name}",
            f"    ae_title: {peer.ae_title}",
            "    host: 127.0.0.1",
            f"    port: {peer.tap_port}",
            f"    issuer: {ISSUERS[peer.name]}",
            f"    priority: {priority}",
            "    limits:",
            f"      queries_per_second: {peer.queries_per_second}",
            f"      burst: {peer.burst}",
            f"      associations: {peer.associations}",
            *facilities.rules(peer),
        ]
    lines += ["expects:", f'  - {{ from: {EXPECTED_FROM}, to: {EXPECTED_TO}, since: "{EXPECTED_SINCE:%Y%m%d}" }}']
    (directory / "concord.yaml").write_text("\n".join(lines) + "\n")
