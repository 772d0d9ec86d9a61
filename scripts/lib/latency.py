"""How long DCMTK and Orthanc take to answer Concord for one study, started as they ship: without TCP_NODELAY (N1).

latency.py CONCORD    runs `CONCORD bench answer` against each
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from record_seeds import STUDIES, archives, wait_for

environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
with tempfile.TemporaryDirectory() as scratch:
    for name, title, port, process in archives(Path(scratch), environment):
        try:
            wait_for(port)
            if name != "pynetdicom":
                arguments = ["--port", str(port), "--called", title, "--study", STUDIES[0][0]]
                subprocess.run([sys.argv[1], "bench", "answer", *arguments], check=True)
        finally:
            process.kill()
