#!/usr/bin/env python3
"""Time from starting the plugin to its handshake line, and the memory it then holds.

  bench/start_time.py BINARY

Started as Terraform starts it, with a client certificate, so the time includes making the own
certificate and opening the TLS port. Memory is VmHWM of the process itself: what getrusage says
would be the peak of the parent, carried over the exec.
"""

import json
import os
import signal
import statistics
import sys
import time

STARTS = 50
# A P-521 certificate as Terraform makes one for every process. Its key is not needed: nothing
# connects here.
CLIENT_CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIICXjCCAb+gAwIBAgIUYhMk5DpSCwSzyZRHimHGo051uw4wCgYIKoZIzj0EAwIw
JDESMBAGA1UEAwwJbG9jYWxob3N0MQ4wDAYDVQQKDAViZW5jaDAgFw0yNjExMjIx
MTM3NTBaGA8yMTI2MTAyOTExMzc1MFowJDESMBAGA1UEAwwJbG9jYWxob3N0MQ4w
DAYDVQQKDAViZW5jaDCBmzAQBgcqhkjOPQIBBgUrgQQAIwOBhgAEAOuu7ml47gZ3
dVOFx02LVDQyoMSkPn25G2RAD8GGqkjhRj8P+l0TZ8/dyPAPsTpc1I9Q6dvrgcd0
0KHgsGXqEkOcACde01OkrL52N1f8RJsXbOuiUZDTUON+sHcH9AokftAa2h+w4tFu
SuISLycENjltrnq/Qw17hPQvKoda9PKzHx9mo4GJMIGGMB0GA1UdDgQWBBTswzu8
Ivkrpz5r0wbKUPg/aro67TAfBgNVHSMEGDAWgBTswzu8Ivkrpz5r0wbKUPg/aro6
7TAPBgNVHRMBAf8EBTADAQH/MBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAdBgNVHSUE
FjAUBggrBgEFBQcDAgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDgYwAMIGIAkIBBclI
hQkPpMBSeet83sJHzv/fvB1SZb7DXpT+cJdMYImP4s+cqUIMUxSk3D/PqPGyWNxf
m0CHx5i2VvmwvfW593kCQgFjpHTptmuarkyh4QIVx7o/N6r4okMebx6T721md9It
9rA7Es0eRuNLxaXItJCssXyksNa0fsp2gWEvZ9bX3yJVvQ==
-----END CERTIFICATE-----
"""


def start_once(binary, environment):
    reader, writer = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)
    begin = time.perf_counter()
    pid = os.posix_spawn(binary, [binary], environment, file_actions=[
        (os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, writer, 1),
        (os.POSIX_SPAWN_DUP2, null, 2)])
    os.close(writer)
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(reader, 4096)
        if not part:
            sys.exit(f"{binary} gave no handshake line: {line!r}")
        line += part
    seconds = time.perf_counter() - begin
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        peak = next(int(row.split()[1]) for row in status if row.startswith("VmHWM:"))
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(reader)
    os.close(null)
    if not line.startswith(b"1|6|unix|") or not line.rstrip().split(b"|")[5]:
        sys.exit(f"not a handshake with TLS: {line!r}")
    return seconds, peak


def measure(binary):
    environment = {
        "PATH": os.environ["PATH"],
        "TF_PLUGIN_MAGIC_COOKIE":
            "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        "PLUGIN_PROTOCOL_VERSIONS": "5,6",
        "PLUGIN_MIN_PORT": "10000",
        "PLUGIN_MAX_PORT": "25000",
        "PLUGIN_CLIENT_CERT": CLIENT_CERTIFICATE,
    }
    start_once(binary, environment)  # reads the file into the page cache
    samples = [start_once(binary, environment) for _ in range(STARTS)]
    return {"starts": STARTS, "ms": statistics.median(s for s, _ in samples) * 1e3,
            "kib": statistics.median(k for _, k in samples)}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
