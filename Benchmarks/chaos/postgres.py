"""A PostgreSQL cluster of the run's own, and rude things that may happen to it."""

import os
import pathlib
import shutil
import subprocess
import time

from chaos.programs import free_port, until

# Debian keeps each version apart; the newest is taken.
FOUND = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
               key=lambda path: float(path.parts[-3]))
BIN = FOUND[-1].parent if FOUND else pathlib.Path("/usr/lib/postgresql/none/bin")
CONNECTIONS = 60
SETTINGS = {
    "max_connections": CONNECTIONS, "superuser_reserved_connections": 3, "shared_buffers": "64MB",
    "fsync": "on", "synchronous_commit": "on", "log_min_messages": "warning",
    "listen_addresses": "'127.0.0.1'"}


def as_postgres(command, **options):
    """Servers of PostgreSQL refuse to run as root."""
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--"] + [str(part) for part in command]
    return subprocess.run(command, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, **options)


class Cluster:
    def __init__(self, folder, log, small=False):
        """- Parameter small: for a folder of little room."""
        self.folder, self.log = folder, log
        self.port = free_port()
        self.sessions = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        log.touch()
        log.chmod(0o666)
        data = folder / "pg"
        self.data = data
        command = [BIN / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"]
        self.check(as_postgres(command + (["--wal-segsize=1"] if small else []), cwd="/"))
        settings = SETTINGS | {"port": self.port, "unix_socket_directories": f"'{folder}'"}
        if small:
            settings |= {"max_wal_size": "8MB", "min_wal_size": "2MB"}
        with open(data / "postgresql.auto.conf", "a", encoding="ascii") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.start()
        self.sql("CREATE ROLE stet LOGIN", "postgres")
        self.sql("CREATE ROLE others LOGIN", "postgres")
        self.sql("CREATE DATABASE stet OWNER stet", "postgres")

    def check(self, result):
        if result.returncode:
            raise RuntimeError(f"{result.args[-1]}: {result.stdout[-500:]}{result.stderr[-500:]}")
        return result.stdout

    def start(self):
        self.check(as_postgres([BIN / "pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "30",
                                "start"], cwd="/"))

    def stop(self, mode="fast"):
        return as_postgres([BIN / "pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "30", "stop"],
                           cwd="/")

    @property
    def is_up(self):
        return as_postgres([BIN / "pg_isready", "-h", "127.0.0.1", "-p", self.port, "-q"],
                           cwd="/").returncode == 0

    def url(self, port=None):
        return f"postgres://stet@127.0.0.1:{port or self.port}/stet?sslmode=disable"

    def command(self, database="stet", role="postgres"):
        return [BIN / "psql", "-h", self.folder, "-p", str(self.port), "-U", role, "-X",
                "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", database]

    def sql(self, text, database="stet"):
        """- Returns: rows of texts."""
        said = self.check(as_postgres(self.command(database) + ["-c", text], cwd="/", timeout=60))
        return [line.split("\t") for line in said.splitlines()]

    def session(self, text, role="postgres"):
        """A session that runs `text` and then stays as it is, until `forget`."""
        command = [str(part) for part in self.command(role=role)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--"] + command
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, text=True, cwd="/")
        process.stdin.write(text + "\n")
        process.stdin.flush()
        self.sessions.append(process)
        return process

    def forget(self):
        """Ends every such session."""
        for process in self.sessions:
            try:
                process.stdin.close()
            except OSError:
                pass
        for process in self.sessions:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        self.sessions = []

    def terminate(self, condition="true"):
        """Ends the backends of stet. - Returns: how many."""
        return int(self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            f"WHERE usename = 'stet' AND {condition}")[0][0])

    def crash(self):
        """SIGKILL to the postmaster and all it started."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
        for one in [pid] + [int(child) for child in children.stdout.split()]:
            try:
                os.kill(one, 9)
            except ProcessLookupError:
                pass
        time.sleep(0.5)

    def revive(self, limit=60):
        """Starts it as a service manager would: again, until it stands."""
        def begin():
            if self.is_up:
                return True
            try:
                self.start()
            except RuntimeError:
                return False
            return self.is_up
        until(limit, "PostgreSQL to start", begin, pause=0.5)
