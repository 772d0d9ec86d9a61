"""Readers of a site whose publisher, sync and server are killed: each answer is one whole state that the centre once had,
and never an older one than was seen before.

    edge_readers.py checksum URL KEY                  of what the centre answers now
    edge_readers.py read URL KEY CHECKSUMS STOP       the site, until the file STOP is there; CHECKSUMS has one line for each
                                                      state of the centre, written before it is published
"""

import hashlib
import http.client
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

READERS = 4


def answer(url, key):
    """The checksum of all studies, and the generation that the answer names."""
    headers = {"Authorization": f"Api-Key {key}", "Cache-Control": "only-if-cached"}
    request = urllib.request.Request(url + "/dicom-web/studies?limit=5000", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        studies = json.load(response)
        warnings = " ".join(response.headers.get_all("Warning") or [])
    if len(studies) < 100:
        sys.exit(f"{len(studies)} studies are too few to see anything by")
    canonical = json.dumps(studies, sort_keys=True).encode()
    generation = warnings.split(" generation ")[1].split()[0] if " generation " in warnings else "0"
    return hashlib.sha256(canonical).hexdigest(), int(generation)


class Readers:
    def __init__(self, url, key, checksums, stop):
        self.url, self.key, self.checksums, self.stop = url, key, checksums, stop
        self.lock = threading.Lock()
        self.newest = (0, 0)
        self.states, self.answers, self.refused, self.wrong = {}, 0, 0, []

    def state(self, checksum):
        """Which of the centre's states this is; 0: none."""
        lines = open(self.checksums).read().split()
        return 1 + max((n for n, line in enumerate(lines) if line == checksum), default=-1)

    def read(self):
        while not os.path.exists(self.stop) and not self.wrong:
            with self.lock:
                floor = self.newest
            try:
                checksum, generation = answer(self.url, self.key)
            except (urllib.error.URLError, ConnectionError, http.client.HTTPException) as error:
                if isinstance(error, urllib.error.HTTPError):
                    self.wrong.append(f"the site answers {error.code}")
                # It is being started again.
                self.refused += 1
                time.sleep(0.05)
                continue
            self.judge(self.state(checksum), generation, checksum, floor)

    def judge(self, state, generation, checksum, floor):
        with self.lock:
            self.answers += 1
            if state == 0:
                self.wrong.append(f"generation {generation}: an answer that the centre never gave: torn")
            elif (generation, state) < floor or state < floor[1]:
                self.wrong.append(f"generation {generation}, state {state} after generation {floor[0]}, state {floor[1]}")
            elif self.states.setdefault(generation, checksum) != checksum:
                self.wrong.append(f"generation {generation} has two answers")
            self.newest = max(self.newest, (generation, state))

    def run(self):
        threads = [threading.Thread(target=self.read) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{self.answers} answers of {len(self.states)} generations, {self.refused} times nobody answered")
        for line in self.wrong:
            print(line)
        return 1 if self.wrong or len(self.states) < 3 else 0


if __name__ == "__main__":
    mode, url, key, *rest = sys.argv[1:]
    if mode == "checksum":
        print(answer(url, key)[0])
    else:
        sys.exit(Readers(url, key, *rest).run())
