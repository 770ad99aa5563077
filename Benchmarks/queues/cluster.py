"""A PostgreSQL cluster and a Redis server of the benchmark's own, in a folder of its own."""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

import psycopg

# The same for every system; what is not named stays at PostgreSQL's default (fsync and
# full_page_writes are on). No checkpoint falls into a measurement: one is made before each.
SETTINGS = {
    "shared_buffers": "256MB", "fsync": "on", "synchronous_commit": "on", "max_connections": "300",
    "max_wal_size": "8GB", "checkpoint_timeout": "1h",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binaries():
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True):
        if os.path.exists(os.path.join(folder, "initdb")):
            return folder
    found = shutil.which("initdb")
    if not found:
        raise SystemExit("no initdb: install PostgreSQL (apt-get install postgresql)")
    return os.path.dirname(found)


class Postgres:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "postgres")
        self.port = free_port()
        self.bin = binaries()
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        os.mkdir(self.folder)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            os.chmod(folder, 0o755)
        data = os.path.join(self.folder, "data")
        self.run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale")
        with open(os.path.join(data, "postgresql.conf"), "a", encoding="ascii") as settings:
            settings.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n")
            settings.write(f"unix_socket_directories = '{self.folder}'\n")
            for name, value in SETTINGS.items():
                settings.write(f"{name} = {value}\n")
        self.data = data
        self.run("pg_ctl", "-D", data, "-l", os.path.join(self.folder, "log"), "-w", "start")
        self.templates = set()

    def run(self, program, *arguments):
        command = [os.path.join(self.bin, program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=self.folder).stdout

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", **options):
        return psycopg.connect(self.url(database), autocommit=True, **options)

    def fresh(self, name, prepare):
        """A new database with a system's schema, which `prepare(url)` makes once."""
        template = f"{name}_template"
        with self.connect() as connection:
            if name not in self.templates:
                connection.execute(f"CREATE DATABASE {template}")
                prepare(self.url(template))
                self.templates.add(name)
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
            connection.execute("CHECKPOINT")
        return self.url(name)

    def written(self):
        """Bytes of write-ahead log so far."""
        with self.connect() as connection:
            return int(connection.execute(
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()[0])

    def stored(self, name):
        """Bytes of tables and indexes, and dead rows in them."""
        with self.connect(name) as connection:
            return connection.execute(
                "SELECT sum(pg_total_relation_size(relid))::bigint, sum(n_dead_tup)::bigint "
                "FROM pg_stat_user_tables").fetchone()

    def committed(self, name):
        """Transactions of a database so far, those that only read among them."""
        with self.connect() as connection:
            return connection.execute(
                "SELECT xact_commit FROM pg_stat_database WHERE datname = %s", [name]
            ).fetchone()[0]

    @contextlib.contextmanager
    def idle_transaction(self, name):
        """A transaction that took a snapshot and an id, and then does nothing."""
        with psycopg.connect(self.url(name)) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("SELECT txid_current()")
            yield
            connection.rollback()

    def commits(self, clients, seconds):
        """Commits a second of one small INSERT each, by pgbench: what this disk gives."""
        script = os.path.join(self.folder, "insert.sql")
        with self.connect() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS bare (at bigint)")
        with open(script, "w", encoding="ascii") as file:
            file.write("INSERT INTO bare VALUES (1);\n")
        os.chmod(script, 0o644)
        out = self.run(
            "pgbench", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-n", "-M",
            "prepared", "-f", script, "-c", str(clients), "-j", "1", "-T", str(seconds), "postgres")
        for line in out.splitlines():
            if line.startswith("tps"):
                return float(line.split("=")[1].split()[0])
        raise RuntimeError(f"pgbench said no tps: {out}")

    def stop(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")


class Redis:
    """Every write is fsynced before its answer: appendonly yes, appendfsync always."""

    def __init__(self, folder):
        self.port = free_port()
        if not shutil.which("redis-server"):
            raise SystemExit("no redis-server: install it (apt-get install redis-server)")
        data = os.path.join(folder, "redis")
        os.mkdir(data)
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", data,
             "--appendonly", "yes", "--appendfsync", "always", "--save", "",
             "--no-appendfsync-on-rewrite", "no"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                break
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
