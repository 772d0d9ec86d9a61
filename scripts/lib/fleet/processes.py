"""The processes of a fleet: started in their own sessions, remembered by pid and start time, stopped by pid."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path


class FleetError(Exception):
    """One line that says what went wrong, where, and what to look at."""


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports that are free now; they are held together so that none is given twice."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def psql(url: str, query: str) -> str:
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", query]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise FleetError(f"psql: {done.stderr.strip()}")
    return done.stdout


def start_time(pid: int) -> str | None:
    """The kernel's start time of a live process (field 22 of /proc/PID/stat): tells a pid from its reuse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


class Processes:
    """The processes of one fleet directory, written to `processes.json` the moment each one starts."""

    def __init__(self, directory: Path):
        self.path = directory / "processes.json"
        self.logs = directory / "logs"
        self.entries: list[dict] = json.loads(self.path.read_text()) if self.path.exists() else []

    def start(self, name: str, command: list[str], environment: dict[str, str] | None = None, **options) -> int:
        self.logs.mkdir(parents=True, exist_ok=True)
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                **options,
            )
        self.entries.append({"name": name, "pid": process.pid, "started": start_time(process.pid)})
        self.path.write_text(json.dumps(self.entries, indent=1))
        return process.pid

    def alive(self, entry: dict) -> bool:
        return entry["started"] is not None and start_time(entry["pid"]) == entry["started"]

    def wait_for_port(self, name: str, port: int, seconds: float = 60) -> None:
        """Returns when `port` accepts connections; fails at once when the process that should listen has ended."""
        entry = next(each for each in self.entries if each["name"] == name)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if not self.alive(entry):
                raise FleetError(f"{name} ended while starting: see {self.logs / (name + '.log')}")
            time.sleep(0.05)
        raise FleetError(f"{name} does not listen on port {port} after {seconds:.0f} s: see {self.logs}")

    def stop(self) -> None:
        """Stops what was started, newest first: SIGTERM (SIGINT for PostgreSQL), 15 s later SIGKILL."""
        stopping = [each for each in reversed(self.entries) if self.alive(each)]
        for entry in stopping:
            # To PostgreSQL SIGINT is the fast shutdown; SIGTERM would wait for its clients.
            os.kill(entry["pid"], signal.SIGINT if entry["name"].startswith("postgres") else signal.SIGTERM)
        deadline = time.monotonic() + 15
        while any(self.alive(each) for each in stopping) and time.monotonic() < deadline:
            reap()
            time.sleep(0.05)
        for entry in stopping:
            if self.alive(entry):
                os.kill(entry["pid"], signal.SIGKILL)
        self.entries = []
        self.path.unlink(missing_ok=True)


def reap() -> None:
    """Collects ended children, so that they are not taken for live ones."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
