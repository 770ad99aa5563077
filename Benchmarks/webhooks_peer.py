"""The peer of webhooks.py: a FastAPI application that stores signed webhooks as durably as Stet does.

Its own venv holds what it needs; webhooks.py makes it. One SQLite file, WAL, synchronous=FULL read
back; the delivery and the row of its job in one transaction before the answer; a delivery seen
before is answered as a duplicate. The one writer is a thread of its own, so that the loop goes on
while the disk is waited for. With PEER_GROUPS=1 it does what few applications do: what waits at the
same time shares one transaction, so that one wait for the disk serves them all.
"""
import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()
GROUPS = os.environ.get("PEER_GROUPS") == "1"

app = FastAPI()
writer = ThreadPoolExecutor(max_workers=1)
database = None


def open_database():
    global database
    database = sqlite3.connect(os.environ["PEER_DATABASE"], isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    if database.execute("pragma synchronous").fetchone() != (2,):
        raise RuntimeError("the database is not synchronous=FULL")
    database.execute(
        "create table if not exists deliveries (id text primary key, event text not null,"
        " body blob not null, received real not null)")
    database.execute(
        "create table if not exists jobs (id integer primary key, kind text not null,"
        " arguments text not null, state text not null, created real not null)")


def insert(delivery, event, body):
    """The job's number; None where the delivery is there already."""
    now = time.time()
    added = database.execute(
        "insert or ignore into deliveries values (?, ?, ?, ?)",
        (delivery, event, body, now)).rowcount
    if not added:
        return None
    return database.execute(
        "insert into jobs (kind, arguments, state, created) values (?, ?, ?, ?)",
        ("handle-delivery", json.dumps({"delivery": delivery}), "available", now)).lastrowid


def store(group):
    """One transaction for all of a group, on disk when this returns."""
    database.execute("begin immediate")
    try:
        jobs = [insert(*delivery) for delivery in group]
        database.execute("commit")
        return jobs
    except BaseException:
        database.execute("rollback")
        raise


waiting = []
running = False


async def keep(delivery):
    """Stores one delivery, alone or with those that came while the disk was busy."""
    global running, waiting
    loop = asyncio.get_running_loop()
    if not GROUPS:
        return (await loop.run_in_executor(writer, store, [delivery]))[0]
    stored = loop.create_future()
    waiting.append((delivery, stored))
    if not running:
        running = True
        try:
            while waiting:
                group, waiting = waiting, []
                try:
                    jobs = await loop.run_in_executor(writer, store, [one for one, _ in group])
                    for (_, future), job in zip(group, jobs):
                        future.set_result(job)
                except Exception as error:
                    for _, future in group:
                        future.set_exception(error)
        finally:
            running = False
    return await stored


@app.on_event("startup")
async def start():
    await asyncio.get_running_loop().run_in_executor(writer, open_database)


@app.get("/healthz")
async def health():
    return {"status": "ok"}


@app.post("/webhooks/github")
async def webhook(request: Request):
    body = await request.body()
    signature = request.headers.get("x-hub-signature-256", "")
    right = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right, signature):
        return JSONResponse({"detail": "wrong signature"}, status_code=401)
    try:
        event = json.loads(body)
    except ValueError:
        return JSONResponse({"detail": "not JSON"}, status_code=400)
    delivery = request.headers.get("x-github-delivery", "")
    kind = request.headers.get("x-github-event", "")
    if not delivery or not isinstance(event, dict):
        return JSONResponse({"detail": "not a delivery"}, status_code=400)
    job = await keep((delivery, kind, body))
    if job is None:
        return {"delivery": delivery, "duplicate": True}
    return JSONResponse({"delivery": delivery, "job": job}, status_code=202)
