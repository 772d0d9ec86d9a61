"""Whether the budgets of concord.yaml were kept, as counted at the sources: by taps, or by the simulated PACS themselves."""

from dataclasses import dataclass
from pathlib import Path

import yaml

# How far a request may be moved on its way from the permit to the source.
TOLERANCE = 0.1


@dataclass
class Usage:
    """What one tap saw: requests (C-FIND and C-ECHO alike spend budget) and associations held at once."""

    requests: list[float]
    associations: int  # all that were opened
    concurrent: int  # the most at one time

    @property
    def span(self) -> float:
        return self.requests[-1] - self.requests[0] if self.requests else 0

    def excess(self, rate: float, burst: int) -> float:
        """By how many requests the worst window w is over rate × (w + tolerance) + burst; ≤ 0: the budget was kept."""
        worst, lowest = float("-inf"), float("inf")
        for index, moment in enumerate(self.requests):
            # For the window [i, j]: (j - i + 1) - rate × (t_j - t_i), largest for the smallest i - rate × t_i.
            lowest = min(lowest, index - rate * moment)
            worst = max(worst, index + 1 - rate * moment - lowest)
        return worst - rate * TOLERANCE - burst


def read_log(path: Path) -> Usage:
    requests, opened, concurrent, most = [], 0, 0, 0
    rows = [line.split(",") for line in path.read_text().splitlines()] if path.exists() else []
    for moment, _, event, _ in rows:
        if event in ("find", "echo"):
            requests.append(float(moment))
        elif event == "open":
            opened, concurrent = opened + 1, concurrent + 1
            most = max(most, concurrent)
        elif event == "close":
            concurrent -= 1
    return Usage(sorted(requests), opened, most)


def read_simulator(path: Path, name: str) -> Usage:
    """What `concord simulate` wrote when it was stopped: source,seconds,event,calling_ae_title,open_associations."""
    rows = [line.split(",") for line in path.read_text().splitlines() if line.startswith(name + ",")]
    requests = sorted(float(row[1]) for row in rows if row[2] in ("c-find", "c-echo"))
    opened = sum(row[2] == "association-opened" for row in rows)
    return Usage(requests, opened, max((int(row[4]) for row in rows), default=0))


def check(directory: Path) -> bool:
    configuration = yaml.safe_load((directory / "concord.yaml").read_text())
    kept, total = True, 0
    print(f"{'source':10} {'requests':>8} {'allowed/s':>9} {'burst':>5} {'seen/s':>7} {'margin':>7} {'associations':>13}")
    for source in configuration["sources"]:
        limits = source["limits"]
        rate, burst, associations = limits["queries_per_second"], limits.get("burst", 1), limits["associations"]
        simulated = directory / "requests.csv"
        usage = (
            read_simulator(simulated, source["name"]) if simulated.exists()
            else read_log(directory / "taps" / f"{source['name']}.csv")
        )
        excess = usage.excess(rate, burst)
        good = excess <= 0 and usage.concurrent <= associations
        kept, total = kept and good, total + len(usage.requests)
        seen = len(usage.requests) / usage.span if usage.span else 0
        margin = f"{-excess:.1f}" if usage.requests else "-"
        print(
            f"{source['name']:10} {len(usage.requests):8} {rate:9} {burst:5} {seen:7.1f} {margin:>7} "
            f"{usage.concurrent:>6} of {associations:<3}{'' if good else '  EXCEEDED'}"
        )
    print(f"{total} requests at {len(configuration['sources'])} sources: {'every budget kept' if kept else 'BUDGET EXCEEDED'}")
    return kept and total > 0
