"""scripts/fleet up DIR | down DIR | self-check DIR | check-budgets DIR"""

import sys
from pathlib import Path

from . import budgets, lifecycle, selfcheck
from .processes import FleetError

USAGE = "usage: scripts/fleet up|down|self-check|check-budgets DIR"


def main(arguments: list[str]) -> int:
    commands = {
        "up": lifecycle.up,
        "down": lifecycle.down,
        "self-check": selfcheck.check,
        "check-budgets": budgets.check,
    }
    if len(arguments) != 2 or arguments[0] not in commands:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return 0 if commands[arguments[0]](Path(arguments[1]).resolve()) else 1
    except FleetError as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1


sys.exit(main(sys.argv[1:]))
