/// The two small programs that stand between Stet and llama.cpp's server. They are written into the
/// data folder, or passed on a command line, and hold nothing that varies.
enum LlamaScripts {
  /// For `/bin/sh -c`: runs its arguments as a program and ends it as soon as standard input does.
  /// Stet holds the other end of that input and never writes, so however Stet ends, the server
  /// ends too; Linux's own "signal me when my parent dies" goes by the parent's thread, and those
  /// come and go. All that it starts is gone before it ends. It
  /// says nothing itself: the pipe may be closed by then, and writing to it would kill it.
  static let keeper = """
    exec 3<&0 </dev/null
    "$@" 3<&- &
    server=$!
    (
      while read -r line; do :; done
      trap '' TERM
      kill -TERM "$server"
      tries=0
      while kill -0 "$server" && [ "$tries" -lt 20 ]; do tries=$((tries + 1)); sleep 0.1; done
      kill -KILL "$server"
    ) <&3 >/dev/null 2>&1 &
    keeper=$!
    exec 3<&- >/dev/null 2>&1
    trap 'kill -TERM "$server"' TERM INT HUP
    wait "$server"
    status=$?
    while kill -0 "$server"; do wait "$server"; status=$?; done
    trap '' TERM INT HUP
    kill -TERM "$keeper"
    while kill -0 "$keeper"; do wait "$keeper"; done
    exit "$status"
    """

  /// Starts llama.cpp's HTTP server out of the Python package that carries it. The key comes by the
  /// environment, where other users cannot read it, and is taken out of it at once.
  static let launcher = """
    # Written by Stet; changes are overwritten.
    import argparse
    import os
    import signal
    import sys
    import time

    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompt-cache-mib", type=int, required=True)
    parser.add_argument("--lora", action="append", default=[])
    wanted = parser.parse_args()

    # Nothing is worth saving, so an ordinary signal may end it at any time.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])

    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = wanted.model
    settings.model_alias = {wanted.alias}
    settings.hostnames = ["127.0.0.1"]
    settings.port = wanted.port
    key = os.environ.pop("LLAMA_API_KEY", "")
    if key:
        settings.api_keys = [key]
    settings.n_ctx = wanted.context
    settings.n_parallel = wanted.slots
    settings.cpuparams.n_threads = wanted.threads
    settings.cpuparams_batch.n_threads = wanted.threads
    settings.cache_ram_mib = wanted.prompt_cache_mib
    if wanted.lora:
        settings.lora_adapters = [
            xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in wanted.lora
        ]
        settings.lora_init_without_apply = True
    settings.endpoint_metrics = True
    settings.ui = False
    try:
        server = xllamacpp.Server(settings)
    except Exception as problem:
        print(f"error: {problem}", file=sys.stderr, flush=True)
        # llama.cpp logs by a thread of its own, which offers nothing to wait for; its last lines
        # name the cause, and an exit at once would cut them off now and then.
        time.sleep(0.5)
        os._exit(1)
    while True:
        signal.pause()

    """
}
