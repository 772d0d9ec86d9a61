"""Facilities by institution: of sources that return InstitutionName for studies each copy has one, of others none."""

import json
from pathlib import Path

from .peers import Orthanc, Peer, fleet
from .processes import psql

# Where the studies of this enterprise are made, and what its configuration calls these places.
FACILITIES = {"Main Hospital": "Main Campus", "Annex Clinic": "Annex"}
# Orthanc has it at study level, dcmqrscp leaves it out.
DIVIDED = ["pacs-a", "pacs-b", "pacs-d"]


def institution(study_uid: str) -> str:
    return list(FACILITIES)[sum(map(int, study_uid.split("."))) % len(FACILITIES)]


def rules(peer: Peer) -> list[str]:
    """Of its source in concord.yaml."""
    if peer.name not in DIVIDED:
        return []
    return ["    facilities:"] + [
        f"      - {{ name: {facility}, match: {{ institution: {name} }} }}" for name, facility in FACILITIES.items()
    ]


def check(_: Path, url: str) -> bool:
    query = (
        "SELECT json_build_array(s.name, o.study_uid, coalesce(f.name, '')) FROM observation o "
        "JOIN source s ON s.id = o.source_id LEFT JOIN facility f ON f.id = o.facility_id"
    )
    shown = {peer.name for peer in fleet() if isinstance(peer, Orthanc)} & set(DIVIDED)
    wrong, counts = [], {}
    for source, uid, facility in map(json.loads, psql(url, query).splitlines()):
        expected = FACILITIES[institution(uid)] if source in shown else ""
        counts[facility or "none"] = counts.get(facility or "none", 0) + 1
        if facility != expected:
            wrong.append(f"{source} {uid}: {facility or 'none'} instead of {expected or 'none'}")
    for line in wrong[:10]:
        print(line)
    print(f"facilities: copies of {json.dumps(counts)}, {len(wrong)} wrong")
    return not wrong and set(counts) == {"none", *FACILITIES.values()}
