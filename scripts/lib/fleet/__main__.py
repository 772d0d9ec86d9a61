"""scripts/fleet up DIR | down DIR | self-check DIR | check-budgets DIR | change DIR
check-changes|check-facilities|check-probes DIR DATABASE-URL"""

import sys
from pathlib import Path

from . import budgets, changes, facilities, lifecycle, probes, selfcheck
from .processes import FleetError

USAGE = "usage: scripts/fleet up|down|self-check|check-budgets|change DIR, or\n       check-changes|check-facilities|check-probes DIR DATABASE-URL"


def main(arguments: list[str]) -> int:
    commands = {
        "up": lifecycle.up,
        "down": lifecycle.down,
        "self-check": selfcheck.check,
        "check-budgets": budgets.check,
        "change": changes.apply,
        "check-changes": changes.check,
        "check-facilities": facilities.check,
        "check-probes": probes.check,
    }
    wanted = 3 if arguments[:1] in (["check-changes"], ["check-facilities"], ["check-probes"]) else 2
    if len(arguments) != wanted or arguments[0] not in commands:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return 0 if commands[arguments[0]](Path(arguments[1]).resolve(), *arguments[2:]) else 1
    except FleetError as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1


sys.exit(main(sys.argv[1:]))
