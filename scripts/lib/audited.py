"""Asks a server by HTTP from several threads, with a marker of its own in each question, until the server is gone or a time is
over; writes the markers of all that were answered.

    audited.py URL KEY SECONDS FILE
"""

import http.client
import sys
import threading
import time
import urllib.parse

url, key, seconds, path = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
address = urllib.parse.urlsplit(url)
end = time.monotonic() + seconds
answered, refused = [], []


def ask(worker):
    try:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        for number in range(1_000_000):
            if time.monotonic() > end:
                return
            marker = f"ZZCANARY{worker}x{number}x{time.time_ns()}"
            connection.request(
                "GET",
                f"/dicom-web/studies?spanning=never&PatientName={marker}",
                headers={"Authorization": f"Api-Key {key}"},
            )
            response = connection.getresponse()
            response.read()
            (answered if response.status == 200 else refused).append(marker)
    except (OSError, http.client.HTTPException):
        # The server was killed, or stopped between two questions.
        pass


threads = [threading.Thread(target=ask, args=(worker,)) for worker in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with open(path, "a") as file:
    file.writelines(marker + "\n" for marker in answered)
print(f"{len(answered)} answered, {len(refused)} refused")
sys.exit(1 if refused else 0)
