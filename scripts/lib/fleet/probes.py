"""What `concord probe` has found of the real peers, against what they are documented to do."""

import json
from pathlib import Path

from .peers import DCMTK, Orthanc, Peer, Pynetdicom, fleet
from .processes import psql


def documented(peer: Peer) -> dict[str, str]:
    """By the name under which a capability is stored."""
    # All three: ranges of dates, times within a day, trailing wildcards, the series of a study.
    traits = {
        "date_ranges": "works", "time_ranges": "works", "uid_query": "works", "patient_id_wildcard": "works",
        "series_of_a_study": "works",
    }
    match peer:
        case Orthanc():
            # "CaseSensitivePN" is false unless configured; counts and modalities are computed; answers say their encoding.
            sensitive = peer.options.get("CaseSensitivePN", False)
            traits |= {
                "information_models": "Study Root, Patient Root", "modalities_in_study": "works",
                "name_case": "sensitive" if sensitive else "insensitive", "attributes_never_returned": "none",
                "character_set": "declared",
            }
        case DCMTK():
            # dcmqrscp's conformance statement: three models, no ModalitiesInStudy, no counts, no relational queries.
            traits |= {
                "information_models": "Study Root, Patient Root, Patient/Study Only", "modalities_in_study": "ignored",
                "name_case": "sensitive", "relational_series": "ignored",
            }
        case Pynetdicom():
            # qrscp's handlers: two models, seven keys at study level, lists of UIDs compared as one text.
            traits |= {
                "information_models": "Study Root, Patient Root", "modalities_in_study": "ignored", "uid_list": "1",
                "character_set": "not always declared",
            }
    return traits


def check(_: Path, url: str) -> bool:
    query = (
        "SELECT json_object_agg(source, traits) FROM (SELECT s.name AS source, json_object_agg(c.name, c.value) AS traits "
        "FROM source_capability c JOIN source s ON s.id = c.source_id GROUP BY 1) AS found"
    )
    found = json.loads(psql(url, query) or "{}")
    wrong, count = [], 0
    for peer in fleet():
        for trait, value in documented(peer).items():
            count += 1
            seen = found.get(peer.name, {}).get(trait)
            if seen != value:
                wrong.append(f"{peer.name}: {trait} is documented as {value}, and was found to be {seen}")
    print("\n".join(wrong) if wrong else f"probes: {count} traits of {len(fleet())} peers are as documented")
    return not wrong
