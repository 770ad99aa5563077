"""A model that answers at once, behind OpenAI's protocol: a summary, and the first tags that it may
choose. Its tokens are a count of bytes, four to one."""

import contextlib
import http.server
import json
import threading


def answer(schema):
    """What satisfies the schema of an enrichment."""
    tags = schema["properties"].get("tags", {}).get("items", {}).get("enum", [])
    reply = {"summary": "Something is wrong, and somebody wants it otherwise."}
    if "tags" in schema["properties"]:
        reply["tags"] = tags[:3]
    if "duplicates" in schema["properties"]:
        reply["duplicates"] = []
    return reply


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        self.server.requests += 1
        schema = request["response_format"]["json_schema"]["schema"]
        text = json.dumps(answer(schema))
        asked = sum(len(message["content"].encode()) for message in request["messages"])
        tokens = {"prompt_tokens": asked // 4, "completion_tokens": len(text) // 4}
        tokens["total_tokens"] = sum(tokens.values())
        reply = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "model": request["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": text},
                    }
                ],
                "usage": tokens,
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    requests = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextlib.contextmanager
def serving():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
