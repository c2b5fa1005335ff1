"""A container's health check: exits with 0 when a server in this container answers as it should.

python docker/answers.py http 5000 /api/health/live
python docker/answers.py smtp 1025
"""

import http.client
import socket
import sys

HOST = "127.0.0.1"
TIMEOUT_S = 5


def http_answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    connection.request("GET", path)
    return connection.getresponse().status == http.client.OK


def smtp_answers(port: int) -> bool:
    with socket.create_connection((HOST, port), timeout=TIMEOUT_S) as connection:
        greeted = connection.recv(1024).startswith(b"220 ")
        connection.sendall(b"QUIT\r\n")
        return greeted


def main(protocol: str, port: str, *rest: str) -> int:
    answers = http_answers(int(port), *rest) if protocol == "http" else smtp_answers(int(port))
    return 0 if answers else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
