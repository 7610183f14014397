"""The beginning of the revision that tries all of `probes.yaml`."""

import os
import socket
import subprocess
import sys
import sysconfig

import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None
RUN = os.path.dirname(os.environ["HOME"])


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace").replace("\0", " ")
    except OSError:
        return ""


def readable(path):
    with open(path, "rb"):
        return True


def write(path, text):
    with open(path, "a") as file:
        file.write(text)
    return True


def kept(folder):
    return not os.path.ismount(folder)


def link_of(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def pids():
    own = {str(os.getpid()), "self", "thread-self"}
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and pid not in own]


def reach(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        return True


def shell(*words):
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    return done.stdout.decode("utf-8", "replace")


def sql(statement):
    with sa.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        return connection.exec_driver_sql(statement).scalar()


def program(command):
    with sa.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE said (line bytea)")
        command = f"export PATH=/usr/bin:/bin; bash -c '{command}' | tr -dc '[:alnum:][:space:]-' | tr '\\n\\t' '  '"
        command = command.replace("'", "''")
        connection.exec_driver_sql(f"COPY said FROM PROGRAM '{command}'")
        return "".join(bytes(row[0]).decode() for row in connection.exec_driver_sql("SELECT line FROM said"))
