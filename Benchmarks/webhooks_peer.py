"""The peer of webhooks.py: a FastAPI application that stores signed webhooks as durably as Stet does.

Its own venv holds what it needs; webhooks.py makes it. One SQLite file, WAL, synchronous=FULL read
back; the delivery and the row of its job in one transaction before the answer; a delivery seen
before is answered as a duplicate. The one writer is a thread of its own, so that the loop goes on
while the disk is waited for: of the plain ways (in the loop, a pool with a lock, one thread) it was
the fastest here.
"""
import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()
COMPRESSES = os.environ.get("PEER_COMPRESSES", "1") == "1"

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


def store(delivery, event, body):
    data = zlib.compress(body, 1) if COMPRESSES else body
    now = time.time()
    database.execute("begin immediate")
    try:
        added = database.execute(
            "insert or ignore into deliveries values (?, ?, ?, ?)",
            (delivery, event, data, now)).rowcount
        if not added:
            database.execute("rollback")
            return None
        job = database.execute(
            "insert into jobs (kind, arguments, state, created) values (?, ?, ?, ?)",
            ("handle-delivery", json.dumps({"delivery": delivery}), "available", now)).lastrowid
        database.execute("commit")
        return job
    except BaseException:
        database.execute("rollback")
        raise


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
    job = await asyncio.get_running_loop().run_in_executor(writer, store, delivery, kind, body)
    if job is None:
        return {"delivery": delivery, "duplicate": True}
    return JSONResponse({"delivery": delivery, "job": job}, status_code=202)
